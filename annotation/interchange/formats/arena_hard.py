"""Arena-Hard: questions, answers of a model, and a judge's verdicts against a baseline in two games.

Questions are `uid, category, prompt` or `question_id, category, turns[{content}]`. Answers are `uid, ans_id, model,
messages, tstamp`, or the older `question_id, answer_id, model_id, choices[{turns[{content}]}], tstamp`, which leave the
questions to a file of their own. Judgments are `uid, category, judge, model, baseline, games[{score, judgment,
prompt}]`; the older `question_id, model, judge, games[{user_prompt, judgment, score}]` do not name the baseline.

In the first game the baseline is assistant A, in the second the model. A score is one of A>>B, A>B, A=B, B>A, B>>A.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.formats import answer, battle, remainder, vote
from annotation.interchange.formats.battle import TIE, Fields
from annotation.interchange.formats.battles import judge_of
from annotation.interchange.formats.cells import unguarded
from annotation.interchange.formats.chatbot_arena import rater
from annotation.interchange.formats.conversation import content, conversation, parsed, storable
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import Wrong, name, text
from annotation.interchange.reading import MOST_WEIGHT, STRONG_WEIGHT, Head, Progress, Row, Source, rows
from annotation.interchange.reading.source import unstorable
from annotation.problems import gettext_noop
from annotation.problems import kind as remark
from annotation.scales import Answer

NAME: Final = "arena-hard"

QUESTIONS: Final = "questions"
ANSWERS: Final = "answers"
JUDGMENTS: Final = "judgments"

COLUMNS: Final = ("uid", "category", "judge", "model", "baseline", "games")
ORDER: Final[Order] = {"": COLUMNS}
OLDER: Final = frozenset({"question_id", "answer_id", "model_id", "choices", "turns", "ans_id", "messages", "prompt"})
GAME_ORDER: Final[Order] = {"": ("score", "judgment", "prompt")}
GAMES: Final = "games"
MOST_GAMES: Final = 2


class Verdict(NamedTuple):
    """Who won a game, A (left) or B (right), and whether by much."""

    answer: Answer
    strong: bool = False


SCORES: Final[Mapping[str, Verdict]] = {
    "A>>B": Verdict("left", True),
    "A>B": Verdict("left"),
    "A=B": Verdict("tie"),
    "B>A": Verdict("right"),
    "B>>A": Verdict("right", True),
    "B<<A": Verdict("left", True),
    "B<A": Verdict("left"),
    "B=A": Verdict("tie"),
    "A<B": Verdict("right"),
    "A<<B": Verdict("right", True),
}
WRITTEN: Final[Mapping[Verdict, str]] = {found: score for score, found in reversed([*SCORES.items()])}
"""The first of the scores that say the same."""

UNDECIDED: Final = remark("judgments-without-verdict", gettext_noop("judgments without a verdict: %(count)s"))

MARKS: Final = (
    "<|User Prompt|>\n",
    "\n\n<|The Start of Assistant A's Answer|>\n",
    "\n<|The End of Assistant A's Answer|>\n\n<|The Start of Assistant B's Answer|>\n",
    "\n<|The End of Assistant B's Answer|>",
)
"""What stands around the question and the two answers in a judge's prompt."""

TAG: Final = re.compile(r"<\|(?:User Prompt|The (?:Start|End) of Assistant [AB]'s Answer)\|>")


class Texts(NamedTuple):
    """The question, and the answers of A and B."""

    prompt: str
    answers: tuple[str, str]


def asked_of_judge(said: Texts) -> str:
    """Returns the judge's prompt as Arena-Hard writes it."""
    question, (left, right) = said
    return f"{MARKS[0]}{question}{MARKS[1]}{left}{MARKS[2]}{right}{MARKS[3]}"


