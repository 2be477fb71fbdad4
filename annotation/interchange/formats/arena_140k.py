"""Battles of LMArena in the layout of its published file with 140,000: one vote a row, contents as typed parts.

A row is `id, model_a, model_b, winner, evaluation_session_id, evaluation_order, conversation_a, conversation_b,
full_conversation, conv_metadata, category_tag, language, is_code, timestamp`. `winner` is model_a, model_b, tie or
both_bad. Nobody is named: the votes of one session are one person's, so a session is the rater.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle, remainder
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.cells import unguarded
from annotation.interchange.formats.chatbot_arena import (
    LOST,
    NEEDED,
    TEXTS,
    Texts,
    Verdict,
    language,
    person,
    texts,
    verdict,
    when,
    winner_of,
)
from annotation.interchange.formats.conversation import messages
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import CROWD, name
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

NAME: Final = "arena-140k"

COLUMNS: Final = (
    *("id", "model_a", "model_b", "winner", "evaluation_session_id", "evaluation_order", "conversation_a"),
    *("conversation_b", "full_conversation", "conv_metadata", "category_tag", "language", "is_code", "timestamp"),
)
ORDER: Final[Order] = {"": COLUMNS}

WORKER: Final = re.compile(r"worker:(-?[0-9]{1,18})")
JUDGE: Final = "judge:"
BOTH_BAD: Final = "both_bad"
UNDETERMINED: Final = "und"


def rater_of(session: Any) -> int | str:
    """Reads who voted in a session: a worker or a judge in a file of ours, else one unknown person."""
    said = person(session)
    plain = said.removeprefix("crowd:")
    if found := WORKER.fullmatch(plain):
        return int(found[1])
    return plain.removeprefix(JUDGE) if len(plain) > len(JUDGE) and plain.startswith(JUDGE) else said


def session_of(rater: int | str) -> str:
    """Returns what is written as the session of a rater."""
    if isinstance(rater, int):
        return f"worker:{rater}"
    return rater.removeprefix("crowd:") if CROWD.fullmatch(rater) else f"{JUDGE}{rater}"


def built(
    identity: str,
    models: tuple[str, str],
    written: Texts,
    found: Verdict,
    rater: int | str,
    lang: str,
    at: datetime | None,
) -> dict[str, Any]:
    """Returns a row as it is written from what the database has."""
    sides = [_parts(written.prompt, answers) for answers in written.answers]
    return {
        "id": identity,
        "model_a": models[0],
        "model_b": models[1],
        "winner": winner_of(found, BOTH_BAD),
        "evaluation_session_id": session_of(rater),
        "evaluation_order": 1,
        "conversation_a": sides[0],
        "conversation_b": sides[1],
        "language": lang or UNDETERMINED,
        "timestamp": None if at is None else at.isoformat(),
    }


def _parts(user: Sequence[str], answers: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"role": message["role"], "content": [{"type": "text", "text": message["content"]}]}
        for message in messages(user, answers)
    ]


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns."""
    keys = frozenset(head.keys)
    fits = keys >= {*NEEDED, *TEXTS, "evaluation_session_id"}
    return Named(battle.KIND, matched=len(keys & {*COLUMNS})) if fits else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields each battle, or its errors."""
    for row in unguarded(rows(file, progress)):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _battle(file, row)


def _battle(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models = fields("model_a", name), fields("model_b", name)
    found, by = fields("winner", verdict), fields("evaluation_session_id", rater_of)
    said = texts(fields)
    if fields.faults:
        yield from fields.faults
        return
    lang, at = language(row.values.get("language")), when(row.values.get("timestamp"))
    # The row's own id is not among our columns, so it is always kept.
    plain = built("", models, said, found, by, lang, at)
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


FORMAT: Final = Format(
    NAME,
    gettext_noop("LMArena (140k)"),
    gettext_noop("battles with sessions and typed parts, as in the published file with 140,000."),
    (battle.KIND,),
    recognised,
    read,
    gettext_noop(
        "These are not battles of LMArena: each row needs model_a, model_b, winner, evaluation_session_id, "
        "conversation_a and conversation_b."
    ),
    rows={battle.KIND: battle.ROWS},
    columns={"prompt": "conversation_a", "result": "conversation_a", "name": "model_a"},
    cannot_carry=(
        *LOST,
        gettext_noop("votes on a single turn of a conversation"),
        gettext_noop("what was said in a session before the conversations that were compared"),
    ),
)
