"""Inspect: a model's answers and their scores, from logs of version 2 as `.eval` or `.json`.

A sample is `id, epoch, input, target, messages, output, scores, attachments`. Epochs are samples of one answer. Each
score becomes a judgment from elsewhere under the scorer's name. Long texts of a sample may lie in its `attachments`.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.formats import answer, score
from annotation.interchange.formats.answer import length
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.chatbot_arena import when
from annotation.interchange.formats.conversation import asked, content
from annotation.interchange.llmfao import Wrong, name
from annotation.interchange.reading import Head, Progress, Row, Source, look, rows
from annotation.problems import gettext_noop
from annotation.problems import kind as remark

NAME: Final = "inspect"
VERSION: Final = 2

SAMPLE: Final = frozenset({"id", "epoch", "input", "output"})
NO_MODEL: Final = "none/none"
"""What a log of an evaluation without a model of its own names; its outputs may name one."""

ATTACHMENT: Final = "attachment://"
OLDER_ATTACHMENT: Final = "tc://"

VALUES: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "no": 0.0}
"""Letters of Inspect's scorers: correct, partially correct, incorrect, no answer."""

FAILED: Final = remark("samples-without-output", gettext_noop("samples without an output of the model: %(count)s"))

CONVERT: Final = gettext_noop(
    "This Inspect log has version %(version)s, but only version 2 can be read. Convert it and use the result: "
    "inspect log convert --to json FILE --output-dir FOLDER"
)
UNFINISHED: Final = gettext_noop("This Inspect log does not name its model. Use a complete log.")


def recognised(head: Head) -> Named | Fault | None:
    """Recognises a log by its header; one of another version is a fault that says how to convert it."""
    version, keys = head.around.get("version"), frozenset(head.keys)
    if version is None or not (isinstance(head.around.get("eval"), dict) or keys >= SAMPLE):
        return None
    if version != VERSION:
        return Fault(head.source.name, None, "version", CONVERT, {"version": shown(version)})
    return Named(answer.KIND, matched=len(keys & SAMPLE))


def spec_of(around: Mapping[str, Any], key: str) -> str:
    """Returns a text of the evaluation's specification in a log's header; empty if it has none."""
    spec = around.get("eval")
    value = spec.get(key) if isinstance(spec, dict) else None
    return value if isinstance(value, str) else ""


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields an answer for each sample, and a judgment for each of its scores, or its errors."""
    head = look(file)
    if isinstance(head, Fault):
        yield head
        return
    model, task = file.model or spec_of(head.around, "model"), spec_of(head.around, "task")
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _sample(file, row, "" if model == NO_MODEL else model, task)


def _resolved(value: Any, attachments: Mapping[str, Any]) -> Any:
    """Returns `value` with the texts that it refers to.

    Raises:
        Wrong: an attachment is missing.
    """
    match value:
        case str() if value.startswith((ATTACHMENT, OLDER_ATTACHMENT)):
            found = attachments.get(value.partition("://")[2])
            if not isinstance(found, str):
                raise Wrong(gettext_noop("The attachment %(name)s is missing."), name=shown(value))
            return found
        case list():
            return [_resolved(each, attachments) for each in value]
        case dict():
            return {key: _resolved(each, attachments) for key, each in value.items()}
    return value


def _epoch(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**31:
        raise Wrong(gettext_noop("Expected a number of at least 1, not %(found)s."), found=shown(value))
    return value


def _key(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else name(value)


def _object(value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise Wrong(gettext_noop("Expected an object, not %(found)s."), found=shown(value))
    return value or {}


def _references(value: Any) -> tuple[str, ...]:
    targets = value if isinstance(value, list) else [value]
    return tuple(target for target in targets[:1] if isinstance(target, str) and target)


def _said(output: Mapping[str, Any]) -> str:
    """Returns what the model said last; empty if it said nothing."""
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        completion = output.get("completion")
        return completion if isinstance(completion, str) else ""
    message = choices[0].get("message")
    return content(message.get("content")) if isinstance(message, dict) else ""


def _sample(file: Source, row: Row, model: str, task: str) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    attachments: dict[str, Any] = (fields("attachments", _object) if "attachments" in row.values else {}) or {}
    key, epoch = fields("id", _key), fields("epoch", _epoch, 1)
    prompt = fields("input", lambda value: asked(_resolved(value, attachments)))
    said: str = fields("output", lambda value: _said(_object(_resolved(value, attachments))), "")
    scores: dict[str, Any] = fields("scores", _object) if "scores" in row.values else {}
    named = model or _model_of_output(row.values.get("output"))
    if not named:
        fields.fault("model", UNFINISHED)
    judged = [] if fields.faults else list(_judged(fields, scores))
    if fields.faults:
        yield from fields.faults
        return
    if not said:
        yield Record(PASSED, row.line, {"remark": FAILED.code})
        return
    yield Record(
        answer.KIND,
        row.line,
        answer.values(
            prompt=prompt,
            key=f"{task}-{key}" if task else key,
            model=named,
            answer=(said,),
            sample=epoch - 1,
            category=task,
            references=_references(row.values.get("target")),
            duration=_duration(row.values.get("output")),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        ),
    )
    at = when(row.values.get("completed_at"))
    for scorer, value, words in judged:
        values = score.values(
            prompt=prompt, model=named, sample=epoch - 1, scorer=scorer, value=value, text=words, at=at
        )
        yield Record(score.KIND, row.line, values)


def _model_of_output(output: Any) -> str:
    found = output.get("model") if isinstance(output, dict) else None
    return found if isinstance(found, str) else ""


def _duration(output: Any) -> float | None:
    """Returns the milliseconds that the model took; Inspect says the seconds."""
    return length(output.get("time"), 1000) if isinstance(output, dict) else None


def _judged(fields: Fields, scores: Mapping[str, Any]) -> Iterator[tuple[str, float | None, str]]:
    """Yields the scorer, its value and its explanation; a scorer of several values has a name for each."""
    for scorer, found in scores.items():
        if found is None:
            continue
        if not isinstance(found, dict):
            fields.fault(f"scores.{scorer}", gettext_noop("Expected an object, not %(found)s."), found=shown(found))
            continue
        words = "\n\n".join(
            text for key in ("answer", "explanation") if isinstance(text := found.get(key), str) and text
        )
        value = found.get("value")
        several = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else None
        if several is None:
            yield scorer, _number(value), words or _word(value)
            continue
        for key, each in several.items():
            yield f"{scorer}/{key}", _number(each), words or _word(each)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    """Returns a score as a number, as Inspect reads it; None if it is a word of the scorer's own."""
    if isinstance(value, str) and value in VALUES:
        return VALUES[value]
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        return None
    # Scorers say NaN where they could not tell; no mean can be taken of it.
    return found if math.isfinite(found) else None


FORMAT: Final = Format(
    NAME,
    gettext_noop("Inspect"),
    gettext_noop("logs of version 2 as .eval or .json: samples with their scores."),
    (answer.KIND,),
    recognised,
    read,
    gettext_noop("This is not a log of Inspect. Use the .eval or .json file in its folder of logs."),
    rows={answer.KIND: (*answer.ROWS, score.KIND)},
    columns={"prompt": "input", "result": "output"},
    cannot_carry=(
        gettext_noop("messages between the input and the last output, and calls of tools"),
        gettext_noop("events, and metadata of samples and scores"),
        gettext_noop("all targets but the first"),
        gettext_noop("samples that failed or have no output (they are counted)"),
    ),
)
