"""What is wrong with a file, said so that whoever made the file can mend it."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

LISTED: Final = 100
"""Faults beyond this many are counted, not kept: a wrong column would give one a row."""

SHOWN: Final = 80
"""Characters of a value, and twice as many of a row, that a fault quotes."""


def shown(value: object, limit: int = SHOWN) -> str:
    """`value` as JSON on one line, cut at `limit`, with nothing in it that a terminal would obey."""
    if isinstance(value, str):
        value = value[:limit] + "…" if len(value) > limit else value
    text = printable(json.dumps(value, ensure_ascii=False, default=str)[: 2 * limit])
    return text if len(text) <= limit + 3 else text[:limit] + "…"


def printable(text: str) -> str:
    """`text` as it can be printed and stored: a name on a disk, or a column's in a file, may be no text at all."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    `reason` is the English message with %(name)s places for `values`, so that it can be told in the
    reader's language later. `line` counts from 1 and is None where the file as a whole is meant;
    `file` is empty where no single file is to blame. `row` is the start of the row as it was read.
    """

    file: str
    line: int | None
    field: str
    reason: str
    values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    row: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "reason": self.reason,
            "values": dict(self.values),
            "row": self.row,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)


class Faults:
    """Keeps the first `LISTED` faults and counts them all."""

    def __init__(self) -> None:
        self.listed: list[Fault] = []
        self.count = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append(fault)

    def __bool__(self) -> bool:
        return self.count > 0
