"""A file to read, how it is to be read, and the rows that come out of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from annotation.interchange.faults import Fault
from annotation.problems import gettext_noop

LINE_LIMIT: Final = 16 * 2**20
"""Maximum bytes of a JSONL line, a CSV row or a JSON object; the longest answers of models have a tenth of it."""

CHUNK: Final = 2**20

EXPANDED_FREELY: Final = 256 * 2**20
EXPANSION: Final = 50
"""Maximum expansion of a compressed file beyond `EXPANDED_FREELY` bytes. Answers and votes reach a factor of 20;
gzip allows 1,000, which is hours of reading in a small file."""

DEEPEST: Final = 200
"""Levels of lists and objects in a row; whoever walks through one goes as deep."""

MOST_ROWS: Final = 10_000_000
MOST_COLUMNS: Final = 10_000
"""Maximum rows of a spreadsheet or a Parquet file, and maximum columns of any table."""

STRONG_WEIGHT: Final = 3.0
"""The weight of a strong verdict that Arena-Hard uses."""

MOST_WEIGHT: Final = 1000.0
"""Maximum weight of a strong verdict."""

TICK: Final = 256
"""Rows between two progress reports."""

MISSING_COLUMN: Final = gettext_noop("This required column is missing.")

type Progress = Callable[[int], None]
"""Called with the number of further bytes read from disk; may raise to stop the reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a person said that a file is to be read. What is empty is found out from the content.

    Attributes:
        encoding: a name of `encodings.NAMES`.
        separator: the character between the cells of a CSV file.
        sheet: the name of the sheet of a spreadsheet; by default the first one.
        columns: by a column's or key's name in the file, the name that the format knows it by.
        strong_weight: the weight of a strong verdict, such as A>>B, where a format has them.
    """

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    strong_weight: float = STRONG_WEIGHT

    def as_json(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding,
            "separator": self.separator,
            "sheet": self.sheet,
            "columns": dict(self.columns),
            "strong_weight": self.strong_weight,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its name for people, its path, and how it is to be read.

    `model` is whose answers it has, where a person had to say so. An archive inside an archive is not opened; `inner`
    marks files that came out of one.
    """

    name: str
    path: Path
    reading: Reading = field(default_factory=Reading)
    model: str = ""
    inner: bool = False

    @property
    def plain_name(self) -> str:
        """The name without the suffix of a compressed file."""
        return self.name[: -len(".gz")] if self.compressed else self.name

    @property
    def compressed(self) -> bool:
        """Whether the name is that of a gzip file."""
        return self.name.lower().endswith(".gz")


@dataclass(slots=True)
class Row:
    """A row of a file: values by column. Not frozen, which would take a third of the time of reading a table.

    Values are all text in CSV, and of JSON's types otherwise. `line` counts from 1, the header included; in Parquet,
    which has no lines, it is the number of the row. `written` is the JSON line without its end; empty in CSV, and None
    where the file has the row in another way.
    """

    line: int
    values: Mapping[str, Any]
    written: str | None = ""

    @property
    def text(self) -> str:
        """The row as a JSON object on one line; empty in CSV."""
        return json.dumps(self.values, ensure_ascii=False) if self.written is None else self.written


@dataclass(frozen=True, slots=True)
class Change:
    """A line that is not UTF-8: as its bytes look, and as it reads in the proposed encoding."""

    line: int
    raw: str
    decoded: str


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a file, and how it was read.

    Attributes:
        layout: jsonl, json, csv, xlsx, parquet or eval.
        encoding: empty for xlsx, parquet and eval.
        separator: the character between cells; CSV only.
        sheets: the names of the sheets; xlsx only.
        keys: the columns or keys of the first rows in order, renamed as the source's reading says.
        rows: at most `ROWS` rows.
        changed: up to three lines that read differently in UTF-8. Empty unless the encoding is only a proposal.
        around: the small values of a JSON file beside the list of its rows, or an .eval file's header.
        line: the line of the header of a table.
    """

    source: Source
    layout: str
    encoding: str = ""
    separator: str = ""
    sheets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    changed: tuple[Change, ...] = ()
    around: Mapping[str, Any] = field(default_factory=dict)
    line: int = 1

    @property
    def textual(self) -> bool:
        """Whether all values are text, because the layout has no other types."""
        return self.layout == "csv"


class Unreadable(Exception):
    """Stops reading a file; has the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def unreadable(source: Source, reason: str, line: int | None = None, row: str = "", **values: str) -> Unreadable:
    """Returns the error that stops reading `source`."""
    return Unreadable(Fault(source.name, line, "", reason, values, row))


def renamed(columns: Mapping[str, str], keys: list[str]) -> list[str]:
    """Returns `keys` by the names that `columns` gives them; a key that has another's new name makes room for it."""
    if not columns:
        return keys
    given = {columns[key] for key in keys if key in columns}
    return [columns.get(key, f"{key} (2)" if key in given else key) for key in keys]


def is_too_deep(value: Any) -> bool:
    """Returns whether lists and objects are nested in `value` more than `DEEPEST` levels deep."""
    level = [value]
    for _level in range(DEEPEST):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def unstorable(value: Any) -> str | None:
    """Returns why a text in `value`, at any depth, cannot be stored in a database; None if all can."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                if "\0" in text:
                    return gettext_noop("This row contains a NUL character, which cannot be stored. Remove it.")
                if not encodable(text):
                    return gettext_noop(
                        "This row contains half a surrogate pair, which is not a valid character. Remove it."
                    )
            case dict() as items:
                stack.extend(items)
                stack.extend(items.values())
            case list() as items:
                stack.extend(items)
    return None


def encodable(text: str) -> bool:
    """Returns whether `text` has only whole characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
