"""The exchange format: its file names, columns and values.

The published LLMFAO files use it. The tables below are the only definition of the columns and their order:
reading, writing and the codebook in docs/ follow them.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Named, Record
from annotation.interchange.reading import MISSING_COLUMN, Head, Progress, Row, Source, look, rows
from annotation.interchange.tables import guard, unguard
from annotation.problems import gettext_noop

BIGGEST: Final = 2**63 - 1
"""The largest whole number that a database can store."""

ANSWERS: Final = ("left", "right", "tie")
RESERVED_RATERS: Final = ("people", "all", "crowd")
"""Names that no judge may have, because they select the raters of an export or a board, or name a crowd."""

CROWD: Final = re.compile(r"crowd(:.*)?", re.DOTALL)
"""Names of raters who are not known one by one; after the colon stands where their votes come from."""

RATER_LENGTH: Final = 200


def is_reserved(name: str) -> bool:
    """Returns whether no judge may have this name."""
    return name in RESERVED_RATERS or CROWD.fullmatch(name) is not None


LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""Enough of BCP 47 to notice typing errors."""

WHOLE: Final = re.compile(r"-?[0-9]{1,30}")

MOST_TURNS: Final = 2**15 - 1
MOST_REPETITIONS: Final = 2**31 - 1
"""The largest turn and repetition that a database can store."""


class Wrong(ValueError):
    """The value is not valid for its column; has the `reason` and `values` of a `Fault`."""

    def __init__(self, reason: str, **values: str) -> None:
        super().__init__(reason % values)
        self.reason = reason
        self.values = values


type Read = Callable[[Any], Any]
"""Converts a value from JSON or a CSV cell to the value of a column.

Raises:
    Wrong: the value is not valid.
"""


def whole(value: Any) -> int:
    """Reads a whole number that a database can store."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Wrong(gettext_noop("Expected a whole number, not %(found)s."), found=shown(value))
    if not -BIGGEST <= value <= BIGGEST:
        raise Wrong(
            gettext_noop("Expected a whole number between -2^63 and 2^63, not %(found)s."), found=shown(str(value))
        )
    return value


def number(value: Any) -> float | None:
    """Reads a finite number, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(gettext_noop("Expected a number or null, not %(found)s."), found=shown(value))
    try:
        found = float(value)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise Wrong(gettext_noop("The number is too large."))
    return found


def amount(value: Any) -> float | None:
    """Reads a number that is not negative, or None."""
    found = number(value)
    if found is not None and found < 0:
        raise Wrong(gettext_noop("Expected a number of 0 or more, not %(found)s."), found=shown(found))
    return found


def text(value: Any) -> str:
    """Reads a text, which may be empty."""
    if not isinstance(value, str):
        raise Wrong(gettext_noop("Expected text, not %(found)s."), found=shown(value))
    return value


def text_or_null(value: Any) -> str | None:
    """Reads a text, or None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Wrong(gettext_noop("Expected text or null, not %(found)s."), found=shown(value))
    return value


def name(value: Any) -> str:
    """Reads a text that is not empty."""
    if not text(value).strip():
        raise Wrong(gettext_noop("The name cannot be empty."))
    return str(value)


def texts(value: Any) -> list[str]:
    """Reads a list of texts; null is an empty list."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Wrong(gettext_noop("Expected a list of texts, not %(found)s."), found=shown(value))
    return value


def day(value: Any) -> date | None:
    """Reads a date as YYYY-MM-DD, or None."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text(value)):
        with suppress(ValueError):  # the 30th of February
            return date.fromisoformat(value)
    raise Wrong(gettext_noop("Expected a date such as 2024-05-31, not %(found)s."), found=shown(value))


def language(value: Any) -> str:
    """Reads a BCP 47 tag; empty or null if the language is unknown."""
    if value is None or value == "":
        return ""
    if len(text(value)) > 35 or not LANGUAGE_TAG.fullmatch(value):
        raise Wrong(gettext_noop("Expected a language tag such as en or ja, not %(found)s."), found=shown(value))
    return str(value)


def answer(value: Any) -> str:
    """Reads an answer: left, right or tie."""
    if value not in ANSWERS:
        raise Wrong(gettext_noop("Expected left, right or tie, not %(found)s."), found=shown(value))
    return str(value)


def truth(value: Any) -> bool:
    """Reads true or false in a CSV cell."""
    if value not in ("true", "false"):
        raise Wrong(gettext_noop("Expected true or false, not %(found)s."), found=shown(value))
    return bool(value == "true")


def whole_cell(cell: Any) -> int:
    """Reads a whole number in a CSV cell."""
    return whole(int(cell) if WHOLE.fullmatch(cell) else cell)


def count_up_to(most: int) -> Read:
    """Returns a reader of whole numbers from 0 to `most` in CSV cells."""

    def read_count(cell: Any) -> int:
        found = whole_cell(cell)
        if not 0 <= found <= most:
            raise Wrong(
                gettext_noop("Expected a whole number from 0 to %(most)s, not %(found)s."),
                most=str(most),
                found=shown(found),
            )
        return found

    return read_count


def worker_number(cell: Any) -> int | None:
    """Reads a worker's number; empty for a judge."""
    return None if cell == "" else whole_cell(cell)


