"""Who won how much against whom, observed and as the ratings predict: the heat table and a model's own page."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404
from scipy.special import expit

from annotation.models import LanguageModel
from ranking.models import Leaderboard
from ranking.sheet import Row


@dataclass(frozen=True, slots=True)
class Cell:
    """Per cent of the comparisons that the row's model won, ties half; None where the two never met."""

    percent: int | None
    shade: int | None
    games: int
    predicted: int | None


@dataclass(frozen=True, slots=True)
class Heat:
    """One group of connected models: the rows' names and cells, in the order of their ranks."""

    rows: tuple[tuple[Row, tuple[Cell | None, ...]], ...]


def heat(snapshot: Leaderboard) -> tuple[Heat, ...]:
    """The groups of a snapshot, as tables of the row's model against the column's."""
    return tuple(
        Heat(
            tuple(
                (row, tuple(None if i == j else _cell(group, i, j) for j in range(len(group["rows"]))))
                for i, row in enumerate(group["rows"])
            )
        )
        for group in snapshot.sheet["groups"]
    )


def _cell(group: dict[str, Any], i: int, j: int) -> Cell:
    won, lost = group["wins"][i][j], group["wins"][j][i]
    games = won + lost
    predicted = None
    if group["unit"] == "strength":
        predicted = round(100 * float(expit(group["rows"][i]["natural"] - group["rows"][j]["natural"])))
    if not games:
        return Cell(None, None, 0, predicted)
    share = won / games
    return Cell(round(100 * share), round(10 * share), round(games), predicted)


@dataclass(frozen=True, slots=True)
class Opponent:
    row: Row
    cell: Cell


@dataclass(frozen=True, slots=True)
class OneModel:
    """A model, its row of the board, and those it met, from the first rank to the last."""

    model: LanguageModel
    row: Row
    of: int
    opponents: tuple[Opponent, ...]


def one_model(snapshot: Leaderboard, model: LanguageModel) -> OneModel:
    """Raises Http404 where the board does not rate the model."""
    for group in snapshot.sheet["groups"]:
        for place, row in enumerate(group["rows"]):
            if row["model"] == model.name:
                met = tuple(
                    Opponent(other, cell)
                    for number, other in enumerate(group["rows"])
                    if number != place and (cell := _cell(group, place, number)).games
                )
                return OneModel(model, row, len(group["rows"]), met)
    raise Http404
