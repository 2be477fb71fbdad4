"""The next batch of model pairs, each drawn with a known probability."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ranking.design import d_optimal, gap, newcomer
from ranking.design.belief import Belief
from ranking.methods.tally import Codes, Floats

type Gains = Callable[[Belief, frozenset[int]], Floats]

UNIFORM: Final = "uniform"
STRATEGIES: Final[Mapping[str, Gains]] = {
    "d-optimal": d_optimal.gains,
    "gap": gap.gains,
    "newcomer": newcomer.gains,
}

DEFAULT: Final[Mapping[str, float]] = {UNIFORM: 0.2, "gap": 0.5, "d-optimal": 0.3}
"""Shares of the draws. The uniform ones reach every pair, so that each has a probability above zero."""

FIRST: Final = 10
"""Uniform votes a model before anything else is asked: no gain means anything while nothing is known."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One pair of models, the strategy that drew it, and the probability with which the batch so far led to it."""

    i: int
    j: int
    strategy: str
    probability: float


def batch(
    belief: Belief,
    room: Codes,
    size: int,
    rng: np.random.Generator,
    *,
    mix: Mapping[str, float] = DEFAULT,
    newcomers: frozenset[int] = frozenset(),
) -> list[Draw]:
    """Returns up to `size` draws, fewer where no pair has room left.

    `room` (m, m) is how many votes each pair of models, above the diagonal, can still take. `mix` has each strategy's
    share of the draws. Each draw is uniform over all pairs with room or takes the largest gain of its strategy, ties
    by an order drawn once for the batch. The belief is updated after each as if the vote were in.

    Raises:
        ValueError: the shares are negative or do not add up to 1, or a strategy is unknown.
    """
    _check(mix)
    size_of = len(belief.theta)
    above_i, above_j = np.triu_indices(size_of, 1)
    order = rng.permutation(len(above_i))
    i, j = above_i[order], above_j[order]
    left = np.asarray(room)[i, j].astype(np.int64)
    names = list(mix)
    found: list[Draw] = []
    while len(found) < size and left.any():
        open_ = np.flatnonzero(left > 0)
        largest = {
            name: int(open_[np.argmax(STRATEGIES[name](belief, newcomers)[i[open_], j[open_]])])
            for name, share in mix.items()
            if name != UNIFORM and share > 0
        }
        strategy = names[int(rng.choice(len(names), p=list(mix.values())))]
        pick = int(rng.choice(open_)) if strategy == UNIFORM else largest[strategy]
        probability = mix.get(UNIFORM, 0.0) / len(open_)
        probability += sum(mix[name] for name, place in largest.items() if place == pick)
        found.append(Draw(int(i[pick]), int(j[pick]), strategy, probability))
        left[pick] -= 1
        belief = belief.expecting(found[-1].i, found[-1].j)
    return found


def _check(mix: Mapping[str, float]) -> None:
    if unknown := set(mix) - {UNIFORM, *STRATEGIES}:
        raise ValueError(f"Unknown strategies: {', '.join(sorted(unknown))}.")
    if min(mix.values(), default=-1.0) < 0 or not np.isclose(sum(mix.values()), 1.0):
        raise ValueError("The shares must not be negative and must add up to 1.")
