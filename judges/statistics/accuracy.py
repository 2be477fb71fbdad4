"""Computes a judge's accuracy on known preferences: per set, averaged over sets, and over all rows. Pure.

A row counts 1 if the judge is right and 0 if it is wrong. A tie or contradictory verdict counts one half in one
measure and 0 in the other. Rows without a readable reply are counted separately and in neither measure: an error is
neither a tie nor a wrong answer.

Intervals have a level of 95%. For one set: Wilson's score interval (Wilson 1927), with the number of rows if every
prompt occurs once. Otherwise with the effective number from the variance between prompts (as Korn and Graubard 1998
do for Clopper and Pearson's interval) and Student's quantile for the number of prompts. The interval assumes counts;
with halves among the scores it is slightly wide, because they vary less. For a mean over sets: from the intervals of
the sets by the method of variance estimates recovery (Zou, Huang and Zhang 2009), assuming independent sets.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

type Outcome = Literal["right", "wrong", "tie", "inconsistent", "unread"]
type Says = Literal["chosen", "rejected", "tie"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("right", "wrong", "tie", "inconsistent", "unread")
LEVEL: Final = 0.95
QUANTILE: Final = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""Quantile of the normal distribution for an interval of level `LEVEL`."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share with its interval; None if no row was readable."""

    value: float | None
    low: float | None = None
    high: float | None = None


NOTHING: Final = Accuracy(None)


@dataclass(frozen=True, slots=True)
class Result:
    """Outcomes and accuracy of one set or of several combined.

    Attributes:
        name: of the set; empty for several.
        outcomes: number of rows by outcome.
        prompts: number of prompts among the readable rows.
        half, wrong: accuracy with ties counted as half, and as wrong.
    """

    name: str
    outcomes: dict[Outcome, int]
    prompts: int
    half: Accuracy
    wrong: Accuracy

    @property
    def rows(self) -> int:
        return sum(self.outcomes.values())

    @property
    def read(self) -> int:
        """Number of rows with a readable reply."""
        return self.rows - self.outcomes["unread"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a set: its outcome and its prompt."""

    outcome: Outcome
    prompt: str


def outcome(said: Sequence[Says | None]) -> Outcome:
    """Combines the replies on one row, one per order asked, into an outcome; None stands for an unreadable reply."""
    if not said or None in said:
        return "unread"
    if len(set(said)) > 1:
        return "inconsistent"
    match said[0]:
        case "chosen":
            return "right"
        case "rejected":
            return "wrong"
        case _:
            return "tie"


def higher(chosen: float | None, rejected: float | None) -> list[Says | None]:
    """Converts two scores into a verdict for `outcome`: the higher score wins."""
    if chosen is None or rejected is None:
        return [None]
    return ["tie" if chosen == rejected else "chosen" if chosen > rejected else "rejected"]


def result(name: str, rows: Iterable[Row]) -> Result:
    """Computes the accuracy over `rows`."""
    rows = list(rows)
    counts = Counter(row.outcome for row in rows)
    read = [row for row in rows if row.outcome != "unread"]
    prompt = np.unique([row.prompt for row in read], return_inverse=True)[1].ravel()
    right = np.array([row.outcome == "right" for row in read], dtype=np.float64)
    undecided = np.array([row.outcome in {"tie", "inconsistent"} for row in read], dtype=np.float64)
    return Result(
        name,
        {each: counts[each] for each in OUTCOMES},
        len(np.unique(prompt)),
        accuracy(right + undecided / 2, prompt),
        accuracy(right, prompt),
    )


def accuracy(scores: NDArray[np.float64], prompt: NDArray[np.integer]) -> Accuracy:
    """Computes the mean of `scores` (n,), each in [0, 1], and its interval; `prompt` (n,) are codes of the prompts."""
    if not len(scores):
        return NOTHING
    share = float(scores.mean())
    return Accuracy(share, *wilson(share, *_effective(scores, prompt)))


def wilson(share: float, number: float, quantile: float = QUANTILE) -> tuple[float, float]:
    """Computes the ends of Wilson's score interval (Wilson 1927) for a `share` of `number` independent draws.

    `number` need not be whole. `quantile` is the normal one, or Student's if the variance was estimated.
    """
    scale = 1 + quantile**2 / number
    middle = (share + quantile**2 / (2 * number)) / scale
    spread = quantile / scale * math.sqrt(share * (1 - share) / number + quantile**2 / (4 * number**2))
    # Rounding must not push an end past the share or out of [0, 1].
    return max(0.0, min(share, middle - spread)), min(1.0, max(share, middle + spread))


def _effective(scores: NDArray[np.float64], prompt: NDArray[np.integer]) -> tuple[float, float]:
    """Computes the effective number of independent rows, and the quantile for it."""
    rows = len(scores)
    codes = np.unique(prompt, return_inverse=True)[1].ravel()
    clusters = int(codes.max()) + 1
    if clusters == rows:
        return float(rows), QUANTILE
    if clusters == 1:
        # One prompt gives no information about others, so its rows count as one.
        return 1.0, QUANTILE
    share = scores.mean()
    sums = np.bincount(codes, weights=scores - share)
    variance = float((sums**2).sum()) / rows**2 * clusters / (clusters - 1)
    plain = share * (1 - share)
    effective = plain / variance if variance > 0 and plain > 0 else float(clusters)
    return float(np.clip(effective, 1.0, rows)), float(scipy.special.stdtrit(clusters - 1, (1 + LEVEL) / 2))


def mean(parts: Sequence[Accuracy]) -> Accuracy:
    """Computes the unweighted mean over sets, leaving out sets without a readable row."""
    known = [(part.value, part.low, part.high) for part in parts if part.value is not None]
    if not known:
        return NOTHING
    value, low, high = np.array(known, dtype=np.float64).T
    middle = float(value.mean())
    below = float(np.sqrt(((value - low) ** 2).sum())) / len(known)
    above = float(np.sqrt(((high - value) ** 2).sum())) / len(known)
    return Accuracy(middle, max(0.0, middle - below), min(1.0, middle + above))
