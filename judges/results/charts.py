"""The charts of scores and of a judge's rounds as SVG files that stand alone."""

from collections.abc import Sequence
from typing import Final, Protocol

from django.utils.translation import gettext as _

from annotation import svg
from annotation.svg import Drawing
from judges.statistics.drift_chart import Drawing as Rounds

MARGIN: Final = 16.0
HEAD: Final = 54.0
PLOT: Final = 420.0
BAR: Final = 12.0

MOST_NAME: Final = 48
"""Characters of a name that are drawn."""


class Bar(Protocol):
    """A model's bar: its series from 1, and its width and the ends of its interval in per cent."""

    @property
    def series(self) -> int: ...
    @property
    def width(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def scores(
    judge: str, chart: Sequence[tuple[str, Sequence[tuple[Bar, str]]]], legend: Sequence[tuple[int, str]]
) -> str:
    """Returns mean scores by category: the bars of each category with what they say, and the names of the series."""
    title = _("Scores by %(judge)s, by category") % {"judge": judge}
    below = _("Mean scores from 1 to 10. Lines are 95% intervals.")
    labels = [svg.shortened(category or "–", MOST_NAME) for category, _bars in chart]
    left = MARGIN + max(map(svg.width, labels), default=0) + MARGIN
    keys = HEAD + 20 * len(legend)
    down = keys + sum((BAR + 2) * len(bars) + 12 for _category, bars in chart) + 40
    drawing = Drawing(left + PLOT + 60, down, title, below)
    drawing.text(MARGIN, 24, title, size=15, bold=True)
    drawing.text(MARGIN, 42, below, size=svg.SMALL, fill=svg.MUTED)
    for number, (series, name) in enumerate(legend):
        drawing.rect(MARGIN, HEAD + 20 * number, 12, 12, _fill(series), 2)
        drawing.text(MARGIN + 20, HEAD + 20 * number + 10, svg.shortened(name, MOST_NAME), size=svg.SMALL)
    top = keys + 8
    for label, (_category, bars) in zip(labels, chart, strict=True):
        drawing.text(left - 8, top + ((BAR + 2) * len(bars)) / 2 + 4, label, size=svg.SMALL, anchor="end")
        for number, (bar, words) in enumerate(bars):
            y = top + (BAR + 2) * number
            drawing.rect(left, y, PLOT * bar.width / 100, BAR, _fill(bar.series), 2)
            if bar.low is not None and bar.high is not None:
                middle = y + BAR / 2
                drawing.line(left + PLOT * bar.low / 100, middle, left + PLOT * bar.high / 100, middle, svg.INK, 1.5)
            drawing.text(left + PLOT + 8, y + BAR - 2, words, size=svg.SMALL)
        top += (BAR + 2) * len(bars) + 12
    drawing.line(left, top, left + PLOT, top, svg.MUTED)
    drawing.text(left, top + 16, "1", size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    drawing.text(left + PLOT, top + 16, "10", size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    return drawing.svg()


def _fill(series: int) -> str:
    return svg.SERIES[(series - 1) % len(svg.SERIES)]


def rounds(judge: str, title: str, found: Rounds, shares: bool) -> str:
    """Returns a value of a judge by round, with its intervals; `shares` is true if the values are shares."""
    title = f"{judge}: {title}"
    width, height, left = 560.0, 220.0, MARGIN
    drawing = Drawing(2 * MARGIN + width, HEAD + height + 56, title)
    drawing.text(MARGIN, 24, title, size=15, bold=True)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + width * x / 100, HEAD + height * y / 100

    for value, y in found.lines:
        drawing.line(*at(0, y), *at(100, y))
        drawing.text(left, at(0, y)[1] - 3, f"{100 * value:.0f}%" if shares else f"{value:g}", size=10, fill=svg.MUTED)
    for x in found.breaks:
        drawing.line(*at(x, 0), *at(x, 100), svg.MUTED, 1, "5 4")
    for dot in found.dots:
        if dot.from_x is not None and dot.from_y is not None:
            drawing.line(*at(dot.from_x, dot.from_y), *at(dot.x, dot.y), svg.RANGE, 1.5)
    for dot in found.dots:
        drawing.line(*at(dot.x, dot.top), *at(dot.x, dot.foot), svg.RANGE, 2)
        drawing.dot(*at(dot.x, dot.y))
    for number, x in found.numbers:
        drawing.text(at(x, 0)[0], HEAD + height + 16, number, size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    drawing.text(left + width / 2, HEAD + height + 38, _("Round"), anchor="middle")
    return drawing.svg()
