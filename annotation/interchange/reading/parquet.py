"""Rows of Parquet files. Runs in the child process of `child`."""

import base64
import datetime
import decimal
import math
from pathlib import Path
from typing import Any

from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.child import (
    BATCH,
    DAMAGED,
    EVERYTHING,
    TOO_MANY_COLUMNS,
    TOO_MANY_ROWS,
    Refused,
    Writer,
)
from annotation.problems import gettext_noop

IMAGES = ((b"\x89PNG\r\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


def write(path: Path, most: int, writer: Writer) -> None:
    """Sends the rows to `writer`, in batches.

    Raises:
        Refused: it is not a Parquet file, or is damaged.
    """
    import pyarrow  # type: ignore[import-untyped]
    from pyarrow import parquet

    # Opened here, so that the path is never taken for an address. Types of other programs are read as what they store.
    with path.open("rb") as file:
        try:
            table = parquet.ParquetFile(file, arrow_extensions_enabled=False)
            schema, metadata = table.schema_arrow, table.metadata
        except MemoryError:
            raise
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise Refused(DAMAGED, layout="Parquet") from error
        if metadata.num_columns > bounds.MOST_COLUMNS:
            raise Refused(TOO_MANY_COLUMNS)
        if metadata.num_rows > bounds.MOST_ROWS:
            raise Refused(TOO_MANY_ROWS, most=f"{bounds.MOST_ROWS:,}")
        if len(set(schema.names)) != len(schema.names):
            raise Refused(gettext_noop("A column name appears twice."))
        writer.send({"keys": schema.names, "sheets": [], "line": 1})
        number = 0
        try:
            for batch in table.iter_batches(batch_size=BATCH if most == EVERYTHING else most, use_threads=False):
                writer.count(batch.nbytes)
                columns = [_column(column, number) for column in batch.columns]
                rows = [*zip(range(number + 1, number + 1 + batch.num_rows), *columns, strict=True)]
                number += len(rows)
                if rows:
                    writer.rows(rows)
                if most != EVERYTHING and number >= most:
                    return
        except MemoryError:
            raise
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise Refused(DAMAGED, layout="Parquet") from error
        if not number:
            raise Refused(gettext_noop("The file is empty."))


def _column(column: Any, before: int) -> list[Any]:
    """Returns the values of a column; `before` rows come before its first one."""
    from pyarrow import types

    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        place = next(place for place in range(len(column)) if not _readable(column[place]))
        raise Refused(gettext_noop("This row is not valid UTF-8."), before + place + 1) from None
    if types.is_integer(column.type) or types.is_string(column.type) or types.is_boolean(column.type):
        # They are JSON already, and most columns are of these types.
        return values
    return list(map(plain, values))


def _readable(cell: Any) -> bool:
    try:
        cell.as_py()
    except UnicodeDecodeError:
        return False
    return True


def plain(value: Any) -> Any:
    """Returns a value as one of JSON. Whole decimals become integers, and missing numbers null."""
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            if not math.isfinite(value):
                return None if math.isnan(value) else str(value)
            return int(value) if value.is_integer() and abs(value) < 2**63 else value
        case decimal.Decimal():
            if not value.is_finite():
                return None if value.is_nan() else str(value)
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime.timedelta():
            return value.total_seconds()
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case bytes():
            return _text(value)
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
    return str(value)


def _text(value: bytes) -> str:
    """Returns bytes as text, or as a data URI if they are none."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    kind = next((kind for start, kind in IMAGES if value.startswith(start)), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(value).decode()}"
