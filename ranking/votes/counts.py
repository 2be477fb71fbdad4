"""Comparisons counted: how often x beat y, tied with it or lost to it, from which side. Pure."""

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

type Cells = NDArray[np.int64]
"""(k, 5) two models x and y by primary key, half points of x, the side of x (1 left, -1 right, 0 neither), how many;
sorted, each kind of comparison once."""

NONE: Final[Cells] = np.empty((0, 5), dtype=np.int64)


class Negative(ValueError):
    """More was taken away than was there: what was counted before is not what is being counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """All that was compared up to a line, counted, and the ground to count from at a later line.

    Attributes:
        key: which comparisons are meant, in a digest.
        highest: the highest primary key under the line.
        excluded: the raters who were excluded.
        rows: how many comparisons the study had under the line, counted or not. It never grows, and it
            falls where some are deleted.
        cells: the counts.
        simulated: how many of the comparisons a program made up.
        inconsistent: how many verdicts of judges contradicted one another.
    """

    key: str
    highest: int
    excluded: tuple[int, ...]
    rows: int
    cells: Cells
    simulated: int
    inconsistent: int


def fold(*tables: Cells) -> Cells:
    """The sum of counts, those of a kind put together and those of nothing left out.

    Raises:
        Negative: a sum is below zero.
    """
    table = np.concatenate([NONE, *tables])
    if not len(table):
        return NONE
    models = np.unique(table[:, :2])
    x, y = np.searchsorted(models, table[:, :2].T)
    kind, place = np.unique(((x * len(models) + y) * 3 + table[:, 2]) * 3 + table[:, 3] + 1, return_inverse=True)
    number = np.zeros(len(kind), dtype=np.int64)
    np.add.at(number, place, table[:, 4])
    if (number < 0).any():
        raise Negative
    kind, number = kind[number > 0], number[number > 0]
    rest, side = np.divmod(kind, 3)
    rest, outcome = np.divmod(rest, 3)
    x, y = np.divmod(rest, len(models))
    return np.stack([models[x], models[y], outcome, side - 1, number], axis=1)


def negated(table: Cells) -> Cells:
    """The same, to be taken away."""
    result: Cells = table * np.array([1, 1, 1, 1, -1])
    return result


def packed(table: Cells) -> bytes:
    """`table` in as few bytes as are quickly had."""
    # Sorted rows: their differences, column after column, are mostly zeros and ones.
    steps = np.diff(table, axis=0, prepend=np.zeros((1, 5), dtype=np.int64))
    return zlib.compress(steps.T.astype("<i8").tobytes(), level=1)


def unpacked(data: bytes) -> Cells:
    """The inverse of `packed`."""
    steps = np.frombuffer(zlib.decompress(data), dtype="<i8").reshape(5, -1).T
    return np.cumsum(steps, axis=0, dtype=np.int64)
