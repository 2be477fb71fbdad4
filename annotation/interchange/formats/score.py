"""A score of an answer, given elsewhere."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

KIND: Final = "scores"


def values(
    *,
    prompt: Sequence[str],
    model: str,
    sample: int,
    scorer: str,
    value: float | None,
    text: str = "",
    at: datetime | None = None,
) -> dict[str, Any]:
    """Returns the values of a record; `sample` counts from 0."""
    return {
        "prompt": tuple(prompt),
        "model": model,
        "sample": sample,
        "scorer": scorer,
        "value": value,
        "text": text,
        "at": at,
    }
