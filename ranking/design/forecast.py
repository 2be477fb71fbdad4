"""How many more votes a goal takes, by simulation from the present fit."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ranking.design.stopping import Goal, differences, separated
from ranking.methods.tally import Floats

SIMULATIONS: Final = 400

STEPS: Final = 48
"""Looks of a simulated continuation, at numbers of votes that grow by the same factor from one to the next."""

TIMES: Final = 20
"""The horizon: so many times the votes so far, and at least `A_MODEL` votes a model."""

A_MODEL: Final = 500

LIKELY: Final = 0.2
"""Share of the simulations that must reach the goal within the horizon; below it, the goal is out of reach."""

BLOCK: Final = 1 << 22
"""Numbers in the largest array of a block of simulations."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Attributes:

    reached: the share of the simulated continuations that reach the goal within the horizon.
    horizon: the number of votes, including those so far, up to which they were simulated.
    low, median, high: 10, 50 and 90% of them need at most so many more votes; None beyond the horizon.
    simulations: their number.
    """

    reached: float
    horizon: int
    low: int | None
    median: int | None
    high: int | None
    simulations: int

    @property
    def out_of_reach(self) -> bool:
        return self.reached < LIKELY


def forecast(
    goal: Goal,
    scores: Floats,
    by_votes: Floats,
    by_prompts: Floats,
    least: Floats | None,
    votes: int,
    rng: np.random.Generator,
    *,
    simulations: int = SIMULATIONS,
) -> Forecast:
    """Returns how many votes in addition to `votes` it takes to reach `goal`, if they are spread as they were so far.

    `scores` (m,) are the ratings now, in log-odds. `by_votes` (m, m) is the part of their covariance that shrinks
    in proportion to the number of votes, `by_prompts` (m, m) the part that stays, as the prompts stay the same. For
    `least` (m, m), which shrinks too, see `stopping.differences`.

    Each continuation draws the ratings that very many more votes would give, normal about the present ones with the
    covariance `by_votes`. The rating after n votes is then the average of the present one and of independent normal
    votes about the drawn one, weighted by their numbers, with the covariance by_prompts + by_votes * votes / n.

    Raises:
        ValueError: the goal is a budget, or there are no votes.
    """
    if votes < 1:
        raise ValueError("Without votes there is nothing to simulate from.")
    size = len(scores)
    horizon = max(TIMES * votes, A_MODEL * size)
    at = np.unique(np.geomspace(votes, horizon, STEPS + 1).round().astype(np.int64))[1:]
    more = np.diff(at, prepend=votes)
    root = _root(by_votes)
    shrunk = (votes / at)[:, None, None]
    variance = differences(by_prompts + by_votes * shrunk, None if least is None else least * shrunk)
    first = np.full(simulations, len(at))
    block = max(1, BLOCK // (len(at) * size * size))
    for start in range(0, simulations, block):
        part = first[start : start + block]
        limit = scores + rng.standard_normal((len(part), size)) @ root
        noise = rng.standard_normal((len(part), len(at), size)) @ root
        steps = more[:, None] * limit[:, None, :] + np.sqrt(more * votes)[:, None] * noise
        rated = (votes * scores + np.cumsum(steps, axis=1)) / at[:, None]
        done = goal.share(rated, separated(rated, variance)) >= 1
        part[:] = np.where(done.any(axis=1), done.argmax(axis=1), len(at))
    needed = np.append(at - votes, -1)[np.sort(first)]
    low, median, high = (
        None if found < 0 else int(found)
        for found in (needed[min(simulations - 1, int(share * simulations))] for share in (0.1, 0.5, 0.9))
    )
    return Forecast(float((first < len(at)).mean()), horizon, low, median, high, simulations)


def _root(covariance: Floats) -> Floats:
    """Returns R with R'R = covariance, negative eigenvalues taken as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(np.sqrt(values.clip(0))[:, None] * vectors.T, dtype=np.float64)
