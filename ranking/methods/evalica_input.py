"""Converts a tally to the input of evalica: one weighted row for each two models and outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from evalica import Winner

from ranking import problems
from ranking.methods.logistic import NotConverged
from ranking.methods.tally import Floats, Tally

TOLERANCE: Final = 1e-13
LIMIT: Final = 10_000
SETTLED: Final = 1e-9
"""Largest change over `LIMIT` more steps for which scores count as converged."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of evalica's input: `xs` beat or tied with `ys`, `weights` times."""

    xs: list[int]
    ys: list[int]
    winners: list[Winner]
    weights: list[float]
    index: "pd.Index[int]"

    @classmethod
    def of(cls, tally: Tally, *, swapped: bool = False, loops: float = 0.0) -> "Counted":
        """Converts `tally`.

        With `swapped`, losers and winners change places: evalica's eigenvector method (0.4.2) ranks losers first.
        With `loops`, every model also beats itself that many times.
        """
        itself = list(range(len(tally.wins))) if loops else []
        won, lost = np.nonzero(tally.wins)
        one, other = np.nonzero(np.triu(tally.ties))
        return cls(
            [*won.tolist(), *one.tolist(), *itself],
            [*lost.tolist(), *other.tolist(), *itself],
            [Winner.Y if swapped else Winner.X] * len(won) + [Winner.Draw] * len(one) + [Winner.X] * len(itself),
            [*tally.wins[won, lost].tolist(), *tally.ties[one, other].tolist(), *[loops] * len(itself)],
            pd.RangeIndex(len(tally.wins)),
        )

    def arguments(self) -> dict[str, Any]:
        return {"xs": self.xs, "ys": self.ys, "winners": self.winners, "weights": self.weights, "index": self.index}


def is_uneven(tally: Tally) -> bool:
    """Returns whether a model was compared over a fifth more often than another, enough to affect the order."""
    compared = tally.compared.sum(axis=1)
    return bool(compared.max() > 1.2 * compared.min())


def is_first_by_counts(scores: Floats, tally: Tally, rate: Callable[[Tally], Floats]) -> bool:
    """Returns whether counts explain half of the lead of the model rated first, or more.

    That is the lead it would have if every comparison had been a tie. `rate` is the method that gave `scores`.
    """
    games, none = tally.games, np.zeros_like(tally.wins)
    first = int(np.argmax(scores))
    lead, by_counts = (
        each[first] - np.delete(each, first).max(initial=-np.inf)
        for each in (scores, rate(Tally(none, games, none, games, none, tally.compared)))
    )
    return bool(by_counts > SETTLED and by_counts >= lead / 2)


def fixed_point(method: Callable[..., Any], counted: Counted) -> Floats:
    """(m,) the share of each model in the fixed point of evalica's `method`.

    evalica (0.4.2) reports the limit as the number of iterations even if it converged. So convergence is checked by
    iterating twice as long.

    Raises:
        NotConverged: the scores still change.
    """
    once, twice = (
        method(**counted.arguments(), tolerance=TOLERANCE, limit=limit).scores.sort_index().to_numpy()
        # One limit is even and the other odd, which reveals scores that alternate.
        for limit in (LIMIT, 2 * LIMIT + 1)
    )
    if not np.abs(once - twice).max() <= SETTLED:
        raise NotConverged(problems.NO_FIXED_POINT(steps=LIMIT))
    shares: Floats = np.abs(twice) / np.abs(twice).sum()
    return shares
