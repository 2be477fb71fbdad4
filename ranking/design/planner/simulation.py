"""Studies that might be: their votes are drawn, and a leaderboard is made of each.

Votes are handed out as a study hands them out: every pair of answers gets one before any gets a second, in an order of
chance, and workers take turns. Pairs, prompts and workers of one block of studies are the same, because strengths and
effects are drawn for each of them; the next block has others.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
import scipy

from ranking.design.planner import fitting
from ranking.design.planner.assumptions import VOTES_PER_WORKER, Assumptions
from ranking.design.planner.link import Link, tie_chance
from ranking.design.planner.pilot import Strengths
from ranking.methods.intervals import LEAST_DEGREES, LEAST_PROMPTS
from ranking.methods.tally import Codes, Floats

type Progress = Callable[[int, int], None]
"""Called with the number of votes drawn and in total."""

MOST_AT_ONCE: Final = 600_000
"""Numbers held for the votes of a block."""

MOST_CELLS: Final = 3_000_000
"""Numbers held for the pairs of models of a block."""

LEAST_BLOCKS: Final = 20
"""Which pairs meet how often matters where votes are few, and is the same within a block."""

TIED: Final = 1e-6
"""Ratings closer than this, in log-odds, share a rank: their difference is rounding error."""

CONFIDENCE: Final = 0.975


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What r studies of m models find after so many votes.

    Attributes:
        tau: (r,) Kendall's tau-b of the ratings found with the true ones.
        truth: (r, m) the true rank of the model found at each place, 1 for the best.
        low, high: (r, m) the rank range that the leaderboard shows at each place.
        apart: (r,) how many pairs of models the leaderboard tells apart, at the 5 % level each.
        separated: (r, m - 1) whether each of the top 1, 2, ... is told apart from every model below them.
        reach: (r,) by how much two models must differ to be told apart in 80 % of studies, in log-odds.
    """

    votes: int
    tau: Floats
    truth: Codes
    low: Codes
    high: Codes
    apart: Codes
    separated: np.ndarray
    reach: Floats

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        columns = [field.name for field in fields(cls) if field.name != "votes"]
        return cls(
            parts[0].votes, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
        )


