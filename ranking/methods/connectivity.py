"""What the graph of comparisons allows to be said at all, checked before any rating."""

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import NegativeCycleError, bellman_ford, connected_components

from ranking.methods.tally import Tally

LEAST_ONE_WAY: Final = 6
"""Verdicts that all go one way: a fair coin falls the same way six times in 3 % of cases, five times in 6 %."""


def components(tally: Tally) -> list[NDArray[np.intp]]:
    """The groups of models that comparisons connect, largest first; models without any are in none.

    Between two groups nothing is known: they have no common scale.
    """
    met = tally.games > 0
    if _reaches_all(met):
        return [np.arange(len(met))] if met.any() else []
    labels = cast(NDArray[np.intp], connected_components(csr_array(met.astype(np.int8)), directed=False)[1])
    groups = [np.flatnonzero(labels == label) for label in range(labels.max(initial=-1) + 1)]
    return sorted((group for group in groups if met[group].any()), key=lambda group: (-len(group), group[0]))


def has_finite_fit(tally: Tally) -> bool:
    """Whether Bradley-Terry strengths exist: every set of models has won, or tied, against the rest.

    That is, the graph of wins, with ties both ways, is strongly connected (Ford, 1957).
    """
    beaten = tally.wins + tally.ties > 0
    return _reaches_all(beaten) and _reaches_all(beaten.T)


def has_finite_fit_with_ties(tally: Tally) -> bool:
    """Whether strengths exist where ties have a probability of their own (Davidson, 1970), given some ties and wins.

    Besides what `has_finite_fit` asks, some circle of models has to hold more wins, all one way round, than ties.
    Else the models can be given places at which whoever won stands a step or more above whom it beat, and two that
    tied stand a step apart or less: the longer the step, with ties the likelier for it, the likelier is all that
    was seen, without end. That is so of two models one of which won and tied and never lost.
    """
    if not has_finite_fit(tally):
        return False
    beaten = tally.wins > 0
    if (beaten & beaten.T).any():
        return True
    # A win is a step of -1 and a tie one of 1 either way, so such a circle is shorter than nothing.
    try:
        bellman_ford(csr_array(np.where(beaten, -1.0, np.where(tally.ties > 0, 1.0, 0.0))), indices=0)
    except NegativeCycleError:
        return True
    return False


def has_circle(tally: Tally) -> bool:
    """Whether some model has beaten, or tied with, one that has beaten it in turn, directly or through others."""
    return bool(_circles(tally)[0] < len(tally.wins))


def hardly_joined(tally: Tally) -> NDArray[np.bool_]:
    """(m, m) which two models are told apart by so few verdicts one way, and none the other, that it can be chance.

    Models that have beaten one another, directly or through others, have verdicts both ways. Such a circle of
    models, or a model by itself, is hardly joined to all others if fewer than `LEAST_ONE_WAY` verdicts do so.
    """
    number, circle = _circles(tally)
    across = np.where(circle[:, None] != circle[None, :], tally.compared, 0).sum(axis=1)
    few = (np.bincount(circle, weights=across, minlength=number) < LEAST_ONE_WAY)[circle]
    return cast(NDArray[np.bool_], (few[:, None] | few[None, :]) & (circle[:, None] != circle[None, :]))


def _circles(tally: Tally) -> tuple[int, NDArray[np.intp]]:
    """How many circles of models there are that beat or tie with one another, and (m,) which each is in."""
    beaten = tally.wins + tally.ties > 0
    number, labels = connected_components(csr_array(beaten.astype(np.int8)), directed=True, connection="strong")
    return number, labels.astype(np.intp)


def _reaches_all(graph: NDArray[np.bool_]) -> bool:
    """Whether every node can be reached from the first along the rows' edges."""
    if not len(graph):
        return True
    reached = graph[0].copy()
    reached[0] = True
    number = 1
    while number != (number := int(reached.sum())):
        reached |= graph[reached].any(axis=0)
    return number == len(graph)
