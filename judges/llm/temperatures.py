"""Which temperature a prompt of a category is asked at, where nobody says another one.

The values are those of MT-bench (Zheng et al. 2023, https://arxiv.org/abs/2306.05685): what has one right
answer is asked for at 0, what knowledge explains at 0.1, what is invented at 0.7, and so is all else.
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
    """The temperature for a prompt of `category`: what `by_category` says of it, else `overall`, else the usual."""
    name = (category or "").strip().lower()
    said = {key.strip().lower(): value for key, value in (by_category or {}).items()}
    if name in said:
        return said[name]
    return BY_CATEGORY.get(name, OTHERWISE) if overall is None else overall


def read(words: Iterable[str]) -> dict[str, float]:
    """Temperatures by category from words such as `coding=0.2`.

    Raises:
        ValueError: with the word that is none.
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
