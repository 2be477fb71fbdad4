"""Elo in the order of the votes, and Elo over reordered or resampled votes.

Elo, The rating of chessplayers, past and present (1978). evalica's kernel computes the ratings. It is
called directly because the public function converts arrays to lists and back in every round.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from evalica import _brzo
from numpy.typing import NDArray

from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings
from ranking.methods.settings import ELO_DEFAULTS, Settings
from ranking.methods.tally import Floats, Tally, Votes

BASE: Final = 10.0

WINNERS: Final = np.array([2, 0, 1], dtype=np.uint8)
"""evalica's codes for: y won, tie, x won."""


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns the ratings after the last vote. All models start at the same rating, and the order of votes matters."""
    scores = _run(*_game(votes), len(votes.names), settings)
    return Ratings(settings=settings, names=votes.names, scores=scores, unit="points")


def rate_redrawn(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns the median over `settings.rounds` rounds, with the 2.5 and 97.5 percentiles.

    `permute` reorders the same votes: its percentiles show the effect of the order and are not confidence intervals.
    `resample` draws as many votes with replacement, as if all votes were independent.
    """
    x, y, winners, weights = _game(votes)
    draws = np.empty((settings.rounds, len(votes.names)))
    for number, order in enumerate(_orders(len(x), settings, rng)):
        draws[number] = _run(x[order], y[order], winners[order], weights[order], len(votes.names), settings)
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    permuted = settings.redraw == "permute"
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=np.median(draws, axis=0),
        unit="points",
        low=low,
        high=high,
        order_range=permuted,
        clusters=None if permuted else "none",
        draws=draws,
    )


def rate_median(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns the median over `settings.rounds` orders of the same votes, as a whole number: int(x + 0.5).

    This is how MAD competitions report Elo. The 2.5 and 97.5 percentiles show the effect of the order and are not
    confidence intervals; they are whole numbers too.
    """
    found = rate_redrawn(votes, tally, replace(settings, method="elo-bootstrap", redraw="permute"), clusters, rng)
    assert found.low is not None and found.high is not None  # noqa: S101, PT018  rounds have a spread
    return replace(
        found,
        settings=settings,
        scores=_whole(found.scores),
        low=_whole(found.low),
        high=_whole(found.high),
    )


def _whole(values: Floats) -> Floats:
    """Returns int(x + 0.5) of each value, which rounds halves up and cuts what is below zero towards zero."""
    return np.trunc(values + 0.5)


def _orders(rows: int, settings: Settings, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    for _round in range(settings.rounds):
        yield rng.permutation(rows) if settings.redraw == "permute" else rng.integers(rows, size=rows)


def _game(votes: Votes) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint8], Floats]:
    """Returns the arrays that the kernel takes, with a row of c equal votes repeated c times."""
    index = np.arange(len(votes)) if votes.count is None else np.repeat(np.arange(len(votes)), votes.count)
    importance = np.ones(len(votes)) if votes.importance is None else votes.importance
    return (
        votes.x[index].astype(np.uint64),
        votes.y[index].astype(np.uint64),
        WINNERS[votes.outcome[index]],
        importance[index],
    )


def _run(
    x: NDArray[np.uint64],
    y: NDArray[np.uint64],
    winners: NDArray[np.uint8],
    weights: Floats,
    models: int,
    settings: Settings,
) -> Floats:
    given = {name: getattr(settings, name) for name in ELO_DEFAULTS}
    k, start, scale = (ELO_DEFAULTS[name] if value is None else value for name, value in given.items())
    return np.asarray(
        _brzo.elo(
            xs=x,
            ys=y,
            winners=winners,
            weights=weights,
            total=models,
            initial=start,
            base=BASE,
            scale=scale,
            k=k,
            win_weight=1.0,
            tie_weight=0.5,
        )
    )
