"""The scatter plot of a judge's ratings against people's. Pure functions.

Positions are in per cent of a square, from its top left. Each axis covers all intervals of its raters: a judge's are
often several times as wide as people's. On the diagonal both ratings are equal. The judge rates models above it higher
than people do.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from django.utils.functional import Promise

from ranking.pages.axis import Axis, Tick
from ranking.pages.text import NOTICES, written

SIZE: Final = 2.3
"""Height of a name, in per cent of the square; board.css sets the same."""
MOST: Final = 28
"""Characters of a name that are drawn. The table below the plot has all of it."""
RADIUS: Final = 1.1
"""Radius of a dot, in per cent of the square."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle that a name or dot covers."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Self) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    @property
    def is_inside(self) -> bool:
        return self.left >= 0 and self.top >= 0 and self.right <= 100 and self.bottom <= 100


@dataclass(frozen=True, slots=True)
class Name:
    """A drawn name. Its baseline starts, is centred or ends at x and y, depending on `anchor`."""

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A model with its ratings, their intervals, and its name, unless that would overlap another one."""

    model: str
    x: float
    y: float
    x_low: float | None
    x_high: float | None
    y_low: float | None
    y_high: float | None
    people: str
    judge: str
    people_interval: str
    judge_interval: str
    apart: float
    """How many points the judge rates the model higher than people do."""
    name: Name | None = None

    @property
    def box(self) -> Box:
        return Box(self.x - RADIUS, self.y - RADIUS, self.x + RADIUS, self.y + RADIUS)


@dataclass(frozen=True, slots=True)
class Correlation:
    """A coefficient of correlation, formatted."""

    label: str | Promise
    value: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """The plot. x axis: ratings by people; y axis: ratings by the judge."""

    dots: tuple[Dot, ...]
    across: Axis
    up: Axis
    pairs: int
    correlations: tuple[Correlation, ...]
    notice: str | Promise | None

    @property
    def rising(self) -> tuple[Tick, ...]:
        """Returns the ticks of the y axis, measured from the top."""
        return tuple(Tick(tick.label, 100 - tick.at) for tick in self.up.ticks)

    @property
    def diagonal(self) -> tuple[float, float, float, float] | None:
        """Returns the ends x, y, x, y of the line of equal ratings, or None where the axes share no rating."""
        low, high = max(self.across.low, self.up.low), min(self.across.high, self.up.high)
        if low >= high:
            return None
        return self.across.at(low), _from_top(self.up, low), self.across.at(high), _from_top(self.up, high)

    @property
    def has_intervals(self) -> bool:
        return any(low is not None for dot in self.dots for low in (dot.x_low, dot.y_low))

    @property
    def unnamed(self) -> int:
        return sum(dot.name is None for dot in self.dots)


def scatter(boards: dict[str, Any], names: Iterable[tuple[str, str | Promise]]) -> Scatter | None:
    """Returns the plot of a report's `boards`, or None if they were too few to compare.

    `names` are the keys and labels of the correlations.
    """
    if boards["spearman"] is None:
        return None
    across, up = (
        Axis.over((value for row in boards[side] for value in row), written, 6) for side in ("people", "judge")
    )
    dots = [_dot(across, up, *row) for row in zip(boards["models"], boards["people"], boards["judge"], strict=True)]
    correlations = tuple(Correlation(label, f"{boards[name]:z.2f}") for name, label in names)
    # Older reports, shown until the next sweep, do not contain it.
    notice = NOTICES["prior"] if boards.get("prior") else None
    return Scatter(tuple(named(dots)), across, up, boards["pairs"], correlations, notice)


def _dot(across: Axis, up: Axis, model: str, people: Sequence[float | None], judge: Sequence[float | None]) -> Dot:
    (x, x_low, x_high), (y, y_low, y_high) = people, judge
    assert x is not None  # noqa: S101  only models that both rated are in the report
    assert y is not None  # noqa: S101
    return Dot(
        model=model,
        x=across.at(x),
        y=_from_top(up, y),
        x_low=None if x_low is None else across.at(x_low),
        x_high=None if x_high is None else across.at(x_high),
        y_low=None if y_low is None else _from_top(up, y_low),
        y_high=None if y_high is None else _from_top(up, y_high),
        people=written(x, 0),
        judge=written(y, 0),
        people_interval=_interval(x_low, x_high),
        judge_interval=_interval(y_low, y_high),
        apart=y - x,
    )


def _from_top(axis: Axis, value: float) -> float:
    return round(100 - axis.at(value), 3)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{written(low, 0)}–{written(high, 0)}"


def named(dots: Sequence[Dot]) -> Iterator[Dot]:
    """Yields `dots` with the names that fit: inside the square, over no dot and no other name.

    The dots of which people and the judge differ most choose first.
    """
    taken = [dot.box for dot in dots]
    chosen: dict[int, Name] = {}
    for number in sorted(range(len(dots)), key=lambda number: -abs(dots[number].apart)):
        for name, box in _places(dots[number]):
            if box.is_inside and not any(box.meets(other) for other in taken):
                chosen[number] = name
                taken.append(box)
                break
    for number, dot in enumerate(dots):
        yield replace(dot, name=chosen.get(number))


def _places(dot: Dot) -> Iterator[tuple[Name, Box]]:
    """Yields the possible positions of the name of `dot`, best first, with what it covers there."""
    text = dot.model if len(dot.model) <= MOST else f"{dot.model[: MOST - 1]}…"
    width, gap = _width(text), RADIUS + 0.7
    for across, up in ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)):
        beside = gap if up == 0 else gap / 2
        x = dot.x + across * beside
        middle = dot.y + up * (gap + SIZE / 2)
        left = x - width * (1 - across) / 2
        anchor = {1: "start", 0: "middle", -1: "end"}[across]
        box = Box(left, middle - SIZE / 2, left + width, middle + SIZE / 2)
        yield Name(text, round(x, 3), round(middle + 0.35 * SIZE, 3), anchor), box


def _width(text: str) -> float:
    """Returns the maximum width of the drawn `text`, because fonts differ."""
    wide = sum(unicodedata.east_asian_width(character) in {"F", "W"} for character in text)
    return SIZE * (0.6 * (len(text) - wide) + wide)
