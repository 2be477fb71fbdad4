"""Browses a study's prompts: the prompt, two models' answers, and the judges' verdicts on them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, islice
from typing import Final

from django.db.models import Q, QuerySet

from annotation.interchange.llmfao import has_reference
from annotation.models import Comparison, LanguageModel, Pair, Prompt, RaterKind, Result, ResultFlag, Study
from annotation.safe_html import Text, rendered
from annotation.scales import Side
from judges.models import CallState, JudgeReply, Judgment, ReferenceAnswer, Verdict
from judges.models.call import repetition
from judges.results import judgments
from judges.results.reply_text import words_or_error
from judges.statistics.score_tables import Game, Grade

APART: Final = 2.0
"""Minimum difference in points between two grades of one answer that counts as a disagreement."""


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """A filter of prompts: by category, by two models with answers, and by disagreement of judges."""

    category: str | None = None
    models: tuple[int, ...] = ()
    judge: str | None = None
    disagreement: bool = False


@dataclass(slots=True)
class Line:
    """A prompt in the list: mean score and verdicts won per model, in model order."""

    prompt: Prompt
    scores: list[float | None]
    won: list[int]
    tied: int
    disagreement: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A judge's verdict: on one answer (`score`), on a pair in one order (`winner`), or unreadable.

    `winner` is the index of a shown model, None for a tie. `call` is the call made here, if it was.
    """

    judge: str
    template: str
    turn: int
    state: str
    text: Text | None
    score: float | None = None
    winner: int | None = None
    left: int | None = None
    repetition: int = 0
    call: int | None = None

    @property
    def ok(self) -> bool:
        return self.state == CallState.OK

    @property
    def state_label(self) -> str:
        return str(CallState(self.state).label)


@dataclass(frozen=True, slots=True)
class Shown:
    """A model's answer on one turn, with its reasoning if the study shows that folded."""

    reasoning: Text | None
    answer: Text


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the conversation; `number` is 0 for verdicts on the whole conversation.

    `grades` are the grades per model, in model order.
    """

    number: int
    prompt: Text | None
    answers: list[Shown | None]
    references: list[tuple[str, Text]]
    grades: list[list[Word]]
    games: list[Word]

    @property
    def judged(self) -> bool:
        return bool(self.games or any(self.grades))


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt with two models' answers and the judges' verdicts, turn by turn."""

    prompt: Prompt
    turns: list[Turn]
    choices: list[list[int]] = field(default_factory=list)
    """Sample numbers per model."""
    cut: list[bool] = field(default_factory=list)
    """Whether each model's shown answer was cut off at the token limit."""


def answering(study: Study) -> list[LanguageModel]:
    """Returns the study's models with answers, by name."""
    return list(study.models_compared().filter(results__isnull=False).distinct().order_by("name"))


def first_choice(study: Study, models: Sequence[LanguageModel]) -> tuple[int, ...]:
    """Returns two default models: the first two that a judge compared or graded, or the first two of all."""
    known = {model.pk for model in models}
    compared = Comparison.objects.filter(study=study, rater__kind=RaterKind.JUDGE).counted().order_by("pk")
    for pair in compared.values_list("pair__model_x", "pair__model_y")[:1]:
        if set(pair) <= known:
            return tuple(sorted(pair, key=[model.pk for model in models].index))
    # With many models, stops as soon as two are found.
    graded = list(islice((model.pk for model in models if judgments.is_graded(study, model)), 2))
    return tuple([*graded, *(model.pk for model in models if model.pk not in graded)][:2])


def categories(study: Study) -> list[str]:
    """Returns the categories of the study's prompts, sorted."""
    types = study.prompts().order_by("type").values_list("type", flat=True).distinct()
    return [name for name in types if name]


def lines(study: Study, filters: PromptFilter) -> list[Line]:
    """Returns the prompts that match the filter, in stored order."""
    prompts = study.prompts()
    if filters.category is not None:
        prompts = prompts.filter(type=filters.category)
    grades: dict[int, list[Grade]] = defaultdict(list)
    games: dict[int, list[Game]] = defaultdict(list)
    for grade in judgments.grades(study, filters.models):
        if filters.judge in {None, grade.judge}:
            grades[grade.prompt].append(grade)
    for game in judgments.games(study, filters.models):
        if filters.judge in {None, game.judge}:
            games[game.prompt].append(game)
    found = (
        _line(prompt, filters.models, grades[prompt.pk], games[prompt.pk])
        for prompt in prompts.defer("turns", "references", "note").order_by("pk")
    )
    return [line for line in found if line.disagreement or not filters.disagreement]


