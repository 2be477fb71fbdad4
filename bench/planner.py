"""How often the planner's 80 % ranges hold what a study finds: `make bench-planner`.

Studies of 20 models are simulated here, by a model of their own: strengths, effects of prompts and of workers on
Davidson's scale, a preference for the left side. Each is rated as a leaderboard is (`ranking.methods.board`), and what
it finds is looked for in the planner's range. The planner is told the same study on its own scale: the spread that
leaderboards of very many votes would show, and the share of ties.

In the first part the assumptions are given. In the second the spread comes from the leaderboard of a pilot, which is
another simulated study, of other models or of the same.
"""

import argparse
import os
import platform
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy

from ranking.design.planner.assumptions import Assumptions
from ranking.design.planner.pilot import Spread, normal
from ranking.design.planner.plan import Point, point
from ranking.design.planner.ranges import Range
from ranking.design.planner.simulation import Outcomes, simulate
from ranking.methods import logistic
from ranking.methods.board import rate
from ranking.methods.logistic import Cells
from ranking.methods.ratings import Ratings, better, rank_ranges
from ranking.methods.settings import Settings
from ranking.methods.tally import Votes, tally

TOPS = (1, 3, 5)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
WEIGHTS = WEIGHTS / WEIGHTS.sum()

PLANNED = 4000
"""Studies that the planner simulates where its assumptions are the same for all; with a pilot, `PER_PILOT` for each."""
PER_PILOT = 240

RANGED = 200
"""Studies whose leaderboards have the intervals of the site. Ratings are the same without, and take far less time."""


@dataclass(frozen=True)
class World:
    """How votes come about: standard deviations on Davidson's scale, and his nu."""

    strength: float = 0.9
    prompt: float = 0.7
    worker: float = 0.4
    nu: float = 0.8
    left: float = 0.15


@dataclass(frozen=True)
class Shape:
    """A study in a world, and the votes of the pilot before it."""

    name: str
    prompts: int
    workers: int
    votes: int
    pilot: int = 400
    models: int = 20
    world: World = World()
    parts: tuple[str, ...] = ("given", "other", "same")


SHAPES = (
    Shape("13 prompts", 13, 40, 1200),
    Shape("100 prompts, 15 workers", 100, 15, 1200, parts=("given",)),
    Shape("no effects", 100, 60, 600, world=World(prompt=0, worker=0, nu=0.5), parts=("given",)),
    Shape("close models", 60, 50, 2000, 800, world=World(0.4, 0.5, 0.3), parts=("given",)),
    Shape("far apart, many votes", 60, 100, 4000, world=World(1.4, nu=1.2), parts=("given",)),
)


def chances(odds: np.ndarray, nu: float) -> tuple[np.ndarray, np.ndarray]:
    """Of a win and of a tie."""
    up, down = np.exp(odds / 2), np.exp(-odds / 2)
    total = up + nu + down
    return up / total, nu / total


def told(shape: Shape) -> Assumptions:
    """The assumptions on the planner's scale."""
    world = shape.world
    strength = world.strength * scipy.special.ndtri((np.arange(120) + 0.5) / 120)
    i, j = np.triu_indices(len(strength), 1)
    spread = np.sqrt(2 * (world.prompt**2 + world.worker**2))
    odds = (strength[i] - strength[j])[:, None] + spread * NODES
    sides = [chances(odds + side * world.left, world.nu) for side in (-1, 1)]
    win, tie = (sum(parts) / 2 @ WEIGHTS for parts in zip(*sides, strict=True))
    board = logistic.fit(Cells(len(strength), i, j, np.ones(len(i)), win + tie / 2, np.empty((len(i), 0))), prior=False)
    half = 2 / (2 + world.nu)
    return Assumptions(
        shape.models,
        shape.prompts,
        shape.votes,
        workers=shape.workers,
        spread=float(board.theta.std()),
        ties=float(tie.mean()),
        prompt_effect=half * world.prompt,
        worker_effect=half * world.worker,
    )


