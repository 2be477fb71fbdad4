"""What the leaderboard page shows of a snapshot: nothing is computed here but places on an axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from urllib.parse import urlencode

from django.http import Http404
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Study
from ranking import comparisons, wording
from ranking.charts import Axis
from ranking.comparisons import ALL, PEOPLE, Filters
from ranking.methods.intervals import Clusters
from ranking.methods.registry import METHODS, method
from ranking.methods.settings import Contradiction, Settings, Ties
from ranking.models import Leaderboard, State
from ranking.sheet import Row

PRELIMINARY: Final = 30
"""Below so many comparisons a model, on average, a board is called preliminary."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which board an address asks for. Every state of the page has its own."""

    raters: str = PEOPLE
    method: str = "bradley-terry"
    question: str = ""
    ties: str = ""
    category: str = ""
    reading: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        return cls(**{name: query[name] for name in cls.__dataclass_fields__ if name in query})

    def filters(self) -> Filters:
        return Filters(
            raters=self.raters,
            category=self.category or None,
            reading="tie-allowed" if self.reading == "tie-allowed" else "forced",
        )

    def settings(self) -> Settings:
        """Raises Http404 where no board can be what is asked."""
        try:
            settings = Settings(
                method=self.method,
                # Words that are unknown are refused by Settings.
                clusters=cast(Clusters | None, self.question or None),
                ties=cast(Ties | None, self.ties or None),
            )
            method(settings)
        except Contradiction as error:
            raise Http404(str(error)) from error
        return settings

    def query(self) -> str:
        """The address's query: only what differs from the board shown first."""
        given = {
            name: getattr(self, name)
            for name, field in self.__dataclass_fields__.items()
            if getattr(self, name) != field.default
        }
        return "?" + urlencode(given) if given else "?"


@dataclass(frozen=True, slots=True)
class Choice:
    label: str | Promise
    query: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Switch:
    label: str | Promise
    choices: tuple[Choice, ...]


METHOD_NAMES: Final[dict[str, str | Promise]] = {
    "bradley-terry": gettext_lazy("Bradley-Terry"),
    "elo": gettext_lazy("Elo, in order"),
}

KEPT: Final = ("bradley-terry", "elo")


def switches(study: Study, asked: Asked) -> tuple[Switch, ...]:
    """What else can be looked at, each as a link."""

    def switch(label: str | Promise, field: str, choices: list[tuple[str, str | Promise]]) -> Switch:
        return Switch(
            label,
            tuple(
                Choice(name, replace(asked, **{field: value}).query(), getattr(asked, field) == value)
                for value, name in choices
            ),
        )

    people: list[tuple[str, str | Promise]] = [(PEOPLE, gettext_lazy("People"))]
    raters = [*people, *((name, name) for name in comparisons.judges(study)), (ALL, gettext_lazy("All"))]
    found = [switch(gettext_lazy("Raters"), "raters", raters)]
    methods: list[tuple[str, str | Promise]] = [(name, METHOD_NAMES[name]) for name in KEPT if name in METHODS]
    if len(methods) > 1:
        found.append(switch(gettext_lazy("Method"), "method", methods))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row's interval and mark on the shared axis, in per cent; without an interval the mark alone."""

    mark: float
    start: float | None
    width: float | None


@dataclass(frozen=True, slots=True)
class Line:
    row: Row
    places: str
    rating: str
    interval: str
    bar: Bar
    win_rate: float
    alike: str


@dataclass(frozen=True, slots=True)
class Table:
    """One group of connected models."""

    lines: tuple[Line, ...]
    axis: Axis
    ranged: bool
    question: str
    notices: tuple[str, ...]
    converged: str
    sentence: str
    advice: str
    is_points: bool


def tables(snapshot: Leaderboard) -> tuple[Table, ...]:
    """The groups of a snapshot that is ready."""
    return tuple(_table(group) for group in snapshot.sheet["groups"])


