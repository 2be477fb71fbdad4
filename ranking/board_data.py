"""Converts a board to plain data, as snapshots, pages and files use it."""

from collections.abc import Iterator
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from annotation.interchange.tables import csv_line
from ranking.methods.board import Board, Group
from ranking.methods.ratings import (
    ELO,
    NO_WIDTH,
    Coefficient,
    Ratings,
    better,
    chance_of_best,
    held,
    normalised,
    points,
    rank_ranges,
    ranks,
)
from ranking.methods.tally import Floats

type Row = dict[str, Any]
type Sheet = dict[str, Any]

COLUMNS: Final = (
    "model",
    "rating",
    "low",
    "high",
    "rank",
    "rank_low",
    "rank_high",
    "comparisons",
    "wins",
    "ties",
    "losses",
)


def sheet(board: Board) -> Sheet:
    """Returns `board` as JSON-compatible data, with the rows of each group sorted by rank."""
    return {
        "comparisons": board.comparisons,
        "unmet": list(board.unmet),
        "notices": list(board.notices),
        "groups": [_group(group) for group in board.groups],
    }


def _tells_the_best(group: Group) -> bool:
    """Returns whether the estimated probability of ranking first is meaningful.

    With fewer prompts than models it depends mostly on which prompts were chosen. With intervals of zero width there is
    nothing to simulate, and one of several equal models would always rank first.
    """
    few = 0 < group.prompts <= len(group.ratings.names)
    return not few and NO_WIDTH not in group.ratings.notices


def _group(group: Group) -> dict[str, Any]:
    ratings = group.ratings
    uncertainty = ratings.uncertainty
    shown, place = points(ratings), ranks(ratings)
    # An interval without width separates models that only look certain, so no rank follows from it.
    above = None if NO_WIDTH in ratings.notices else better(ratings)
    lowest, highest = (None, None) if above is None else rank_ranges(above)
    best = chance_of_best(ratings) if _tells_the_best(group) else None
    order = _order(place)
    share = normalised(ratings) if ratings.unit == "strength" else None

    def at(values: Floats | None, model: int) -> float | None:
        return None if values is None else float(values[model])

    rows = []
    for model in order.tolist():
        apart = None if above is None else above[model] | above[:, model]
        rows.append(
            {
                "model": ratings.names[model],
                "rating": float(shown.rating[model]),
                "low": at(shown.low, model),
                "high": at(shown.high, model),
                "rank": int(place[model]),
                "rank_low": None if lowest is None else int(lowest[model]),
                "rank_high": None if highest is None else int(highest[model]),
                "comparisons": int(group.comparisons[model]),
                "wins": int(group.wins[model]),
                "ties": int(group.ties[model]),
                "losses": int(group.losses[model]),
                "error": at(shown.error, model),
                "natural": float(ratings.scores[model]),
                "share": at(share, model),
                "best": at(best, model),
                # The rows of this table that it cannot be told apart from, including its own.
                "alike": None if apart is None else np.flatnonzero(~apart[order]).tolist(),
            }
        )
    return {
        "rows": rows,
        "unit": ratings.unit,
        "clusters": ratings.clusters,
        "correction": uncertainty.correction if uncertainty else None,
        "degrees": uncertainty.degrees if uncertainty else None,
        "critical": uncertainty.critical if uncertainty else None,
        "prompts": group.prompts or None,
        "raters": group.raters or None,
        "effective_prompts": group.effective_prompts,
        "effective_raters": group.effective_raters,
        "order_range": ratings.order_range,
        "prior": ratings.prior,
        "prior_deviation": None if ratings.deviation is None else float(ELO * ratings.deviation),
        "gradient": ratings.gradient,
        "iterations": ratings.iterations,
        "notices": list(ratings.notices),
        "coefficients": [_coefficient(coefficient) for coefficient in ratings.coefficients],
        "wins": _win_matrix(group, order),
    }


def covariance_shown(ratings: Ratings) -> list[list[float]] | None:
    """Returns the covariance of a group's ratings, in the order of its rows and in the displayed unit."""
    if ratings.covariance is None:
        return None
    order = _order(ranks(ratings))
    unit = ELO if ratings.unit == "strength" else 1.0
    covariance = ratings.covariance
    if (anchor := held(ratings)) is not None:
        # Displayed ratings are relative to the anchor.
        covariance = covariance - covariance[anchor] - covariance[:, [anchor]] + covariance[anchor, anchor]
    return cast(list[list[float]], (unit**2 * covariance[np.ix_(order, order)]).tolist())


def _order(place: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns the models sorted by rank, then by their original order."""
    return np.lexsort((np.arange(len(place)), place))


def _coefficient(coefficient: Coefficient) -> dict[str, Any]:
    """Returns the coefficient in Elo points."""
    return {
        "name": coefficient.name,
        **{
            name: None if value is None else float(ELO * value)
            for name, value in (
                ("value", coefficient.value),
                ("error", coefficient.error),
                ("low", coefficient.low),
                ("high", coefficient.high),
            )
        },
    }


def _win_matrix(group: Group, order: NDArray[np.intp]) -> list[list[float]]:
    """Returns the points that each row's model won against each column's. A tie is half a point."""
    return cast(list[list[float]], group.points[np.ix_(order, order)].tolist())


def rows(board: Sheet) -> list[Row]:
    """Returns the rows of all groups in order."""
    return [row for group in board["groups"] for row in group["rows"]]


def csv_lines(board: Sheet) -> Iterator[str]:
    """Yields the rows as CSV lines. With several groups, a last column contains the group's number."""
    several = len(board["groups"]) > 1
    yield csv_line([*COLUMNS, *(["group"] if several else [])])
    for number, group in enumerate(board["groups"], 1):
        for row in group["rows"]:
            yield csv_line([*(row[column] for column in COLUMNS), *([number] if several else [])])