def held(shape: Shape, votes: int, strength: np.ndarray, rng: np.random.Generator) -> Votes:
    """The votes of a study: every pair of answers once before any twice, and workers by turns."""
    world, models = shape.world, shape.models
    by_prompt = rng.normal(0, world.prompt, (shape.prompts, models))
    by_worker = rng.normal(0, world.worker, (shape.workers, models))
    above, below = np.triu_indices(models, 1)
    offered = shape.prompts * len(above)
    cells = np.concatenate([rng.permutation(offered) for _turn in range(-(-votes // offered))])[:votes]
    prompt, pair = np.divmod(cells, len(above))
    x, y = above[pair], below[pair]
    rater = np.arange(votes) % shape.workers
    left = rng.choice([-1, 1], votes)
    odds = strength[x] - strength[y] + world.left * left
    odds += by_prompt[prompt, x] - by_prompt[prompt, y] + by_worker[rater, x] - by_worker[rater, y]
    win, tie = chances(odds, world.nu)
    drawn = rng.random(votes)
    outcome = np.where(drawn < win, 2, np.where(drawn < win + tie, 1, 0))
    return Votes(tuple(map(str, range(models))), x, y, outcome, left=left, prompt=prompt, rater=rater)


def board(votes: Votes, settings: Settings = Settings()) -> Ratings | None:  # noqa: B008  it is immutable
    """The leaderboard, or None where some model is not on it."""
    ratings = rate(votes, settings, "people").groups[0].ratings
    return ratings if len(ratings.names) == len(votes.names) else None


@dataclass(frozen=True)
class Found:
    """What one study found, and the rank range of the first model on its leaderboard."""

    tau: float
    truth: np.ndarray
    apart: int
    low: int
    high: int

    @classmethod
    def of(cls, ratings: Ratings, strength: np.ndarray) -> "Found":
        order = np.argsort(-ratings.scores)
        truth = scipy.stats.rankdata(-strength)[order]
        above = better(ratings)
        assert above is not None
        low, high = rank_ranges(above)
        tau = float(scipy.stats.kendalltau(np.round(ratings.scores, 6), strength).statistic)
        return cls(tau, truth, int(above.sum()), int(low[order[0]]), int(high[order[0]]))


type Held = Counter[tuple[str, bool]]


def compared(found: Found, planned: Point, first: Range, *, ranged: bool) -> Held:
    """By quantity, whether its range holds what was found."""
    held: Held = Counter()
    held["tau", planned.tau.low - 1e-5 <= found.tau <= planned.tau.high + 1e-5] += 1
    for top in TOPS:
        kept = planned.matched[top]
        held[f"of the top {top}", kept.low <= (found.truth[:top] <= top).sum() <= kept.high] += 1
    held["true rank of the first", first.low <= found.truth[0] <= first.high] += 1
    if ranged:
        held["pairs told apart", planned.apart.low <= found.apart <= planned.apart.high] += 1
    return held


def planned(outcomes: Outcomes) -> tuple[Point, Range]:
    return point(outcomes, TOPS), Range.of(outcomes.truth[:, 0])


type Job = tuple[Shape, int, str, Assumptions, tuple[Point, Range] | None]


def one(job: Job) -> tuple[Held, Found | None]:
    """One study, and where its spread comes from a pilot, the pilot and its plan."""
    shape, seed, pilot, assumptions, plan = job
    rng = np.random.default_rng([seed, list(LIMITS).index(pilot)])
    strength = rng.normal(0, shape.world.strength, shape.models)
    if plan is None:
        before = strength if pilot == "same" else rng.normal(0, shape.world.strength, shape.models)
        votes = held(shape, shape.pilot, before, rng)
        ratings, games = board(votes, Settings(correction="CR1")), tally(votes).games
        if ratings is None or ratings.covariance is None:
            return Counter(), None
        spread = Spread.of_board(ratings.scores, ratings.covariance, games)
        strengths = spread.same_models() if pilot == "same" else spread.new_models(shape.models)
        middle = spread.quantile(0.5)
        (outcomes,) = simulate(assumptions, strengths, [shape.votes], PER_PILOT, rng, spread=middle)
        plan = planned(outcomes)
    ranged = seed < RANGED
    ratings = board(held(shape, shape.votes, strength, rng), Settings() if ranged else Settings(clusters="none"))
    if ratings is None:
        return Counter(), None
    found = Found.of(ratings, strength)
    return compared(found, *plan, ranged=ranged), found if ranged else replace(found, apart=-1)


LIMITS = {"given": (76.0, 84.0), "other": (75.0, 86.0), "same": (75.0, 86.0)}
FEW = 76.0
NAMES = {"given": "assumptions given", "other": "pilot of other models", "same": "pilot of the same models"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--shapes", type=int, default=len(SHAPES), help="only the first so many")
    parser.add_argument("--parts", nargs="*", choices=LIMITS, help="these instead of each shape's own")
    options = parser.parse_args()
    print(
        f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    )
    print(
        f"{options.studies} studies of 20 models each; of 80 % ranges so many hold what a study found; * has a limit."
    )
    missed, began = 0, time.perf_counter()
    with ProcessPoolExecutor(options.processes) as pool:
        for shape in SHAPES[: options.shapes]:
            assumptions = told(shape)
            (outcomes,) = simulate(
                assumptions,
                normal(shape.models, assumptions.spread),
                [shape.votes],
                PLANNED,
                np.random.default_rng(1),
            )
            known = planned(outcomes)
            for pilot in options.parts or shape.parts:
                plan = known if pilot == "given" else None
                told_now = assumptions if pilot == "given" else replace(assumptions, spread=0.5)
                jobs = [(shape, seed, pilot, told_now, plan) for seed in range(options.studies)]
                results = list(pool.map(one, jobs, chunksize=8))
                total: Held = sum((part for part, _found in results), Counter())
                studies = [found for _held, found in results if found is not None]
                missed += shown(shape, pilot, total, studies, outcomes, known[0])
    print(f"{time.perf_counter() - began:.0f} s.", end=" ")
    print(f"{missed} limits missed." if missed else "All limits are kept.")
    sys.exit(bool(missed))


def shown(shape: Shape, pilot: str, total: Held, studies: list[Found], outcomes: Outcomes, plan: Point) -> int:
    """Prints one line for each part, and returns how many limits it misses."""
    missed = 0
    cells = []
    for name in dict.fromkeys(name for name, _inside in total):
        share = 100 * total[name, True] / (total[name, True] + total[name, False])
        low, high = LIMITS[pilot] if name == "tau" else (FEW if "told" not in name else 0.0, 100.0)
        missed += not low <= share <= high
        cells.append(f"{name} {share:.1f}%{'*' if low else ''}")
    print(
        f"\n{shape.name}, {shape.votes:,} votes, {NAMES[pilot]} ({len(studies)} studies): {'; '.join(cells)}",
        flush=True,
    )
    if pilot == "given":
        taus = [found.tau for found in studies]
        ranged = [found for found in studies if found.apart >= 0]
        print(
            f"  planned: tau {plan.tau.mean:.3f} ({plan.tau.low:.3f} to {plan.tau.high:.3f}), "
            f"first found {100 * plan.first:.0f}%, {plan.apart.mean:.0f} pairs told apart, "
            f"first place ranks {outcomes.low[:, 0].mean():.1f} to {outcomes.high[:, 0].mean():.1f}\n"
            f"  found:   tau {np.mean(taus):.3f} ({np.quantile(taus, 0.1):.3f} to {np.quantile(taus, 0.9):.3f}), "
            f"first found {100 * np.mean([found.truth[0] == 1 for found in studies]):.0f}%, "
            f"{np.mean([found.apart for found in ranged]):.0f} pairs told apart, "
            f"first place ranks {np.mean([found.low for found in ranged]):.1f} to "
            f"{np.mean([found.high for found in ranged]):.1f}",
            flush=True,
        )
    return missed


if __name__ == "__main__":
    main()
