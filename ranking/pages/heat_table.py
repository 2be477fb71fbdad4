"""Head-to-head results, observed and predicted by the ratings, for the heat table and the pages of models."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Final

import numpy as np
import scipy
from django.http import Http404
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from annotation.interchange.tables import csv_line
from annotation.models import LanguageModel
from ranking.board_data import Row
from ranking.methods.davidson import TIES
from ranking.methods.ratings import ELO
from ranking.models import Leaderboard
from ranking.pages.axis import Axis
from ranking.pages.leaderboard import Bar, decimals
from ranking.pages.text import written


@dataclass(frozen=True, slots=True)
class Cell:
    """Win rate of the row's model in per cent, ties as half; None if the two were never compared."""

    percent: int | None
    shade: int | None
    games: int
    predicted: int | None


@dataclass(frozen=True, slots=True)
class Heat:
    """The heat table of one connected group: rows and their cells, sorted by rank."""

    rows: tuple[tuple[Row, SafeString], ...]
    predicts: bool
    """Whether the ratings predict win rates between models."""
    shades: ClassVar[range] = range(11)
    """The shades of win rates, from 0 to 100%."""


def heat(snapshot: Leaderboard) -> tuple[Heat, ...]:
    """Returns a table per group, of the row's model against the column's.

    The cells are rendered here because a template takes a second for the 40,000 cells of 200 models.
    """
    # Not inside the f-string, where xgettext does not find messages.
    words = _("never compared")
    never = f'<td><span class="visually-hidden">{words}</span></td>'
    return tuple(
        Heat(
            tuple(
                (row, mark_safe(cells))  # noqa: S308  numbers and our own translation
                for row, cells in zip(group["rows"], _cells(group, never), strict=True)
            ),
            predicts=group["unit"] == "strength",
        )
        for group in snapshot.sheet["groups"]
    )


def shares(group: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(m, m) each: observed win rates of the row's model, NaN if never compared, and predicted ones."""
    won = np.array(group["wins"])
    games = won + won.T
    strength = np.array([row["natural"] for row in group["rows"]])
    share = np.divide(won, games, out=np.full_like(won, np.nan), where=games > 0)
    return share, _expected(group, strength[:, None] - strength)


SELF: Final = -2
NEVER: Final = -1
"""Shade of cells without a win rate: a model against itself, or two that were never compared."""


def _cells(group: dict[str, Any], never: str) -> Iterator[str]:
    """Yields the cells of each row. Most cells are equal to others, so each kind is rendered once."""
    shown = group["unit"] == "strength"
    share, expected = shares(group)
    met = ~np.isnan(share)
    known = np.where(met, share, 0.0)
    shade = np.where(met, np.rint(10 * known), NEVER)
    np.fill_diagonal(shade, SELF)

    @cache
    def cell(shade: int, percent: int, predicted: int) -> str:
        if shade < 0:
            return never if shade == NEVER else '<td class="self"></td>'
        small = f"<small>{predicted}</small>" if shown else ""
        return f'<td class="shade-{shade}">{percent}{small}</td>'

    columns = (shade, np.rint(100 * known), np.rint(100 * expected))
    for row in zip(*(column.astype(int).tolist() for column in columns), strict=True):
        yield "".join(map(cell, *row))


def _expected(group: dict[str, Any], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the predicted win rate, ties as half, of models whose strengths differ by `apart` on the natural scale.

    If the method gives ties a probability of their own, the odds of win, tie and loss are
    e^(apart/2) : nu : e^(-apart/2), of which a tie is half.
    """
    ties = next((found["value"] for found in group["coefficients"] if found["name"] == TIES), None)
    if ties is None:
        return np.asarray(scipy.special.expit(apart))
    return np.asarray(0.5 + np.sinh(apart / 2) / (2 * np.cosh(apart / 2) + np.exp(ties / ELO)))


def _cell(group: dict[str, Any], i: int, j: int) -> Cell:
    won, lost = group["wins"][i][j], group["wins"][j][i]
    games = won + lost
    predicted = None
    if group["unit"] == "strength":
        apart = np.array(group["rows"][i]["natural"] - group["rows"][j]["natural"])
        predicted = round(100 * float(_expected(group, apart)))
    if not games:
        return Cell(None, None, 0, predicted)
    share = won / games
    return Cell(round(100 * share), round(10 * share), round(games), predicted)


COLUMNS: Final = ("model", "opponent", "comparisons", "points", "share", "predicted")


def csv_lines(snapshot: Leaderboard, model: str | None = None) -> Iterator[str]:
    """Yields CSV lines of every two models that were compared, the better rank first, or of `model` against each.

    `points` are the wins plus half the ties of the first, `share` is their share of the comparisons, and `predicted`
    the share predicted by the ratings, empty if they predict none. The lines of one model are one chunk, because 200
    models have 20,000 lines.
    """
    yield csv_line(COLUMNS)
    for group in snapshot.sheet["groups"]:
        won, names = group["wins"], [row["model"] for row in group["rows"]]
        cells = [csv_line((name,)).rstrip("\n") for name in names]
        share, expected = (matrix.tolist() for matrix in shares(group))
        predicts = group["unit"] == "strength"
        for i, name in enumerate(names):
            if model is None or name == model:
                yield "".join(
                    f"{cells[i]},{cells[j]},{games},{won[i][j]!r},{share[i][j]!r},"
                    f"{repr(expected[i][j]) if predicts else ''}\n"
                    for j in range(i + 1 if model is None else 0, len(names))
                    if j != i and (games := round(won[i][j] + won[j][i]))
                )


@dataclass(frozen=True, slots=True)
class Opponent:
    """An opponent of a model: its row on the board, and the model's results against it."""

    row: Row
    cell: Cell


@dataclass(frozen=True, slots=True)
class OneModel:
    """A model, its row on the board, and its opponents sorted by rank."""

    model: LanguageModel
    row: Row
    of: int
    rating: str
    interval: str
    axis: Axis
    bar: Bar
    opponents: tuple[Opponent, ...]


def _bar(row: Row, axis: Axis) -> Bar:
    start = None if row["low"] is None else axis.at(row["low"])
    return Bar(axis.at(row["rating"]), start, None if start is None else round(axis.at(row["high"]) - start, 3))


def one_model(snapshot: Leaderboard, model: LanguageModel) -> OneModel:
    """Returns the results of `model`. Raises Http404 if the board does not rate it."""
    for group in snapshot.sheet["groups"]:
        for place, row in enumerate(group["rows"]):
            if row["model"] == model.name:
                met = tuple(
                    Opponent(other, cell)
                    for number, other in enumerate(group["rows"])
                    if number != place and (cell := _cell(group, place, number)).games
                )
                ends = (value for other in group["rows"] for value in (other["rating"], other["low"], other["high"]))
                axis = Axis.over(ends, written, wanted=5)
                digits, low, high = decimals(group), row["low"], row["high"]
                return OneModel(
                    model=model,
                    row=row,
                    of=len(group["rows"]),
                    rating=written(row["rating"], digits),
                    interval="" if low is None else f"{written(low, digits)}–{written(high, digits)}",
                    axis=axis,
                    bar=_bar(row, axis),
                    opponents=met,
                )
    raise Http404
