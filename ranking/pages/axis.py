"""Computes positions on an axis, in per cent of its width, for inline SVG. Pure functions."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled tick, at a position in per cent of the axis."""

    label: str
    at: float


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high` with ticks at round numbers."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    @classmethod
    def over(cls, values: Iterable[float | None], label: Callable[[float, int], str], wanted: int = 7) -> Self:
        """Returns an axis covering `values`, with about `wanted` ticks. `label` formats a number and its decimals."""
        found = [value for value in values if value is not None]
        low, high = min(found, default=0.0), max(found, default=1.0)
        if high - low < 1e-12:
            low, high = low - 0.5, high + 0.5
        step = nice((high - low) / wanted)
        low, high = math.floor(low / step) * step, math.ceil(high / step) * step
        digits = max(0, -math.floor(math.log10(step)))
        number = round((high - low) / step)
        ticks = tuple(
            Tick(label(low + place * step, digits), round(100 * place / number, 3)) for place in range(number + 1)
        )
        return cls(low, high, ticks)

    def at(self, value: float) -> float:
        return round(100 * (value - self.low) / (self.high - self.low), 3)


def nice(step: float) -> float:
    """Returns the smallest of 1, 2 and 5 times a power of ten that is at least `step`."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
