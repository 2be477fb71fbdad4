"""compar:IA: votes and reactions of a live arena, and the conversations they are about.

A vote is on a whole conversation: `conversation_pair_id, model_a_name, model_b_name, chosen_model_name, both_equal,
visitor_id, timestamp`, with or without `conversation_a, conversation_b`. A reaction is on one answer: `refers_to_model,
model_pos, msg_rank, liked, disliked`. The reactions of a visitor to the two answers of a turn make one vote: an answer
that was liked is better than one that was not, and an answer that was disliked is worse. A conversation holds the
categories of its prompt, and where it has texts, a pair to vote on.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.formats import battle, vote
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.chatbot_arena import LOST, TEXTS, Texts, Verdict, person, texts, when
from annotation.interchange.formats.conversation import parsed, storable
from annotation.interchange.llmfao import Wrong, name, text
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.problems import kind as remark

NAME: Final = "comparia"

CONVERSATIONS: Final = "conversations"
VOTES: Final = "votes"
REACTIONS: Final = "reactions"

PAIR: Final = "conversation_pair_id"
MODELS: Final = ("model_a_name", "model_b_name")

KNOWN: Final = ("chosen_model_name", "both_equal", "refers_to_model", "liked", "disliked", "categories", "visitor_id")

WITHOUT_VERDICT: Final = remark("votes-without-verdict", gettext_noop("votes without a verdict: %(count)s"))
WITHOUT_REACTION: Final = remark(
    "reactions-without-verdict", gettext_noop("reactions that neither like nor dislike an answer: %(count)s")
)

YES: Final = ("true", "1", "1.0")
NO: Final = ("false", "0", "0.0", "")

BACKGROUND: Final = ("country", "city")


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns."""
    keys = frozenset(head.keys)
    if PAIR not in keys:
        return None
    matched = len(keys & {PAIR, *MODELS, *TEXTS, *KNOWN})
    if keys >= {"refers_to_model", "liked"}:
        return Named(REACTIONS, matched=matched)
    if keys >= {*MODELS, "chosen_model_name"}:
        return Named(VOTES, matched=matched)
    return Named(CONVERSATIONS, matched=matched) if keys & {"categories", *TEXTS} else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields votes, and what is known of a conversation without one, or the errors of a row."""
    if kind == REACTIONS:
        yield from _reactions(file, progress)
        return
    take = _vote if kind == VOTES else _conversation
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from take(file, row)


def _truth(value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    said = str(value).strip().lower()
    if said not in (*YES, *NO):
        raise Wrong(gettext_noop("Expected true or false, not %(found)s."), found=shown(value))
    return said in YES


def _optional(value: Any) -> str:
    return "" if value is None else text(value)


def _category(value: Any) -> str:
    """Returns the first category, which is the main one; in a CSV file they are a list in a text."""
    if isinstance(value, str) and value.startswith("["):
        with suppress(Wrong):
            value = parsed(value)
    if isinstance(value, list):
        value = next((each for each in value if each), "")
    return storable(value) if isinstance(value, str) else ""


def _background(row: Row) -> dict[str, str]:
    found = {key: row.values.get(key) for key in BACKGROUND}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def _record(
    file: Source,
    row: Row,
    models: tuple[str, str],
    found: Verdict | None,
    said: Texts | None,
    turn: int = 0,
) -> Record:
    """Returns the vote of a row's visitor, with the texts if they are known; without a verdict it is a pair.

    The row's pair and visitor have been read before, without errors.
    """
    key, by = _optional(row.values.get(PAIR)), person(row.values.get("visitor_id"))
    winner, tie_kind = found or (None, "")
    at, background = when(row.values.get("timestamp")), _background(row)
    if said is None:
        assert winner is not None  # noqa: S101  the callers have passed over rows without texts and verdict
        values = vote.values(
            models=models,
            winner=winner,
            tie_kind=tie_kind,
            rater=by,
            prompt=key or None,
            turn=turn,
            at=at,
            background=background,
            category=_category(row.values.get("categories")),
        )
        return Record(vote.KIND, row.line, values)
    values = battle.values(
        models=models,
        prompt=said.prompt,
        answers=said.answers,
        winner=winner,
        tie_kind=tie_kind,
        rater="" if winner is None else by,
        format_name=NAME,
        file=file.plain_name.rpartition("/")[2],
        extra={},
        at=at,
        category=_category(row.values.get("categories")),
        turn=turn,
        background=background,
    )
    return Record(battle.KIND, row.line, values)


def _with_texts(fields: Fields) -> Texts | None:
    """Reads the conversations of a row; None if it has none."""
    return texts(fields) if any(fields.fields.get(key) not in (None, "", []) for key in TEXTS) else None


def _identified(fields: Fields) -> None:
    """Checks the fields that say which conversation and whose vote a row is."""
    fields(PAIR, _optional, "")
    fields("visitor_id", person, "")


def _vote(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models = fields(MODELS[0], name), fields(MODELS[1], name)
    found = _chosen(fields, models)
    said = _with_texts(fields)
    _identified(fields)
    if fields.faults:
        yield from fields.faults
    elif found is None and said is None:
        yield Record(PASSED, row.line, {"remark": WITHOUT_VERDICT.code})
    else:
        yield _record(file, row, models, found, said)


def _chosen(fields: Fields, models: tuple[str, str]) -> Verdict | None:
    """Reads the verdict; None where neither a model was chosen nor both are equal."""
    equal, chosen = fields("both_equal", _truth, False), fields("chosen_model_name", _optional, "")
    kinds = {"both_good": Verdict("tie", "good"), "both_bad": Verdict("tie", "bad")}
    if chosen in kinds:
        return kinds[chosen]
    if equal:
        if chosen:
            fields.fault("both_equal", gettext_noop("both_equal is true, but a model was chosen. Correct one of them."))
        return Verdict("tie")
    if not chosen:
        return None
    if chosen not in models:
        reason = gettext_noop("Expected %(first)s or %(second)s, not %(found)s.")
        fields.fault("chosen_model_name", reason, first=shown(models[0]), second=shown(models[1]), found=shown(chosen))
        return None
    return Verdict("left" if chosen == models[0] else "right")


def _conversation(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    said = _with_texts(fields)
    models = (fields(MODELS[0], name), fields(MODELS[1], name)) if said else ("", "")
    key = fields(PAIR, name)
    _identified(fields)
    if fields.faults:
        yield from fields.faults
    elif said:
        yield _record(file, row, models, None, said)
    else:
        yield Record(vote.KIND, row.line, vote.topic(key, _category(row.values.get("categories"))))


# Reactions.


class _Turn(NamedTuple):
    """What the reactions of one visitor are about."""

    pair: str
    visitor: str
    rank: int


@dataclass(slots=True)
class _Opinion:
    """The last reaction to each answer of a turn: 1 liked, -1 disliked; and which row of the file is the last one."""

    sides: dict[str, int] = field(default_factory=dict)
    last: int = 0


def _reaction(file: Source, row: Row) -> tuple[_Turn, str, int, Sequence[Fault]]:
    """Returns the turn, the side, and 1, -1 or 0 for a reaction, with the errors of the row."""
    fields = Fields(file, row)
    models = fields(MODELS[0], name), fields(MODELS[1], name)
    side: str = fields("model_pos", _side, "") or _side_of(fields, models)
    liked, disliked = fields("liked", _truth, False), fields("disliked", _truth, False)
    if liked and disliked:
        fields.fault("disliked", gettext_noop("An answer cannot be both liked and disliked."))
    rank: int = fields("msg_rank", _rank, 0)
    turn = _Turn(fields(PAIR, name) or "", fields("visitor_id", person, ""), rank)
    return turn, side, 1 if liked else -1 if disliked else 0, fields.faults


def _side(value: Any) -> str:
    if value not in ("a", "b", None, ""):
        raise Wrong(gettext_noop("Expected a or b, not %(found)s."), found=shown(value))
    return value or ""


def _side_of(fields: Fields, models: tuple[str, str]) -> str:
    refers = fields("refers_to_model", name)
    if refers not in models:
        reason = gettext_noop("Expected %(first)s or %(second)s, not %(found)s.")
        fields.fault("refers_to_model", reason, first=shown(models[0]), second=shown(models[1]), found=shown(refers))
        return ""
    return "a" if refers == models[0] else "b"


def _rank(value: Any) -> int:
    try:
        found = int(float(value or 0))
    except (TypeError, ValueError, OverflowError):
        raise Wrong(gettext_noop("Expected a whole number, not %(found)s."), found=shown(value)) from None
    if not 0 <= found < 2**15 - 1:
        raise Wrong(gettext_noop("Expected a number of 0 or more, not %(found)s."), found=shown(value))
    return found


def _verdict(opinion: _Opinion) -> Verdict | None:
    left, right = opinion.sides.get("a", 0), opinion.sides.get("b", 0)
    if left == right:
        return Verdict("tie", "good" if left > 0 else "bad") if left else None
    return Verdict("left" if left > right else "right")


def _reactions(file: Source, progress: Progress | None) -> Iterator[Record | Fault]:
    """Yields a vote for each turn that a visitor reacted to, at the last of its rows."""
    opinions: dict[_Turn, _Opinion] = {}
    for number, row in enumerate(rows(file)):
        if not isinstance(row, Fault):
            turn, side, liking, faults = _reaction(file, row)
            if not faults:
                opinion = opinions.setdefault(turn, _Opinion())
                opinion.last = number
                if liking:
                    opinion.sides[side] = liking
    for number, row in enumerate(rows(file, progress)):
        if isinstance(row, Fault):
            yield row
            continue
        turn, _side, liking, faults = _reaction(file, row)
        said = None
        if not faults:
            fields = Fields(file, row)
            said, faults = _with_texts(fields), fields.faults
        if faults:
            yield from faults
            continue
        if not liking:
            yield Record(PASSED, row.line, {"remark": WITHOUT_REACTION.code})
        opinion = opinions[turn]
        found = _verdict(opinion)
        if number != opinion.last or found is None:
            continue
        models = (row.values[MODELS[0]], row.values[MODELS[1]])
        yield _record(file, row, models, found, said, turn.rank + 1)


FORMAT: Final = Format(
    NAME,
    gettext_noop("compar:IA"),
    gettext_noop("conversations, votes and reactions as .parquet, .jsonl or .csv."),
    (CONVERSATIONS, VOTES, REACTIONS),
    recognised,
    read,
    gettext_noop(
        "These are not files of compar:IA: each row needs conversation_pair_id, and votes need model_a_name, "
        "model_b_name and chosen_model_name."
    ),
    rows={
        CONVERSATIONS: (vote.KIND, *battle.ROWS),
        VOTES: (vote.KIND, *battle.ROWS),
        REACTIONS: (vote.KIND, *battle.ROWS),
    },
    columns={"prompt": PAIR, "result": "conversation_a", "name": "model_a_name"},
    cannot_carry=(
        *LOST,
        gettext_noop("what people marked about an answer (useful, creative, incorrect and so on) and their comments"),
        gettext_noop("reactions to an answer alone (such a reaction counts as a vote for or against it)"),
        gettext_noop("system prompts, token counts and energy use"),
        gettext_noop("all categories of a conversation but the first"),
    ),
)
