"""Writing rows of CSV and JSONL files."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

# A rule of the exchange format, which other programs follow too.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")


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
