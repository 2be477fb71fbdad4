"""The charts of leaderboards, agreement and plans as SVG files that stand alone."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.utils.translation import gettext as _

from annotation import svg
from annotation.svg import Drawing
from ranking.models import Leaderboard
from ranking.pages import heat_table, plan_chart, text
from ranking.pages.agreement import Histogram, Place
from ranking.pages.axis import Axis
from ranking.pages.leaderboard import Bar, Table
from ranking.pages.model import Beside
from ranking.pages.scatter import Scatter

MARGIN: Final = 16.0
ROW: Final = 22.0
HEAD: Final = 54.0
PLOT: Final = 420.0
"""Width of the part that is drawn to scale."""

NARROW: Final = 10
"""Shares in per cent below which a part of a bar is too narrow for words."""

MOST_NAME: Final = 48
"""Characters of a name that are drawn."""


def _names(names: Iterable[str]) -> float:
    """Returns the width of the column with `names`."""
    return max((svg.width(svg.shortened(name, MOST_NAME)) for name in names), default=0) + MARGIN


def _axis(drawing: Drawing, axis: Axis, left: float, top: float, foot: float, name: str) -> None:
    for tick in axis.ticks:
        x = left + PLOT * tick.at / 100
        drawing.line(x, top, x, foot)
        drawing.text(x, foot + 15, tick.label, size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    drawing.text(left + PLOT / 2, foot + 34, name, anchor="middle")


def _bar(drawing: Drawing, bar: Bar, left: float, y: float) -> None:
    if bar.start is not None and bar.width is not None:
        drawing.rect(left + PLOT * bar.start / 100, y - 3, PLOT * bar.width / 100, 6, svg.RANGE, 3)
    drawing.dot(left + PLOT * bar.mark / 100, y)


def _title(drawing: Drawing, title: str, below: str = "") -> None:
    drawing.text(MARGIN, 24, title, size=15, bold=True)
    if below:
        drawing.text(MARGIN, 42, below, size=svg.SMALL, fill=svg.MUTED)


def _interval_key(has_intervals: bool) -> str:
    return _("Dots are ratings, bars 95% intervals.") if has_intervals else _("Dots are ratings.")


def board(snapshot: Leaderboard, tables: Sequence[Table]) -> str:
    """Returns a board: each model with its rank range, its rating and its interval, group after group."""
    title = _("%(study)s: leaderboard %(number)s") % {"study": snapshot.study.name, "number": snapshot.pk}
    below = f"{text.raters(snapshot.raters)} · {text.method(snapshot.method)}"
    names = _names(line.row["model"] for table in tables for line in table.lines)
    left = MARGIN + 52 + names
    figures = 150.0
    down = HEAD + sum(ROW * len(table.lines) + 76 for table in tables)
    drawing = Drawing(left + PLOT + figures + MARGIN, down, title, below)
    _title(drawing, title, below)
    top = HEAD
    for table in tables:
        drawing.text(MARGIN, top + 12, _("Rank"), size=svg.SMALL, fill=svg.MUTED)
        drawing.text(MARGIN + 52, top + 12, _("Model"), size=svg.SMALL, fill=svg.MUTED)
        drawing.text(left + PLOT + 12, top + 12, _("Rating"), size=svg.SMALL, fill=svg.MUTED)
        first, foot = top + 20, top + 20 + ROW * len(table.lines)
        _axis(drawing, table.axis, left, first, foot, _interval_key(any(line.low for line in table.lines)))
        for number, line in enumerate(table.lines):
            y = first + ROW * (number + 0.5)
            drawing.text(MARGIN, y + 4, line.places)
            drawing.text(MARGIN + 52, y + 4, svg.shortened(line.row["model"], MOST_NAME))
            _bar(drawing, line.bar, left, y)
            interval = f" ({line.low}–{line.high})" if line.low else ""
            drawing.text(left + PLOT + 12, y + 4, line.rating + interval, size=svg.SMALL)
        top = foot + 56
    return drawing.svg()


def heat(snapshot: Leaderboard) -> str:
    """Returns the heat tables of win rates in per cent, the row's model against the column's."""
    title = _("%(study)s: head-to-head") % {"study": snapshot.study.name}
    below = _("Win rate of the row’s model against the column’s model, in per cent. Ties count as half.")
    groups = snapshot.sheet["groups"]
    cell = 30.0
    names = _names(row["model"] for group in groups for row in group["rows"])
    most = max((len(group["rows"]) for group in groups), default=0)
    down = HEAD + sum(names + cell * len(group["rows"]) + 30 for group in groups)
    across = max(MARGIN + names + cell * most + MARGIN, svg.width(below, svg.SMALL) + 2 * MARGIN)
    drawing = Drawing(across, down, title, below)
    _title(drawing, title, below)
    top = HEAD
    for group in groups:
        share, _expected = heat_table.shares(group)
        left, first = MARGIN + names, top + names
        for number, row in enumerate(group["rows"]):
            name = svg.shortened(row["model"], MOST_NAME)
            drawing.text(left - 6, first + cell * (number + 0.5) + 4, name, anchor="end")
            drawing.text(left + cell * (number + 0.5) + 4, first - 6, name, turned=-90)
        for i, row in enumerate(share.tolist()):
            for j, rate in enumerate(row):
                _heat_cell(drawing, left + cell * j, first + cell * i, cell, None if i == j or rate != rate else rate)
        top = first + cell * len(group["rows"]) + 30
    return drawing.svg()


def _heat_cell(drawing: Drawing, x: float, y: float, size: float, rate: float | None) -> None:
    if rate is None:
        drawing.rect(x + 0.5, y + 0.5, size - 1, size - 1, "#eeeeee")
        return
    ends = (svg.LOW, svg.MIDDLE) if rate < 0.5 else (svg.MIDDLE, svg.HIGH)
    drawing.rect(x + 0.5, y + 0.5, size - 1, size - 1, svg.between(*ends, 2 * rate - (rate >= 0.5)))
    drawing.text(x + size / 2, y + size / 2 + 4, round(100 * rate), size=svg.SMALL, anchor="middle")


def scatter(found: Scatter, judge: str) -> str:
    """Returns the plot of a judge's ratings against people's."""
    title = _("Ratings by people and by %(judge)s") % {"judge": judge}
    correlations = ", ".join(f"{each.label} {each.value}" for each in found.correlations)
    left, top, size = 74.0, HEAD, 480.0
    drawing = Drawing(left + size + 24, top + size + 52, title, correlations)
    _title(drawing, title, correlations)

    def x(share: float) -> float:
        return left + size * share / 100

    def y(share: float) -> float:
        return top + size * share / 100

    for tick in found.across.ticks:
        drawing.line(x(tick.at), y(0), x(tick.at), y(100))
        drawing.text(x(tick.at), y(100) + 15, tick.label, size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    for tick in found.rising:
        drawing.line(x(0), y(tick.at), x(100), y(tick.at))
        drawing.text(x(0) - 6, y(tick.at) + 4, tick.label, size=svg.SMALL, anchor="end", fill=svg.MUTED)
    if found.diagonal:
        one, two, three, four = found.diagonal
        drawing.line(x(one), y(two), x(three), y(four), svg.MUTED, 1, "5 4")
    drawing.text(x(50), y(100) + 36, _("Rating by people"), anchor="middle")
    drawing.text(18, y(50), _("Rating by %(judge)s") % {"judge": judge}, anchor="middle", turned=-90)
    for dot in found.dots:
        if dot.x_low is not None and dot.x_high is not None:
            drawing.line(x(dot.x_low), y(dot.y), x(dot.x_high), y(dot.y), svg.RANGE, 1.5)
        if dot.y_low is not None and dot.y_high is not None:
            drawing.line(x(dot.x), y(dot.y_low), x(dot.x), y(dot.y_high), svg.RANGE, 1.5)
    for dot in found.dots:
        drawing.dot(x(dot.x), y(dot.y))
        if dot.name:
            drawing.text(x(dot.name.x), y(dot.name.y), dot.name.text, size=10, anchor=dot.name.anchor)
    return drawing.svg()


def histogram(found: Histogram, rater: str) -> str:
    """Returns how often each value of the scale from 1 to 8 was chosen."""
    title = _("Values of the scale: %(rater)s") % {"rater": rater}
    below = _("From 1 (left far better) to 8 (right far better)")
    step, height = 56.0, 200.0
    drawing = Drawing(2 * MARGIN + 8 * step, HEAD + height + 44, title, below)
    _title(drawing, title, below)
    fills = {"left": svg.LOW, "middle": svg.GRID, "right": svg.HIGH}
    foot = HEAD + 16 + height
    for number, each in enumerate(found.steps):
        x, tall = MARGIN + step * number, height * each.height / 100
        drawing.rect(x + 4, foot - tall, step - 8, tall, fills[each.side])
        drawing.text(x + step / 2, foot - tall - 5, text.written(each.number), size=svg.SMALL, anchor="middle")
        drawing.text(x + step / 2, foot + 16, each.value, anchor="middle")
    drawing.line(MARGIN, foot, MARGIN + 8 * step, foot, svg.MUTED)
    return drawing.svg()


def position(found: Place, rater: str) -> str:
    """Returns how often the left answer, none and the right answer won."""
    title = _("Positions of the winning answers: %(rater)s") % {"rater": rater}
    drawing = Drawing(2 * MARGIN + 520, HEAD + 66, title)
    _title(drawing, title)
    parts = (
        (_("left"), 0, found.left, found.left, svg.LOW),
        (_("tie"), found.left, found.between, found.tie, svg.GRID),
        (_("right"), found.start_right, found.right, found.right, svg.HIGH),
    )
    for name, start, share, value, fill in parts:
        drawing.rect(MARGIN + 5.2 * start, HEAD, 5.2 * share, 28, fill)
        if share >= NARROW:
            words = f"{name} {value}%"
            drawing.text(MARGIN + 5.2 * (start + share / 2), HEAD + 18, words, size=svg.SMALL, anchor="middle")
    words = ", ".join(f"{name} {value}%" for name, _start, _share, value, _fill in parts)
    drawing.text(MARGIN, HEAD + 50, words, size=svg.SMALL, fill=svg.MUTED)
    return drawing.svg()


def plan(chart: plan_chart.Chart) -> str:
    """Returns what simulated studies find by the number of votes."""
    title = _("What a study finds, by number of votes")
    keys = [
        (_("Kendall’s tau, with its 80% range"), svg.MARK, None),
        (_("chance that the best model ranks first"), svg.LOW, "6 4"),
        *(
            [(_("chance that the top %(top)s are found, in any order") % {"top": chart.top}, svg.SERIES[2], "2 3")]
            if chart.top
            else []
        ),
    ]
    left, top, scale = 60.0, HEAD, 6.0
    foot = top + scale * plan_chart.HEIGHT
    drawing = Drawing(left + scale * plan_chart.WIDTH + 24, foot + 52 + 20 * len(keys), title)
    _title(drawing, title)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + scale * x, top + scale * y

    for tick in chart.shares:
        x, y = at(0, tick.at)
        drawing.line(x, y, x + scale * plan_chart.WIDTH, y)
        drawing.text(x - 6, y + 4, tick.label, size=svg.SMALL, anchor="end", fill=svg.MUTED)
    for tick in chart.votes:
        x, _y = at(tick.at, 0)
        drawing.line(x, top, x, foot)
        drawing.text(x, foot + 15, tick.label, size=svg.SMALL, anchor="middle", fill=svg.MUTED)
    x, _y = at(chart.planned, 0)
    drawing.line(x, top, x, foot, svg.MUTED, 1, "5 4")
    corners = [tuple(map(float, corner.split(","))) for corner in chart.band.split()]
    drawing.polygon((at(one, other) for one, other in corners), svg.RANGE, 0.35)
    styles = {"tau": keys[0], "first": keys[1], "found": keys[-1]}
    for name, series in (("first", chart.first), ("found", chart.found), ("tau", chart.tau)):
        if series:
            drawing.polyline([at(dot.x, dot.y) for dot in series], styles[name][1], 2, styles[name][2])
    for dot in chart.tau:
        drawing.dot(*at(dot.x, dot.y), 3)
    drawing.text(left + scale * plan_chart.WIDTH / 2, foot + 34, _("Votes (logarithmic)"), anchor="middle")
    for number, (words, stroke, dashes) in enumerate(keys):
        y = foot + 56 + 20 * number
        drawing.polyline([(left, y - 4), (left + 28, y - 4)], stroke, 2, dashes)
        drawing.text(left + 36, y, words, size=svg.SMALL)
    return drawing.svg()


def model(name: str, found: Beside) -> str:
    """Returns a model's ratings by kind of rater."""
    title = _("%(model)s: ratings by people, category and judge") % {"model": name}
    labels = [f"{each.title} {each.under}".strip() for each in found.ratings]
    left = MARGIN + _names(labels)
    down = HEAD + ROW * len(labels) + 56
    drawing = Drawing(left + PLOT + 150, down, title)
    _title(drawing, title)
    foot = HEAD + ROW * len(labels)
    _axis(drawing, found.axis, left, HEAD, foot, _interval_key(any(each.interval for each in found.ratings)))
    for number, (label, each) in enumerate(zip(labels, found.ratings, strict=True)):
        y = HEAD + ROW * (number + 0.5)
        drawing.text(MARGIN, y + 4, svg.shortened(label, MOST_NAME))
        _bar(drawing, each.bar, left, y)
        drawing.text(left + PLOT + 12, y + 4, f"{each.rating} {each.interval}".strip(), size=svg.SMALL)
    return drawing.svg()
