"""Battles of Chatbot Arena as FastChat writes them: one vote a row, with both conversations or without texts.

A row is `question_id, model_a, model_b, winner, judge, conversation_a, conversation_b, turn, anony, language, tstamp`.
The published files with 33,000 and 100,000 battles are of this layout; the second has `judge_hash` for `judge`, and
more columns. Files without texts lack `question_id` and the conversations. `winner` is model_a, model_b, tie, or
`tie (bothbad)`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle, remainder, vote
from annotation.interchange.formats.battle import TIE, Fields
from annotation.interchange.formats.battles import LANGUAGES, TAGS, UNKNOWN, judge_of, rater_in
from annotation.interchange.formats.cells import unguarded
from annotation.interchange.formats.conversation import conversation, messages, padded, same_prompt
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import LANGUAGE_TAG, RATER_LENGTH, Wrong, name, text
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.scales import Answer

NAME: Final = "chatbot-arena"

COLUMNS: Final = (
    *("question_id", "model_a", "model_b", "winner", "judge", "conversation_a", "conversation_b"),
    *("turn", "anony", "language", "tstamp"),
)
ORDER: Final[Order] = {"": COLUMNS}

NEEDED: Final = frozenset({"model_a", "model_b", "winner"})
TEXTS: Final = frozenset({"conversation_a", "conversation_b"})
OWN: Final = frozenset({"anony", "tstamp", "judge_hash"})
"""Columns of these files that no other layout of battles has."""

CONVERSATION: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""What the id of a conversation looks like."""

BOTH_BAD: Final = "tie (bothbad)"

PEOPLE: Final = "crowd:people"
"""The rater where a file does not say who voted."""


class Verdict(NamedTuple):
    """Who won, and of a tie what kind it was: good, bad, or empty where the file does not say."""

    answer: Answer
    tie_kind: str = ""


VERDICTS: Final[Mapping[str, Verdict]] = {
    "model_a": Verdict("left"),
    "model_b": Verdict("right"),
    TIE: Verdict("tie"),
    BOTH_BAD: Verdict("tie", "bad"),
    "both_bad": Verdict("tie", "bad"),
    "bothbad": Verdict("tie", "bad"),
    "both_good": Verdict("tie", "good"),
    "tie (bothgood)": Verdict("tie", "good"),
}


def verdict(value: Any) -> Verdict:
    """Reads the field `winner`."""
    found = VERDICTS.get(value.strip()) if isinstance(value, str) else None
    if found is None:
        reason = gettext_noop("Expected model_a, model_b, tie or both_bad, not %(found)s.")
        raise Wrong(reason, found=shown(value))
    return found


def winner_of(found: Verdict, both_bad: str = BOTH_BAD) -> str:
    """Returns what is written in the field `winner`."""
    if found == Verdict("tie", "bad"):
        return both_bad
    return {"left": "model_a", "right": "model_b", "tie": TIE}[found.answer]


def language(value: Any) -> str:
    """Returns the tag of a language that a file names or has a tag of; empty if it is not known."""
    if not isinstance(value, str):
        return ""
    if value in TAGS:
        return TAGS[value]
    return value if LANGUAGE_TAG.fullmatch(value) and len(value.partition("-")[0]) == 2 else ""


def rater(value: Any) -> int | str:
    """Reads who voted; a list has a judge and its template."""
    said = value[0] if isinstance(value, list) and value else value
    if said is None:
        return PEOPLE
    if isinstance(said, int) and not isinstance(said, bool):
        said = f"person_{said}"
    if len(text(said)) > RATER_LENGTH - len("crowd:"):
        raise Wrong(gettext_noop("Use at most 200 characters."))
    if said == "all":
        raise Wrong(gettext_noop("Expected the name of a judge or a person, not %(found)s."), found=shown(said))
    return rater_in(said)


def person(value: Any) -> str:
    """Reads a name that stands for one unknown person, such as a hash: a crowd, whose members are not known."""
    said = "" if value is None else text(value)
    if len(said) > RATER_LENGTH - len("crowd:"):
        raise Wrong(gettext_noop("Use at most 200 characters."))
    return said if said.startswith("crowd:") else f"crowd:{said or 'people'}"


def when(value: Any) -> datetime | None:
    """Reads a Unix timestamp or a time as ISO 8601 writes it, also as text; None if it is neither. Without a zone the
    time is UTC."""
    if not isinstance(value, str):
        return battle.moment(value)
    with suppress(ValueError, OverflowError):
        return battle.moment(float(value))
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return None


class Texts(NamedTuple):
    """The user's turns, and the answers of the left and of the right model to them."""

    prompt: tuple[str, ...]
    answers: tuple[tuple[str, ...], tuple[str, ...]]


