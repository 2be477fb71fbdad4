"""A tally as evalica takes it: one weighted row for every two models and outcome."""

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
"""How far scores that have reached their fixed point may still move in `LIMIT` further steps."""


@dataclass(frozen=True, slots=True)
class Counted:
    """`xs` beat `ys` or tied with them, so many times; `swapped` has the losers win.

    `loops`: so many times every model also beat itself.
    """

    xs: list[int]
    ys: list[int]
    winners: list[Winner]
    weights: list[float]
    index: "pd.Index[int]"

    @classmethod
    def of(cls, tally: Tally, *, swapped: bool = False, loops: float = 0.0) -> "Counted":
        """evalica's eigenvalue method (0.4.2) puts losers first, so it is given `swapped` ones."""
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
    """Whether some model was compared a fifth more often than another: enough to change an order."""
    compared = tally.compared.sum(axis=1)
    return bool(compared.max() > 1.2 * compared.min())


def fixed_point(method: Callable[..., Any], counted: Counted) -> Floats:
    """(m,) the share of each model in the fixed point that `method` of evalica iterates to.

    Its count of iterations is the limit whatever happens (0.4.2), so twice the limit must change nothing.

    Raises:
        NotConverged: it does.
    """
    once, twice = (
        method(**counted.arguments(), tolerance=TOLERANCE, limit=limit).scores.sort_index().to_numpy()
        # One is even and the other odd: what turns back and forth for ever is found out.
        for limit in (LIMIT, 2 * LIMIT + 1)
    )
    if not np.abs(once - twice).max() <= SETTLED:
        raise NotConverged(problems.NO_FIXED_POINT(steps=LIMIT))
    shares: Floats = np.abs(twice) / np.abs(twice).sum()
    return shares
