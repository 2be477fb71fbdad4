"""Reading the rows of files, whatever their layout: CSV, JSON, spreadsheets and Parquet, compressed or not. Pure.

A `Source` is a file and how it is to be read. `look` returns its first rows, by which formats recognise it, and
`rows` yields all of them in bounded memory. No content of a file raises an error: what cannot be read is a `Fault`.
"""

from annotation.interchange.reading.head import look, rows
from annotation.interchange.reading.source import (
    MISSING_COLUMN,
    MOST_WEIGHT,
    STRONG_WEIGHT,
    Change,
    Head,
    Progress,
    Reading,
    Row,
    Source,
)

__all__ = [
    "MISSING_COLUMN",
    "MOST_WEIGHT",
    "STRONG_WEIGHT",
    "Change",
    "Head",
    "Progress",
    "Reading",
    "Row",
    "Source",
    "look",
    "rows",
]
