"""Prepares a snapshot for the leaderboard page. Only positions on an axis are computed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.snapshots import State
from ranking.board_data import Row
from ranking.boards import requests, snapshots
from ranking.models import Leaderboard
from ranking.pages import text, trust
from ranking.pages.axis import Axis
from ranking.pages.options import Asked, Names, Switches, switches
from ranking.pages.statements import About, Said, has_best, one, said
from ranking.pages.text import written as written

OLD: Final = timedelta(hours=1)
"""Age beyond which a board that is being recomputed was requested by somebody; the page then waits for it."""

type Stand = Literal["board", "impossible", "stored away", "waiting", "missing", "none"]
"""State of the requested board. `none`: the study has no comparisons yet."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row's interval and mark on the shared axis, in per cent. Without an interval there is only the mark."""

    mark: float
    start: float | None
    width: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the leaderboard, formatted for display. Unknown values are empty."""

    row: Row
    places: str
    rating: str
    low: str
    high: str
    bar: Bar
    drawn: str
    """Text alternative of the bar."""
    comparisons: str
    win_rate: str
    best: str
    alike: str


@dataclass(frozen=True, slots=True)
class Table:
    """One group of connected models."""

    lines: tuple[Line, ...]
    axis: Axis
    ranged: bool
    together: bool
    has_best: bool
    has_licences: bool
    drawn: str
    """Text alternative of the column with the bars."""
    question: tuple[Said, ...]
    notices: tuple[Said, ...]
    sentences: tuple[Said, ...]
    advice: tuple[Said, ...]

    @property
    def sentence(self) -> str:
        """Returns the summary as one text."""
        return " ".join(said.text for said in self.sentences)


def tables(snapshot: Leaderboard) -> tuple[Table, ...]:
    """Returns a table per group of a finished snapshot."""
    return tuple(_table(group, snapshot) for group in snapshot.sheet["groups"])


def _table(group: dict[str, Any], snapshot: Leaderboard) -> Table:
    rows = group["rows"]
    axis = Axis.over((value for row in rows for value in (row["rating"], row["low"], row["high"])), written)
    digits = decimals(group)
    words = [
        *group["notices"],
        *(["prior"] if group["prior"] else []),
        *(["order-range"] if group["order_range"] else []),
    ]
    it = About.of(snapshot, group)
    return Table(
        lines=tuple(_line(row, axis, digits) for row in rows),
        axis=axis,
        ranged=rows[0]["rank_low"] is not None,
        together=bool(snapshot.settings["simultaneous"]),
        has_best=has_best(it),
        has_licences=any(row.get("licence") for row in rows),
        drawn=_what_is_drawn(group),
        question=(*said("question", it), *said("legend", it)),
        notices=tuple(Said(word, text.notice(word)) for word in words),
        sentences=tuple(said("summary", it)),
        advice=tuple(said("advice", it)),
    )


def _what_is_drawn(group: dict[str, Any]) -> str:
    if group["rows"][0]["low"] is None:
        return _("Chart of rating")
    return _("Chart of rating and range") if group["order_range"] else _("Chart of rating and interval")


def decimals(group: dict[str, Any]) -> int:
    """Returns the number of decimals that the intervals of a group justify."""
    if group["unit"] == "share":
        return 3
    rows: list[Row] = group["rows"]
    widths = [row["high"] - row["low"] for row in rows if row["low"] is not None]
    return 1 if widths and min(widths) < 10 else 0


def _line(row: Row, axis: Axis, digits: int) -> Line:
    low, high = row["low"], row["high"]
    start = None if low is None else axis.at(low)
    best, worst = row["rank_low"], row["rank_high"]
    rating = written(row["rating"], digits)
    ends = {} if low is None else {"low": written(low, digits), "high": written(high, digits)}
    return Line(
        row=row,
        places=f"{row['rank']}" if best is None else (f"{best}" if best == worst else f"{best}–{worst}"),
        rating=rating,
        low=ends.get("low", ""),
        high=ends.get("high", ""),
        bar=Bar(axis.at(row["rating"]), start, None if start is None else round(axis.at(high) - start, 3)),
        drawn=_("%(rating)s, from %(low)s to %(high)s") % {"rating": rating, **ends} if ends else rating,
        comparisons=written(row["comparisons"]),
        win_rate=written(100 * (row["wins"] + row["ties"] / 2) / row["comparisons"]),
        best="" if row["best"] is None else _chance(row["best"]),
        alike=ranges(row["alike"] or []),
    )


def _chance(share: float) -> str:
    """Formats a probability in per cent, never rounding an uncertain one to 0 or 100."""
    if 0 < share < 0.005:
        return "< 1"
    return "> 99" if 0.995 < share < 1 else written(100 * share)


def ranges(places: list[int]) -> str:
    """Formats sorted numbers as ranges, such as "0-3 7"."""
    found: list[list[int]] = []
    for place in places:
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return " ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in found)


def notices(snapshot: Leaderboard) -> Iterator[Said]:
    """Yields the notices about the whole board."""
    yield from (Said(word, text.notice(word)) for word in snapshot.sheet["notices"])
    yield from said("board", About.of(snapshot))


@dataclass(frozen=True, slots=True)
class Shown:
    """A finished board with the texts of its page."""

    snapshot: Leaderboard
    tables: tuple[Table, ...]
    notices: tuple[Said, ...]
    reasons: tuple[trust.Line, ...]
    method: str
    raters: str
    preliminary: str
    nothing: str
    unit: str

    @property
    def facts(self) -> dict[str, Any]:
        """Returns the numbers of prompts, raters and pairs; empty for older boards without them."""
        found: dict[str, Any] = self.snapshot.sheet.get("facts", {})
        return found


def shown(snapshot: Leaderboard) -> Shown:
    """Returns a finished snapshot prepared for display."""
    it = About.of(snapshot)
    return Shown(
        snapshot=snapshot,
        tables=tables(snapshot),
        notices=tuple(notices(snapshot)),
        reasons=tuple(trust.lines(snapshot)),
        method=text.method(snapshot.method),
        raters=text.raters(snapshot.raters),
        preliminary=one("preliminary", it),
        nothing=one("nothing", it),
        unit=one("points", it),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The state of the board that a URL describes.

    Attributes:
        stand: the state.
        snapshot: the newest finished snapshot, if any.
        under_way: whether the next snapshot is being computed.
        kept: whether the board is kept up to date automatically.
        interrupted: whether a worker died while computing the next one.
    """

    asked: Asked
    stand: Stand
    snapshot: Leaderboard | None
    under_way: bool
    kept: bool
    interrupted: bool

    @property
    def why_not(self) -> str:
        """Returns why there is no board; empty if that is unknown."""
        return self.snapshot.why_not if self.snapshot else ""


