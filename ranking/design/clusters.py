"""How much one more vote on a prompt tells, when it has votes already."""

from typing import Final

import numpy as np

from ranking.methods.tally import Codes, Floats

CORRELATION: Final = 0.05
"""Assumed intraclass correlation of two votes on one prompt. It only orders prompts; no interval rests on it."""


def next_vote(votes: Codes | Floats, correlation: float = CORRELATION) -> Floats:
    """Returns the information of the next vote on prompts with `votes` each, where that of the first is 1.

    n votes with the intraclass correlation r inform as much as n / (1 + (n - 1) r) independent ones (Kish, Survey
    Sampling, 1965). The next vote adds (1 - r) / ((1 + n r) (1 + (n - 1) r)).

    Raises:
        ValueError: the correlation is not in [0, 1).
    """
    if not 0 <= correlation < 1:
        raise ValueError("The correlation must be at least 0 and below 1.")
    number = np.asarray(votes, dtype=np.float64)
    return np.asarray((1 - correlation) / ((1 + number * correlation) * (1 + (number - 1) * correlation)))


def worth(votes: Codes | Floats, drawable: np.ndarray, correlation: float = CORRELATION) -> Floats:
    """Returns what a vote on two models' next prompt informs, as a share of that on the best of all.

    `votes` (m, m) are those of the prompt that would come next for two models; where `drawable` (m, m) is False there
    is none, and the share is 1. Shares, because only the order of the gains decides: discounting all pairs alike
    would only make the batch forget what it has drawn.
    """
    if not drawable.any():
        return np.ones(drawable.shape)
    found = next_vote(votes, correlation)
    return np.where(drawable, found / found[drawable].max(), 1.0)
