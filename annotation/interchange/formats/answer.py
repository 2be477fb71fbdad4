"""An answer of a model to a prompt, by their texts, as the formats of other tools read it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from annotation.interchange.llmfao import Wrong, number

KIND: Final = "answers"
"""The kind of row. Its values are those of `values`."""

ROWS: Final = ("models", "prompts", "results", KIND)
"""The kinds of rows that it becomes."""


def values(
    *,
    prompt: Sequence[str],
    model: str,
    answer: Sequence[str],
    format_name: str,
    file: str,
    sample: int | None = None,
    key: int | str | None = None,
    category: str = "",
    lang: str = "",
    references: Sequence[str] = (),
    note: str = "",
    duration: float | None = None,
    rate: float | None = None,
    org: str = "",
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns the values of a record.

    `prompt` and `answer` are turns. A file may name the prompt by `key` alone; then `prompt` is empty. Without a
    `model` the record is a prompt only. `sample` counts from 0; None is the next. `duration` is in milliseconds, `rate`
    in characters per second.
    """
    return {
        "prompt": tuple(prompt),
        "model": model,
        "answer": tuple(answer),
        "sample": sample,
        "key": key,
        "category": category,
        "lang": lang,
        "references": tuple(references),
        "note": note,
        "duration": duration,
        "rate": rate,
        "org": org,
        "format": format_name,
        "file": file,
        "extra": dict(extra or {}),
    }


def length(value: Any, unit: int = 1) -> float | None:
    """Returns the milliseconds that a file says in units of `unit` milliseconds; None if it says no length of time."""
    try:
        found = number(value)
    except Wrong:
        return None
    return None if found is None or not 0 <= found * unit < math.inf else found * unit
