"""The rows of a study's files before they are written: as dictionaries, or, for large files, column by column."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any, Final

from django.db.models import QuerySet

from annotation.interchange.tables import csv_line, csv_lines

CHUNK_CHARACTERS: Final = 2**16
ROWS_AT_ONCE: Final = 100
PLAIN_AT_ONCE: Final = 2000
"""Rows per batch, for rows without texts."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file before they are written.

    `query` returns model instances, or tuples whose first value is the primary key, in stored order; `tell`
    converts a batch of them to rows with the file's columns.
    """

    query: QuerySet[Any, Any]
    tell: Callable[[Sequence[Any]], Iterable[dict[str, Any]]]

    def all(self, at_once: int = ROWS_AT_ONCE) -> Iterator[dict[str, Any]]:
        """Yields every row, with `at_once` rows in memory."""
        for some in batched(self.query.iterator(at_once), at_once):
            yield from self.tell(some)


type Columns = Mapping[str, Sequence[Any]]
"""A batch of rows: the values of each column, all of the same length."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file that may be long: a batch is converted column by column, several times as fast as by rows.

    `query` returns tuples whose first value is the primary key, in stored order; `tell` converts a batch of them.
    """

    query: QuerySet[Any, tuple[Any, ...]]
    tell: Callable[[Sequence[tuple[Any, ...]]], Columns]

    def batches(self, at_once: int = PLAIN_AT_ONCE) -> Iterator[Columns]:
        """Yields the rows in batches, with `at_once` rows in memory."""
        for some in batched(self.query.iterator(at_once), at_once):
            yield self.tell(some)

    def csv(self, names: Sequence[str]) -> Iterator[str]:
        """Yields the header `names` and the rows as CSV. A column that the table does not have is empty."""
        yield csv_line(names)
        for columns in self.batches():
            nothing = (None,) * len(next(iter(columns.values())))
            yield csv_lines([columns.get(name, nothing) for name in names])

    @property
    def rows(self) -> Rows:
        """The same rows as dictionaries."""
        return Rows(self.query, lambda some: as_rows(self.tell(some)) if some else ())


def as_rows(columns: Columns) -> Iterator[dict[str, Any]]:
    """Yields the rows of a batch as dictionaries."""
    return (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))


def chunks(lines: Iterable[str]) -> Iterator[str]:
    """Yields `lines` joined to texts of about `CHUNK_CHARACTERS`."""
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= CHUNK_CHARACTERS:
            yield "".join(chunk)
            chunk, size = [], 0
    if chunk:
        yield "".join(chunk)


def time(at: datetime | None) -> str | None:
    """Returns a time as files have it, in ISO 8601; None if there is none."""
    return at.isoformat() if at else None


def seconds(since: datetime | None, until: datetime | None) -> float | None:
    """Returns the seconds between two times; None if one of them is not known."""
    return (until - since).total_seconds() if since and until else None