def cell_text(cell: Any) -> str:
    """Reads a CSV text, without the apostrophe that protects against formulas in spreadsheets."""
    return unguard(text(cell))


def rater_name(cell: Any) -> str:
    """Reads `people` or the name of a judge."""
    found = cell_text(cell)
    if not found.strip() or len(found) > RATER_LENGTH or found == "all":
        raise Wrong(gettext_noop("Expected “people” or the name of a judge, not %(found)s."), found=shown(found))
    return found


def has_reference(references: Sequence[str], turn: int) -> bool:
    """Returns whether the turn `turn`, from 1, has a reference answer; `references` are those of a prompt, by turn."""
    return 0 < turn <= len(references) and bool(references[turn - 1].strip())


def decimal_cell(cell: Any) -> float | None:
    """Reads a finite number in a CSV cell; empty for none."""
    if cell == "":
        return None
    try:
        found = float(text(cell))
    except ValueError:
        raise Wrong(gettext_noop("Expected a number, not %(found)s."), found=shown(cell)) from None
    if not math.isfinite(found):
        raise Wrong(gettext_noop("Expected a number, not %(found)s."), found=shown(cell))
    return found


def weight_cell(cell: Any) -> float | None:
    """Reads how many times as much a comparison counts; empty for once."""
    found = decimal_cell(cell)
    if found is not None and not found > 0:
        raise Wrong(gettext_noop("Expected a weight above 0, not %(found)s."), found=shown(cell))
    return found


def share_cell(cell: Any) -> float | None:
    """Reads the left model's share of a soft verdict; empty for none."""
    found = decimal_cell(cell)
    if found is not None and not 0 <= found <= 1:
        raise Wrong(gettext_noop("Expected a share from 0 to 1, not %(found)s."), found=shown(cell))
    return found


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: `needed` in every row or not; `extra` columns are written only if they have a value."""

    name: str
    read: Read
    needed: bool = False
    extra: bool = False


MODELS: Final = (
    Column("id", whole, needed=True),
    Column("api_id", text_or_null),
    Column("name", name, needed=True),
    Column("api", text_or_null),
    Column("type", text_or_null),
    Column("org", text_or_null),
    Column("licence", text_or_null, extra=True),
    Column("price", amount, extra=True),
    Column("released", day, extra=True),
)
PROMPTS: Final = (
    Column("id", whole, needed=True),
    Column("text", text, needed=True),
    Column("type", text_or_null),
    Column("slug", text_or_null),
    Column("stop", text_or_null),
    Column("note", text_or_null),
    Column("turns", texts, extra=True),
    Column("references", texts, extra=True),
    Column("lang", language, extra=True),
)
RESULTS: Final = (
    Column("id", whole, needed=True),
    Column("model", whole, needed=True),
    Column("result", text, needed=True),
    Column("duration", number),
    Column("rate", number),
    Column("prompt", whole, needed=True),
    Column("api_id", text_or_null),
    Column("name", text_or_null),
    Column("api", text_or_null),
    Column("type", text_or_null),
    Column("org", text_or_null),
    Column("slug", text_or_null),
    Column("turns", texts, extra=True),
)
PAIRS: Final = (
    Column("id", whole, needed=True),
    Column("prompt", whole, needed=True),
    Column("text", text),
    Column("type", text_or_null),
    Column("slug", text_or_null),
    Column("note", text_or_null),
    Column("model_x", whole, needed=True),
    Column("result_x", text, needed=True),
    Column("model_y", whole, needed=True),
    Column("result_y", text, needed=True),
)
GOLDEN_PAIRS: Final = (
    Column("id", whole, needed=True),
    Column("prompt", whole, needed=True),
    Column("text", text, needed=True),
    Column("model_x", whole, needed=True),
    Column("result_x", text, needed=True),
    Column("model_y", whole, needed=True),
    Column("result_y", text, needed=True),
    Column("golden", answer, needed=True),
    Column("reason", text_or_null),
)
COMPARISONS: Final = (
    Column("id", whole_cell, needed=True),
    Column("prompt", whole_cell, needed=True),
    Column("model_x", whole_cell, needed=True),
    Column("model_y", whole_cell, needed=True),
    Column("worker", worker_number),
    Column("winner", answer, needed=True),
    Column("left", cell_text),
    Column("right", cell_text),
    Column("rater", rater_name),
    Column("turn", count_up_to(MOST_TURNS)),
    Column("repetition", count_up_to(MOST_REPETITIONS)),
    Column("simulated", truth),
    Column("weight", weight_cell),
    Column("share", share_cell),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its columns in order, and how its files are recognised."""

    name: str
    columns: tuple[Column, ...]
    ending: str = ".jsonl"

    @property
    def known(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns)


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("models", MODELS),
        Kind("prompts", PROMPTS),
        Kind("results", RESULTS),
        Kind("pairs", PAIRS),
        Kind("training", GOLDEN_PAIRS),
        Kind("check", GOLDEN_PAIRS),
        Kind("comparisons", COMPARISONS, ".csv"),
    )
}
"""The kinds by name, in order of reference: a file refers only to files of earlier kinds."""

