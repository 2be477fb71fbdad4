"""Which answers are compared at all: filters with units, off by default. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from annotation.problems import gettext_noop
from judges.similarity import text_units

type Numbers = NDArray[np.int64]
type Kept = NDArray[np.bool_]


def characters(text: str) -> int:
    """Returns the length of `text` in characters (Unicode code points), without the blanks around it."""
    return len(text.strip())


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on two answers.

    `label` and `help` are English, and translated where they are shown. `size` measures an answer; `keeps` says from
    the sizes of the left and right answers, and the limit, which prompts are kept. `limit` is the usual one; None if
    the filter has none. `unit` is that of the limit.
    """

    name: str
    label: str
    help: str
    size: Callable[[str], int]
    keeps: Callable[[Numbers, Numbers, float], Kept]
    limit: float | None = None
    unit: str = ""


def _ratio_below(left: Numbers, right: Numbers, limit: float) -> Kept:
    return np.maximum(left, right) < limit * np.minimum(left, right)


FILTERS: Final[Mapping[str, Filter]] = {
    known.name: known
    for known in (
        Filter(
            "not-empty",
            gettext_noop("Neither answer is empty"),
            gettext_noop("An answer of only whitespace counts as empty."),
            characters,
            lambda left, right, _limit: (left > 0) & (right > 0),
        ),
        Filter(
            "length-ratio",
            gettext_noop("Length ratio below"),
            gettext_noop("The longer answer has less than this many times the characters of the shorter one."),
            characters,
            _ratio_below,
            4.0,
            gettext_noop("times the characters"),
        ),
        Filter(
            "words",
            gettext_noop("Words per answer above"),
            gettext_noop("Counted by Unicode word boundaries: each Chinese character and each Hiragana letter is one."),
            text_units.words,
            lambda left, right, limit: (left > limit) & (right > limit),
            20.0,
            gettext_noop("words"),
        ),
    )
}
"""By name, in the order in which they are applied."""


class BadFilter(ValueError):
    """A filter is not known, or its limit is no number of 0 or more."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters that are on, each with its limit (None where it has none)."""

    limits: Mapping[str, float | None]

    @classmethod
    def of(cls, limits: Mapping[str, Any]) -> Self:
        """Returns `limits` in the order in which they are applied.

        Raises:
            BadFilter: one cannot be used.
        """
        if unknown := limits.keys() - FILTERS.keys():
            raise BadFilter(min(unknown))
        found: dict[str, float | None] = {}
        for name, known in FILTERS.items():
            if name not in limits:
                continue
            limit = limits[name]
            if known.limit is None:
                found[name] = None
            elif isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < 1e9:
                raise BadFilter(name)
            else:
                found[name] = float(limit)
        return cls(found)

    def sizes(self, texts: Sequence[str]) -> dict[str, Numbers]:
        """Returns what each filter needs to know of `texts`: (n,) a number for each."""
        return {
            name: np.fromiter((FILTERS[name].size(text) for text in texts), np.int64, len(texts))
            for name in self.limits
        }

    def dropped(self, sizes: Mapping[str, Numbers], left: Numbers, right: Numbers) -> NDArray[np.uint8]:
        """Returns (pairs,) which filters drop the answers `left` and `right`, indices into `sizes`.

        Bit i stands for the i-th filter of `limits`; 0 is kept. Each filter is asked about every pair, so what one of
        them drops does not depend on the others.
        """
        found = np.zeros(len(left), np.uint8)
        for bit, (name, limit) in enumerate(self.limits.items()):
            kept = FILTERS[name].keeps(sizes[name][left], sizes[name][right], limit or 0.0)
            found |= np.where(kept, 0, 1 << bit).astype(np.uint8)
        return found
