"""Prepares the page with ratings side by side, from a stored report. Column headers are links that sort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.interchange.tables import csv_line
from ranking.models import Leaderboard
from ranking.pages.statements import SCOPES
from ranking.pages.text import written

BY_NAME: Final = "model"

READINGS: Final[dict[str, str | Promise]] = {
    "": gettext_lazy("both"),
    "forced": gettext_lazy("forced choice: 4 is left, 5 is right"),
    "tie-allowed": gettext_lazy("ties allowed: 4 and 5 are ties"),
}


@dataclass(frozen=True, slots=True)
class Head:
    """A column header: its title, the link that sorts by it, and its current sort order."""

    title: str | Promise
    under: str
    query: str
    sorted: Literal["ascending", "descending", ""]


@dataclass(frozen=True, slots=True)
class Scope:
    """What the intervals of some columns generalise to."""

    text: str | Promise
    columns: str


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The table of ratings by kind of rater, with its links and notes."""

    heads: tuple[Head, ...]
    by_name: Head
    rows: tuple[tuple[dict[str, Any], str, SafeString], ...]
    """For each model: its row, the query of a board that rates it, and its cells."""
    readings: tuple[tuple[str | Promise, str, bool], ...]
    scopes: tuple[Scope, ...]
    apart: tuple[str, ...]
    prior: tuple[str, ...]


def side_by_side(snapshot: Leaderboard, query: Mapping[str, str]) -> SideBySide:
    """Returns the columns in the reading and order given in the URL's query."""
    reading = query.get("reading", "") if query.get("reading", "") in READINGS else ""
    every = snapshot.sheet["columns"]
    places = [at for at, column in enumerate(every) if _in(column, reading, every)]
    columns = [every[at] for at in places]
    asked = query.get("sort", "")
    downward = not asked.startswith("-")
    key = asked.removeprefix("-")
    by = next((at for at, column in zip(places, columns, strict=True) if column["key"] == key), None)
    # A judge may rate models that none of the visible columns rate.
    rows = [row for row in snapshot.sheet["rows"] if any(row["ratings"][at] for at in places)]
    if key == BY_NAME:
        rows = sorted(rows, key=lambda row: row["model"].casefold(), reverse=not downward)
    elif by is not None:
        # Models without a rating in the column stay last in either direction.
        rated = [row for row in rows if row["ratings"][by]]
        rated.sort(key=lambda row: row["ratings"][by]["rating"], reverse=downward)
        rows = [*rated, *(row for row in rows if not row["ratings"][by])]

    def head(title: str | Promise, under: str, word: str, *, first: bool) -> Head:
        mine = key == word or (first and key != BY_NAME and by is None)
        # The first click sorts ratings in descending order and names in ascending order.
        falls = downward if word != BY_NAME else not downward
        query = {"reading": reading, "sort": f"-{word}" if mine and downward else word}
        text = "?" + urlencode({name: value for name, value in query.items() if value})
        return Head(title, under, text, ("descending" if falls else "ascending") if mine else "")

    return SideBySide(
        heads=tuple(
            head(title_of(column), under_of(column, columns), column["key"], first=at == 0)
            for at, column in enumerate(columns)
        ),
        by_name=head(gettext_lazy("Model"), "", BY_NAME, first=False),
        rows=tuple((row, _board(row, every), _cells([row["ratings"][at] for at in places])) for row in rows),
        readings=tuple(_readings(snapshot, reading, asked)),
        scopes=tuple(_scopes(columns)),
        apart=tuple(str(title_of(column)) for column in columns if column["groups"] > 1),
        prior=tuple(str(title_of(column)) for column in columns if column["prior"]),
    )


def _in(column: dict[str, Any], reading: str, every: list[dict[str, Any]]) -> bool:
    """Returns whether the column belongs to the reading. Columns with a single reading belong to both."""
    if not reading or column["reading"] == reading:
        return True
    return not any(_same(column, other) and other["reading"] == reading for other in every)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["kind"] == other["kind"] and one["name"] == other["name"])


def title_of(column: dict[str, Any]) -> str | Promise:
    """Returns the title of a column: people, or the name of a category or judge."""
    return gettext_lazy("People") if column["kind"] == "people" else str(column["name"])


def under_of(column: dict[str, Any], columns: list[dict[str, Any]]) -> str:
    """Returns the name of a column's reading if `columns` also contains the other reading, else an empty text."""
    if sum(_same(column, other) for other in columns) == 1:
        return ""
    return _("ties allowed") if column["reading"] == "tie-allowed" else _("forced choice")


def _readings(snapshot: Leaderboard, reading: str, asked: str) -> Iterator[tuple[str | Promise, str, bool]]:
    """Yields links for the readings of the scale from 1 to 8, if it was used."""
    if any(column["reading"] == "tie-allowed" for column in snapshot.sheet["columns"]):
        for word, label in READINGS.items():
            query = {name: value for name, value in {"reading": word, "sort": asked}.items() if value}
            yield label, "?" + urlencode(query), word == reading


def _scopes(columns: list[dict[str, Any]]) -> Iterator[Scope]:
    """Yields what the intervals generalise to, with the columns for each."""
    for clusters, text in SCOPES.items():
        titles = dict.fromkeys(str(title_of(column)) for column in columns if column["clusters"] == clusters)
        if titles:
            yield Scope(text, ", ".join(titles))


def _board(row: dict[str, Any], every: list[dict[str, Any]]) -> str:
    """Returns the query of a board that rates the model: that of people, or of the first judge that rates it."""
    rated = [column for column, rating in zip(every, row["ratings"], strict=True) if rating]
    return (
        "?" if any(column["kind"] == "people" for column in rated) else "?" + urlencode({"raters": rated[-1]["name"]})
    )


def _cells(ratings: list[dict[str, Any] | None]) -> SafeString:
    """Renders the cells of a row. This is done here because a template is too slow for 200 models by 20 columns."""
    # Not inside the f-string, where xgettext does not find messages.
    none, best = escape(_("not rated")), escape(_("highest in this column"))
    cells = []
    for rating in ratings:
        if rating is None:
            cells.append(
                f'<td class="number"><span aria-hidden="true">–</span><span class="visually-hidden">{none}</span></td>'
            )
            continue
        is_first = rating["rank"] == 1
        star = f'<span aria-hidden="true">★</span><span class="visually-hidden">{best}</span> ' if is_first else ""
        interval = ""
        if rating["low"] is not None:
            interval = f'<span class="interval">{_number(rating["low"])}–{_number(rating["high"])}</span>'
        cells.append(
            f'<td class="number{" first" if is_first else ""}">{star}<span class="rank">{rating["rank"]}</span> '
            f"<span>{_number(rating['rating'])}</span>{interval}</td>"
        )
    return mark_safe("".join(cells))  # noqa: S308  numbers and our own translations


def _number(value: float) -> str:
    return escape(written(value, 0))


def csv_lines(sheet: dict[str, Any]) -> Iterator[str]:
    """Yields a CSV line per model, with rating, interval and rank for each column at full precision."""
    words = ("rating", "low", "high", "rank")
    keys = [column["key"] for column in sheet["columns"]]
    yield csv_line(["model", "org", *(f"{key} {word}" for key in keys for word in words)])
    for row in sheet["rows"]:
        cells = [rating[word] if rating else None for rating in row["ratings"] for word in words]
        yield csv_line([row["model"], row["org"], *cells])
