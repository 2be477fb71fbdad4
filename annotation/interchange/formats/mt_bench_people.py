"""Votes of people on answers to MT-bench: one vote on one of two turns a row.

A row is `question_id, model_a, model_b, winner, judge, conversation_a, conversation_b, turn`. The conversations have
both turns, and `turn` says after which of them the person voted. In the file of GPT-4's votes `judge` is a list.
"""

from collections.abc import Iterator
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.chatbot_arena import LOST, NEEDED, OWN, TEXTS, Verdict, rater, texts, verdict
from annotation.interchange.llmfao import Wrong, name
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

NAME: Final = "mt-bench-people"

INCONSISTENT: Final = "tie (inconsistent)"
"""A judge's two verdicts, one for each order of the answers, did not agree."""


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns, of which Chatbot Arena's files have more."""
    keys = frozenset(head.keys)
    needed = {*NEEDED, *TEXTS, "question_id", "judge", "turn"}
    return Named(battle.KIND, matched=len(needed)) if keys >= needed and not keys & {*OWN, "language"} else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields each vote, or its errors."""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _battle(file, row)


def _verdict(value: Any) -> Verdict:
    return Verdict("tie") if value == INCONSISTENT else verdict(value)


def _turn(value: Any) -> int:
    said = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9 else value
    if isinstance(said, bool) or not isinstance(said, int) or said < 1:
        raise Wrong(gettext_noop("Expected a turn number of at least 1, not %(found)s."), found=shown(value))
    return said


def _battle(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models = fields("model_a", name), fields("model_b", name)
    found, by, turn = fields("winner", _verdict), fields("judge", rater), fields("turn", _turn)
    said = texts(fields)
    if not fields.faults and turn > len(said.prompt):
        reason = gettext_noop("The conversations have %(turns)s turns, so turn %(turn)s does not exist.")
        fields.fault("turn", reason, turns=str(len(said.prompt)), turn=str(turn))
    if fields.faults:
        yield from fields.faults
        return
    category = row.values.get("category")
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
            extra={},
            category=category if isinstance(category, str) else "",
            turn=turn,
        ),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("MT-bench (people’s votes)"),
    gettext_noop("votes on one turn of two conversations, as in the published votes of experts."),
    (battle.KIND,),
    recognised,
    read,
    gettext_noop(
        "These are not people’s votes on MT-bench: each row needs question_id, model_a, model_b, winner, judge, "
        "conversation_a, conversation_b and turn."
    ),
    rows={battle.KIND: battle.ROWS},
    columns={"prompt": "conversation_a", "result": "conversation_a", "name": "model_a"},
    cannot_carry=(
        *LOST,
        gettext_noop("the numbers of questions"),
        gettext_noop("whether a judge’s tie came from two verdicts that did not agree"),
        gettext_noop("when people voted"),
    ),
)
