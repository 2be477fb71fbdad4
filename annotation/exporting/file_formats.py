"""The file formats of exports: CSV, JSONL, JSON and Parquet, written in bounded memory as chunks of bytes."""

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from annotation.exporting.rows import Columns
from annotation.interchange.tables import csv_line, csv_lines
from annotation.studies.lifecycle import NotPossible

type Kind = Literal["text", "whole", "number", "truth", "messages", "parts", "json"]
"""What the values of a column are. `messages` are lists of objects with a role and a content, `parts` the same with a
list of typed parts as the content, `json` anything else that is nested."""

NESTED: Final[frozenset[Kind]] = frozenset({"messages", "parts", "json"})

GROUP: Final = 2**24
"""Bytes of a row group of Parquet."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a layout."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a file, by column.

    `lines` are their JSON lines without line ends where these hold more than the columns: what a file that was loaded
    had beyond them. `read` is how many comparisons the rows were made from, for the progress.
    """

    columns: Columns
    lines: Sequence[str] | None = None
    read: int = 0


type Batches = Iterable[Batch]


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A file format: how it is called, its suffix, its media type, and how its chunks are made."""

    label: str
    suffix: str
    media: str
    chunks: Callable[[Sequence[Column], Batches], Iterator[bytes]]


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _flat(columns: Columns, known: Sequence[Column]) -> list[Sequence[Any]]:
    """Returns the known columns in order, nested values as JSON; those that the batch does not have are empty."""
    nothing = (None,) * _length(columns)
    return [
        [None if value is None else _dumped(value) for value in columns.get(column.name, nothing)]
        if column.kind in NESTED
        else columns.get(column.name, nothing)
        for column in known
    ]


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values()), ()))


def _csv(known: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    yield csv_line(column.name for column in known).encode()
    for batch in batches:
        if _length(batch.columns):
            yield csv_lines(_flat(batch.columns, known)).encode()


def _lines(known: Sequence[Column], batches: Batches) -> Iterator[list[str]]:
    """Yields the JSON lines of each batch."""
    names = [column.name for column in known]
    for batch in batches:
        if batch.lines is not None:
            yield list(batch.lines)
            continue
        nothing = (None,) * _length(batch.columns)
        rows = zip(*(batch.columns.get(name, nothing) for name in names), strict=True)
        yield [_dumped(dict(zip(names, row, strict=True))) for row in rows]


def _jsonl(known: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    for lines in _lines(known, batches):
        if lines:
            yield "".join(f"{line}\n" for line in lines).encode()


def _json(known: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    """Yields one JSON list with a row on each line."""
    between = "[\n"
    for lines in _lines(known, batches):
        if lines:
            yield (between + ",\n".join(lines)).encode()
            between = ",\n"
    yield b"[]\n" if between == "[\n" else b"\n]\n"


class _Sink(io.RawIOBase):
    """What was written since it was last taken."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        found = bytes(data)
        self._held.append(found)
        return len(found)

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


def _arrow() -> Any:
    """Returns pyarrow.

    Raises:
        NotPossible: it is not installed; the message says how to install it.
    """
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError:
        raise NotPossible(
            _("Parquet needs the package pyarrow. Install llmfao[parquet] and try again, or choose CSV or JSONL.")
        ) from None


def _schema(known: Sequence[Column]) -> Any:
    pa = _arrow()
    part = pa.struct([("type", pa.string()), ("text", pa.string())])
    types: Mapping[Kind, Any] = {
        "text": pa.string(),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
        "parts": pa.list_(pa.struct([("role", pa.string()), ("content", pa.list_(part))])),
        "json": pa.string(),
    }
    return pa.schema([(column.name, types[column.kind]) for column in known])


def _parquet(known: Sequence[Column], batches: Batches) -> Iterator[bytes]:
    pa, schema, sink = _arrow(), _schema(known), _Sink()
    held: list[Any] = []
    with pa.parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            if _length(batch.columns):
                held.append(_arrow_batch(pa, schema, known, batch.columns))
            if sum(each.nbytes for each in held) >= GROUP:
                writer.write_table(pa.Table.from_batches(held, schema))
                held.clear()
                yield sink.take()
        if held:
            writer.write_table(pa.Table.from_batches(held, schema))
    yield sink.take()


# A field of a file that was loaded may hold something else than our column: Parquet has one type for each.


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _dumped(value)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _messages(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    return [
        {"role": _text(each.get("role", "")), "content": _text(each.get("content", ""))}
        for each in value
        if isinstance(each, dict)
    ]


def _parts(value: Any) -> list[dict[str, Any]] | None:
    if not isinstance(value, list):
        return None
    return [
        {"role": _text(each.get("role", "")), "content": _typed(each.get("content", ""))}
        for each in value
        if isinstance(each, dict)
    ]


def _typed(content: Any) -> list[dict[str, str]]:
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [
        {"type": _text(part.get("type", "text")), "text": _text(part.get("text", part))}
        for part in parts
        if isinstance(part, dict)
    ]


FITTED: Final[dict[Kind, Callable[[Any], Any]]] = {
    "text": _text,
    "whole": _whole,
    "number": _number,
    "truth": _truth,
    "messages": _messages,
    "parts": _parts,
    "json": _dumped,
}
"""How the values of each kind of column are made to fit it."""


def _arrow_batch(pa: Any, schema: Any, known: Sequence[Column], columns: Columns) -> Any:
    nothing = (None,) * _length(columns)
    arrays = []
    for column in known:
        fit = FITTED[column.kind]
        values = [None if value is None else fit(value) for value in columns.get(column.name, nothing)]
        arrays.append(pa.array(values, schema.field(column.name).type))
    return pa.record_batch(arrays, schema=schema)


FILE_FORMATS: Final[dict[str, FileFormat]] = {
    "csv": FileFormat("CSV", ".csv", "text/csv; charset=utf-8", _csv),
    "jsonl": FileFormat("JSONL", ".jsonl", "application/jsonl; charset=utf-8", _jsonl),
    "json": FileFormat("JSON", ".json", "application/json; charset=utf-8", _json),
    "parquet": FileFormat("Parquet", ".parquet", "application/vnd.apache.parquet", _parquet),
}


def refuse_missing(name: str) -> None:
    """Raises NotPossible if the format `name` needs a package that is not installed."""
    if name == "parquet":
        _arrow()
