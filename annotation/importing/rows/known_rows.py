"""The known rows in memory, to compare other rows with."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import blake2b
from typing import Any, Final

from annotation.importing.rows.errors import Refused
from annotation.interchange.faults import shown
from annotation.problems import gettext_noop

SHORT: Final = 40
"""Longer texts are kept as digests, except those of models, which are few."""


def plain(value: Any) -> Any:
    """Returns `value` as it is kept for comparison, without a digest."""
    return value.isoformat() if isinstance(value, date) else value


def condensed(value: Any) -> Any:
    """Returns `value` as it is kept for comparison; a long text becomes a digest of 16 bytes."""
    match value:
        case str() if len(value) > SHORT:
            return blake2b(value.encode(), digest_size=16).digest()
        case list():
            return condensed(json.dumps(value)) if value else None
        case _:
            return value


def quoted(value: Any) -> str:
    """Returns a kept value as an error message quotes it."""
    return "…" if isinstance(value, bytes) else shown(value)


def size(row: Mapping[str, Any]) -> int:
    """Returns the number of characters of text in `row`."""
    return sum(len(value) for value in row.values() if isinstance(value, str))


STORED: Final = -1
"""The file of a row that no file of this load has had yet."""


class Known:
    """A row that others can refer to: its primary key (0 until it is stored), condensed values, and the last file
    that had it."""

    __slots__ = ("file", "pk", "values")

    def __init__(self, pk: int, values: tuple[Any, ...], file: int = STORED) -> None:
        self.pk = pk
        self.values = values
        self.file = file


class KnownPair(Known):
    """A known pair; `index` is its position among the pairs in memory."""

    __slots__ = ("index", "purpose")

    def __init__(self, pk: int, values: tuple[Any, ...], purpose: str, index: int, file: int = STORED) -> None:
        super().__init__(pk, values, file)
        self.purpose = purpose
        self.index = index


class KnownRater(Known):
    """A known rater; `index` is its position among the raters in memory, `votes` those of this upload."""

    __slots__ = ("excluded", "index", "joined", "simulated", "votes")

    def __init__(self, pk: int, *, index: int, joined: bool, simulated: bool, excluded: bool) -> None:
        super().__init__(pk, ())
        self.index = index
        self.joined = joined
        self.simulated = simulated
        self.excluded = excluded
        self.votes = 0


def refuse_other(
    stored: Known, columns: tuple[str, ...], row: Mapping[str, Any], remembered: Callable[[Any], Any] = condensed
) -> None:
    """Refuses `row` if one of its columns differs from the stored row with its id."""
    for column, before in zip(columns, stored.values, strict=True):
        if column in row and remembered(row[column]) != before:
            raise Refused(
                column,
                gettext_noop("ID %(number)s is already stored with %(stored)s in this column, not %(found)s."),
                number=row["id"],
                stored=quoted(before),
                found=shown(row[column]),
            )


def refuse_contradiction(
    row: Mapping[str, Any], column: str, stored: Any, remembered: Callable[[Any], Any] = condensed
) -> None:
    """Refuses `row` if it repeats a column of a row it refers to with another value."""
    if column in row and remembered(row[column]) != stored:
        raise Refused(
            column,
            gettext_noop("The item that this row refers to has %(stored)s in this column, not %(found)s."),
            stored=quoted(stored),
            found=shown(row[column]),
        )
