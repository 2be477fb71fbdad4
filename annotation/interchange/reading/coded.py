"""Columns of a large CSV file as numbers: each distinct cell is kept once, and a row is a number for each column.

Reading takes a fraction of the time that rows take, because a cell that occurs a thousand times is looked at once. Only
plain files are read like this. Anything unusual, let alone wrong, is left to `rows`, which knows what to say.
"""

import codecs
import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import IO, Final

import numpy as np
from numpy.typing import NDArray

from annotation.interchange.reading import csv_rows, streams
from annotation.interchange.reading.csv_rows import Dialect
from annotation.interchange.reading.source import CHUNK, LINE_LIMIT, Head, Progress, Source, Unreadable, renamed

BLOCK: Final = 1 << 22
"""Bytes taken at a time: their cells are in memory at once."""

WIDEST: Final = 64
"""Bytes of the longest cells that are compared all at once."""

NEWLINE: Final = ord("\n")
MIX: Final = np.uint64(0x9E3779B97F4A7C15)
"""An odd number with bits all over it (2^64 over the golden ratio)."""


@dataclass(frozen=True, slots=True, eq=False)
class Coded[Value]:
    """Attributes:

    values: the k distinct values of a column, in the order in which they come.
    codes: (n,) the number of each row's value among them.
    """

    values: list[Value]
    codes: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.codes)

    def read[Other](self, read: Callable[[Value], Other]) -> "Coded[Other]":
        """Returns the column with each distinct value read by `read`; what that raises is not caught."""
        return Coded([read(value) for value in self.values], self.codes)

    def rows(self, rows: NDArray[np.intp]) -> "Coded[Value]":
        """Returns the column with only these rows, and only the values that they have."""
        codes = self.codes[rows]
        used = np.flatnonzero(np.bincount(codes, minlength=len(self.values)))
        place = np.empty(len(self.values), dtype=np.int64)
        place[used] = np.arange(len(used))
        return Coded([self.values[value] for value in used.tolist()], place[codes])


class _Growing:
    """A column that grows, block by block."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}
        self.parts: list[NDArray[np.int32]] = []

    def extend(self, cells: Sequence[str], codes: NDArray[np.integer] | None = None) -> None:
        """Adds cells or, with `codes` (n,), the rows that have them by their place among the distinct `cells`."""
        known = self.known
        for cell in dict.fromkeys(cells):
            known.setdefault(cell, len(known))
        found = np.fromiter(map(known.__getitem__, cells), dtype=np.int32, count=len(cells))
        self.parts.append(found if codes is None else found[codes])

    def column(self) -> Coded[str]:
        return Coded(list(self.known), np.concatenate([np.empty(0, dtype=np.int32), *self.parts]))


class _Odd(Exception):
    """The file is not plain."""


def coded(
    source: Source, head: Head, wanted: Collection[str], progress: Progress | None = None
) -> Mapping[str, Coded[str]] | None:
    """Returns those of the columns `wanted` that a file has; None if it is not a plain CSV file.

    A plain file has a header row of distinct names, the usual quotation, and rows that have as many cells as it has
    names. `head` are the first rows of `source`.
    """
    if head.layout != "csv" or head.changed:
        # An encoding that is only a proposal is not used before somebody has chosen it.
        return None
    try:
        if _dialect(source, head) != Dialect(head.separator):
            return None
        with streams.opened(source) as content:
            stream = streams.utf8(source, content, head.encoding)
            told = 0

            def tell() -> None:
                nonlocal told
                if progress:
                    progress(content.at - told)
                    told = content.at

            return _columns(source, stream, head.separator, wanted, tell)
    except (Unreadable, _Odd, csv.Error, UnicodeDecodeError):
        return None


def _dialect(source: Source, head: Head) -> Dialect:
    with streams.opened(source) as content:
        start = streams.utf8(source, content, head.encoding).read(CHUNK)
    whole = len(start) < CHUNK
    if not whole and b"\n" in start:
        start = start[: start.rindex(b"\n") + 1]
    return csv_rows.found(source, start.decode("utf-8", "surrogateescape").removeprefix("\ufeff"), whole=whole)


def _columns(
    source: Source, stream: IO[bytes], separator: str, wanted: Collection[str], tell: Callable[[], None]
) -> dict[str, Coded[str]]:
    blocks = _blocks(stream)
    first = next(blocks, b"").removeprefix(codecs.BOM_UTF8)
    end = first.find(b"\n") + 1
    header = next(csv.reader([first[:end].decode()], strict=True, delimiter=separator), [])
    names = renamed(source.reading.columns, header)
    if not end or not header or len(set(names)) != len(names) or not all(map(str.strip, header)):
        raise _Odd
    found = {place: _Growing() for place, name in enumerate(names) if name in wanted}
    for block in chain([first[end:]], blocks):
        if b"\0" in block:
            raise _Odd
        if not block.isascii():
            block.decode()
        # In a block without quotation marks, every separator and line end is one.
        if b'"' in block or not separator.isascii():
            _add_quoted(found, block, separator, len(names))
        else:
            _add_plain(found, block, separator, len(names))
        tell()
    return {names[place]: column.column() for place, column in found.items()}


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yields the bytes of `stream` in blocks of whole rows, as far as quotation marks can tell."""
    carry = b""
    while chunk := stream.read(BLOCK):
        carry += chunk
        if carry.count(b'"') % 2 and len(carry) <= LINE_LIMIT:
            continue
        end = _last_end(carry)
        if end:
            yield carry[:end]
        carry = carry[end:]
        if len(carry) > LINE_LIMIT:
            raise _Odd
    if carry:
        yield carry if carry.endswith(b"\n") else carry + b"\n"


