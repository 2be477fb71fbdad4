"""Numbers for what has none of its own: behind the highest that files have given."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Max, QuerySet

ROOM: Final = 2**62
"""Files may number what they hold up to 2^63 - 1; numbers from here on are passed over, so that there is always a
next one."""


def next_number(rows: "QuerySet[Any]") -> int:
    """The number behind the highest of `rows`, from 0 on. Whoever asks holds a lock that keeps others from asking."""
    highest = rows.filter(number__gte=0, number__lt=ROOM).aggregate(highest=Max("number"))["highest"]
    return 0 if highest is None else int(highest) + 1


class Numbering:
    """Numbers, from 1 on, for the rows of files that are not stored yet."""

    def __init__(self) -> None:
        self._next = 0

    def draw(self, known: Mapping[int, Any]) -> int:
        """One that is not in `known`, where it belongs from now on."""
        number = self._next or max((number for number in known if 0 < number < ROOM), default=0) + 1
        while number in known:
            number += 1
        self._next = number + 1
        return number
