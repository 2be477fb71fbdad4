"""The first rows of a file, and all of them, whatever its layout."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.reading import child, csv_rows, encodings, evals, json_rows, streams
from annotation.interchange.reading.source import (
    CHUNK,
    TICK,
    Change,
    Head,
    Progress,
    Row,
    Source,
    Unreadable,
    unreadable,
)
from annotation.problems import gettext_noop

ROWS: Final = 20
"""Rows that are looked at."""

ENOUGH: Final = 4 * 2**20
"""Characters of those rows; a row can have 16 million."""

TRIED: Final = 60
"""Rows and faults among which those are looked for."""


@dataclass(frozen=True, slots=True)
class _Text:
    """What the beginning of a text file shows: its encoding, line ends, and the layout of its rows."""

    encoding: str
    carriage_returns: bool
    layout: str
    dialect: csv_rows.Dialect
    shape: json_rows.Shape


def rows(source: Source, progress: Progress | None = None) -> Iterator[Row | Fault]:
    """Yields every row of `source`, or its fault, in bounded memory.

    A text file is taken for UTF-8 unless it has a byte order mark or `source.reading` says otherwise.
    """
    told = 0
    try:
        with _reader(source, _said(source)) as reader:
            for count, row in enumerate(reader.rows, 1):
                yield row
                if progress and count % TICK == 0:
                    at = reader.at()
                    progress(at - told)
                    told = at
    except Unreadable as error:
        yield error.fault
    if progress and source.path.is_file():
        progress(source.path.stat().st_size - told)


def look(source: Source) -> Head | Fault:
    """Returns the first rows of `source`, or why none can be read.

    Of a text file that is not UTF-8, all is read to propose an encoding; the rows are those in that encoding.
    """
    changed: tuple[Change, ...] = ()
    try:
        encoding = _said(source)
        if not encoding:
            encoding, changed = _found_encoding(source)
        with _reader(source, encoding, most=ROWS) as reader:
            found: list[Row] = []
            first: Fault | None = None
            size = 0
            for count, row in enumerate(reader.rows, 1):
                if isinstance(row, Row):
                    found.append(row)
                    size += len(row.text) or sum(map(len, row.values.values()))
                elif first is None:
                    first = row
                if len(found) == ROWS or count == TRIED or size > ENOUGH:
                    break
            # Columns without a name are there only if they are not empty, so the header does not have them.
            keys = tuple(dict.fromkeys([*reader.header(), *(key for row in found for key in row.values)]))
            if not keys:
                return first or Fault(source.name, None, "", gettext_noop("The file is empty."))
            return replace(reader.head, keys=keys, rows=tuple(found), changed=changed, **reader.late())
    except Unreadable as error:
        return error.fault


class _Reader:
    """An open file: its rows, what is known of it before they are read, and how far the disk has been read."""

    def __init__(self, rows: Iterator[Row | Fault], head: Head, at: Any, late: Any = dict, header: Any = tuple) -> None:
        self.rows, self.head, self.at, self.late, self.header = rows, head, at, late, header


def _said(source: Source) -> str:
    """Returns the encoding that a person said.

    Raises:
        Unreadable: it is not one that can be read.
    """
    said = source.reading.encoding
    if not said:
        return ""
    if known := encodings.normalised(said):
        return known
    reason = gettext_noop("The encoding %(encoding)s is not known. Use one of: %(known)s.")
    raise unreadable(source, reason, encoding=said, known=", ".join(encodings.NAMES))


def _found_encoding(source: Source) -> tuple[str, tuple[Change, ...]]:
    """Returns the encoding of `source`, and three lines if it is only a guess; empty if it is no text file."""
    with streams.opened(source) as content:
        start = content.stream.peek(CHUNK)  # type: ignore[attr-defined]  # streams are buffered
        if _layout(source, start):
            return "", ()
        if (encoding := encodings.certain(start)) not in ("", "utf-8"):
            return encoding, ()
        if encodings.is_utf8(content.stream):
            return "utf-8", ()
    with streams.opened(source) as content:
        return encodings.proposal(content.stream)


def _layout(source: Source, start: bytes) -> str:
    """Returns xlsx, parquet or eval if the content begins as such a file does; empty for text.

    Raises:
        Unreadable: it is a file of a kind that cannot be read.
    """
    if start.startswith(streams.PARQUET):
        return "parquet"
    if start.startswith(streams.OLD_EXCEL):
        reason = gettext_noop("This is a workbook of an old Excel, or a password-protected one. Save it as .xlsx.")
        raise unreadable(source, reason)
    if start.startswith(streams.GZIP):
        raise unreadable(source, gettext_noop("The file is compressed twice. Decompress it and try again."))
    if start.startswith(streams.ZIP):
        # Only what lies on the disk as it is, or behind gzip, gets here: an archive of one file has been opened.
        return "package"
    return ""


@contextmanager
def _reader(source: Source, encoding: str, most: int = child.EVERYTHING) -> Iterator[_Reader]:
    with streams.opened(source) as content:
        layout = _layout(source, content.stream.peek(CHUNK))  # type: ignore[attr-defined]
    if layout:
        with _binary(source, layout, most) as reader:
            yield reader
        return
    with streams.opened(source) as content:
        start = content.stream.peek(CHUNK)  # type: ignore[attr-defined]  # streams are buffered
        encoding = encoding or encodings.certain(start) or "utf-8"
        text = _text(source, encoding)
    with streams.opened(source) as content:
        stream = streams.utf8(source, content, encoding, carriage_returns=text.carriage_returns)
        head = Head(source, text.layout, encoding)
        at = lambda: content.at  # noqa: E731
        if text.layout == "csv":
            found = csv_rows.Table(source, stream, text.dialect)
            head = replace(head, separator=text.dialect.separator)
            late = lambda: {"line": found.line}  # noqa: E731
            yield _Reader(found.rows(), head, at, late, lambda: tuple(found.keys))
        elif text.shape.lines:
            yield _Reader(json_rows.lines(source, stream), head, at)
        else:
            document = json_rows.Document(source, text.shape.path)
            yield _Reader(document.rows(stream), head, at, late=lambda: {"around": dict(document.around)})


@contextmanager
def _binary(source: Source, layout: str, most: int) -> Iterator[_Reader]:
    with streams.plain_file(source) as path:
        if layout == "package":
            layout = streams.package_of(path)
        if layout == "eval":
            log = evals.Log(source, path)
            with closing(log.rows()) as found:
                yield _Reader(found, Head(source, layout), lambda: 0, late=lambda: {"around": log.around})
            return
        if layout == "document":
            raise unreadable(source, gettext_noop("This is a document of an office program. Save it as .xlsx or .csv."))
        if layout not in child.NEEDS:
            reason = streams.NESTED if source.inner else streams.DAMAGED_ZIP
            raise unreadable(source, reason)
        table = child.Table(source, layout, path)
        with ExitStack() as stack:
            found = stack.enter_context(closing(table.rows(most)))
            yield _Reader(
                found,
                Head(source, layout),
                lambda: 0,
                late=lambda: {"sheets": table.sheets, "line": table.line},
                header=lambda: tuple(key for key in table.keys if not child.nameless(key)),
            )


def _text(source: Source, encoding: str) -> _Text:
    """Looks at the beginning of a text file."""
    with streams.opened(source) as content:
        stream = streams.utf8(source, content, encoding)
        start = stream.read(CHUNK)
        whole = len(start) < CHUNK
    carriage_returns = b"\n" not in start and b"\r" in start
    if carriage_returns:
        start = start.replace(b"\r", b"\n")
    if not whole and b"\n" in start:
        start = start[: start.rindex(b"\n") + 1]
    text = start.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    layout = "json" if _is_json(source, text) else "csv"
    if layout == "csv":
        dialect = csv_rows.found(source, text, whole=whole)
        return _Text(encoding, carriage_returns, layout, dialect, json_rows.Shape())
    shape = json_rows.shape_of(source, text, whole=whole)
    return _Text(encoding, carriage_returns, "jsonl" if shape.lines else "json", csv_rows.Dialect(), shape)


def _is_json(source: Source, text: str) -> bool:
    """Returns whether a text is JSON rather than CSV. Its name is asked only where the content leaves it open."""
    begun = text.lstrip()
    if begun.startswith(("{", "[")):
        return not (source.plain_name.lower().endswith((".csv", ".tsv")) and not _opens_json(begun))
    if not source.plain_name.lower().endswith((".jsonl", ".json", ".ndjson")):
        return False
    # The first lines of a JSON file may be broken; a table has no line that is an object.
    some = begun.splitlines()[:TRIED]
    return (
        any(line.lstrip().startswith("{") for line in some)
        or not some
        or csv_rows.found(source, begun, whole=True).separator not in some[0]
    )


def _opens_json(text: str) -> bool:
    """Returns whether a text begins as JSON does, and not as a column's name in brackets may."""
    return text[1:].lstrip()[:1] in {'"', "{", "}", "]", "["}
