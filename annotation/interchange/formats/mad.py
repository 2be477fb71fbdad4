"""Votes of a MAD competition, a file for each pair of models: `<m1>-vs-<m2>.jsonl`.

A row is `instruction, input, output, response_1, response_2, score, source`. `output` is the name of the model that
won, or tie; it is empty where nobody has voted. `response_1` is the answer of the model that the file names first.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast
from urllib.parse import quote, unquote

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import battle, remainder
from annotation.interchange.formats.battle import KIND, TIE, Fields
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import COPIED, Wrong, text
from annotation.interchange.reading import Head, Progress, Source, rows
from annotation.problems import gettext_noop
from annotation.scales import Answer

NAME: Final = "mad"
BETWEEN: Final = "-vs-"
ENDING: Final = ".jsonl"
CROWD: Final = "crowd:mad"
"""The rater of votes in files that name nobody."""

COLUMNS: Final = ("instruction", "input", "output", "response_1", "response_2", "score", "source")
ORDER: Final[Order] = {"": COLUMNS}
NEEDED: Final = frozenset({"instruction", "output", "response_1", "response_2"})

_UNSAFE: Final = '/\\:*?"<>|%'


def file_name(first: str, second: str) -> str:
    """Returns the name of the file of two models. What a name of a file cannot hold is written as in addresses: %2F."""
    return f"{_stem(first)}{BETWEEN}{_stem(second)}{ENDING}"


def _stem(model: str) -> str:
    """Returns a model's name as a name of a file can hold it."""
    unsafe = [letter in _UNSAFE or not letter.isprintable() for letter in model]
    safe = "".join(quote(letter, safe="") if bad else letter for letter, bad in zip(model, unsafe, strict=True))
    safe = safe.replace(BETWEEN, "-vs%2D")
    safe = f"%2E{safe[1:]}" if safe.startswith(".") else safe
    # Quoted, so that it is not taken for the number of a copy.
    return re.sub(r" (?=(\([0-9]+\)|- copy( \([0-9]+\))?)$)", "%20", safe, flags=re.IGNORECASE)


def models_of(called: str) -> tuple[str, str] | None:
    """Returns the two models in the name of a file; None if it is not such a name.

    The number that a browser adds to a second download is no part of a name; `file_name` writes such a name otherwise.
    """
    plain = COPIED.sub("", called.rpartition("/")[2])
    if not plain.lower().endswith(ENDING):
        return None
    first, between, second = plain[: -len(ENDING)].partition(BETWEEN)
    names = unquote(first).strip(), unquote(second).strip()
    return names if between and all(names) else None


def recognised(head: Head) -> Named | Fault | None:
    """Recognises a file by its keys. The two models are in its name."""
    matched = len(frozenset(head.keys) & frozenset(COLUMNS))
    fits = frozenset(head.keys) >= NEEDED
    if models_of(head.source.plain_name):
        return Named(KIND, of_one_judge=True, judge=CROWD, of_a_crowd=True, matched=matched if fits else 0)
    if not fits:
        return None
    reason = gettext_noop("The name of this file has to say which models it compares: MODEL-vs-MODEL.jsonl.")
    return Fault(head.source.name, None, "", reason)


def built(prompt: str, models: tuple[str, str], answers: tuple[str, str], winner: Answer | None) -> dict[str, Any]:
    """Returns a row as it is written from what the database has."""
    output = {None: "", "left": models[0], "right": models[1], TIE: TIE}[winner]
    return {
        "instruction": prompt,
        "input": "",
        "output": output,
        "response_1": answers[0],
        "response_2": answers[1],
        "score": None,
        "source": "",
    }


def _optional(value: Any) -> str:
    return "" if value is None else text(value)


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields a battle for each row, or its errors."""
    models = models_of(file.plain_name)
    assert models is not None  # noqa: S101  `named` recognised the file by them
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
            continue
        fields = Fields(file, row)
        instruction, more = fields("instruction", text), fields("input", _optional, "")
        answers = fields("response_1", text), fields("response_2", text)
        said: str = fields("output", lambda value: _winner(value, models) or "", "")
        winner = cast("Answer | None", said or None)
        if fields.faults:
            yield from fields.faults
            continue
        prompt = battle.joined(instruction, more)
        plain = built(prompt, models, answers, winner)
        extra = remainder.rest(row.values, plain, row.text, ORDER)
        yield Record(
            KIND,
            row.line,
            battle.values(
                models=models,
                prompt=(prompt,),
                answers=((answers[0],), (answers[1],)),
                winner=winner,
                rater="",
                format_name=NAME,
                file=file.plain_name.rpartition("/")[2],
                extra=extra,
            ),
        )


def _winner(value: Any, models: tuple[str, str]) -> Answer | None:
    """Reads who won: a model's name or tie; empty without a vote."""
    said = _optional(value).strip()
    answers: dict[str, Answer | None] = {"": None, models[0]: "left", models[1]: "right"}
    if said in answers:
        return answers[said]
    if said.lower() == TIE:
        return "tie"
    raise Wrong(
        gettext_noop("Expected %(first)s, %(second)s or tie, not %(found)s."),
        first=shown(models[0]),
        second=shown(models[1]),
        found=shown(value),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("MAD competition"),
    gettext_noop("votes as MODEL-vs-MODEL.jsonl, one file per pair of models; several as .zip."),
    (KIND,),
    recognised,
    read,
    gettext_noop("This is not the name of a MAD competition file. Use MODEL-vs-MODEL.jsonl."),
    rows={KIND: ("models", "prompts", "results", "pairs", "comparisons", KIND)},
    columns={"prompt": "instruction", "result": "response_1"},
    called=lambda name: models_of(name) is not None,
    cannot_carry=(
        gettext_noop("who voted (after loading, all votes belong to one crowd)"),
        gettext_noop("which answer was shown on the left"),
        gettext_noop("verdicts of judges, and votes generated by a program"),
        gettext_noop("when people voted, and how long they took"),
        gettext_noop("the categories, notes, references and languages of prompts"),
        gettext_noop("prompts with follow-up turns, and answers without a pair"),
        gettext_noop("training and check pairs"),
    ),
)