def texts_in(prompt: str) -> Texts | None:
    """Returns the texts in a judge's prompt; None if it is another template's, or if a text holds the marks, too."""
    if len(TAG.findall(prompt)) != sum(len(TAG.findall(mark)) for mark in MARKS):
        return None
    rest, found = prompt, []
    for mark in MARKS:
        before, between, rest = rest.partition(mark)
        if not between:
            return None
        found.append(before)
    return Texts(found[1], (found[2], found[3]))


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns, and older answers by the shape of their turns, which MT-bench's lack."""
    keys = frozenset(head.keys)
    matched = len(keys & {*COLUMNS, *OLDER})
    first = head.rows[0].values if head.rows else {}
    if keys >= {"model", "judge", "games"}:
        return Named(JUDGMENTS, asks=() if "baseline" in keys else ("baseline",), matched=matched)
    if keys >= {"uid", "model", "messages"}:
        return Named(ANSWERS, matched=matched)
    if keys >= {"question_id", "choices"} and _has_contents(first.get("choices")):
        return Named(ANSWERS, asks=() if "model_id" in keys else ("model",), matched=matched)
    if keys >= {"uid", "prompt"} and keys & {"category", "subcategory"}:
        return Named(QUESTIONS, matched=matched)
    older = keys >= {"question_id", "turns"} and _are_contents(first.get("turns"))
    return Named(QUESTIONS, matched=matched) if older else None


def _are_contents(turns: Any) -> bool:
    return (
        isinstance(turns, list) and bool(turns) and all(isinstance(turn, dict) and "content" in turn for turn in turns)
    )


def _has_contents(choices: Any) -> bool:
    return (
        isinstance(choices, list)
        and bool(choices)
        and isinstance(choices[0], dict)
        and _are_contents(choices[0].get("turns"))
    )


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields a question, an answer for each choice, or a vote for each game, or the errors of a row."""
    take = {QUESTIONS: _question, ANSWERS: _answers, JUDGMENTS: _judgments}[kind]
    if not 0 < file.reading.strong_weight <= MOST_WEIGHT:
        reason = gettext_noop("The weight of a strong verdict must be above 0 and at most %(most)s.")
        yield Fault(file.name, None, "strong_weight", reason, {"most": str(MOST_WEIGHT)})
        return
    for row in unguarded(rows(file, progress)):
        if isinstance(row, Fault):
            yield row
        else:
            yield from take(file, row)


def _key(value: Any) -> str | int:
    return value if isinstance(value, int) and not isinstance(value, bool) else name(value)


def _optional(value: Any) -> str:
    return "" if value is None else text(value)


def _turns(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (content(value),)
    found = parsed(value)
    if not _are_contents(found):
        raise Wrong(gettext_noop("Expected a list of turns with a content, not %(found)s."), found=shown(value))
    return tuple(content(turn["content"]) for turn in found)


def _question(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    key = fields("uid" if "uid" in row.values else "question_id", _key)
    prompt = fields("prompt" if "prompt" in row.values else "turns", _turns)
    category = fields("category", _optional, "")
    if fields.faults:
        yield from fields.faults
        return
    yield Record(
        answer.KIND,
        row.line,
        answer.values(
            prompt=prompt,
            key=key,
            category=category,
            model="",
            answer=(),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        ),
    )


def _choices(value: Any) -> list[tuple[str, ...]]:
    found = parsed(value)
    if not isinstance(found, list) or not found or not all(isinstance(choice, dict) for choice in found):
        raise Wrong(gettext_noop("Expected a list of choices, not %(found)s."), found=shown(value))
    return [_turns(choice.get("turns")) for choice in found]


def _answers(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    key = fields("uid" if "uid" in row.values else "question_id", _key)
    if "messages" in row.values:
        model, said = fields("model", name), fields("messages", conversation)
        prompt, samples = (said.user, [said.answers]) if said else ((), [])
    else:
        model = fields("model_id", name, file.model or None)
        prompt, samples = (), fields("choices", _choices)
    if fields.faults:
        yield from fields.faults
        return
    for sample, turns in enumerate(samples):
        yield Record(
            answer.KIND,
            row.line,
            answer.values(
                prompt=prompt,
                key=key,
                model=model,
                answer=turns,
                sample=sample,
                format_name=NAME,
                file=file.plain_name.rpartition("/")[2],
            ),
        )


# Writing judgments.


class Part(NamedTuple):
    """A game to write: the vote and its texts, and what the file that it came from had beyond our columns.

    `models` and `said` are of A and B; `answer` is None where the judge gave no verdict.
    """

    uid: str
    category: str
    rater: int | str
    models: tuple[str, str]
    answer: Answer | None
    weight: float | None
    said: Texts | None
    extra: Mapping[str, Any] = MappingProxyType({})

    def place(self, baseline: str) -> int:
        """Returns 0 if the baseline is A, else 1; games of a file keep their places."""
        return int(self.extra.get("place", 0 if self.models[0] == baseline else 1))


def built_game(
    answer: Answer, weight: float | None, said: Texts | None, strong: float = STRONG_WEIGHT
) -> dict[str, Any]:
    """Returns a game as it is written from what the database has; a vote of the weight `strong` is A>>B or B>>A."""
    score = WRITTEN[Verdict(answer, answer != TIE and weight == strong)]
    asked = [] if said is None else [{"role": "user", "content": asked_of_judge(said)}]
    return {"score": score, "judgment": {"answer": f"[[{score}]]"}, "prompt": asked}


def built(
    uid: str, category: str, rater: int | str, model: str, baseline: str, games: Sequence[Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Returns a row of judgments as it is written; `games` are the one with the baseline as A, and the other."""
    return {
        "uid": uid,
        "category": category,
        "judge": judge_of(rater),
        "model": model,
        "baseline": baseline,
        GAMES: list(games),
    }


