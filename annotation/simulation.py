"""Draws votes from a statistical model, for trying things out. Pure: arrays in, arrays out.

The model is Bradley-Terry with Davidson's ties (Davidson 1970, JASA 65:317-328) and imperfect workers. With
strengths t, in natural logarithms, a worker with sharpness a and a preference b for the left side sees the
difference d = a (t_left - t_right) + b and answers

    left : tie : right  as  e^(d/2) : v : e^(-d/2),  v = 2 q / (1 - q)

where q is the share of ties between equals. Strengths are normal with mean 0; log a is normal with mean 0; b is
normal with a mean above 0, because people slightly prefer the left. A careless worker has d = 0 for every pair.
On a scale with degrees, each degree beyond the first is taken with probability tanh(|d|/2), so that clear
differences get strong answers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEFT: Final = 0
TIE: Final = 1
RIGHT: Final = 2


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Assumptions about the models and workers; standard deviations are in natural logarithms."""

    spread: float = 1.0
    """Standard deviation of the strengths."""
    noise: float = 0.3
    """Standard deviation of log a."""
    left: float = 0.1
    """Mean preference for the left."""
    left_spread: float = 0.2
    """Standard deviation of that preference."""
    ties: float = 0.2
    """Share of ties between equals, in [0, 1)."""
    careless: float = 0.05
    """Share of workers who answer at random, in [0, 1]; rounded to whole workers."""


@dataclass(frozen=True, slots=True)
class People:
    """Workers' parameters, as arrays of shape (workers,)."""

    sharpness: NDArray[np.float64]
    liking: NDArray[np.float64]
    careless: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answers:
    """Drawn answers, as arrays of shape (votes,)."""

    answer: NDArray[np.int8]
    """LEFT, TIE or RIGHT."""
    degree: NDArray[np.int8]
    """The strength of the answer, from 1 to the scale's degrees; 0 for a tie."""


def strengths(models: int, assumptions: Assumptions, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draws strengths of shape (models,), in natural logarithms with mean 0."""
    drawn = rng.normal(0.0, assumptions.spread, models)
    return drawn - drawn.mean()


def people(workers: int, assumptions: Assumptions, rng: np.random.Generator) -> People:
    """Draws `workers` workers, `assumptions.careless` of them careless."""
    careless = np.zeros(workers, dtype=bool)
    careless[rng.permutation(workers)[: round(assumptions.careless * workers)]] = True
    return People(
        sharpness=np.exp(rng.normal(0.0, assumptions.noise, workers)),
        liking=rng.normal(assumptions.left, assumptions.left_spread, workers),
        careless=careless,
    )


def hand_out(
    pairs: int, sizes: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the pair and the worker of each vote: arrays of shape (votes,), ordered by worker.

    `sizes` has each worker's number of votes, at most `pairs`. The pairs are handed out in rounds, each in a new
    random order, so that the votes on any two pairs differ by at most one. A worker whose votes span two rounds
    gets different pairs in the second.
    """
    votes = int(sizes.sum())
    worker = np.repeat(np.arange(len(sizes)), sizes)
    ends = np.cumsum(sizes)
    order = np.empty(votes, dtype=np.int64)
    for start in range(0, votes, pairs):
        round_ = rng.permutation(pairs)
        if start:
            mine = int(worker[start])
            first = int(ends[mine] - sizes[mine])
            if first < start:
                had = np.isin(round_, order[first:start])
                ahead = np.flatnonzero(~had)[: int(ends[mine]) - start]
                round_ = np.concatenate([round_[ahead], np.delete(round_, ahead)])
        order[start : start + pairs] = round_[: votes - start]
    return order, worker


def answers(
    difference: NDArray[np.float64],
    worker: NDArray[np.int64],
    drawn: People,
    ties: float,
    degrees: int,
    rng: np.random.Generator,
) -> Answers:
    """Draws the answer of every vote.

    Args:
        difference: t_left - t_right, shape (votes,).
        worker: indices into `drawn`, shape (votes,).
        ties: the share of ties between equals; 0 on a scale without a tie.
        degrees: levels of the scale on either side of its middle.
    """
    seen = drawn.sharpness[worker] * difference + drawn.liking[worker]
    seen[drawn.careless[worker]] = 0.0
    left, right = np.exp(seen / 2), np.exp(-seen / 2)
    tie = 2 * ties / (1 - ties)
    point = rng.random(len(seen)) * (left + tie + right)
    answer = np.where(point < left, LEFT, np.where(point < left + tie, TIE, RIGHT)).astype(np.int8)
    degree = 1 + rng.binomial(degrees - 1, np.tanh(np.abs(seen) / 2))
    return Answers(answer, np.where(answer == TIE, 0, degree).astype(np.int8))
