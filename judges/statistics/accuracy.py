"""How often a judge chooses as was known to be right: per set, on average over sets, and over all rows. Pure.

A row counts 1 where the judge is right and 0 where it is wrong; a tie, or a verdict that the other order
contradicts, counts one half in one reading and 0 in the other. Rows without a readable answer are counted
apart and in neither: an error is no tie, and no wrong answer.

Intervals are at 95 %. Of one set: Wilson's score interval (Wilson 1927), of the number of rows where every
prompt stands once, else of the effective number that the variance by prompts leaves (Korn and Graubard
1998 do so for Clopper and Pearson's), with Student's quantile for the number of prompts. It takes a count;
with halves among the scores it is a little wide, since these vary less. Of a mean over sets: from the sets'
own intervals by the method of variance estimates recovery (Zou, Huang and Zhang 2009), sets taken as independent.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

type Outcome = Literal["right", "wrong", "tie", "inconsistent", "unread"]
type Says = Literal["chosen", "rejected", "tie"]

OUTCOMES: Final[tuple[Outcome, ...]] = ("right", "wrong", "tie", "inconsistent", "unread")
LEVEL: Final = 0.95
QUANTILE: Final = float(ndtri((1 + LEVEL) / 2))
"""Of the normal distribution, for an interval at `LEVEL`."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """A share with its interval; None where no row could be read."""

    value: float | None
    low: float | None = None
    high: float | None = None


NOTHING: Final = Accuracy(None)


@dataclass(frozen=True, slots=True)
class Result:
    """A set of rows, or several together.

    Attributes:
        name: of the set; empty for several.
        outcomes: how many rows ended how.
        prompts: how many prompts the rows that were read are about.
        half, wrong: the accuracy with ties half, and with ties wrong.
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
        """Rows that have an answer, of any kind."""
        return self.rows - self.outcomes["unread"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a set: how it ended, and which prompt it is about."""

    outcome: Outcome
    prompt: str


def outcome(said: Sequence[Says | None]) -> Outcome:
    """What the answers on one row come to: one, or one of each order; None for what could not be read."""
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
    """What two scores say, as `outcome` takes it: the better answer has the higher one."""
    if chosen is None or rejected is None:
        return [None]
    return ["tie" if chosen == rejected else "chosen" if chosen > rejected else "rejected"]


def result(name: str, rows: Iterable[Row]) -> Result:
    """Accuracy over `rows`."""
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
    """The mean of `scores` (n,), each in [0, 1]; `prompt` (n,) are codes of what they are about."""
    if not len(scores):
        return NOTHING
    share = float(scores.mean())
    return Accuracy(share, *wilson(share, *_effective(scores, prompt)))


def wilson(share: float, number: float, quantile: float = QUANTILE) -> tuple[float, float]:
    """The ends of Wilson's score interval (Wilson 1927) of a `share` among `number` independent draws, which need
    not be whole; `quantile` is that of the normal distribution, or Student's where the spread was estimated."""
    scale = 1 + quantile**2 / number
    middle = (share + quantile**2 / (2 * number)) / scale
    spread = quantile / scale * math.sqrt(share * (1 - share) / number + quantile**2 / (4 * number**2))
    # Rounding must not push an end past the share at 0 and 1, nor out of them.
    return max(0.0, min(share, middle - spread)), min(1.0, max(share, middle + spread))


def _effective(scores: NDArray[np.float64], prompt: NDArray[np.integer]) -> tuple[float, float]:
    """The number of independent rows that the scores are worth, and the quantile for it."""
    rows = len(scores)
    codes = np.unique(prompt, return_inverse=True)[1].ravel()
    clusters = int(codes.max()) + 1
    if clusters == rows:
        return float(rows), QUANTILE
    if clusters == 1:
        # One prompt says nothing of others: its rows are worth one.
        return 1.0, QUANTILE
    share = scores.mean()
    sums = np.bincount(codes, weights=scores - share)
    variance = float((sums**2).sum()) / rows**2 * clusters / (clusters - 1)
    plain = share * (1 - share)
    effective = plain / variance if variance > 0 and plain > 0 else float(clusters)
    return float(np.clip(effective, 1.0, rows)), float(stdtrit(clusters - 1, (1 + LEVEL) / 2))


def mean(parts: Sequence[Accuracy]) -> Accuracy:
    """The plain mean over sets, those without a readable row left out."""
    known = [(part.value, part.low, part.high) for part in parts if part.value is not None]
    if not known:
        return NOTHING
    value, low, high = np.array(known, dtype=np.float64).T
    middle = float(value.mean())
    below = float(np.sqrt(((value - low) ** 2).sum())) / len(known)
    above = float(np.sqrt(((high - value) ** 2).sum())) / len(known)
    return Accuracy(middle, max(0.0, middle - below), min(1.0, middle + above))
