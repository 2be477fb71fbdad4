"""lm-evaluation-harness: a model's answers as `--log_samples` writes them, `samples_TASK_TIME.jsonl`.

A row is `doc_id, doc, target, arguments, resps, filtered_resps`. The prompt is the first argument of the request, as
text or as the messages of a chat; `resps` has the replies, several if the task repeats its requests. Tasks that only
compare likelihoods have no answers. The model stands in `results_TIME.json` beside the file.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.formats import answer
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.conversation import asked, parsed, storable
from annotation.interchange.llmfao import Wrong
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.problems import kind as remark

NAME: Final = "lm-eval-harness"
RESULTS: Final = "results of a run"
NEEDED: Final = frozenset({"doc_id", "arguments", "resps"})

RESULTS_LIMIT: Final = 64 * 2**20
"""Maximum bytes of a file of results that is looked at for the model's name."""

FILE: Final = re.compile(r"samples_(?P<task>.+?)(_(?P<time>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9.:-]+))?\.jsonl")
MODEL_ARGUMENTS: Final = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Arguments of the harness that name a model; the first that is there counts."""

FAILED: Final = remark("empty-replies", gettext_noop("requests without a reply: %(count)s"))


def recognised(head: Head) -> Named | None:
    """Recognises samples by their columns, and asks for the model if no results beside them name it. Results have
    nothing to store, but belong to the files of a run."""
    keys = frozenset(head.keys)
    if keys >= {"results", "config"} and keys & {"model_name", "task_hashes", "n-shot"}:
        return Named(RESULTS, matched=3)
    if not keys >= NEEDED:
        return None
    return Named(answer.KIND, asks=() if model_beside(head.source) else ("model",), matched=len(NEEDED))


def model_beside(file: Source) -> str:
    """Returns the model that the results beside `file` name; empty if there are none, or of several models."""
    found = FILE.fullmatch(file.plain_name.rpartition("/")[2])
    named = found["time"] if found else None
    beside = sorted(file.path.parent.glob("results*.json"))
    of_same_run = [path for path in beside if named and named in path.name]
    models = {_model_in(path) for path in of_same_run or beside}
    return storable(models.pop()) if len(models) == 1 else ""


def _model_in(path: Path) -> str:
    try:
        if path.stat().st_size > RESULTS_LIMIT:
            return ""
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    if isinstance(found.get("model_name"), str) and found["model_name"]:
        return str(found["model_name"])
    config = found.get("config")
    arguments = config.get("model_args") if isinstance(config, dict) else None
    if isinstance(arguments, str):
        arguments = dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    if not isinstance(arguments, dict):
        return ""
    return next((name for key in MODEL_ARGUMENTS if isinstance(name := arguments.get(key), str) and name), "")


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields an answer for each reply, or the errors of a row. A row that another filter repeats has the same
    replies."""
    if kind == RESULTS:
        return
    model = file.model or model_beside(file)
    task = FILE.fullmatch(file.plain_name.rpartition("/")[2])
    category = task["task"] if task else ""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _answers(file, row, model, category)


def _prompt(value: Any) -> tuple[str, ...]:
    """Reads the first argument of the first request: the file has requests as lists, or as objects of objects."""
    found: Any = parsed(value)
    for _depth in range(2):
        if isinstance(found, dict):
            found = list(found.values())
        if not isinstance(found, list) or not found:
            raise Wrong(gettext_noop("Expected the arguments of a request, not %(found)s."), found=shown(value))
        found = found[0]
    if isinstance(found, dict) and "content" in found:
        found = [found]
    if isinstance(found, str) and found.lstrip().startswith('[{"'):
        # A chat model was sent messages, which the harness keeps as the JSON that it sent.
        try:
            return asked(parsed(found))
        except Wrong:
            pass
    if not isinstance(found, str | list):
        raise Wrong(gettext_noop("Expected text or a list of messages, not %(found)s."), found=shown(found))
    return asked(found)


def _replies(value: Any) -> list[str]:
    found = parsed(value)
    if not isinstance(found, list):
        raise Wrong(gettext_noop("Expected a list of replies, not %(found)s."), found=shown(value))
    first = found[0] if found else []
    replies = first if isinstance(first, list) else found
    if not all(isinstance(reply, str) for reply in replies) or (len(found) > 1 and isinstance(first, list)):
        reason = gettext_noop(
            "This task compares the likelihoods of given answers; its rows have no answers of the model. Use the "
            "samples of a task that generates text."
        )
        raise Wrong(reason)
    return [storable(reply) for reply in replies]


def _references(value: Any) -> tuple[str, ...]:
    match value:
        case str():
            return (storable(value),) if value else ()
        case list() if value and all(isinstance(each, str) for each in value):
            return (storable(value[0]),)
        case None | list() | dict():
            return ()
    return (str(value),)


def _key(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise Wrong(gettext_noop("Expected a whole number or text, not %(found)s."), found=shown(value))


def _answers(file: Source, row: Row, model: str, category: str) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt, replies = fields("arguments", _prompt), fields("resps", _replies)
    key = fields("doc_id", _key)
    if not model:
        fields.fault("model", gettext_noop("The file does not say which model gave these answers. Enter its name."))
    if fields.faults:
        yield from fields.faults
        return
    if not any(replies):
        yield Record(PASSED, row.line, {"remark": FAILED.code})
        return
    for sample, reply in enumerate(replies):
        values = answer.values(
            prompt=prompt,
            model=model,
            answer=(reply,),
            sample=sample,
            key=f"{category}-{key}" if category else key,
            category=category,
            references=_references(row.values.get("target")),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        )
        yield Record(answer.KIND, row.line, values)


FORMAT: Final = Format(
    NAME,
    gettext_noop("lm-evaluation-harness"),
    gettext_noop("samples_TASK.jsonl as --log_samples writes it, best with results.json beside it."),
    (answer.KIND, RESULTS),
    recognised,
    read,
    gettext_noop(
        "These are not samples of lm-evaluation-harness: each row needs doc_id, arguments and resps. Run the harness "
        "with --log_samples."
    ),
    nested=True,
    rows={answer.KIND: answer.ROWS, RESULTS: ()},
    columns={"prompt": "arguments", "result": "resps"},
    cannot_carry=(
        gettext_noop("metrics, and replies after filtering"),
        gettext_noop("the documents of the task, and all targets but the first"),
        gettext_noop("generation settings"),
    ),
)