PEOPLE_COLUMNS: Final = ("id", "prompt", "model_x", "model_y", "worker", "winner", "left", "right")
JUDGE_COLUMNS: Final = tuple(column for column in PEOPLE_COLUMNS if column != "worker")
ALL_COLUMNS: Final = (*PEOPLE_COLUMNS, "rater")
REPEATED_COLUMNS: Final = ("turn", "repetition")
"""Columns added at the end if raters answered pairs more than once, by turn, order or sample."""

OF_ONE_JUDGE: Final = frozenset({*JUDGE_COLUMNS, *REPEATED_COLUMNS, "simulated", "weight", "share"})
"""The columns of files whose name may give their judge: those of the published files and of our own exports. A file
with any other column may be somebody else's: `Worker` or `annotator` would make people's votes a judge's."""

WEIGHT_COLUMNS: Final = ("weight", "share")
"""Columns added at the end if comparisons have weights or are soft verdicts; the share is that of the left model."""

FULL_COLUMNS: Final = (
    *ALL_COLUMNS,
    "row",
    "rater_kind",
    "simulated",
    "purpose",
    "golden",
    "as_golden",
    "attempt",
    "shown_left",
    "result_left",
    "result_right",
    "sha256_prompt",
    "sha256_left",
    "sha256_right",
    "scale",
    "value",
    "turn",
    "repetition",
    "weight",
    "share",
    "tie_kind",
    "trial",
    "offer_probability",
    "draw_probability",
    "draw_strategy",
    "shown_at",
    "answered_at",
    "seconds",
    "visible_seconds",
    "device",
    "input_method",
    "instruction_version",
    "question_version",
    "question",
    "scale_version",
    "reasoning_version",
    "reasoning",
    "reasons",
    "withdrawn",
    "supersedes",
    "superseded_by",
    "excluded_at",
    "exclusion_reason",
)
"""The columns of `export comparisons --full`; the codebook in docs/ explains each."""

NEEDED_CELLS: Final = tuple(column.name for column in COMPARISONS if column.needed)

PAYMENT_COLUMNS: Final = ("external_id", "outcome", "code", "minutes", "votes", "skips")


COPIED: Final = re.compile(r"( \([0-9]{1,3}\)| - copy( \([0-9]{1,3}\))?)(?=(\.[a-z]+){0,2}$)", re.IGNORECASE)
"""What browsers and systems put behind the name of a file that there is already."""


def plain_name(file_name: str) -> str:
    """Returns a file's name without its folder, without .gz, and without the number of a copy."""
    called = COPIED.sub("", file_name.rpartition("/")[2])
    return called[: -len(".gz")] if called.lower().endswith(".gz") else called


def kind_of(file_name: str) -> str | None:
    """Returns the kind of a file with this name; None if unknown."""
    stem, dot, ending = plain_name(file_name).lower().rpartition(".")
    if not dot or ending not in ENDINGS:
        return None
    if stem.endswith("comparisons"):
        return "comparisons"
    for kind in ("models", "prompts", "results"):
        if stem == kind or stem.endswith(f"-{kind}"):
            return kind
    for kind in ("training", "check"):
        if kind in stem:
            return kind
    if stem.startswith("pairs") or stem.endswith("-pairs"):
        return "pairs"
    return None


ENDINGS: Final = frozenset({"jsonl", "json", "ndjson", "csv", "tsv", "txt", "xlsx", "parquet"})


def judge_in_name(file_name: str) -> str | None:
    """Returns the judge in a file name: gpt4 of `gpt4-comparisons.csv` and `gpt4-crowd-comparisons.csv`."""
    stem, found, _ending = plain_name(file_name).rpartition(".")
    if not found or not stem.lower().endswith("comparisons"):
        return None
    return stem[: -len("comparisons")].rstrip("-").removesuffix("-crowd") or None


