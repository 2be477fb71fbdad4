"""Default temperatures by category of prompt.

The values are those of MT-bench (Zheng et al. 2023, https://arxiv.org/abs/2306.05685): 0 for prompts with one right
answer, 0.1 for knowledge, 0.7 for writing and everything else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

BY_CATEGORY: Final[Mapping[str, float]] = {
    "writing": 0.7,
    "roleplay": 0.7,
    "humanities": 0.1,
    "stem": 0.1,
    "extraction": 0.0,
    "math": 0.0,
    "maths": 0.0,
    "mathematics": 0.0,
    "coding": 0.0,
    "code": 0.0,
    "reasoning": 0.0,
}

OTHERWISE: Final = 0.7
MOST: Final = 2.0


def temperature(
    category: str | None, overall: float | None = None, by_category: Mapping[str, float] | None = None
) -> float:
    """Returns the temperature for a prompt of `category`: from `by_category`, else `overall`, else the default."""
    name = (category or "").strip().lower()
    said = {key.strip().lower(): value for key, value in (by_category or {}).items()}
    if name in said:
        return said[name]
    return BY_CATEGORY.get(name, OTHERWISE) if overall is None else overall


def read(words: Iterable[str]) -> dict[str, float]:
    """Parses words such as `coding=0.2` and returns the temperatures by category.

    Raises:
        ValueError: a word is not of this form; its message is the word.
    """
    found: dict[str, float] = {}
    for word in words:
        category, equals, value = word.rpartition("=")
        if not (category.strip() and equals and re.fullmatch(r"[0-9]*\.?[0-9]+", value.strip())):
            raise ValueError(word)
        if float(value) > MOST:
            raise ValueError(word)
        found[category.strip()] = float(value)
    return found
