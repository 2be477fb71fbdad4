"""A battle: two models' answers to one prompt and who won, as the formats of battles read it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.llmfao import Wrong, excerpt
from annotation.interchange.reading import MISSING_COLUMN, Row, Source
from annotation.scales import Answer

KIND: Final = "battles"
"""The kind of row. Its values are those of `values`."""

TIE: Final = "tie"

ROWS: Final = ("models", "prompts", "results", "pairs", "comparisons", KIND)
"""The kinds of rows that it becomes."""


def values(
    *,
    models: tuple[str, str],
    prompt: tuple[str, ...],
    answers: tuple[tuple[str, ...], tuple[str, ...]],
    winner: Answer | None,
    rater: int | str,
    format_name: str,
    file: str,
    extra: Mapping[str, Any],
    at: datetime | None = None,
    lang: str = "",
    category: str = "",
    tie_kind: str = "",
    weight: float | None = None,
    share: float | None = None,
    turn: int = 0,
    background: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Returns the values of a record: the left model and answer first; `winner` is None where nobody has voted.

    `rater` is a worker's number, or the name of a judge or of a crowd; empty stands for the rater of the whole file.
    """
    return {
        "models": models,
        "prompt": prompt,
        "answers": answers,
        "winner": winner,
        "rater": rater,
        "format": format_name,
        "file": file,
        "extra": dict(extra),
        "at": at,
        "lang": lang,
        "category": category,
        "tie_kind": tie_kind,
        "weight": weight,
        "share": share,
        "turn": turn,
        "background": dict(background or {}),
    }


class Fields:
    """The fields of a row being read, and their errors."""

    def __init__(self, file: Source, row: Row, fields: Mapping[str, Any] | None = None, inside: str = "") -> None:
        self.file = file
        self.row = row
        self.fields = row.values if fields is None else fields
        self.inside = inside
        self.faults: list[Fault] = []

    def __call__[V](self, key: str, read: Callable[[Any], V], default: V | None = None) -> V | Any:
        """Returns the value of `key`; `default` if it is missing or not valid. A row with an error is not used."""
        if key not in self.fields:
            if default is None:
                self.fault(key, MISSING_COLUMN)
            return default
        try:
            return read(self.fields[key])
        except Wrong as wrong:
            self.fault(key, wrong.reason, **wrong.values)
            return default

    def fault(self, key: str, reason: str, **found: str) -> None:
        name = f"{self.inside}.{key}" if self.inside else key
        self.faults.append(Fault(self.file.name, self.row.line, name, reason, found, excerpt(self.row.values)))


def joined(instruction: str, more: str) -> str:
    """Returns the prompt that an instruction and its input make."""
    return "\n\n".join(filter(None, (instruction, more)))


def moment(stamp: Any) -> datetime | None:
    """Returns the time of a Unix timestamp; None if it is none."""
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (ValueError, OverflowError, OSError):
        return None
