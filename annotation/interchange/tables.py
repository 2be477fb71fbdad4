"""Reading and writing rows of JSONL and CSV files in bounded memory.

No content of a file raises an error here: a reader yields a `Fault` instead of a row that it cannot read, and
continues if it can.
"""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from annotation.interchange.faults import SHOWN, Fault, shown
from annotation.problems import gettext_noop

LINE_LIMIT: Final = 16 * 2**20
"""Maximum bytes of a JSONL line or a CSV row; the longest answers of models have a tenth of it."""

CHUNK: Final = 2**20

EXPANDED_FREELY: Final = 256 * 2**20
EXPANSION: Final = 50
"""Maximum expansion of a compressed file beyond `EXPANDED_FREELY` bytes. Answers and votes reach a factor of 20;
gzip allows 1,000, which is hours of reading in a small file."""

TICK: Final = 256
"""Rows between two progress reports."""

# A rule of the exchange format, which other programs follow too.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")

# The csv module's limit is 131,072 characters by default; answers in a cell can be longer.
csv.field_size_limit(max(csv.field_size_limit(), LINE_LIMIT))

MISSING_COLUMN: Final = gettext_noop("This required column is missing.")

type Progress = Callable[[int], None]
"""Called with the number of further bytes read from disk; may raise to stop the reading."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: its name for people, and its path. `renamed` gives columns of a CSV file their right names."""

    name: str
    path: Path
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def plain_name(self) -> str:
        """The name without the suffix of a compressed file."""
        return self.name[: -len(".gz")] if self.compressed else self.name

    @property
    def compressed(self) -> bool:
        return self.name.lower().endswith(".gz")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: values by column, of JSON's types or all text in CSV.

    `text` is the JSON line without its line end.
    """

    line: int
    values: Mapping[str, Any]
    text: str = ""


class _Unreadable(Exception):
    """Stops reading a file; has the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


