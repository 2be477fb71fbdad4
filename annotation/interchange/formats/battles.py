"""Battles as one JSON list, with `model_a, model_b, winner, judge, turn, anony, language, tstamp, source, data`.

`data` has the texts: `instruction, input, output, response_1, response_2, score, source`. `winner` is model_a, model_b
or tie, also `tie (bothbad)`. `score` may be a number or a text. A file of such objects, one a line, is read too.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle, mad, remainder
from annotation.interchange.formats.battle import KIND, TIE, Fields
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import CROWD, RATER_LENGTH, Wrong, name, text
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.scales import Answer

NAME: Final = "battles"
FILE: Final = "battles.json"

COLUMNS: Final = (*("model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp", "source", "data"),)
ORDER: Final[Order] = {"": COLUMNS, "data": mad.COLUMNS}
NEEDED: Final = frozenset({"model_a", "model_b", "winner", "data"})

WORKER: Final = re.compile(r"worker:(-?[0-9]{1,18})")
PERSON: Final = re.compile(
    r"(human|people|person|author|annotator|expert|user|arena_user|worker|volunteer)s?([\W_0-9].*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Names that stand for people. They become crowds, whose members are not known; all other names are judges."""

LANGUAGES: Final = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pt": "Portuguese",
    "ru": "Russian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
TAGS: Final = {called: tag for tag, called in LANGUAGES.items()}
UNKNOWN: Final = "unknown"

WINNERS: Final[dict[str, Answer]] = {
    "model_a": "left",
    "model_b": "right",
    TIE: "tie",
    "tie (bothbad)": "tie",
    "both_bad": "tie",
}
BOTH_BAD: Final = ("tie (bothbad)", "both_bad")


def recognised(head: Head) -> Named | None:
    """Recognises a file by the keys of its first objects."""
    keys = NEEDED & frozenset(head.keys)
    first = next(iter(head.rows), None)
    if keys != NEEDED or first is None or not isinstance(first.values.get("data"), dict):
        return None
    return Named(KIND, matched=len(frozenset(head.keys) & frozenset(COLUMNS)))


def rater_in(judge: str) -> int | str:
    """Returns the rater that the field `judge` names: a worker's number, or the name of a crowd or a judge."""
    if found := WORKER.fullmatch(judge):
        return int(found[1])
    if CROWD.fullmatch(judge):
        return judge
    if not judge or PERSON.fullmatch(judge):
        return f"crowd:{judge or 'people'}"
    return judge


def judge_of(rater: int | str) -> str:
    """Returns what is written in the field `judge`."""
    return f"worker:{rater}" if isinstance(rater, int) else rater


def built(
    prompt: str,
    models: tuple[str, str],
    answers: tuple[str, str],
    winner: Answer,
    rater: int | str,
    lang: str,
    at: datetime | None,
) -> dict[str, Any]:
    """Returns a battle as it is written from what the database has."""
    return {
        "model_a": models[0],
        "model_b": models[1],
        "winner": {"left": "model_a", "right": "model_b", "tie": TIE}[winner],
        "judge": judge_of(rater),
        "turn": 1,
        "anony": True,
        "language": LANGUAGES.get(lang, lang or UNKNOWN),
        "tstamp": None if at is None else at.timestamp(),
        "source": "",
        "data": mad.built(prompt, models, answers, winner),
    }


def _judge(value: Any) -> str:
    said = "" if value is None else text(value)
    if len(said) > RATER_LENGTH - len("crowd:"):
        raise Wrong(gettext_noop("Use at most 200 characters."))
    if said == "all":
        raise Wrong(gettext_noop("Expected the name of a judge or a person, not %(found)s."), found=shown(said))
    return said


def _winner(value: Any) -> Answer:
    if not isinstance(value, str) or value not in WINNERS:
        raise Wrong(gettext_noop("Expected model_a, model_b or tie, not %(found)s."), found=shown(value))
    return WINNERS[value]


def _data(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(gettext_noop("Expected an object with the battle’s texts, not %(found)s."), found=shown(value))
    return value


def _optional(value: Any) -> str:
    return "" if value is None else text(value)


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields each battle, or its errors."""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _battle(file, row)


def _battle(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    models = fields("model_a", name), fields("model_b", name)
    winner, judge = fields("winner", _winner), fields("judge", _judge, "")
    data = Fields(file, row, fields("data", _data) or {}, "data")
    if not fields.faults:
        instruction, more = data("instruction", text), data("input", _optional, "")
        answers = data("response_1", text), data("response_2", text)
    if faults := [*fields.faults, *data.faults]:
        yield from faults
        return
    prompt, rater = battle.joined(instruction, more), rater_in(judge)
    language = row.values.get("language")
    lang = TAGS.get(language, "") if isinstance(language, str) else ""
    at = battle.moment(row.values.get("tstamp"))
    plain = built(prompt, models, answers, winner, rater, lang, at)
    yield Record(
        KIND,
        row.line,
        battle.values(
            models=models,
            prompt=(prompt,),
            answers=((answers[0],), (answers[1],)),
            winner=winner,
            tie_kind="bad" if row.values["winner"] in BOTH_BAD else "",
            rater=rater,
            format_name=NAME,
            file=FILE,
            extra=remainder.rest(row.values, plain, row.text, ORDER),
            at=at,
            lang=lang,
        ),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("Battles (JSON)"),
    gettext_noop("battles as one .json list, with the texts in data."),
    (KIND,),
    recognised,
    read,
    gettext_noop("This is not a battles file: each object needs model_a, model_b, winner and data."),
    rows={KIND: ("models", "prompts", "results", "pairs", "comparisons", KIND)},
    columns={"prompt": "data.instruction", "result": "data.response_1", "name": "model_a"},
    cannot_carry=(
        gettext_noop("pairs without a vote"),
        gettext_noop("votes generated by a program"),
        gettext_noop("people’s response times, devices and reasons"),
        gettext_noop("weights and shares of votes, and the steps of other scales"),
        gettext_noop("the categories, notes and references of prompts"),
        gettext_noop("prompts with follow-up turns, and answers without a pair"),
        gettext_noop("training and check pairs"),
    ),
)
