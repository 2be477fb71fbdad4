"""The range that holds a quantity in 80 % of simulated studies, also where it takes few values."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

SHARE: Final = 0.8
TAIL: Final = (1 - SHARE) / 2
LEAST: Final = 0.79
"""A range holds at least this share of the simulated values: 80 % exactly may not be possible."""

BALANCE: Final = 0.25
"""How much a difference between the tails counts beside a share that differs from 80 %."""

TRIED: Final = 3
"""Values tried for each end, about its quantile."""


@dataclass(frozen=True, slots=True)
class Range:
    """The mean of a quantity, and the ends, included, of the range that holds it in 80 % of studies."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Returns the mean of simulated `values` (r,), and their 10 % and 90 % quantiles, which are values that occur.

        Where there are few values, the range holds more than 80 %.
        """
        low, high = np.quantile(values, [TAIL, 1 - TAIL], method="inverted_cdf")
        return cls(float(np.mean(values)), float(low), float(high))

    @classmethod
    def closest(cls, values: np.ndarray) -> Self:
        """Returns the same, with ends near the quantiles whose range holds the share nearest to 80 %.

        For a quantity with many values, of which each has a part of the probability that counts.
        """
        seen, times = np.unique(values, return_counts=True)
        share = np.cumsum(times) / len(values)
        before = share - times / len(values)
        lows = _near(int(np.searchsorted(share, TAIL)), len(seen))
        highs = _near(int(np.searchsorted(share, 1 - TAIL)), len(seen))
        below, above = before[lows][:, None], 1 - share[highs]
        held = 1 - below - above
        loss = np.abs(held - SHARE) + BALANCE * np.abs(below - above)
        loss = np.where((held >= LEAST) & (lows[:, None] <= highs), loss, 2 + below + above)
        low, high = np.unravel_index(int(np.argmin(loss)), loss.shape)
        return cls(float(np.mean(values)), float(seen[lows[low]]), float(seen[highs[high]]))


def _near(place: int, size: int) -> np.ndarray:
    return np.arange(max(0, place - TRIED), min(size, place + TRIED + 1))