def written(parts: Iterable[Part], baseline: str = "", strong: float = STRONG_WEIGHT) -> Iterator[str]:
    """Yields the lines, without their ends, that hold `parts`, which are in order of prompt, rater and models.

    Two games of one rater with the same two models, in either order, share a row. `baseline` is that of games that
    come from no such file; where it does not take part, the model that is A first stands for it.
    """
    row: dict[int, Part] = {}
    for part in parts:
        first = next(iter(row.values()), part)
        with_first = baseline if baseline in first.models else first.models[0]
        same = (part.uid, part.rater, {*part.models}) == (first.uid, first.rater, {*first.models})
        if row and (not same or part.place(with_first) in row):
            yield _line(row, strong)
            row = {}
            with_first = baseline if baseline in part.models else part.models[0]
        row[part.place(with_first)] = part
    if row:
        yield _line(row, strong)


def _line(row: Mapping[int, Part], strong: float) -> str:
    place, part = min(row.items())
    others: Mapping[str, Any] = json.loads(part.extra.get("others", "{}"))
    games: list[Mapping[str, Any] | None] = []
    # A tool that reads such files expects both games, and null for one that was not played.
    for at in range(max(0 if part.extra else MOST_GAMES, 1 + max({*row, *map(int, others)}))):
        found = row.get(at)
        if found is None or found.answer is None:
            games.append(others.get(str(at)))
            continue
        game = built_game(found.answer, found.weight, found.said, strong)
        games.append(_with_rest(game, json.loads(found.extra.get("game", "{}")), GAME_ORDER))
    baseline, model = part.models if place == 0 else part.models[::-1]
    whole = built(part.uid, part.category, part.rater, model, baseline, games)
    rest = json.loads(part.extra.get("row", "{}"))
    return json.dumps(_with_rest(whole, rest, ORDER), ensure_ascii=rest.get("ascii", False), allow_nan=False)