def simulate(
    assumptions: Assumptions,
    strengths: Strengths,
    at: Sequence[int],
    studies: int,
    rng: np.random.Generator,
    *,
    spread: float | None = None,
    progress: Progress | None = None,
) -> list[Outcomes]:
    """Returns what `studies` simulated studies find after each of the numbers of votes `at`, in ascending order.

    `strengths` draws their true ratings. `spread` is their standard deviation where it is not the one assumed.
    """
    link = Link.of(assumptions, spread)
    size = max(1, min(MOST_AT_ONCE // at[-1], MOST_CELLS // assumptions.models**2, -(-studies // LEAST_BLOCKS)))
    found: list[list[Outcomes]] = [[] for _votes in at]
    done = 0
    while done < studies:
        block = min(size, studies - done)
        for place, outcomes in enumerate(_block(assumptions, link, strengths, at, block, rng)):
            found[place].append(outcomes)
        done += block
        if progress is not None:
            progress(done * at[-1], studies * at[-1])
    return [Outcomes.together(parts) for parts in found]


def _block(
    assumptions: Assumptions,
    link: Link,
    strengths: Strengths,
    at: Sequence[int],
    studies: int,
    rng: np.random.Generator,
) -> Iterator[Outcomes]:
    models = assumptions.models
    i, j = np.triu_indices(models, 1)
    rating = strengths(rng, studies)
    leads = link.lead(rating[:, i] - rating[:, j]).astype(np.float32)
    by_prompt = _effects(assumptions.prompt_effect, assumptions.prompts, models, studies, rng)
    games, points = np.zeros(len(i)), np.zeros((studies, len(i)))
    theta = np.zeros((studies, models))
    prompts, pairs = _order(assumptions, at[-1], rng)
    workers = _workers(assumptions, at[-1], rng)
    by_worker = _effects(assumptions.worker_effect, int(workers.max()) + 1, models, studies, rng)
    begin = 0
    for end in at:
        for start in range(begin, end, chunk := max(1, MOST_AT_ONCE // studies)):
            now = slice(start, min(start + chunk, end))
            # In the order of the pairs, so that the points of each are next to one another.
            turn = np.argsort(pairs[now], kind="stable")
            pair, prompt, worker = pairs[now][turn], prompts[now][turn], workers[now][turn]
            odds = leads[:, pair]
            for effect, group in ((by_prompt, prompt), (by_worker, worker)):
                if effect is not None:
                    odds += effect[:, group * models + i[pair]]
                    odds -= effect[:, group * models + j[pair]]
            won = link.half_points(odds, rng.random(odds.shape, dtype=np.float32))
            first = np.flatnonzero(np.diff(pair, prepend=-1))
            points[:, pair[first]] += np.add.reduceat(won, first, axis=1, dtype=np.int32) / 2
            games += np.bincount(pair, minlength=len(games))
        begin = end
        theta, bread = fitting.fit(i, j, games, points, theta)
        clusters = _clusters(prompts[:end]), _clusters(workers[:end])
        yield _outcomes(assumptions, link, rating, theta, bread, games, clusters, end, rng)


def _effects(deviation: float, groups: int, models: int, studies: int, rng: np.random.Generator) -> np.ndarray | None:
    """(studies, groups x models) normal effects; None where there are none."""
    if not deviation:
        return None
    return np.float32(deviation) * rng.standard_normal((studies, groups * models), dtype=np.float32)


def _order(assumptions: Assumptions, votes: int, rng: np.random.Generator) -> tuple[Codes, Codes]:
    """(votes,) each: the prompt and the pair of models of each vote."""
    prompts, pairs, offered = assumptions.prompts, assumptions.pairs, assumptions.offered
    if offered == pairs:
        cells = prompts * pairs
        turns = [
            rng.permutation(cells) if left >= cells // 8 else rng.choice(cells, left, replace=False, shuffle=True)
            for left in _rounds(votes, cells)
        ]
        cell = np.concatenate(turns)[:votes]
        return cell // pairs, cell % pairs
    pair = np.concatenate([rng.choice(pairs, offered, replace=False) for _prompt in range(prompts)])
    cell = np.concatenate([rng.permutation(len(pair)) for _left in _rounds(votes, len(pair))])[:votes]
    return cell // offered, pair[cell]


def _rounds(votes: int, cells: int) -> list[int]:
    """Returns how many votes are left at the start of each round over all pairs of answers."""
    return [votes - start for start in range(0, votes, cells)]


def _workers(assumptions: Assumptions, votes: int, rng: np.random.Generator) -> Codes:
    """(votes,) the worker of each vote."""
    if assumptions.workers is None:
        return np.arange(votes) // VOTES_PER_WORKER
    workers = assumptions.workers_for(votes)
    return np.concatenate([rng.permutation(workers) for _round in range(0, votes, workers)])[:votes]


def _clusters(codes: Codes) -> tuple[float, float]:
    """Returns the share of all pairs of votes that have a code in common, and how many equal clusters that makes."""
    sizes = np.bincount(codes).astype(np.float64)
    squares = float(sizes @ sizes)
    return (squares - len(codes)) / len(codes) ** 2, len(codes) ** 2 / squares


def _outcomes(
    assumptions: Assumptions,
    link: Link,
    rating: Floats,
    theta: Floats,
    bread: Floats,
    games: Floats,
    clusters: tuple[tuple[float, float], tuple[float, float]],
    votes: int,
    rng: np.random.Generator,
) -> Outcomes:
    order = np.argsort(-theta, axis=1, kind="stable")
    found = np.take_along_axis(theta, order, axis=1)
    true = np.take_along_axis(rating, order, axis=1)
    lead = found[:, :, None] - found[:, None, :]
    upper = np.triu(np.ones(lead.shape[1:], dtype=bool), 1)
    better = (lead > TIED) & upper
    right = (better & (true[:, :, None] > true[:, None, :])).sum(axis=(1, 2))
    untied = better.sum(axis=(1, 2))
    tau = (2 * right - untied) / np.sqrt(np.maximum(untied, 1) * assumptions.pairs)
    error, degrees = _errors(assumptions, link, theta, bread, games, clusters)
    error = np.take_along_axis(np.take_along_axis(error, order[:, :, None], axis=1), order[:, None, :], axis=2)
    # A board knows its errors no better than its clusters tell them.
    luck = rng.chisquare(degrees, theta.shape) / degrees
    known = error * np.sqrt((luck[:, :, None] + luck[:, None, :]) / 2)
    limit = float(scipy.special.stdtrit(degrees, CONFIDENCE))
    apart = upper & (lead > limit * known)
    typical = np.median(error[:, upper], axis=1)
    return Outcomes(
        votes=votes,
        tau=tau,
        truth=(1 + (true[:, None, :] > true[:, :, None]).sum(axis=2)),
        low=1 + apart.sum(axis=1),
        high=theta.shape[1] - apart.sum(axis=2),
        apart=apart.sum(axis=(1, 2)),
        separated=_separated(apart),
        reach=typical * (limit + float(scipy.special.stdtrit(degrees, 0.8))),
    )


def _errors(
    assumptions: Assumptions,
    link: Link,
    theta: Floats,
    bread: Floats,
    games: Floats,
    clusters: tuple[tuple[float, float], tuple[float, float]],
) -> tuple[Floats, float]:
    """Returns (r, m, m) the standard errors of differences, and the degrees of freedom that a board gives them.

    A vote contributes p (1 - p) - q / 4, with q the chance of a tie; what a model's effects on prompts and on workers
    contribute does not shrink with the votes, only with their number. A board of few prompts makes no statement about
    prompts like these, so their part is left out there.
    """
    models = assumptions.models
    i, j = np.triu_indices(models, 1)
    chance = scipy.special.expit(theta[:, i] - theta[:, j])
    votes = games * (chance * (1 - chance) - tie_chance(chance, link.nu) / 4)
    covariance = bread @ fitting.laplacian(i, j, votes, models) @ bread
    diagonal = np.einsum("rmm->rm", covariance)
    variance = diagonal[:, :, None] + diagonal[:, None, :] - 2 * covariance
    (in_prompts, prompts), (in_workers, workers) = clusters
    shared = assumptions.worker_effect**2 * in_workers
    worth = workers
    if assumptions.prompts >= LEAST_PROMPTS:
        shared += assumptions.prompt_effect**2 * in_prompts
        worth = min(prompts, workers)
    variance += 2 * link.slope**2 * shared
    return np.sqrt(variance.clip(0)), max(LEAST_DEGREES, worth - 1)


def _separated(apart: np.ndarray) -> np.ndarray:
    """(r, m - 1) whether the top 1, 2, ... are each told apart from all below, given `apart` (r, m, m) by place."""
    from_here = np.logical_and.accumulate(apart[:, :, ::-1], axis=2)[:, :, ::-1]
    together = np.logical_and.accumulate(from_here, axis=1)
    return np.asarray(np.diagonal(together, offset=1, axis1=1, axis2=2))