def recognised(head: Head) -> Named | Fault | None:
    """Returns the kind of a file by its columns and, for comparisons, whether they say whose they are; None if unknown.

    Where the columns fit several kinds, the name decides. Returns a fault if the file is one that cannot be loaded.
    """
    by_name = kind_of(head.source.name)
    keys = frozenset(head.keys)
    fits = {name: len(keys & kind.known) for name, kind in KINDS.items() if _fits(kind, keys, name == by_name)}
    kind = by_name if by_name in fits else max(fits, key=lambda each: fits[each], default=by_name)
    if kind is None:
        return None
    if kind == "comparisons":
        return _comparisons(head, fits.get(kind, 0))
    asks = ("kind",) if kind in GOLDEN and by_name not in GOLDEN else ()
    return Named(kind, asks=asks, matched=fits.get(kind, 0))


GOLDEN: Final = ("training", "check")
"""Kinds with the same columns, which only the name of a file tells apart."""


def _fits(kind: Kind, keys: frozenset[str], by_name: bool) -> bool:
    """Returns whether a file with these keys can be of a kind; most of them must be its own if its name says else."""
    needed = {column.name for column in kind.columns if column.needed}
    return needed <= keys and (by_name or 2 * len(keys & kind.known) > len(keys))


def _comparisons(head: Head, matched: int) -> Named | Fault:
    if not matched:
        return Named("comparisons", matched=0)
    if "row" in head.keys and "purpose" in head.keys:
        reason = gettext_noop(
            "This is a full export (“All rows”), which also contains rows that are not counted. Use the "
            "“Counted votes” export instead."
        )
        return Fault(head.source.name, head.line, "", reason)
    if "rater" in head.keys or "worker" in head.keys:
        return Named("comparisons", matched=matched)
    unclear = tuple(column for column in head.keys if column not in OF_ONE_JUDGE)
    judge = None if unclear else judge_in_name(head.source.name)
    return Named("comparisons", of_one_judge=True, judge=judge, unclear=unclear, matched=matched)


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields a record with typed values, or a fault, for each row of `file`."""
    columns = KINDS[kind]
    head = look(file)
    if isinstance(head, Head) and head.layout in TABLES:
        missing = [column.name for column in columns.columns if column.needed and column.name not in head.keys]
        if missing:
            # A column that is missing is one fault, not one a row.
            header = shown(list(head.keys), 160)
            yield from (Fault(file.name, head.line, column, MISSING_COLUMN, {}, header) for column in missing)
            return
    layout = head.layout if isinstance(head, Head) else ""
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from _typed(file.name, columns, row, layout)


TABLES: Final = ("csv", "xlsx")
"""Layouts with a header, whose cells are text or what a spreadsheet makes of it."""


def _from_cell(column: Column, cell: Any) -> Any:
    """Returns the value that a JSON column has where it is a cell of a table."""
    if isinstance(cell, str):
        if column.read in (whole, number, amount):
            with suppress(ValueError):
                return int(cell) if WHOLE.fullmatch(cell) else float(cell)
        if column.read is texts and cell.startswith("["):
            with suppress(ValueError):
                return json.loads(cell)
        return unguard(cell)
    if isinstance(cell, int | float) and not isinstance(cell, bool) and column.read not in (whole, number, amount):
        return str(cell)
    return cell


def _as_cell(value: Any) -> str:
    """Returns the CSV cell of a JSON value."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return guard(value)
        case float() if value.is_integer():
            return str(int(value))
    return shown(value)


def _typed(file: str, kind: Kind, row: Row, layout: str) -> Iterator[Record | Fault]:
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for column in kind.columns:
        if column.name in row.values:
            value = row.values[column.name]
            if kind.ending == ".csv":
                value = value if layout == "csv" else _as_cell(value)
            elif layout in TABLES:
                if value in ("", None) and not column.needed:
                    # A table has a cell in every column.
                    continue
                value = _from_cell(column, value)
            try:
                values[column.name] = column.read(value)
            except Wrong as wrong:
                faults.append(Fault(file, row.line, column.name, wrong.reason, wrong.values, excerpt(row.values)))
        elif column.needed:
            faults.append(Fault(file, row.line, column.name, MISSING_COLUMN, {}, excerpt(row.values)))
    if not faults:
        yield Record(kind.name, row.line, values, tuple(row.values.keys() - kind.known))
        return
    yield from faults
    if "id" in values:
        # Rows that refer to this one are not reported for its errors.
        yield Record(kind.name, row.line, values, (), faulty=True)


def excerpt(values: Mapping[str, Any]) -> str:
    """Returns the start of a row, for a fault to quote."""
    return shown({key: value[:40] if isinstance(value, str) else value for key, value in values.items()}, 160)


def row_of(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `values` as a row of a file of `kind`: columns in order, extra ones only if they have a value."""
    row: dict[str, Any] = {}
    for column in KINDS[kind].columns:
        value = values.get(column.name)
        if not column.extra:
            row[column.name] = value
        elif value not in (None, "", []):
            row[column.name] = value.isoformat() if isinstance(value, date) else value
    return row