def _line(prompt: Prompt, models: Sequence[int], grades: Sequence[Grade], games: Sequence[Game]) -> Line:
    scores: list[float | None] = []
    for model in models:
        some = [grade.score for grade in grades if grade.model == model and grade.score is not None]
        scores.append(sum(some) / len(some) if some else None)
    winners = [game.x if game.winner == "x" else game.y for game in games if game.winner in {"x", "y"}]
    tied = sum(game.winner == "tie" for game in games)
    return Line(prompt, scores, [winners.count(model) for model in models], tied, disagree(grades, games))


def disagree(grades: Iterable[Grade], games: Iterable[Game]) -> bool:
    """Returns whether verdicts on one turn of a pair differ, or grades of one answer's turn by two points or more."""
    verdicts: dict[tuple[int, int], set[str]] = defaultdict(set)
    for game in games:
        if game.winner is not None:
            verdicts[game.pair, game.turn].add(game.winner)
    scores: dict[tuple[int, int, int, int], list[float]] = defaultdict(list)
    for grade in grades:
        if grade.score is not None:
            scores[grade.prompt, grade.model, grade.choice, grade.turn].append(grade.score)
    return any(len(found) > 1 for found in verdicts.values()) or any(
        max(found) - min(found) >= APART for found in scores.values()
    )


def question(
    study: Study, prompt: Prompt, models: Sequence[int], choices: Sequence[int], judge: str | None
) -> Question:
    """Returns everything about `prompt`, with the requested sample of each model's answers."""
    results: dict[int, list[Result]] = {model: [] for model in models}
    for result in Result.objects.filter(prompt=prompt, model__in=models).order_by("sample"):
        results[result.model_id].append(result)
    shown = [_choice(results[model], choice) for model, choice in zip(models, choices, strict=True)]
    lang = prompt.lang
    texts = [[result.text, *result.turns] if result else [] for result in shown]
    prompts = [prompt.text, *prompt.turns]
    references = _references(prompt)
    graded = [_grades(study, result, judge) if result else [] for result in shown]
    games = list(_games(study, prompt, models, judge))
    turns = [
        Turn(
            number,
            rendered(prompts[number - 1], lang),
            [_shown(study, text[number - 1], lang) if len(text) >= number else None for text in texts],
            [(source, rendered(some[number - 1], lang)) for source, some in references if has_reference(some, number)],
            [_of_turn(words, number, len(prompts)) for words in graded],
            _of_turn(games, number, len(prompts)),
        )
        for number in range(1, len(prompts) + 1)
    ]
    if len(prompts) > 1:
        whole = Turn(0, None, [], [], [_of_turn(words, 0, 0) for words in graded], _of_turn(games, 0, 0))
        turns += [whole] if whole.judged else []
    keys = [result.pk if result else None for result in shown]
    flags = ResultFlag.objects.filter(result__in=[key for key in keys if key], kind=ResultFlag.Kind.CUT)
    cut = set(flags.values_list("result", flat=True))
    return Question(
        prompt, turns, [[result.sample for result in results[model]] for model in models], [key in cut for key in keys]
    )


def _shown(study: Study, text: str, lang: str) -> Shown:
    thoughts, said = study.answer_as_shown(text)
    return Shown(rendered(thoughts, lang) if thoughts else None, rendered(said, lang))


def _choice(results: Sequence[Result], choice: int) -> Result | None:
    """Returns the result with that sample number, or the first one."""
    return next((result for result in results if result.sample == choice), results[0] if results else None)


def _of_turn(words: Iterable[Word], number: int, turns: int) -> list[Word]:
    """Selects the verdicts on a turn; in a conversation of one turn, verdicts on the whole count for it."""
    return [word for word in words if word.turn == number or (turns == 1 and word.turn == 0)]


def _references(prompt: Prompt) -> list[tuple[str, list[str]]]:
    """Returns sources and texts of reference answers: first those shown to judges, then others."""
    rows = list(ReferenceAnswer.objects.filter(prompt=prompt).order_by("-used", "source"))
    found = [(row.source, row.turns) for row in rows]
    if prompt.references and not any(row.used for row in rows):
        found.insert(0, ("", prompt.references))
    return found


