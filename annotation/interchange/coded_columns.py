"""Columns of a large CSV file as numbers: each distinct cell is kept once, and a row is a number for each column.

A tenth of the time of reading row by row, because a cell that occurs a thousand times is looked at once. Only plain
files are read like this. Anything unusual, let alone wrong, is left to the readers of rows, which know what to say.
"""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

BATCH: Final = 1 << 14
"""Rows taken at a time: their cells are in memory at once."""

CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Attributes:

    values: the k distinct cells, in the order in which they come.
    codes: (n,) the number of each row's cell among them.
    """

    values: list[str]
    codes: NDArray[np.int32]


class _Growing:
    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.parts: list[NDArray[np.int32]] = []

    def extend(self, cells: tuple[str, ...]) -> None:
        known = self.known
        for cell in dict.fromkeys(cells):
            known.setdefault(cell, len(known))
        self.parts.append(np.fromiter(map(known.__getitem__, cells), dtype=np.int32, count=len(cells)))

    def column(self) -> Column:
        return Column(list(self.known), np.concatenate([np.empty(0, dtype=np.int32), *self.parts]))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of a file by name, and the number of rows."""

    columns: Mapping[str, Column]
    rows: int


def coded(path: Path, wanted: Collection[str], *, separator: str = ",") -> Table | None:
    """Returns those of the columns `wanted` that the CSV file at `path` has; None if it is not plain.

    A plain file is UTF-8 with a header row of distinct names, and rows that have as many cells as it has names. It
    has no blank lines but at its end, and no NUL characters.
    """
    try:
        if _has_nul(path):
            return None
        with path.open(encoding="utf-8-sig", newline="") as text:
            return _coded(text, wanted, separator)
    except (OSError, UnicodeDecodeError, csv.Error):
        return None


def _has_nul(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b"\0" in chunk for chunk in iter(lambda: file.read(CHUNK), b""))


def _coded(text: IO[str], wanted: Collection[str], separator: str) -> Table | None:
    reader = csv.reader(text, strict=True, delimiter=separator)
    header = next(reader, None)
    if not header or len(set(header)) != len(header) or not all(header):
        return None
    found = {name: _Growing() for name in header if name in wanted}
    places = {name: header.index(name) for name in found}
    rows = 0
    while batch := list(islice(reader, BATCH)):
        while batch and not batch[-1]:
            # Blank lines at the end; more rows behind them would not be plain.
            if next(reader, None) is not None:
                return None
            batch.pop()
        if any(len(row) != len(header) for row in batch):
            return None
        cells = list(zip(*batch, strict=True))
        for name, column in found.items():
            column.extend(cells[places[name]])
        rows += len(batch)
    return Table({name: column.column() for name, column in found.items()}, rows)
