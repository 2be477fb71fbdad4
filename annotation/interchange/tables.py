"""Rows out of JSONL and CSV files and into their lines, in bounded memory.

Nothing here raises over what a file holds: a reader yields a `Fault` in the place of a row it cannot
give, and goes on where it can.
"""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from annotation.interchange.faults import SHOWN, Fault, gettext_noop, shown

LINE_LIMIT: Final = 16 * 2**20
"""Bytes of a line of JSONL, and of a row of CSV; the longest answers of models are a tenth of it."""

CHUNK: Final = 2**20

EXPANDED_FREELY: Final = 256 * 2**20
EXPANSION: Final = 50
"""Times its own size that a compressed file may hold beyond `EXPANDED_FREELY` bytes. Answers and votes come to
twenty at the most; gzip allows a thousand, which is hours of reading in a small file."""

TICK: Final = 256
"""Rows between two reports of how far a file has been read."""

# The format's own rule, in docs/reference/exchange.md: other programs write and read by it too.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")

# The limit is the module's own, 131,072 characters by default; answers in a cell are longer.
csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))

MISSING_COLUMN: Final = gettext_noop("This required column is missing.")

type Progress = Callable[[int], None]
"""Told how many bytes more have been read from disk; it may raise to stop the reading."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: what people call it, and where it is."""

    name: str
    path: Path

    @property
    def plain_name(self) -> str:
        """The name without the ending of a compressed file."""
        return self.name[: -len(".gz")] if self.compressed else self.name

    @property
    def compressed(self) -> bool:
        return self.name.lower().endswith(".gz")


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it stood in the file: values by column, of JSON's types or all text in CSV.

    `text` is the line of JSON that it was read from, without its end.
    """

    line: int
    values: Mapping[str, Any]
    text: str = ""


class _Unreadable(Exception):
    """Ends the reading of a file, with the fault that says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class _Lines:
    """The lines of an open file, each within `LINE_LIMIT`."""

    def __init__(self, source: Source, stream: IO[bytes], most: int) -> None:
        self.source = source
        self.number = 0
        self._stream = stream
        self._left = most

    def _fault(self, reason: str, line: int | None = None, **values: str) -> Fault:
        return Fault(self.source.name, line, "", reason, values)

    def _read(self, limit: int) -> bytes:
        try:
            line = self._stream.readline(limit)
        except EOFError:
            raise _Unreadable(
                self._fault(gettext_noop("The compressed file is incomplete. Use a complete copy."))
            ) from None
        except (gzip.BadGzipFile, zlib.error):
            raise _Unreadable(
                self._fault(gettext_noop("The compressed file is damaged or not in gzip format."))
            ) from None
        except OSError as error:
            raise _Unreadable(
                self._fault(gettext_noop("The file cannot be read: %(problem)s"), problem=error.strerror or "")
            ) from None
        self._left -= len(line)
        if self._left < 0:
            reason = gettext_noop(
                "The compressed file expands to more than %(times)s times its size. Decompress it and try again."
            )
            raise _Unreadable(self._fault(reason, times=str(EXPANSION)))
        return line

    def __iter__(self) -> Iterator[bytes | Fault]:
        """Each line with its end, or the fault of a line too long, which is not held."""
        while line := self._read(LINE_LIMIT + 1):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
                while (rest := self._read(CHUNK)) and not rest.endswith(b"\n"):
                    pass
                yield self._fault(
                    gettext_noop("This line is longer than %(limit)s MiB."), self.number, limit=str(LINE_LIMIT // 2**20)
                )
            else:
                yield line


def _open(source: Source) -> tuple[IO[bytes], IO[bytes]]:
    """The file on disk, and the stream of its content, which is the same unless it is compressed.

    Raises:
        _Unreadable: it is not there, not a file, or not ours to read.
    """
    try:
        if source.path.exists() and not source.path.is_file():
            reason = gettext_noop("This is a folder or a device. Choose a file.")
            raise _Unreadable(Fault(source.name, None, "", reason))
        raw = source.path.open("rb")
    except OSError as error:
        raise _Unreadable(
            Fault(
                source.name,
                None,
                "",
                gettext_noop("The file cannot be read: %(problem)s"),
                {"problem": error.strerror or ""},
            )
        ) from None
    if source.compressed:
        # Buffered, because GzipFile gives out short lines slowly on its own.
        return raw, io.BufferedReader(gzip.GzipFile(fileobj=raw), CHUNK)
    return raw, raw


def _most(source: Source) -> int:
    """Bytes that may be read of `source`; of a file that is not compressed, whatever it has while it is read."""
    if not source.compressed:
        return sys.maxsize
    return max(EXPANDED_FREELY, EXPANSION * source.path.stat().st_size)


def _read(
    source: Source, rows: Callable[[_Lines], Iterator[Row | Fault]], progress: Progress | None
) -> Iterator[Row | Fault]:
    try:
        raw, stream = _open(source)
    except _Unreadable as error:
        yield error.fault
        return
    told, size = 0, source.path.stat().st_size
    with raw:
        try:
            for count, row in enumerate(rows(_Lines(source, stream, _most(source))), 1):
                yield row
                if progress and count % TICK == 0:
                    at = raw.tell()
                    progress(at - told)
                    told = at
        except _Unreadable as error:
            yield error.fault
        finally:
            stream.close()
    if progress:
        progress(size - told)


def read_jsonl(source: Source, progress: Progress | None = None) -> Iterator[Row | Fault]:
    """The JSON objects of `source`, one a line; lines of white space alone are passed over."""
    return _read(source, _json_rows, progress)


def read_csv(source: Source, progress: Progress | None = None, needed: Collection[str] = ()) -> Iterator[Row | Fault]:
    """The rows of `source` by the names in its first row, all as text, as the cells hold it.

    Columns of `needed` that the first row does not name are faults of that row, and the only ones.
    """
    return _read(source, partial(_csv_rows, needed=needed), progress)


class _Twice(ValueError):
    pass


class _NotANumber(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _value in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def _constant(word: str) -> Any:
    raise _NotANumber(word)


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _json_rows(lines: _Lines) -> Iterator[Row | Fault]:
    rows = 0
    for line in lines:
        if isinstance(line, Fault):
            rows += 1
            yield line
        elif line.strip():
            rows += 1
            yield _json_row(lines.source, lines.number, line)
    if not rows:
        yield Fault(lines.source.name, None, "", gettext_noop("The file is empty."))


def _json_row(source: Source, number: int, line: bytes) -> Row | Fault:
    def fault(reason: str, **values: str) -> Fault:
        return Fault(source.name, number, "", reason, values, shown(line.decode("utf-8", "replace"), 2 * SHOWN))

    try:
        text = line.decode("utf-8")
        found = _decoder.decode(text)
    except UnicodeDecodeError as error:
        return fault(
            gettext_noop("Byte %(place)s of this line is not valid UTF-8. Save the file as UTF-8."),
            place=str(error.start + 1),
        )
    except json.JSONDecodeError as error:
        return fault(
            gettext_noop("This line is not valid JSON: %(problem)s at character %(place)s."),
            problem=error.msg.removesuffix(" at"),
            place=str(error.colno),
        )
    except _Twice as error:
        return fault(gettext_noop("The key %(key)s appears twice in this row."), key=shown(str(error)))
    except _NotANumber as error:
        return fault(gettext_noop("%(word)s is not valid JSON. Use a number or null."), word=str(error))
    except ValueError:
        # The interpreter refuses to read numbers of thousands of digits.
        return fault(gettext_noop("This row contains a number with too many digits."))
    except RecursionError:
        return fault(gettext_noop("This row is nested too deeply."))
    if not isinstance(found, dict):
        return fault(gettext_noop("Expected a JSON object with one key per column."))
    # Raw ones cannot get here: JSON has no bare control characters, UTF-8 no surrogates.
    if b"\\u" in line and (problem := _unstorable(found)):
        return fault(problem)
    return Row(number, found, text.removesuffix("\n"))


def _unstorable(value: Any) -> str | None:
    """Why no database stores a text in `value`, whatever the depth it stands at; None if all can be."""
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                if "\0" in text:
                    return gettext_noop("This row contains a NUL character, which cannot be stored. Remove it.")
                if not _encodable(text):
                    return gettext_noop(
                        "This row contains half a surrogate pair, which is not a valid character. Remove it."
                    )
            case dict() as items:
                stack.extend(items)
                stack.extend(items.values())
            case list() as items:
                stack.extend(items)
    return None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _csv_rows(lines: _Lines, needed: Collection[str]) -> Iterator[Row | Fault]:
    source = lines.source
    record = 0

    def text() -> Iterator[str]:
        nonlocal record
        for line in lines:
            if isinstance(line, Fault):
                # Where the row ends that this line was part of, nobody can say.
                raise _Unreadable(line)
            record += len(line)
            if record > LINE_LIMIT:
                reason = gettext_noop("This row is longer than %(limit)s MiB. Check for a missing quotation mark.")
                raise _Unreadable(Fault(source.name, lines.number, "", reason, {"limit": str(LINE_LIMIT // 2**20)}))
            yield line.decode("utf-8", "surrogateescape")

    reader = csv.reader(text(), strict=True)
    header: list[str] | None = None
    while True:
        record = 0
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            reason = gettext_noop("This row is not valid CSV: %(problem)s")
            # Behind the dash it tells programmers how to open files.
            yield Fault(source.name, number, "", reason, {"problem": str(error).partition(" - ")[0]})
            return
        if cells is None:
            break
        if not cells:
            continue
        if header is None:
            if problem := _wrong_header(cells):
                yield Fault(source.name, number, "", problem, {}, shown(cells, 2 * SHOWN))
                return
            if missing := [column for column in needed if column not in cells]:
                for column in missing:
                    yield Fault(source.name, number, column, MISSING_COLUMN, {}, shown(cells, 2 * SHOWN))
                return
            header = cells
            continue
        yield _csv_row(source, number, header, cells)
    if header is None:
        yield Fault(source.name, None, "", gettext_noop("The file is empty."))


def _wrong_header(cells: list[str]) -> str | None:
    if not all(map(_encodable, cells)):
        return gettext_noop("The header row is not valid UTF-8. Save the file as UTF-8.")
    if any("\0" in cell for cell in cells):
        return gettext_noop("A column name contains a NUL character, which cannot be stored. Remove it.")
    if len(set(cells)) != len(cells):
        return gettext_noop("A column name appears twice.")
    return None


def _csv_row(source: Source, number: int, header: list[str], cells: list[str]) -> Row | Fault:
    def fault(column: str, reason: str, **values: str) -> Fault:
        row = shown([cell.encode(errors="replace").decode() for cell in cells], 2 * SHOWN)
        return Fault(source.name, number, column, reason, values, row)

    if len(cells) != len(header):
        return fault(
            "",
            gettext_noop("Expected %(expected)s cells, as in the header row, not %(found)s."),
            expected=str(len(header)),
            found=str(len(cells)),
        )
    for column, cell in zip(header, cells, strict=True):
        if not cell.isascii() and not _encodable(cell):
            return fault(column, gettext_noop("This cell is not valid UTF-8. Save the file as UTF-8."))
        if "\0" in cell:
            return fault(column, gettext_noop("This cell contains a NUL character, which cannot be stored. Remove it."))
    return Row(number, dict(zip(header, cells, strict=True)))


def csv_header(source: Source) -> list[str]:
    """The column names of a CSV file; empty where they cannot be read, which `read_csv` explains."""
    try:
        raw, stream = _open(source)
    except _Unreadable:
        return []
    with raw, stream:
        try:
            line = next(iter(_Lines(source, stream, _most(source))), b"")
        except _Unreadable:
            return []
    if isinstance(line, Fault):
        return []
    try:
        return next(csv.reader([line.decode("utf-8", "replace")], strict=True), [])
    except csv.Error:
        return []


def guard(text: str) -> str:
    """`text` for a CSV cell: with one apostrophe in front if a spreadsheet could run it as a formula."""
    return "'" + text if FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """The inverse of `guard`: exactly one apostrophe is taken away."""
    return cell[1:] if GUARDED.match(cell) else cell


def csv_line(cells: Iterable[str | float | bool | None]) -> str:
    """A line of CSV. Text is guarded, numbers are written in full, None is empty, truth is a word.

    Quoted where it must be; the standard library's writer leaves a bare carriage return alone on some
    versions, which no reader then takes for part of the cell.
    """
    return ",".join(map(_cell, cells)) + "\n"


def _cell(value: str | float | bool | None) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            text = guard(value)
            return '"' + text.replace('"', '""') + '"' if any(letter in text for letter in ',"\r\n') else text
        case _:
            return repr(value)


def json_line(row: Mapping[str, Any]) -> str:
    """A line of JSONL as the published LLMFAO files have it: no spaces, ASCII, slashes escaped."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False).replace("/", "\\/") + "\n"
