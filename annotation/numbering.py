"""Numbers for rows that have none: above the highest number from files."""

from collections.abc import Collection
from typing import Any, Final

from django.db.models import Max, QuerySet

ROOM: Final = 2**62
"""Numbers from here on are ignored for the next number: files may use up to 2^63 - 1, and there must be a next
one."""


def next_number(rows: "QuerySet[Any]") -> int:
    """Returns the number after the highest of `rows`, starting at 0; the caller holds a lock against races."""
    highest = rows.filter(number__gte=0, number__lt=ROOM).aggregate(highest=Max("number"))["highest"]
    return 0 if highest is None else int(highest) + 1


class Numbering:
    """Draws numbers, starting at 1, for rows of files that are not stored yet."""

    def __init__(self) -> None:
        self._next = 0

    def draw(self, known: Collection[Any]) -> int:
        """Returns a number that is not in `known`, where other keys than numbers do not matter; the caller adds it."""
        taken = (number for number in known if isinstance(number, int) and 0 < number < ROOM)
        number = self._next or max(taken, default=0) + 1
        while number in known:
            number += 1
        self._next = number + 1
        return number
