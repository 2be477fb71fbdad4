"""Cells of CSV files that were made harmless for spreadsheets, as this site and other tools write them."""

from collections.abc import Iterable, Iterator
from typing import Any

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Row
from annotation.interchange.tables import unguard


def unguarded(rows: Iterable[Row | Fault]) -> Iterator[Row | Fault]:
    """Yields rows without the apostrophe that keeps a spreadsheet from running a cell of a CSV file as a formula.

    Rows of other layouts, which no spreadsheet runs, are yielded as they are.
    """
    for row in rows:
        if isinstance(row, Row) and row.written == "":
            row.values = {name: _plain(cell) for name, cell in row.values.items()}
        yield row


def _plain(cell: Any) -> Any:
    return unguard(cell) if isinstance(cell, str) and cell[:1] == "'" else cell