def _last_end(block: bytes) -> int:
    """Returns where the last line ends that does not end inside a cell: as many quotation marks open as close."""
    end = block.rfind(b"\n") + 1
    odd = block.count(b'"', 0, end) % 2
    while end and odd:
        before = block.rfind(b"\n", 0, end - 1) + 1
        odd ^= block.count(b'"', before, end) % 2
        end = before
    return end


def _add_quoted(found: Mapping[int, _Growing], block: bytes, separator: str, width: int) -> None:
    """Adds the rows of a block by way of the csv module."""
    text = io.StringIO(block.decode(), newline="")
    rows = [row for row in csv.reader(text, strict=True, delimiter=separator) if any(row)]
    if any(len(row) != width for row in rows):
        raise _Odd
    if rows:
        cells = list(zip(*rows, strict=True))
        for place, column in found.items():
            column.extend(cells[place])


def _add_plain(found: Mapping[int, _Growing], block: bytes, separator: str, width: int) -> None:
    """Adds the rows of a block whose cells have no quotation marks, all at once.

    A cell is compared as a few whole numbers of 8 bytes, and distinct ones are found by sorting a mix of those.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
        if b"\r" in block:
            raise _Odd
    if block.startswith(b"\n") or b"\n\n" in block:
        # Rows without any content are skipped everywhere.
        block = b"".join(line for line in block.splitlines(keepends=True) if line != b"\n")
    data = np.frombuffer(block + bytes(WIDEST), dtype=np.uint8)
    ends = np.flatnonzero((data == ord(separator)) | (data == NEWLINE))
    if len(ends) % width or not (data[ends[width - 1 :: width]] == NEWLINE).all():
        raise _Odd
    if np.count_nonzero(data == NEWLINE) * width != len(ends):
        raise _Odd
    starts = np.concatenate([[0], ends + 1])[:-1]
    begin, end = starts.reshape(-1, width), ends.reshape(-1, width)
    # Rows of separators alone are skipped everywhere, too.
    filled = end[:, -1] - begin[:, 0] >= width
    for place, column in found.items():
        column.extend(*_distinct(data, block, begin[filled, place], end[filled, place]))


def _distinct(
    data: NDArray[np.uint8], block: bytes, start: NDArray[np.intp], end: NDArray[np.intp]
) -> tuple[list[str], NDArray[np.intp] | None]:
    """Returns the distinct cells from `start` to `end`, (n,) each, and (n,) the place of each cell among them.

    The places are None if the cells are long, and not only the distinct ones are returned.
    """
    length = end - start
    widest = int(length.max(initial=0))
    if widest > WIDEST:
        return [block[one:other].decode() for one, other in zip(start.tolist(), end.tolist(), strict=True)], None
    words = max(1, -(-widest // 8))
    reach = np.arange(8 * words)
    cell = np.where(reach < length[:, None], data[start[:, None] + reach], 0).astype(np.uint8)
    numbers = cell.view(np.uint64)
    mixed = numbers[:, 0]
    for word in range(1, words):
        mixed = (mixed ^ (mixed >> np.uint64(29))) * MIX + numbers[:, word]
    _values, first, codes = np.unique(mixed, return_index=True, return_inverse=True)
    if words > 1 and not (numbers == numbers[first[codes]]).all():
        # Two cells have one mix.
        raise _Odd
    ends = zip(start[first].tolist(), end[first].tolist(), strict=True)
    return [block[one:other].decode() for one, other in ends], codes
