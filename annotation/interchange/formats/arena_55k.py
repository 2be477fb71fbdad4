"""Battles of Chatbot Arena in the layout of the file with 55,000: turns as lists of texts, written as JSON in a cell.

A row is `id, model_a, model_b, prompt, response_a, response_b, winner_model_a, winner_model_b, winner_tie`. A file of a
later competition has `winner` and plain texts of one turn instead. Rows without a verdict are pairs to vote on.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.chatbot_arena import LOST, PEOPLE, Verdict, language, verdict
from annotation.interchange.formats.conversation import content, padded, parsed, storable
from annotation.interchange.llmfao import Wrong, name, text
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

NAME: Final = "arena-55k"

NEEDED: Final = frozenset({"model_a", "model_b", "prompt", "response_a", "response_b"})
MARKS: Final[dict[str, Verdict]] = {
    "winner_model_a": Verdict("left"),
    "winner_model_b": Verdict("right"),
    "winner_tie": Verdict("tie"),
}
"""Columns with 1 in the one that says who won, and 0 in the others."""

SET: Final = ("1", "1.0", "true")
UNSET: Final = ("0", "0.0", "false", "")


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns."""
    keys = frozenset(head.keys)
    return Named(battle.KIND, matched=len(keys & {*NEEDED, *MARKS, "winner"})) if keys >= NEEDED else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields each battle, or its errors."""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _battle(file, row)


def _turns(value: Any) -> tuple[str, ...]:
    found = parsed(value)
    if not isinstance(found, list) or not found:
        raise Wrong(gettext_noop("Expected a list of texts as JSON, not %(found)s."), found=shown(value))
    return tuple(map(content, found))


def _one(value: Any) -> tuple[str, ...]:
    return (storable(text(value)),)


def _mark(value: Any) -> bool:
    said = "" if value is None else str(value).strip().lower()
    if said not in (*SET, *UNSET):
        raise Wrong(gettext_noop("Expected 0 or 1, not %(found)s."), found=shown(value))
    return said in SET


def _marked(fields: Fields) -> Verdict | None:
    """Returns the verdict of three columns of 0 and 1; None if all are 0 or missing."""
    found = [verdict for column, verdict in MARKS.items() if fields(column, _mark, False)]
    if len(found) > 1:
        fields.fault("winner_tie", gettext_noop("More than one of winner_model_a, winner_model_b and winner_tie is 1."))
    return found[0] if found else None


def _battle(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models = fields("model_a", name), fields("model_b", name)
    in_lists = "winner" not in row.values
    turns = _turns if in_lists else _one
    prompt = fields("prompt", turns)
    left, right = fields("response_a", turns), fields("response_b", turns)
    found: Verdict | None = _marked(fields) if in_lists else fields("winner", verdict)
    for side, answers in (("response_a", left), ("response_b", right)):
        if prompt is not None and answers is not None and len(answers) > len(prompt):
            reason = gettext_noop("There are %(answers)s answers, but only %(turns)s turns in prompt.")
            fields.fault(side, reason, answers=str(len(answers)), turns=str(len(prompt)))
    if fields.faults:
        yield from fields.faults
        return
    yield Record(
        battle.KIND,
        row.line,
        battle.values(
            models=models,
            prompt=prompt,
            answers=_sides(prompt, left, right),
            winner=found.answer if found else None,
            tie_kind=found.tie_kind if found else "",
            rater=PEOPLE,
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
            extra={},
            lang=language(row.values.get("language")),
        ),
    )


def _sides(prompt: Sequence[str], left: Sequence[str], right: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return padded(left, len(prompt)), padded(right, len(prompt))


FORMAT: Final = Format(
    NAME,
    gettext_noop("Chatbot Arena (55k)"),
    gettext_noop("battles with prompt, response_a and response_b, as in the published 55k and its competitions."),
    (battle.KIND,),
    recognised,
    read,
    gettext_noop(
        "These are not battles in the layout of 55k: each row needs model_a, model_b, prompt, response_a and "
        "response_b."
    ),
    rows={battle.KIND: battle.ROWS},
    columns={"prompt": "prompt", "result": "response_a", "name": "model_a"},
    cannot_carry=(
        *LOST,
        gettext_noop("who voted, and when"),
        gettext_noop("ties in which both answers were bad"),
        gettext_noop("the rows’ own ids"),
    ),
)
