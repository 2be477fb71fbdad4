"""Rows of CSV files, with any separator, quoting and line end."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Final

from annotation.interchange.faults import SHOWN, Fault, shown
from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.source import CHUNK, LINE_LIMIT, Row, Source, encodable, renamed, unreadable
from annotation.problems import gettext_noop

if TYPE_CHECKING:
    from _csv import Reader

# The csv module's limit is 131,072 characters by default; answers in a cell can be longer.
csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))

COMMON: Final = (",", "\t", ";", "|")
RARE: Final = (":", "^", "~", "\x1f", "\x01", "¦", "§")
SEPARATOR: Final = re.compile(r"""[^"'\r\n\0\ud800-\udfff]""")
"""What can separate cells: no quotation mark or line end, and nothing that cannot be stored."""
SEPARATOR_LINE: Final = re.compile(rf'\ufeff?"?sep=({SEPARATOR.pattern})"?[;,\t]*\r?\n?', re.IGNORECASE)
"""The first line of a file for Excel, which says what separates its cells."""

MOST_LINES: Final = 500
ENOUGH: Final = 2**17
"""Lines and characters that a dialect is tried on."""

SINGLE: Final = re.compile(r"'.*'", re.DOTALL)
ESCAPED: Final = re.compile(r'\\([\\"])')


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a file are separated and quoted.

    With `escaped`, quotation marks inside of a cell have a backslash before them; without `quoted`, they mean nothing.
    `said` is whether the first line is not the header but says the separator.
    """

    separator: str = ","
    quote: str = '"'
    escaped: bool = False
    quoted: bool = True
    said: bool = False

    def reader(self, lines: Iterator[str]) -> "Reader":
        if self.escaped:
            # Only these two: a backslash before anything else is the text's own, as in \n or \frac.
            lines = (ESCAPED.sub(lambda found: '""' if found[1] == '"' else "\\", line) for line in lines)
        if not self.quoted:
            return csv.reader(lines, delimiter=self.separator, quoting=csv.QUOTE_NONE, strict=True)
        return csv.reader(lines, delimiter=self.separator, quotechar=self.quote, strict=True)


def found(source: Source, start: str, *, whole: bool) -> Dialect:
    """Returns how the file that begins with `start` separates and quotes its cells.

    `start` ends with a complete line. It is the `whole` file, or a cell may go on behind it.

    Raises:
        Unreadable: the separator that a person said is not one character.
    """
    told = source.reading.separator
    if told and not SEPARATOR.fullmatch(told):
        raise unreadable(source, gettext_noop("The separator must be one character."))
    line = SEPARATOR_LINE.match(start)
    if line:
        start = start[line.end() :]
    lines = list(islice(_lines_within(start), MOST_LINES))
    whole = whole and sum(map(len, lines)) == len(start)
    fixed = told or (line[1] if line else "")
    for separators in ((fixed,),) if fixed else (COMMON, RARE):
        tried = [
            (fit, -place, dialect)
            for place, dialect in enumerate(_dialects(separators, said=line is not None))
            if (fit := _fit(dialect, lines, whole=whole)) is not None
        ]
        if tried:
            return max(tried, key=lambda each: each[:2])[2]
    return Dialect(fixed or ",", said=line is not None)


def _lines_within(start: str) -> Iterator[str]:
    """Yields the lines of `start`, at least one of them, and no more than are enough."""
    size = 0
    for line in io.StringIO(start, newline="\n"):
        if size > ENOUGH:
            return
        yield line
        size += len(line)


def _dialects(separators: tuple[str, ...], *, said: bool) -> Iterator[Dialect]:
    """Yields the dialects to try, the usual one first."""
    for separator in separators:
        yield Dialect(separator, said=said)
    for separator in separators:
        yield Dialect(separator, quote="'", said=said)
        yield Dialect(separator, escaped=True, said=said)
    if "\t" in separators:
        # Tab-separated values of databases have no quotation, so that a text may begin with a quotation mark.
        yield Dialect("\t", quoted=False, said=said)


def _fit(dialect: Dialect, lines: list[str], *, whole: bool) -> tuple[bool, float, int] | None:
    """Returns how well a dialect fits: whether it reads all lines, the share of rows as wide as the header, its width.

    None if the header would be a single cell, or is not quoted as the dialect says.
    """
    reader = dialect.reader(iter(lines))
    widths: list[int] = []
    intact = True
    try:
        for cells in reader:
            if any(cells):
                if not widths and dialect.quote == '"' and all(map(SINGLE.fullmatch, cells)):
                    # Quotation marks of another kind would be taken for a part of every name.
                    intact = False
                # Empty cells behind are those of columns without a name.
                widths.append(len(cells) if not widths else max(widths[0], _filled(cells)))
    except csv.Error:
        intact = intact and not whole and reader.line_num >= len(lines)
    if not widths or widths[0] < 2 or (dialect.quote == "'" and not lines[0].startswith("'")):
        return None
    return intact, sum(width == widths[0] for width in widths) / len(widths), widths[0]


def _filled(cells: list[str]) -> int:
    """Returns the number of cells up to the last one that is not empty."""
    count = len(cells)
    while count and not cells[count - 1]:
        count -= 1
    return count


def lines(source: Source, stream: IO[bytes]) -> Iterator[list[str]]:
    """Yields the lines of `stream` with their line ends, many at a time. Bytes that are not UTF-8 become surrogates.

    Raises:
        Unreadable: a line is too long; the end of the row that it belongs to is unknown.
    """
    carry, number, limit = b"", 1, bounds.LINE_LIMIT
    first = True
    while chunk := stream.read(CHUNK):
        end = chunk.rfind(b"\n") + 1
        if not end:
            carry += chunk
        else:
            text = (carry + chunk[:end]).decode("utf-8", "surrogateescape")
            carry = chunk[end:]
            if first:
                text, first = text.removeprefix("\ufeff"), False
            some = list(io.StringIO(text, newline="\n"))
            if len(text) > limit and len(some[0]) > limit:
                raise _too_long(source, number)
            number += len(some)
            yield some
        if len(carry) > limit:
            raise _too_long(source, number)
    if carry:
        text = carry.decode("utf-8", "surrogateescape")
        yield [text.removeprefix("\ufeff") if first else text]


def _too_long(source: Source, number: int) -> Exception:
    reason = gettext_noop("This line is longer than %(limit)s MiB.")
    return unreadable(source, reason, number, limit=str(bounds.LINE_LIMIT // 2**20))


class Table:
    """A CSV file. `keys` are known once rows are read."""

    def __init__(self, source: Source, stream: IO[bytes], dialect: Dialect) -> None:
        self.source, self.stream, self.dialect = source, stream, dialect
        self.keys: list[str] = []
        self.line = 1

    def rows(self) -> Iterator[Row | Fault]:
        """Yields the rows by the names in the header, all values as text.

        Columns without a name are left out where their cells are empty, and otherwise go by their number. Rows without
        any content are skipped. A fault of the header is the only one.
        """
        reader = self.dialect.reader(chain.from_iterable(lines(self.source, self.stream)))
        header: Header | None = None
        if self.dialect.said:
            next(reader, None)
        number = reader.line_num + 1
        plain = -1
        keys: list[str] = []
        try:
            for cells in reader:
                if len(cells) == plain and (text := "".join(cells)).isascii() and text and "\0" not in text:
                    # Nearly all rows of nearly all files; `header.row` does the same, and the rest.
                    yield Row(number, dict(zip(keys, cells, strict=True)))
                elif header is not None:
                    if (len(cells) > 1 and any(cells)) or (len(cells) == 1 and (header.width == 1 or cells[0].strip())):
                        yield header.row(number, cells)
                elif any(map(str.strip, cells)):
                    header = Header(self.source, cells)
                    if fault := header.fault(number):
                        yield fault
                        return
                    self.keys, self.line = header.named, number
                    if len(header.named) == header.width > 1:
                        plain, keys = header.width, header.keys
                number = reader.line_num + 1
        except csv.Error as error:
            yield _invalid(self.source, number, error)
            return
        if header is None:
            yield Fault(self.source.name, None, "", gettext_noop("The file is empty."))


def _invalid(source: Source, number: int, error: csv.Error) -> Fault:
    if "field limit" in str(error):
        reason = gettext_noop("This row is longer than %(limit)s MiB. Check for a missing quotation mark.")
        return Fault(source.name, number, "", reason, {"limit": str(bounds.LINE_LIMIT // 2**20)})
    # The text after the dash is for programmers.
    problem = str(error).partition(" - ")[0]
    return Fault(source.name, number, "", gettext_noop("This row is not valid CSV: %(problem)s"), {"problem": problem})


def nameless(place: int) -> str:
    """Returns what a column without a name goes by; `place` counts from 1."""
    return f"(column {place})"


class Header:
    """The header row of a table, by which its rows are built."""

    def __init__(self, source: Source, cells: list[str]) -> None:
        self._source = source
        self._cells = cells
        self.width = len(cells)
        names = [cell if cell.strip() else nameless(place) for place, cell in enumerate(cells, 1)]
        self.keys = renamed(source.reading.columns, names)
        self._nameless = [place for place, cell in enumerate(cells) if not cell.strip()]

    @property
    def named(self) -> list[str]:
        """The keys of the columns that have a name."""
        return [key for place, key in enumerate(self.keys) if place not in self._nameless]

    def fault(self, number: int) -> Fault | None:
        """Returns what is wrong with the header, which is on the line `number`."""
        problem = self._problem()
        if problem is None:
            return None
        return Fault(self._source.name, number, "", problem, {}, shown(self._shown(self._cells), 2 * SHOWN))

    def _problem(self) -> str | None:
        if not all(map(encodable, self._cells)):
            return gettext_noop("The header row is not valid UTF-8. Save the file as UTF-8.")
        if any("\0" in cell for cell in self._cells):
            return gettext_noop("A column name contains a NUL character, which cannot be stored. Remove it.")
        if len(set(self.keys)) != self.width:
            return gettext_noop("A column name appears twice.")
        if self.width > bounds.MOST_COLUMNS:
            return gettext_noop("The table has more than 10,000 columns.")
        return None

    def row(self, number: int, cells: list[str]) -> Row | Fault:
        """Returns the row on the line `number`, or its fault."""
        if len(cells) != self.width:
            if len(cells) < self.width or any(cells[self.width :]):
                reason = gettext_noop("Expected %(expected)s cells, as in the header row, not %(found)s.")
                return self._refused(number, cells, "", reason, expected=str(self.width), found=str(len(cells)))
            del cells[self.width :]
        text = "".join(cells)
        if not text.isascii() and not encodable(text):
            column = next(key for key, cell in zip(self.keys, cells, strict=True) if not encodable(cell))
            reason = gettext_noop("This cell is not valid UTF-8. Save the file as UTF-8.")
            return self._refused(number, cells, column, reason)
        if "\0" in text:
            column = next(key for key, cell in zip(self.keys, cells, strict=True) if "\0" in cell)
            reason = gettext_noop("This cell contains a NUL character, which cannot be stored. Remove it.")
            return self._refused(number, cells, column, reason)
        values = dict(zip(self.keys, cells, strict=True))
        for place in self._nameless:
            if not cells[place].strip():
                del values[self.keys[place]]
        return Row(number, values)

    def _refused(self, number: int, cells: list[str], column: str, reason: str, **values: str) -> Fault:
        return Fault(self._source.name, number, column, reason, values, shown(self._shown(cells), 2 * SHOWN))

    @staticmethod
    def _shown(cells: list[str]) -> list[str]:
        return [cell.encode(errors="replace").decode() for cell in cells]