class _Lines:
    """Iterates over the lines of an open file, within `LINE_LIMIT`."""

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
        """Yields each line with its line end, or a fault for a line that is too long."""
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
    """Returns the file on disk and the stream of its content, which differ if it is compressed.

    Raises:
        _Unreadable: it does not exist, is not a file, or cannot be read.
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
        # Buffered, because GzipFile alone is slow for short lines.
        return raw, io.BufferedReader(gzip.GzipFile(fileobj=raw), CHUNK)
    return raw, raw


def _most(source: Source) -> int:
    """Returns the maximum bytes to read of `source`; unlimited if it is not compressed."""
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
    """Yields the JSON objects of `source`, one per line; skips blank lines."""
    return _read(source, _json_rows, progress)


def read_csv(source: Source, progress: Progress | None = None, needed: Collection[str] = ()) -> Iterator[Row | Fault]:
    """Yields the rows of `source` by the names in its header, with all values as text.

    If the header lacks columns of `needed`, yields only faults of that row.
    """
    return _read(source, partial(_csv_rows, needed=needed), progress)


def read_json_list(source: Source, progress: Progress | None = None) -> Iterator[Row | Fault]:
    """Yields the objects of the one JSON list that `source` is, each with the line that it begins on.

    Only one object is in memory. The `text` of a row is the object on one line, with its keys in order.
    """
    return _read(source, _list_rows, progress)


class _DuplicateKey(ValueError):
    pass


class _NotANumber(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise _DuplicateKey(next(key for key, _value in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
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


_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]|[^\s"\[\]{},]+')


def _list_rows(lines: _Lines) -> Iterator[Row | Fault]:
    depth, begun, held, found = 0, 0, [], 0
    size = 0
    for line in lines:
        if isinstance(line, Fault):
            raise _Unreadable(line)
        start = 0
        for token in _TOKEN.finditer(line):
            word = token[0]
            if depth == 0 and word != b"[":
                raise _Unreadable(
                    Fault(lines.source.name, lines.number, "", gettext_noop("Expected a JSON list of objects."))
                )
            if depth == 1 and word not in b"[]{},":
                held, begun, start = [word], lines.number, token.end()
                found += 1
                yield _listed(lines.source, begun, held)
                held = []
            elif word in (b"[", b"{"):
                depth += 1
                if depth == 2:
                    held, begun, start, size = [], lines.number, token.start(), 0
            elif word in (b"]", b"}"):
                depth -= 1
                if depth == 1:
                    held.append(line[start : token.end()])
                    found += 1
                    yield _listed(lines.source, begun, held)
                    held = []
        if depth > 1:
            held.append(line[start:])
            size += len(line)
            if size > LINE_LIMIT:
                reason = gettext_noop("This object is longer than %(limit)s MiB.")
                raise _Unreadable(Fault(lines.source.name, begun, "", reason, {"limit": str(LINE_LIMIT // 2**20)}))
    if depth:
        reason = gettext_noop("The JSON list is incomplete. Use a complete copy of the file.")
        raise _Unreadable(Fault(lines.source.name, lines.number, "", reason))
    if not found:
        yield Fault(lines.source.name, None, "", gettext_noop("The file is empty."))


def _listed(source: Source, number: int, held: list[bytes]) -> Row | Fault:
    """Returns the object in `held`; its line ends are between tokens and mean nothing."""
    row = _json_row(source, number, b" ".join(part.strip(b"\r\n") for part in held))
    return row if isinstance(row, Fault) else Row(row.line, row.values, json.dumps(row.values, ensure_ascii=False))


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
    except _DuplicateKey as error:
        return fault(gettext_noop("The key %(key)s appears twice in this row."), key=shown(str(error)))
    except _NotANumber as error:
        return fault(gettext_noop("%(word)s is not valid JSON. Use a number or null."), word=str(error))
    except ValueError:
        # Python refuses to parse numbers with thousands of digits.
        return fault(gettext_noop("This row contains a number with too many digits."))
    except RecursionError:
        return fault(gettext_noop("This row is nested too deeply."))
    if not isinstance(found, dict):
        return fault(gettext_noop("Expected a JSON object with one key per column."))
    # Only escaped ones reach this point: JSON has no raw control characters, UTF-8 no surrogates.
    if b"\\u" in line and (problem := _unstorable(found)):
        return fault(problem)
    return Row(number, found, text.removesuffix("\n"))


def _unstorable(value: Any) -> str | None:
    """Returns why a text in `value`, at any depth, cannot be stored in a database; None if all can."""
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


def _csv_rows(lines: _Lines, needed: Collection[str], header_only: bool = False) -> Iterator[Row | Fault]:
    source = lines.source
    record = 0

    def text() -> Iterator[str]:
        nonlocal record
        for line in lines:
            if isinstance(line, Fault):
                # The end of the row that this line belongs to is unknown.
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
            # The text after the dash is for programmers.
            yield Fault(source.name, number, "", reason, {"problem": str(error).partition(" - ")[0]})
            return
        if cells is None:
            break
        if not cells:
            continue
        if header is None:
            cells = [source.renamed.get(cell, cell) for cell in cells]
            if faults := _header_faults(source, number, cells, needed):
                yield from faults
                return
            header = cells
            if header_only:
                yield Row(number, dict.fromkeys(header))
                return
            continue
        yield _csv_row(source, number, header, cells)
    if header is None:
        yield Fault(source.name, None, "", gettext_noop("The file is empty."))


def _header_faults(source: Source, number: int, cells: list[str], needed: Collection[str]) -> list[Fault]:
    if problem := _wrong_header(cells):
        return [Fault(source.name, number, "", problem, {}, shown(cells, 2 * SHOWN))]
    missing = [column for column in needed if column not in cells]
    return [Fault(source.name, number, column, MISSING_COLUMN, {}, shown(cells, 2 * SHOWN)) for column in missing]


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


def csv_header(source: Source, needed: Collection[str] = ()) -> list[str] | None:
    """Returns the column names of a CSV file; None if `read_csv` reports a fault of its header."""
    first = next(iter(_read(source, partial(_csv_rows, needed=needed, header_only=True), None)), None)
    return list(first.values) if isinstance(first, Row) else None


def guard(text: str) -> str:
    """Returns `text` for a CSV cell, with a leading apostrophe if a spreadsheet could run it as a formula."""
    return "'" + text if FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """Reverses `guard`: removes exactly one apostrophe."""
    return cell[1:] if GUARDED.match(cell) else cell


def csv_line(cells: Iterable[str | float | bool | None]) -> str:
    """Returns a line of CSV: text guarded, numbers in full, None empty, booleans as words.

    Cells are quoted where necessary. The standard library's writer does not quote a bare carriage return in some
    versions, and readers then end the row there.
    """
    return ",".join(map(_cell, cells)) + "\n"


def csv_lines(columns: Sequence[Sequence[str | float | bool | None]]) -> str:
    """Returns lines of CSV as `csv_line` writes them, from columns of the same length; several times as fast."""
    return "".join(f"{line}\n" for line in map(",".join, zip(*map(_cells, columns), strict=True)))


def _cells(values: Sequence[str | float | bool | None]) -> Iterable[str]:
    """Returns a column's cells. Most columns have few values, each of which is written once."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return map(str, values)
    if len(kinds - {type(None)}) > 1:
        # In Python 1, 1.0 and true are equal.
        return map(_cell, values)
    written = {value: _cell(value) for value in set(values)}
    return map(written.__getitem__, values)


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
    """Returns a line of JSONL in the style of the published LLMFAO files: no spaces, ASCII, escaped slashes."""
    return json.dumps(row, separators=(",", ":"), allow_nan=False).replace("/", "\\/") + "\n"
