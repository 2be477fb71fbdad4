"""How a lead in rating becomes an answer: on one prompt by one worker, and on average over prompts and workers.

Ratings are those of a leaderboard that counts a tie as half a win: model i's expected share of the verdicts against j,
over prompts and workers like these, has the log-odds delta = r_i - r_j. On one prompt by one worker the log-odds are

    L = h(delta) + u_i - u_j + v_i - v_j

with u normal for each prompt and model, v for each worker and model, and h such that the shares average to delta's.
Of that share a tie takes what Davidson's model (1970) gives it: with p = expit(L) and r the positive root of
(1 - p) r^2 + nu (1/2 - p) r - p = 0, a tie has the probability nu r / (r^2 + nu r + 1).
"""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import scipy

from ranking.design.planner.assumptions import Assumptions, Unplannable
from ranking.methods.tally import Codes, Floats

NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
WEIGHTS: Final = _WEIGHTS / _WEIGHTS.sum()

FAR: Final = 16.0
"""Log-odds beyond which an answer is certain."""

STEPS: Final = 128
"""Cells of the table of answers per unit of log-odds."""

HALVINGS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """Attributes:

    nu: Davidson's parameter of ties.
    leads, shares: (g,) the log-odds L without effects, and those of the share that it gives on average.
    low, high: (c,) by cell of L, from -FAR to FAR: the probability that i wins, and that it does not lose.
    slope: by how much an effect of 1 on one prompt, or of one worker, moves the average log-odds.
    """

    nu: float
    leads: Floats
    shares: Floats
    low: np.ndarray
    high: np.ndarray
    slope: float

    @classmethod
    def of(cls, assumptions: Assumptions, spread: float | None = None) -> Self:
        """Returns the link under which `assumptions.ties` of the votes are ties, for ratings with the `spread`.

        Raises:
            Unplannable: models that differ so much cannot tie so often.
        """
        noise = math.sqrt(2) * math.hypot(assumptions.prompt_effect, assumptions.worker_effect)
        leads = np.linspace(-FAR, FAR, 1025)
        share = scipy.special.expit(leads[:, None] + noise * NODES) @ WEIGHTS
        shares = scipy.special.logit(share)
        slope = float(np.gradient(shares, leads)[len(leads) // 2])
        wide = math.hypot(math.sqrt(2) * (assumptions.spread if spread is None else spread) / slope, noise)
        nu = _nu(assumptions.ties, scipy.special.expit(wide * NODES))
        cells = scipy.special.expit((np.arange(2 * FAR * STEPS) + 0.5) / STEPS - FAR)
        tie = tie_chance(cells, nu)
        return cls(nu, leads, shares, (cells - tie / 2).astype(np.float32), (cells + tie / 2).astype(np.float32), slope)

    def lead(self, delta: Floats) -> Floats:
        """Returns h(delta): the log-odds without effects whose average share has the log-odds `delta`."""
        return np.interp(delta, self.shares, self.leads)

    def half_points(self, odds: np.ndarray, drawn: np.ndarray) -> Codes:
        """Returns 2 where i wins, 1 for a tie and 0 where j wins, given L and uniform numbers of the same shape."""
        cell = ((odds + FAR) * STEPS).astype(np.int32)
        np.clip(cell, 0, len(self.low) - 1, out=cell)
        won = (drawn < self.low[cell]).astype(np.int8)
        won += drawn < self.high[cell]
        return won


def tie_chance(share: Floats, nu: float) -> Floats:
    """Returns the probability of a tie where i's expected share of the verdict is `share`."""
    # A tie is as likely seen from the other side, and there the root is at most 1.
    share = np.maximum(np.minimum(share, 1 - share), np.finfo(float).tiny)
    away = nu * (0.5 - share)
    root = 2 * share / (away + np.sqrt(away**2 + 4 * share * (1 - share)))
    return np.asarray(nu * root / (root**2 + nu * root + 1))


def _nu(ties: float, shares: Floats) -> float:
    """Returns the nu at which the share of ties is `ties`, on average over normal log-odds at the nodes."""
    if ties == 0:
        return 0.0
    low, high = -20.0, 20.0
    most = float(tie_chance(shares, math.exp(high)) @ WEIGHTS)
    if ties > most:
        # A tie gives half to each, so whoever gets 90 % of the verdicts ties in at most 20 % of them.
        raise Unplannable(
            f"Where models, prompts and workers differ so much, {ties:.0%} of votes cannot be ties: at most {most:.0%}."
        )
    for _halving in range(HALVINGS):
        middle = (low + high) / 2
        if tie_chance(shares, math.exp(middle)) @ WEIGHTS < ties:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)