def find(study: Study, asked: Asked) -> Found:
    """Returns the state of the board with these options. Raises Http404 if no board can have them."""
    board = (asked.filters(), asked.settings())
    boards = Leaderboard.objects.of(study, *board)
    newest = boards.finished().newest()
    if newest is not None:
        newest.study = study
    interruptions = boards.unfinished().values_list("interruptions", flat=True).first()
    under_way = interruptions is not None
    kept = snapshots.is_standing(study, *board)
    stand = _stand(study, newest, under_way=under_way)
    return Found(asked, stand, newest, under_way, kept, interrupted=bool(interruptions))


def _stand(study: Study, newest: Leaderboard | None, *, under_way: bool) -> Stand:
    if newest is None:
        if under_way:
            return "waiting"
        return "missing" if study.comparisons.exists() else "none"
    if newest.state == State.IMPOSSIBLE:
        return "waiting" if under_way else "impossible"
    return "board" if newest.sheet else "stored away"


@dataclass(frozen=True, slots=True)
class Page:
    """The leaderboard page in one of its states: a board, or the reason why there is none."""

    found: Found
    switches: Switches
    board: Shown | None
    newer: int
    """Comparisons since a board that is not kept up to date was computed, counted up to `requests.MANY` + 1."""
    waits: bool
    """Whether the page polls for a board that is being computed."""

    @property
    def query(self) -> str:
        return self.found.asked.query()

    @property
    def snapshot(self) -> Leaderboard | None:
        return self.found.snapshot

    @property
    def many(self) -> int | None:
        """Returns the number that newer comparisons exceed, if they were not all counted."""
        return requests.MANY if self.newer > requests.MANY else None


def page(study: Study, found: Found, names: Names, at: datetime) -> Page:
    """Returns the leaderboard page of `study` in its current state."""
    snapshot = found.snapshot
    has_board = snapshot is not None and found.stand == "board"
    newer = 0
    if snapshot is not None and not found.kept and not found.under_way:
        is_kept = requests.is_kept(study, snapshot.asked_filters(), snapshot.asked_settings(), at)
        newer = 0 if is_kept else requests.newer(snapshot)
    return Page(
        found=found,
        switches=switches(found.asked, names, snapshot if has_board else None),
        board=shown(snapshot) if snapshot is not None and has_board else None,
        newer=newer,
        waits=found.under_way and (not has_board or _is_old(snapshot, at)),
    )


def _is_old(snapshot: Leaderboard | None, at: datetime) -> bool:
    """Returns whether a board is so old that its successor must have been requested by somebody."""
    return snapshot is None or snapshot.finished_at is None or at - snapshot.finished_at > OLD
