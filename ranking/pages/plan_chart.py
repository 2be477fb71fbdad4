"""The chart of a plan: Kendall's tau and what is found, against the number of votes. Pure functions.

Positions are in hundredths of the chart's width, and of its height times `HEIGHT`. The votes are on a logarithmic axis.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ranking.pages.axis import Tick
from ranking.pages.statements import written

WIDTH: Final = 100.0
HEIGHT: Final = 56.0

SHARES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

CLOSE: Final = 12.0
"""Ticks of the votes closer than this, in hundredths of the width, would run into one another."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A value of one series at one number of votes."""

    x: float
    y: float
    votes: int
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Attributes:

    band: the corners of the area between the ends of tau's range, as the `points` of a polygon.
    tau, first, found: the series; `top` is the number of models that `found` is about, None without one.
    planned: where the planned number of votes lies.
    """

    band: str
    tau: tuple[Dot, ...]
    first: tuple[Dot, ...]
    found: tuple[Dot, ...]
    top: int | None
    votes: tuple[Tick, ...]
    shares: tuple[Tick, ...]
    planned: float

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Returns each series' name and its corners, as the `points` of a polyline."""
        series = (("first", self.first), ("found", self.found), ("tau", self.tau))
        return tuple((name, " ".join(f"{dot.x:g},{dot.y:g}" for dot in dots)) for name, dots in series if dots)


def chart(points: Sequence[dict[str, Any]], planned: int, top: int | None) -> Chart:
    """Returns the chart of a plan's `points`; `top` is the number of best models to draw."""
    low, high = math.log(points[0]["votes"]), math.log(points[-1]["votes"])

    def across(votes: float) -> float:
        return round(WIDTH * (math.log(votes) - low) / (high - low), 2) if high > low else WIDTH / 2

    def series(values: Sequence[float]) -> tuple[Dot, ...]:
        return tuple(
            Dot(across(point["votes"]), _up(value), point["votes"], value)
            for point, value in zip(points, values, strict=True)
        )

    lows, highs = (series([point["tau"][end] for point in points]) for end in ("low", "high"))
    return Chart(
        band=" ".join(f"{dot.x:g},{dot.y:g}" for dot in (*highs, *reversed(lows))),
        tau=series([point["tau"]["mean"] for point in points]),
        first=series([point["first"] for point in points]),
        found=() if top is None else series([point["found"][str(top)] for point in points]),
        top=top,
        votes=_ticks(points[0]["votes"], points[-1]["votes"], across),
        shares=tuple(Tick(written(share, 1), _up(share)) for share in SHARES),
        planned=across(planned),
    )


def _up(share: float) -> float:
    """Returns the position of a share from the top. A tau below 0, worse than chance, lies on the axis."""
    return round(HEIGHT * (1 - min(1.0, max(0.0, share))), 2)


def _ticks(low: int, high: int, across: Any) -> tuple[Tick, ...]:
    """Returns the numbers of votes that are 1, 2 or 5 times a power of ten, as far apart as their labels need."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    round_ones = [factor * 10**power for power in powers for factor in (1, 2, 5) if low <= factor * 10**power <= high]
    found: list[Tick] = []
    for votes in round_ones:
        if not found or across(votes) - found[-1].at >= CLOSE:
            found.append(Tick(written(votes), across(votes)))
    return tuple(found)
