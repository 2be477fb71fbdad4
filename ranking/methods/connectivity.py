"""Checks of the graph of comparisons: which models can be compared, and whether ratings are finite."""

from typing import Final, cast

import numpy as np
import scipy
from numpy.typing import NDArray

from ranking.methods.tally import Tally

LEAST_ONE_WAY: Final = 6
"""Verdicts, all one way, that separate models: six fair coins agree in 3% of cases, five in 6%."""


def components(tally: Tally) -> list[NDArray[np.intp]]:
    """Returns the groups of models connected by comparisons, largest first. Models without any are in none.

    Different groups have no common scale and cannot be compared.
    """
    met = tally.games > 0
    if _reaches_all(met):
        return [np.arange(len(met))] if met.any() else []
    labels = cast(
        NDArray[np.intp],
        scipy.sparse.csgraph.connected_components(scipy.sparse.csr_array(met.astype(np.int8)), directed=False)[1],
    )
    groups = [np.flatnonzero(labels == label) for label in range(labels.max(initial=-1) + 1)]
    return sorted((group for group in groups if met[group].any()), key=lambda group: (-len(group), group[0]))


def has_finite_fit(tally: Tally) -> bool:
    """Returns whether finite Bradley-Terry strengths exist: every set of models has won or tied against the rest.

    Equivalently, the graph of wins, with ties as edges both ways, is strongly connected (Ford, 1957).
    """
    beaten = tally.wins + tally.ties > 0
    return _reaches_all(beaten) and _reaches_all(beaten.T)


def has_finite_fit_with_ties(tally: Tally) -> bool:
    """Returns whether finite strengths exist if ties have their own probability (Davidson, 1970).

    There must be some ties and some wins. Besides `has_finite_fit`, a cycle of models must have more wins, all in
    the same direction, than ties. Otherwise there are positions in which every winner is at least one step above the
    loser and models that tied are at most one step apart. Then the likelihood grows without bound with the length of
    the step. An example is two models of which one won and tied but never lost.
    """
    if not has_finite_fit(tally):
        return False
    beaten = tally.wins > 0
    if (beaten & beaten.T).any():
        return True
    # With length -1 for a win and 1 for a tie in both directions, such a cycle has negative length.
    try:
        scipy.sparse.csgraph.bellman_ford(
            scipy.sparse.csr_array(np.where(beaten, -1.0, np.where(tally.ties > 0, 1.0, 0.0))), indices=0
        )
    except scipy.sparse.csgraph.NegativeCycleError:
        return True
    return False


def has_circle(tally: Tally) -> bool:
    """Returns whether there is a cycle of wins and ties, such as two models that beat each other."""
    return bool(_circles(tally)[0] < len(tally.wins))


def hardly_joined(tally: Tally) -> NDArray[np.bool_]:
    """(m, m) whether two models are separated only by so few verdicts, all one way, that it could be chance.

    Models that beat or tied with one another, directly or through others, form a strongly connected component.
    A component is weakly connected to all others if fewer than `LEAST_ONE_WAY` verdicts connect it to them.
    """
    number, circle = _circles(tally)
    across = np.where(circle[:, None] != circle[None, :], tally.compared, 0).sum(axis=1)
    few = (np.bincount(circle, weights=across, minlength=number) < LEAST_ONE_WAY)[circle]
    return cast(NDArray[np.bool_], (few[:, None] | few[None, :]) & (circle[:, None] != circle[None, :]))


def _circles(tally: Tally) -> tuple[int, NDArray[np.intp]]:
    """Returns the number of strongly connected components of wins and ties, and (m,) the component of each model."""
    beaten = tally.wins + tally.ties > 0
    number, labels = scipy.sparse.csgraph.connected_components(
        scipy.sparse.csr_array(beaten.astype(np.int8)), directed=True, connection="strong"
    )
    return number, labels.astype(np.intp)


def _reaches_all(graph: NDArray[np.bool_]) -> bool:
    """Returns whether every node can be reached from the first along the edges in the rows."""
    if not len(graph):
        return True
    reached = graph[0].copy()
    reached[0] = True
    number = 1
    while number != (number := int(reached.sum())):
        reached |= graph[reached].any(axis=0)
    return number == len(graph)