def texts(fields: Fields) -> Texts:
    """Reads the two conversations of a row; what is wrong with them is added to the faults of `fields`."""
    left, right = fields("conversation_a", conversation), fields("conversation_b", conversation)
    if left is None or right is None:
        return Texts((), ((), ()))
    try:
        prompt = same_prompt(left, right)
    except Wrong as wrong:
        fields.fault("conversation_b", wrong.reason, **wrong.values)
        return Texts((), ((), ()))
    return Texts(prompt, (padded(left.answers, len(prompt)), padded(right.answers, len(prompt))))


def built(
    models: tuple[str, str],
    found: Verdict,
    rater: int | str,
    lang: str,
    at: datetime | None,
    written: Texts | None = None,
    question_id: str = "",
) -> dict[str, Any]:
    """Returns a row as it is written from what the database has; `written` is None for a set without texts."""
    row = {
        "question_id": question_id,
        "model_a": models[0],
        "model_b": models[1],
        "winner": winner_of(found),
        "judge": judge_of(rater),
        "conversation_a": messages(written.prompt, written.answers[0]) if written else None,
        "conversation_b": messages(written.prompt, written.answers[1]) if written else None,
        "turn": len(written.prompt) if written else 1,
        "anony": True,
        "language": LANGUAGES.get(lang, lang or UNKNOWN),
        "tstamp": None if at is None else at.timestamp(),
    }
    left_out = ({"question_id"} if not question_id else set()) | (set() if written else TEXTS)
    return {key: value for key, value in row.items() if key not in left_out}


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns; the kind is `votes` where it has no texts."""
    keys = frozenset(head.keys)
    if not keys >= NEEDED or "data" in keys or "evaluation_session_id" in keys:
        return None
    matched = len(keys & {*COLUMNS, *OWN})
    if keys >= TEXTS and keys & {*OWN, "language"}:
        return Named(battle.KIND, matched=matched)
    plain = keys & OWN and not keys & TEXTS and "response_a" not in keys
    return Named(vote.KIND, matched=matched) if plain else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields each vote, or its errors."""
    take = _battle if kind == battle.KIND else _vote
    for row in unguarded(rows(file, progress)):
        if isinstance(row, Fault):
            yield row
        else:
            yield from take(file, row)


def _shared(fields: Fields) -> tuple[tuple[str, str], Verdict, int | str]:
    models = fields("model_a", name), fields("model_b", name)
    if "judge" not in fields.fields and "judge_hash" in fields.fields:
        by: int | str = fields("judge_hash", person)
    else:
        by = fields("judge", rater, PEOPLE)
    return models, fields("winner", verdict), by


def _vote(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models, found, by = _shared(fields)
    key = fields("question_id", _key, "")
    if fields.faults:
        yield from fields.faults
        return
    values = vote.values(
        models=models,
        winner=found.answer,
        tie_kind=found.tie_kind,
        rater=by,
        prompt=key or None,
        at=when(row.values.get("tstamp")),
    )
    yield Record(vote.KIND, row.line, values)


def _key(value: Any) -> str:
    """Reads the prompt's key; empty where the id is that of a conversation, which no two rows share."""
    said = "" if value is None else str(value) if isinstance(value, int) else text(value)
    return "" if CONVERSATION.fullmatch(said) else said


def _battle(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models, found, by = _shared(fields)
    said = texts(fields)
    if fields.faults:
        yield from fields.faults
        return
    lang, at = language(row.values.get("language")), when(row.values.get("tstamp"))
    plain = built(models, found, by, lang, at, said)
    yield Record(
        battle.KIND,
        row.line,
        battle.values(
            models=models,
            prompt=said.prompt,
            answers=said.answers,
            winner=found.answer,
            tie_kind=found.tie_kind,
            rater=by,
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
            extra=remainder.of_row(row, plain, ORDER),
            at=at,
            lang=lang,
        ),
    )


LOST: Final[Sequence[str]] = (
    gettext_noop("pairs without a vote"),
    gettext_noop("votes generated by a program"),
    gettext_noop("people’s response times, devices and reasons"),
    gettext_noop("weights and shares of votes, and the steps of other scales"),
    gettext_noop("the categories, notes and references of prompts"),
    gettext_noop("answers without a pair"),
    gettext_noop("training and check pairs"),
)
"""What no layout of battles carries."""

FORMAT: Final = Format(
    NAME,
    gettext_noop("Chatbot Arena (battles)"),
    gettext_noop("battles with both conversations, such as the published 33k and 100k, or without texts."),
    (battle.KIND, vote.KIND),
    recognised,
    read,
    gettext_noop(
        "These are not battles of Chatbot Arena: each row needs model_a, model_b, winner, and conversation_a and "
        "conversation_b or tstamp."
    ),
    rows={battle.KIND: battle.ROWS, vote.KIND: vote.ROWS},
    columns={"prompt": "conversation_a", "result": "conversation_a", "name": "model_a"},
    cannot_carry=(
        *LOST,
        gettext_noop("whether the models’ names were shown (such votes count like the others)"),
        gettext_noop("votes on a single turn of a conversation"),
    ),
)