def _text(words: str) -> Text | None:
    return rendered(words) if words.strip() else None


def _grades(study: Study, result: Result, judge: str | None) -> list[Word]:
    out = judgments.excluded(study)
    found = [
        Word(row.judge, row.template, row.turn, row.state, _text(row.words), row.score, repetition=row.sample)
        for row in Judgment.objects.filter(study=study, result=result).order_by("pk")
    ]
    ours = _with_replies(study).filter(call__result=result)
    found += [
        Word(
            name,
            str(verdict.reply.answered_as.template),
            verdict.call.turn,
            verdict.state,
            _own_words(verdict.reply),
            verdict.score if verdict.state == CallState.OK else None,
            repetition=verdict.call.sample,
            call=verdict.call_id,
        )
        for name, verdict in _named(ours.order_by("call"))
    ]
    return [word for word in found if word.judge not in out and judge in {None, word.judge}]


def _with_replies(study: Study) -> QuerySet[Verdict]:
    return judgments.verdicts(study).select_related("call", "reply__answered_as__judge", "reply__answered_as__template")


def _named(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, Verdict]]:
    for verdict in verdicts:
        yield verdict.reply.answered_as.rater_name, verdict


def _own_words(reply: JudgeReply) -> Text | None:
    return _text(words_or_error(reply) if reply.raw else "")


def _games(study: Study, prompt: Prompt, models: Sequence[int], judge: str | None) -> Iterator[Word]:
    """Yields the judges' verdicts on pairs of `models`, with their replies if stored."""
    pairs = {
        pair.pk: pair
        for first, second in combinations(models, 2)
        for pair in Pair.objects.filter(
            Q(model_x=first, model_y=second) | Q(model_x=second, model_y=first), study=study, prompt=prompt
        ).votable()
    }
    places = {model: place for place, model in enumerate(models)}
    found: dict[tuple[str, int, int, int], Word] = {}
    for comparison in _verdicts(study, pairs).select_related("rater"):
        word = _word(comparison, pairs[comparison.pair_id], places)
        found[word.judge, comparison.pair_id, word.turn, word.repetition] = word
    # Pairs belong to one study. With a condition on the study as well, SQLite would scan all its verdicts.
    for row in Judgment.objects.filter(pair__in=pairs).order_by("pk"):
        pair, left = pairs[row.pair_id or 0], _side(row.left)
        key = (row.judge, pair.pk, row.turn, repetition(left, row.sample))
        found[key] = Word(
            row.judge,
            row.template,
            row.turn,
            row.state,
            _text(row.words),
            winner=_place(pair, row.winner, places),
            left=_place(pair, left, places),
            repetition=key[3],
        )
    ours = _with_replies(study).filter(call__pair__in=pairs)
    for name, verdict in _named(ours):
        call = verdict.call
        pair = pairs[call.pair_id or 0]
        found[name, pair.pk, call.turn, call.trial] = Word(
            name,
            str(verdict.reply.answered_as.template),
            call.turn,
            verdict.state,
            _own_words(verdict.reply),
            winner=_place(pair, verdict.winner, places),
            left=_place(pair, call.left, places),
            repetition=call.trial,
            call=call.pk,
        )
    out = judgments.excluded(study)
    for key in sorted(found):
        if found[key].judge not in out and judge in {None, found[key].judge}:
            yield found[key]


def _verdicts(study: Study, pairs: Collection[int]) -> QuerySet[Comparison]:
    return Comparison.objects.filter(study=study, pair__in=pairs, rater__kind=RaterKind.JUDGE).counted().real()


def _word(row: Comparison, pair: Pair, places: Mapping[int, int]) -> Word:
    left = None if row.rater.derived else _place(pair, row.left, places)
    winner = _place(pair, row.winner, places)
    return Word(row.rater.name or "", "", row.turn, CallState.OK, None, winner=winner, left=left, repetition=row.trial)


def _side(left: str) -> Side:
    return "y" if left == "y" else "x"


def _place(pair: Pair, side: str, places: Mapping[int, int]) -> int | None:
    """Returns the index among the shown models of the one on `side`, or None."""
    if side not in {"x", "y"}:
        return None
    return places[pair.model_x_id if side == "x" else pair.model_y_id]
