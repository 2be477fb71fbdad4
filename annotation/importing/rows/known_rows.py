"""What is remembered of rows, to hold others against them."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import blake2b
from typing import Any, Final

from annotation.importing.rows.errors import Refused
from annotation.interchange.faults import gettext_noop, shown

SHORT: Final = 40
"""Texts longer than this are remembered as digests, but for those of models, which are few."""


def plain(value: Any) -> Any:
    """`value` as it is remembered for comparing where it need not be condensed."""
    return value.isoformat() if isinstance(value, date) else value


def condensed(value: Any) -> Any:
    """`value` as it is remembered for comparing: long texts as 16 bytes."""
    match value:
        case str() if len(value) > SHORT:
            return blake2b(value.encode(), digest_size=16).digest()
        case list():
            return condensed(json.dumps(value)) if value else None
        case _:
            return value


def quoted(value: Any) -> str:
    """A remembered value as a fault quotes it."""
    return "…" if isinstance(value, bytes) else shown(value)


def size(row: Mapping[str, Any]) -> int:
    """Characters of text in `row`."""
    return sum(len(value) for value in row.values() if isinstance(value, str))


class Known:
    """Something that rows can refer to: its primary key, 0 until it is stored, and its condensed values."""

    __slots__ = ("pk", "values")

    def __init__(self, pk: int, values: tuple[Any, ...]) -> None:
        self.pk = pk
        self.values = values


class KnownPair(Known):
    """`index` is its place among the pairs in memory."""

    __slots__ = ("index", "purpose")

    def __init__(self, pk: int, values: tuple[Any, ...], purpose: str, index: int) -> None:
        super().__init__(pk, values)
        self.purpose = purpose
        self.index = index


class KnownRater(Known):
    """`index` is its place among the raters in memory; `votes` are those that this upload brought."""

    __slots__ = ("index", "joined", "simulated", "votes")

    def __init__(self, pk: int, *, index: int, joined: bool, simulated: bool) -> None:
        super().__init__(pk, ())
        self.index = index
        self.joined = joined
        self.simulated = simulated
        self.votes = 0


def refuse_other(
    stored: Known, columns: tuple[str, ...], row: Mapping[str, Any], remembered: Callable[[Any], Any] = condensed
) -> None:
    """Refuses `row` where a column it has says something else than what is stored under its id."""
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
    """Refuses `row` where it repeats a column of what it refers to and says something else."""
    if column in row and remembered(row[column]) != stored:
        raise Refused(
            column,
            gettext_noop("The item that this row refers to has %(stored)s in this column, not %(found)s."),
            stored=quoted(stored),
            found=shown(row[column]),
        )
