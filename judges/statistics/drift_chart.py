"""Computes the positions in a chart of a judge's rounds, in percent of its width and height. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from judges.statistics.consistency import Estimate

LEFT: Final = 13.0
RIGHT: Final = 97.0
LABELS: Final = 10
"""Approximate number of rounds labelled on the x axis."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The values at the bottom and top of the chart, and those with a grid line."""

    low: float
    high: float
    lines: tuple[float, ...]

    def at(self, value: float) -> float:
        """Returns the position from the top, in percent; values outside are clamped to the edge."""
        share = (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)
        return round(100 * (1 - share), 2)


SHARES: Final = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
SCORES: Final = Scale(1.0, 10.0, (1.0, 4.0, 7.0, 10.0))


@dataclass(frozen=True, slots=True)
class Dot:
    """A round's value: the dot, its interval from `top` to `foot`, and the previous dot for the connecting line."""

    number: int
    estimate: Estimate
    x: float
    y: float
    top: float
    foot: float
    from_x: float | None
    from_y: float | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Dots by round. `lines` are values with their y positions, `numbers` rounds with their x positions, and `breaks`
    the x positions of changes."""

    dots: tuple[Dot, ...]
    lines: tuple[tuple[float, float], ...]
    numbers: tuple[tuple[int, float], ...]
    breaks: tuple[float, ...]


def draw(figures: Sequence[tuple[int, Estimate | None]], changed: Sequence[bool], scale: Scale) -> Drawing:
    """Computes the chart of `figures`, which are round numbers with values; `changed` marks changes since the previous
    round. A round without a value leaves a gap in the line."""
    step = (RIGHT - LEFT) / max(1, len(figures) - 1)
    places = [round(LEFT + step * place, 2) for place in range(len(figures))]
    dots: list[Dot] = []
    before: Dot | None = None
    for (number, estimate), x in zip(figures, places, strict=True):
        if estimate is None:
            before = None
            continue
        before = Dot(
            number,
            estimate,
            x,
            scale.at(estimate.value),
            scale.at(estimate.high),
            scale.at(estimate.low),
            before.x if before else None,
            before.y if before else None,
        )
        dots.append(before)
    every = max(1, math.ceil(len(figures) / LABELS))
    return Drawing(
        tuple(dots),
        tuple((value, scale.at(value)) for value in scale.lines),
        tuple((number, x) for (number, _figure), x in list(zip(figures, places, strict=True))[::every]),
        tuple(x - step / 2 for x, broken in zip(places, changed, strict=True) if broken),
    )
