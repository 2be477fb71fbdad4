"""Answers of one or several models in a table or JSON Lines: a prompt, a response and, if there are several, the model.

The model is that of its column, else of the file's name or of a question to the person who loads the file.
"""

from collections.abc import Iterator
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Field, Format, Named, Record
from annotation.interchange.formats import answer
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.conversation import asked, content, storable
from annotation.interchange.llmfao import Wrong, name
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

NAME: Final = "answers"

NAMES: Final = {
    "prompt": ("prompt", "prompts", "instruction", "question", "query", "input"),
    "response": (
        "response",
        "responses",
        "answer",
        "completion",
        "output",
        "generation",
        "reply",
        "result",
        "prediction",
    ),
    "model": ("model", "model_name", "model_id", "generator", "llm"),
    "category": ("category", "type", "topic"),
    "reference": ("reference", "reference_answer", "target", "expected", "gold"),
    "key": ("id", "prompt_id", "question_id"),
    "system": ("system",),
}
"""By our name, the names that columns have, the surest first."""

GENERIC: Final = frozenset({"answers", "responses", "outputs", "data", "results", "output", "model", "table", "export"})
"""Names of files that name no model."""


def recognised(head: Head) -> Named | None:
    """Recognises a prompt and a response by the names of their columns. Asks for the model where nothing names it."""
    keys = {key.strip().lower(): key for key in head.keys}
    found: dict[str, str] = {}
    for field, known in NAMES.items():
        key = next((keys[each] for each in known if each in keys and keys[each] not in found.values()), None)
        if key is not None:
            found[field] = key
    if not {"prompt", "response"} <= found.keys():
        return None
    # One bad row is that row's fault; a column without any text holds no prompts.
    if head.rows and not any(isinstance(row.values.get(found["prompt"]), str | list) for row in head.rows):
        return None
    renamed = {key: field for field, key in found.items() if key != field}
    asks = () if "model" in found or model_in(head.source) else ("model",)
    return Named(answer.KIND, asks=asks, columns=renamed, matched=len(found.keys() - {"key", "system"}))


def model_in(file: Source) -> str:
    """Returns the model that a person named, or that the file's name is: acme-7b of `acme-7b.jsonl`."""
    if file.model:
        return file.model
    stem = file.plain_name.rpartition("/")[2].rpartition(".")[0].strip()
    return "" if not stem or stem.lower() in GENERIC or " " in stem or "(" in stem else stem


def _text(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return content(value)


def _prompt(value: Any) -> tuple[str, ...]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A spreadsheet makes a number of a prompt such as 12.5.
        value = str(value)
    if not isinstance(value, str | list):
        raise Wrong(gettext_noop("Expected text or a list of messages, not %(found)s."), found=shown(value))
    said = asked(value)
    if not any(turn.strip() for turn in said):
        raise Wrong(gettext_noop("The prompt is empty."))
    return said


def _key(value: Any) -> int | str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    said = "" if value is None else storable(str(value)).strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 18 else said or None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields an answer for each row, or its errors."""
    model = model_in(file)
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _answer(file, row, model)


def _answer(file: Source, row: Row, model: str) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt, said = fields("prompt", _prompt), fields("response", _text, "")
    by = fields("model", name) if "model" in row.values else model
    if not by and not fields.faults:
        fields.fault("model", gettext_noop("The file does not say which model gave these answers. Enter its name."))
    category = fields("category", _text, "") if "category" in row.values else ""
    reference = fields("reference", _text, "") if "reference" in row.values else ""
    if fields.faults:
        yield from fields.faults
        return
    yield Record(
        answer.KIND,
        row.line,
        answer.values(
            prompt=prompt,
            model=by,
            answer=(said,),
            key=_key(row.values.get("key")),
            category=category,
            references=(reference,) if reference.strip() else (),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        ),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("Answers of a model"),
    gettext_noop(
        "a table or JSON Lines with prompt and response; the model is a column, the file’s name or asked for."
    ),
    (answer.KIND,),
    recognised,
    read,
    gettext_noop("These are not answers of a model: each row needs a prompt and a response."),
    rows={answer.KIND: answer.ROWS},
    columns={"prompt": "prompt", "result": "response", "name": "model"},
    cannot_carry=(
        gettext_noop("several turns (answers given in between become part of the prompt)"),
        gettext_noop("pairs, comparisons, training and check pairs"),
    ),
    fields=(
        Field("prompt", gettext_noop("Prompt"), needed=True),
        Field("response", gettext_noop("Answer"), needed=True),
        Field("model", gettext_noop("Model"), gettext_noop("Without it, all answers are of one model.")),
        Field("category", gettext_noop("Category")),
        Field("reference", gettext_noop("Reference answer")),
        Field("key", gettext_noop("ID of the prompt")),
    ),
)