def _table(group: dict[str, Any]) -> Table:
    rows = group["rows"]
    axis = Axis.over((value for row in rows for value in (row["rating"], row["low"], row["high"])), written)
    digits = _digits(rows, share=group["unit"] == "share")
    words = [*group["notices"], *(["prior"] if group["prior"] else [])]
    return Table(
        lines=tuple(_line(row, axis, digits) for row in rows),
        axis=axis,
        ranged=rows[0]["low"] is not None,
        question=wording.question(group),
        notices=tuple(wording.notice(word) for word in words),
        converged=wording.converged(group),
        sentence=wording.sentence(group),
        advice=wording.advice(group),
        is_points=group["unit"] != "share",
    )


def written(value: float, digits: int) -> str:
    """Rounded, where Django's formatter by itself would cut the number off."""
    return number_format(round(value, digits), digits, use_l10n=True, force_grouping=True)


def _digits(rows: list[Row], *, share: bool) -> int:
    """As many decimals as the intervals support."""
    if share:
        return 3
    widths = [row["high"] - row["low"] for row in rows if row["low"] is not None]
    return 1 if widths and min(widths) < 10 else 0


def _line(row: Row, axis: Axis, digits: int) -> Line:
    low, high = row["low"], row["high"]
    mark = axis.at(row["rating"])
    start = None if low is None else axis.at(low)
    bar = Bar(mark, start, None if start is None else round(axis.at(high) - start, 3))
    best, worst = row["rank_low"], row["rank_high"]
    places = f"{row['rank']}" if best is None else (f"{best}" if best == worst else f"{best}–{worst}")
    return Line(
        row=row,
        places=places,
        rating=written(row["rating"], digits),
        interval="" if low is None else f"{written(low, digits)}–{written(high, digits)}",
        bar=bar,
        win_rate=100 * (row["wins"] + row["ties"] / 2) / row["comparisons"],
        alike=" ".join(map(str, row["alike"] or [])),
    )


def is_preliminary(snapshot: Leaderboard) -> bool:
    models = sum(len(group["rows"]) for group in snapshot.sheet["groups"])
    return 2 * snapshot.comparisons < PRELIMINARY * models


def notices(snapshot: Leaderboard) -> Iterator[str]:
    """What a reader must be told of the whole board."""
    for word in snapshot.sheet["notices"]:
        yield wording.notice(word)
    if snapshot.sheet["read"]["inconsistent"]:
        yield _("%(number)s verdicts contradicted one another over both orders and were left out.") % {
            "number": snapshot.sheet["read"]["inconsistent"]
        }


def coefficients(snapshot: Leaderboard) -> Iterator[dict[str, str]]:
    """What moves verdicts besides the models, in words."""
    for group in snapshot.sheet["groups"]:
        for coefficient in group["coefficients"]:
            yield {"name": coefficient["name"], "text": wording.coefficient(coefficient)}


@dataclass(frozen=True, slots=True)
class Page:
    """The leaderboard page in one of its states: a board, or why there is none."""

    switches: tuple[Switch, ...]
    query: str
    snapshot: Leaderboard | None
    tables: tuple[Table, ...]
    notices: tuple[str, ...]
    method: str
    coefficients: tuple[dict[str, str], ...]
    preliminary: bool
    waiting: bool
    empty: bool

    @property
    def why_not(self) -> str:
        """Why there is no board, where that is known."""
        return wording.problem(self.snapshot.problem) if self.snapshot else ""


def page(study: Study, asked: Asked, snapshot: Leaderboard | None, *, waiting: bool) -> Page:
    """The newest snapshot of what is asked; `waiting`: the next is on its way."""
    ready = snapshot is not None and snapshot.state == State.READY
    return Page(
        switches=switches(study, asked),
        query=asked.query(),
        snapshot=snapshot,
        tables=tables(snapshot) if snapshot and ready else (),
        notices=tuple(notices(snapshot)) if snapshot and ready else (),
        method=str(METHOD_NAMES.get(asked.method, asked.method)),
        coefficients=tuple(coefficients(snapshot)) if snapshot and ready else (),
        preliminary=bool(snapshot and ready and is_preliminary(snapshot)),
        waiting=waiting,
        empty=snapshot is None and not study.comparisons.exists(),
    )
