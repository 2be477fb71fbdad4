"""Rows of .xlsx files. Runs in the child process of `child`."""

import datetime
import zipfile
from pathlib import Path
from typing import Any, Final

from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.child import BATCH, DAMAGED, EVERYTHING, TOO_MANY_COLUMNS, Refused, Writer
from annotation.interchange.reading.csv_rows import nameless
from annotation.interchange.reading.streams import DAMAGE
from annotation.problems import gettext_noop

NO_SHEET: Final = gettext_noop("The workbook has no sheet named %(sheet)s. It has: %(sheets)s.")


def write(path: Path, sheet: str, most: int, writer: Writer) -> None:
    """Sends the rows of a sheet, by default the first one, to `writer`; empty rows are skipped.

    Raises:
        Refused: it is not a workbook, or has no such sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    _unpack(path, writer)
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if not names:
            raise Refused(DAMAGED, layout=".xlsx")
        if sheet and sheet not in names:
            raise Refused(NO_SHEET, sheet=sheet, sheets=", ".join(names))
        read = book.get_sheet_by_name(sheet or names[0])
    except (CalamineError, OSError, ValueError) as error:
        raise Refused(DAMAGED, layout=".xlsx") from error
    if read.width > bounds.MOST_COLUMNS:
        raise Refused(TOO_MANY_COLUMNS)
    keys: list[str] = []
    waiting: list[list[Any]] = []
    for number, cells in enumerate(read.iter_rows(), 1):
        values = [_value(cell) for cell in cells]
        if all(value is None or (isinstance(value, str) and not value.strip()) for value in values):
            continue
        if not keys:
            keys = _keys(number, values)
            writer.send({"keys": keys, "sheets": names, "line": number})
            continue
        waiting.append([number, *values])
        if len(waiting) in (BATCH, most):
            writer.rows(waiting)
            if most != EVERYTHING:
                return
            waiting = []
    if waiting:
        writer.rows(waiting)
    if not keys:
        writer.send({"keys": [], "sheets": names, "line": 1})
        raise Refused(gettext_noop("The sheet is empty."))


def _unpack(path: Path, writer: Writer) -> None:
    """Decompresses every part once, without keeping it: the sizes in the archive's directory may be wrong."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                with archive.open(member) as stream:
                    while chunk := stream.read(bounds.CHUNK):
                        writer.count(len(chunk))
    except Refused:
        raise
    except RuntimeError:
        raise Refused(gettext_noop("The workbook is password-protected. Remove the password and try again.")) from None
    except (*DAMAGE, OSError) as error:
        raise Refused(DAMAGED, layout=".xlsx") from error


def _keys(number: int, values: list[Any]) -> list[str]:
    names = [
        nameless(place) if value is None or not str(value).strip() else str(value)
        for place, value in enumerate(values, 1)
    ]
    if len(set(names)) != len(names):
        raise Refused(gettext_noop("A column name appears twice."), number)
    return names


def _value(cell: Any) -> Any:
    """Returns a cell as a JSON value. Spreadsheets store whole numbers as decimals, and dates as types of their own."""
    match cell:
        case "" | None:
            return None
        case bool() | str() | int():
            return cell
        case float():
            return int(cell) if cell.is_integer() and abs(cell) < 2**63 else cell
        case datetime.datetime() | datetime.date() | datetime.time():
            return cell.isoformat()
        case datetime.timedelta():
            return cell.total_seconds()
    return str(cell)