def _rest(theirs: Mapping[str, Any], ours: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """Returns how an object of a file differs from ours; `order` is that of its keys, if it is another."""
    rest = remainder.difference(theirs, ours)
    same = list(remainder.applied(ours, rest, order)) == list(theirs)
    return rest if same else rest | {"order": list(theirs)}


def _with_rest(ours: Mapping[str, Any], rest: Mapping[str, Any], order: Order) -> dict[str, Any]:
    found = remainder.applied(ours, rest, order)
    return {key: found[key] for key in rest.get("order", found) if key in found}


# Reading judgments.


class _Game(NamedTuple):
    """A game of a file: its place, the verdict if the judge gave one, and the texts if its prompt shows them."""

    place: int
    found: Mapping[str, Any] | None
    verdict: Verdict | None
    said: Texts | None


def _games(value: Any) -> list[Mapping[str, Any] | None]:
    found = parsed(value)
    fits = isinstance(found, list) and all(game is None or isinstance(game, dict) for game in found)
    if not fits or not 1 <= len(found) <= MOST_GAMES:
        raise Wrong(gettext_noop("Expected a list of one or two games, not %(found)s."), found=shown(value))
    if problem := unstorable(found):
        raise Wrong(problem)
    return found  # type: ignore[no-any-return]


def _game(fields: Fields, place: int, found: Mapping[str, Any] | None) -> _Game:
    said = None if found is None else _judged(found)
    score = None if found is None else found.get("score")
    if score is None:
        return _Game(place, found, None, said)
    verdict = SCORES.get(score.strip()) if isinstance(score, str) else None
    if verdict is None:
        reason = gettext_noop("Expected A>>B, A>B, A=B, B>A or B>>A, not %(found)s.")
        fields.fault(f"games[{place}].score", reason, found=shown(score))
    return _Game(place, found, verdict, said)


def _judged(game: Mapping[str, Any]) -> Texts | None:
    """Returns the texts in the judge's prompt, which is a text or messages."""
    asked = game.get("prompt", game.get("user_prompt"))
    said = [asked]
    if isinstance(asked, list):
        said = [each.get("content") for each in asked if isinstance(each, dict) and each.get("role") == "user"]
    for each in said:
        if isinstance(each, str) and (found := texts_in(storable(each))):
            return found
    return None


def _judgments(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    key = fields("uid" if "uid" in row.values else "question_id", _key)
    model = fields("model", name)
    baseline = fields("baseline", name, file.model or None)
    by, category = fields("judge", rater), fields("category", _optional, "")
    games = [_game(fields, place, found) for place, found in enumerate(fields("games", _games) or ())]
    if fields.faults:
        yield from fields.faults
        return
    whole = built(str(key), category, by, model, baseline, [game.found for game in games])
    rest = _row_rest(row, whole)
    others = {str(game.place): game.found for game in games if game.verdict is None}
    strong = file.reading.strong_weight
    voted = [game for game in games if game.verdict is not None]
    # A row in which the judge never decided is a pair to vote on, if its texts are known.
    for game in voted or [game for game in games if game.said is not None][:1]:
        models = (baseline, model) if game.place == 0 else (model, baseline)
        answer = game.verdict.answer if game.verdict else None
        weight = strong if game.verdict and game.verdict.strong else None
        if game.said is None:
            if answer is not None:
                values = vote.values(models=models, winner=answer, rater=by, prompt=str(key), weight=weight)
                yield Record(vote.KIND, row.line, values)
            continue
        plain = {} if answer is None else built_game(answer, weight, game.said, strong)
        different = {} if answer is None else _rest(game.found or {}, plain, GAME_ORDER)
        yield Record(
            battle.KIND,
            row.line,
            battle.values(
                models=models,
                prompt=(game.said.prompt,),
                answers=((game.said.answers[0],), (game.said.answers[1],)),
                winner=answer,
                weight=weight,
                rater=by,
                format_name=NAME,
                file=file.plain_name.rpartition("/")[2],
                extra={
                    "uid": str(key),
                    "place": game.place,
                    **_texts_of(row=rest, others=others, game=different),
                    # Who gave no verdict is not stored with a vote.
                    **({"judge": judge_of(by)} if answer is None else {}),
                },
                category=category,
            ),
        )
    if not voted and not any(game.said for game in games):
        yield Record(PASSED, row.line, {"remark": UNDECIDED.code})


def _row_rest(row: Row, whole: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how a row differs from one of ours beside its games, and whether its letters were escaped."""
    rest = _rest({**row.values, GAMES: None}, {**whole, GAMES: None}, ORDER)
    escaped = row.text.isascii() and not json.dumps(row.values, ensure_ascii=False).isascii()
    return rest | ({"ascii": True} if row.text and escaped else {})


def _texts_of(**parts: Any) -> dict[str, str]:
    """Returns those of `parts` that are not empty as JSON texts, because a database keeps no order of keys."""
    return {part: json.dumps(value, ensure_ascii=False) for part, value in parts.items() if value}


FORMAT: Final = Format(
    NAME,
    gettext_noop("Arena-Hard"),
    gettext_noop("questions, model answers and judgments as .jsonl, of version 0.1 or 2."),
    (QUESTIONS, ANSWERS, JUDGMENTS),
    recognised,
    read,
    gettext_noop(
        "These are not files of Arena-Hard: answers need uid, model and messages, or question_id and choices; "
        "judgments need model, judge and games."
    ),
    nested=True,
    rows={QUESTIONS: answer.ROWS, ANSWERS: answer.ROWS, JUDGMENTS: (*battle.ROWS, vote.KIND)},
    columns={"prompt": "games", "result": "games", "name": "model"},
    cannot_carry=(
        gettext_noop("pairs without a vote"),
        gettext_noop("votes generated by a program"),
        gettext_noop("when people voted, their response times, devices and reasons"),
        gettext_noop("shares of votes, and weights other than that of a strong verdict"),
        gettext_noop("ties in which both answers were good or bad"),
        gettext_noop("the notes, references and languages of prompts"),
        gettext_noop("prompts with follow-up turns, and answers without a pair"),
        gettext_noop("training and check pairs"),
    ),
)
