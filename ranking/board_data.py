"""A board as plain data: what a snapshot keeps, a page shows, a file holds."""

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
    """`board` as JSON has it, its groups' rows from the first rank to the last."""
    return {
        "comparisons": board.comparisons,
        "unmet": list(board.unmet),
        "notices": list(board.notices),
        "groups": [_group(group) for group in board.groups],
    }


def _tells_the_best(group: Group) -> bool:
    """Whether it means something how often a model is first when the uncertainty is played through.

    With fewer prompts than models that is mostly a matter of which prompts were drawn; where intervals have no
    width there is nothing to play through, and of models that are alike one would be the best.
    """
    few = 0 < group.prompts <= len(group.ratings.names)
    return not few and NO_WIDTH not in group.ratings.notices


def _group(group: Group) -> dict[str, Any]:
    ratings = group.ratings
    uncertainty = ratings.uncertainty
    shown, place, above = points(ratings), ranks(ratings), better(ratings)
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
                # Which rows of this table it cannot be told from, itself among them.
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
        "order_range": ratings.order_range,
        "prior": ratings.prior,
        "gradient": ratings.gradient,
        "iterations": ratings.iterations,
        "notices": list(ratings.notices),
        "coefficients": [_coefficient(coefficient) for coefficient in ratings.coefficients],
        "wins": _win_matrix(group, order),
    }


def covariance_shown(ratings: Ratings) -> list[list[float]] | None:
    """The covariance of a group's ratings, in the order of its rows and the unit they are shown in."""
    if ratings.covariance is None:
        return None
    order = _order(ranks(ratings))
    unit = ELO if ratings.unit == "strength" else 1.0
    covariance = ratings.covariance
    if (anchor := held(ratings)) is not None:
        # What is shown is how far each model is from the anchor.
        covariance = covariance - covariance[anchor] - covariance[:, [anchor]] + covariance[anchor, anchor]
    return cast(list[list[float]], (unit**2 * covariance[np.ix_(order, order)]).tolist())


def _order(place: NDArray[np.intp]) -> NDArray[np.intp]:
    """The models from the first rank to the last, those of one rank as they stand."""
    return np.lexsort((np.arange(len(place)), place))


def _coefficient(coefficient: Coefficient) -> dict[str, Any]:
    """In Elo points."""
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
    """The points, ties half, that each row's model won against each column's."""
    return cast(list[list[float]], group.points[np.ix_(order, order)].tolist())


def rows(board: Sheet) -> list[Row]:
    """All rows, group after group."""
    return [row for group in board["groups"] for row in group["rows"]]


def csv_lines(board: Sheet) -> Iterator[str]:
    """The rows as CSV. Where nothing can be said across groups, a last column tells them apart."""
    several = len(board["groups"]) > 1
    yield csv_line([*COLUMNS, *(["group"] if several else [])])
    for number, group in enumerate(board["groups"], 1):
        for row in group["rows"]:
            yield csv_line([*(row[column] for column in COLUMNS), *([number] if several else [])])
