"""Merges the verdicts of a judge that saw a pair in both orders, or several times. Pure."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

type Inconsistent = Literal["drop", "tie"]
"""What to do with verdicts that contradict each other."""

UNDECIDED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The merged verdicts of g groups of rows, each of one rater, pair and turn.

    Attributes:
        first: (g,) the first row of each group.
        outcome: (g,) half points of x; -1 if the verdicts contradict each other.
        left: (g,) 1 or -1 as in the rows, if all of a group have the same, else 0.
    """

    first: NDArray[np.intp]
    outcome: NDArray[np.int64]
    left: NDArray[np.int64]


def merge(group: NDArray[np.integer], left: NDArray[np.integer], outcome: NDArray[np.integer]) -> Merged:
    """Takes the strict plurality of the samples within each order, and requires both orders to agree.

    group: (n,) which rows belong together; left: (n,) 1 or -1; outcome: (n,) 0, 1 or 2.
    """
    _values, first, label = np.unique(group, return_index=True, return_inverse=True)
    size = len(first)
    if size == len(group):
        return Merged(first, outcome[first].astype(np.int64), left[first].astype(np.int64))
    side = (left > 0).astype(np.int64)
    votes = np.bincount((label * 2 + side) * 3 + outcome, minlength=6 * size).reshape(size, 2, 3)
    top = votes.max(axis=2, keepdims=True)
    decided = np.where((votes == top).sum(axis=2) == 1, votes.argmax(axis=2), UNDECIDED)
    asked = votes.sum(axis=2) > 0
    alike = decided[:, 0] == decided[:, 1]
    single = np.where(asked[:, 1], decided[:, 1], decided[:, 0])
    both = asked.all(axis=1)
    return Merged(
        first,
        np.where(both & ~alike, UNDECIDED, single),
        np.where(both, 0, np.where(asked[:, 1], 1, -1)),
    )
