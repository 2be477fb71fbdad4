"""promptfoo: answers of several providers as `promptfoo eval --output results.json` writes them.

Each of `results.results` is `provider, prompt, vars, response, success, latencyMs`. The provider is the model, and the
prompt is what it was sent, after the variables have been filled in.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Format, Named, Record
from annotation.interchange.formats import answer
from annotation.interchange.formats.answer import length
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.conversation import asked, parsed, storable
from annotation.interchange.llmfao import Wrong, name
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.problems import kind as remark

NAME: Final = "promptfoo"
NEEDED: Final = frozenset({"provider", "prompt"})
SEEN: Final = frozenset({*NEEDED, "vars", "response", "success", "latencyMs", "gradingResult", "testCase"})

FAILED: Final = remark("failed-requests", gettext_noop("requests that failed: %(count)s"))


def recognised(head: Head) -> Named | None:
    """Recognises the objects in a list of results."""
    keys = frozenset(head.keys)
    fits = keys >= NEEDED and keys & {"response", "error"} and keys & {"vars", "success", "latencyMs", "gradingResult"}
    return Named(answer.KIND, matched=len(keys & SEEN)) if fits else None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields an answer for each result, or its errors. A request that failed has no answer."""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _answer(file, row)


def _provider(value: Any) -> str:
    """Reads the model: a provider's label, else its id."""
    if isinstance(value, dict):
        return name(value.get("label") or value.get("id"))
    return name(value)


def _prompt(value: Any) -> tuple[str, ...]:
    raw = value.get("raw", value.get("display", value.get("label"))) if isinstance(value, dict) else value
    if isinstance(raw, str) and raw.lstrip().startswith("[") and '"role"' in raw:
        try:
            return asked(parsed(raw))
        except Wrong:
            pass
    if not isinstance(raw, str | list):
        raise Wrong(gettext_noop("Expected text or a list of messages, not %(found)s."), found=shown(value))
    return asked(raw)


def _output(value: Any) -> str | None:
    """Reads what the model said; None if the request failed. Structured output is kept as JSON."""
    said = value.get("output") if isinstance(value, dict) else value
    if said is None or isinstance(said, str):
        return None if said is None else storable(said)
    return storable(json.dumps(said, ensure_ascii=False))


def _answer(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    model, prompt = fields("provider", _provider), fields("prompt", _prompt)
    said: str | None = fields("response", _output, "")
    failed = said is None or (not said and (bool(row.values.get("error")) or "response" not in row.values))
    if fields.faults:
        yield from fields.faults
    elif failed or said is None:
        yield Record(PASSED, row.line, {"remark": FAILED.code})
    else:
        values = answer.values(
            prompt=prompt,
            model=model,
            answer=(said,),
            duration=length(row.values.get("latencyMs")),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        )
        yield Record(answer.KIND, row.line, values)


FORMAT: Final = Format(
    NAME,
    gettext_noop("promptfoo"),
    gettext_noop("results.json as promptfoo eval --output writes it."),
    (answer.KIND,),
    recognised,
    read,
    gettext_noop("These are not results of promptfoo: each needs provider, prompt and response."),
    rows={answer.KIND: answer.ROWS},
    columns={"prompt": "prompt", "result": "response", "name": "provider"},
    cannot_carry=(
        gettext_noop("variables and templates (the prompt is what was sent)"),
        gettext_noop("assertions, scores and reasons"),
        gettext_noop("costs and token counts"),
    ),
)
