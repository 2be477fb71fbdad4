"""How often looking at a study while votes come in separates equal models, and what it costs: `make bench-stopping`.

The first part has 8 exactly equal models and a look every 50 votes up to 5,000. Anything separated at any look is an
error. It may happen in at most 7 % of 1,000 studies: 5 % and three standard errors. Beside it stands the fixed test of
the boards, which is right for one look, repeated at each.

The second part has models that differ, and goals. The votes by which 80 % of the studies have stopped may be at most
1.6 times the fewest with which the fixed test, planned in advance and asked once, reaches the same goal in 80 %.

The studies of one shape are fitted together. `tests/ranking/design/test_stopping_bench.py` holds this to what a board
of the same votes says.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy

from bench.coverage import chances
from ranking.design import draws
from ranking.design.belief import Belief
from ranking.design.stopping import LEAST_CLUSTERS, LEAST_EFFECTIVE, LEAST_VOTES, Goal, differences, separated
from ranking.methods.shrinkage import NARROW, ROUNDS, WIDE

EVERY, MOST = 50, 5000
"""Votes between looks, and in all."""

ERRORS, TIMES = 7.0, 1.6
"""The limits: per cent of studies of equal models, and votes relative to a fixed number."""

POWER = 0.8

CHUNK = 20
"""Studies that are fitted together: their cells of prompts and workers stay in the cache."""


@dataclass(frozen=True)
class Shape:
    """Studies of models with the `strengths`, and the standard deviations of effects on the log-odds scale.

    `uneven`: votes are spread over workers with a Pareto tail of index 2, not evenly. `here`: statements are about
    exactly these prompts, from workers alone.
    """

    name: str
    strengths: tuple[float, ...] = (0.0,) * 8
    prompts: int = LEAST_CLUSTERS
    workers: int = LEAST_CLUSTERS
    prompt: float = 0.0
    worker: float = 0.0
    place: float = 0.0
    careless: float = 0.0
    adaptive: bool = False
    uneven: bool = False
    here: bool = False
    most: int = MOST

    @property
    def models(self) -> int:
        return len(self.strengths)


EQUAL = (
    Shape("plain"),
    Shape("worker effects", worker=0.4),
    Shape("worker and prompt effects", worker=0.4, prompt=0.8),
    Shape("20 % careless workers", worker=0.4, prompt=0.8, place=0.15, careless=0.2),
    Shape("default strategy", worker=0.4, prompt=0.8, adaptive=True),
    Shape("exactly these prompts", worker=0.4, prompts=13, here=True),
    Shape("uneven workers", worker=0.4, prompt=0.8, uneven=True, workers=60),
)

LEADER, CLEARER, STEPS = (0.6, *[0.0] * 7), (0.9, *[0.0] * 7), tuple(np.linspace(2.1, -2.1, 8))
DIFFERENT = (
    (Shape("one ahead", LEADER, 60, 60), Goal("top", 1)),
    (Shape("one ahead, worker effects", CLEARER, 60, 60, worker=0.4), Goal("top", 1)),
    (Shape("even steps", STEPS, 60, 60), Goal("top", 3)),
    (Shape("even steps", STEPS, 60, 60), Goal("ranks", 1)),
    (Shape("even steps, adaptive", STEPS, 60, 60, adaptive=True), Goal("top", 3)),
)


class Studies:
    """s studies of one shape, whose votes are counted by pair of models, prompt and worker as they come in.

    Attributes:
        i, j: (q,) the models of the q pairs; design: (q, m) e_i - e_j.
        games, points: (s, prompts, workers, q) the votes, and the points of i.
    """

    def __init__(self, shape: Shape, studies: int) -> None:
        self.shape, self.studies = shape, studies
        self.i, self.j = np.triu_indices(shape.models, 1)
        self.design = np.eye(shape.models)[self.i] - np.eye(shape.models)[self.j]
        cells = (studies, shape.prompts, shape.workers, len(self.i))
        self.games, self.points = np.zeros(cells, dtype=np.float32), np.zeros(cells, dtype=np.float32)
        self.squares = np.zeros((studies, len(self.i)))
        self.theta = np.zeros((studies, shape.models))

    def add(self, pair: np.ndarray, prompt: np.ndarray, worker: np.ndarray, points: np.ndarray) -> None:
        """Counts votes, (s, n) each."""
        study = np.arange(self.studies)[:, None]
        np.add.at(self.games, (study, prompt, worker, pair), 1)
        np.add.at(self.points, (study, prompt, worker, pair), points)
        np.add.at(self.squares, (study, pair), points**2)

    def wins(self) -> np.ndarray:
        """(s, m, m) how often i beat j, ties as half."""
        games, points = (part.sum(axis=(1, 2), dtype=np.float64) for part in (self.games, self.points))
        found = np.zeros((self.studies, self.shape.models, self.shape.models))
        found[:, self.i, self.j], found[:, self.j, self.i] = points, games - points
        return found

    def look(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Returns the ratings (s, m), their covariance, and the least it may be, both (s, m, m), and (s,) whether there
        is enough to speak from. See `stopping.differences`."""
        by_prompt = self.games.sum(axis=2, dtype=np.float64), self.points.sum(axis=2, dtype=np.float64)
        by_worker = self.games.sum(axis=1, dtype=np.float64), self.points.sum(axis=1, dtype=np.float64)
        games, points = by_prompt[0].sum(axis=1), by_prompt[1].sum(axis=1)
        ridge, dispersion = self._fit(games, points)
        chance = self._chance()
        information = self._information(games * chance * (1 - chance), ridge)
        least = self._by_cell(chance, information)
        covariance = self._one_way(*by_worker, chance, information)
        if not self.shape.here:
            covariance = covariance + self._one_way(*by_prompt, chance, information) - least
        center = np.eye(self.shape.models) - 1 / self.shape.models
        values, vectors = np.linalg.eigh(center @ covariance @ center)
        covariance = (vectors * values.clip(0)[:, None, :]) @ vectors.swapaxes(1, 2)
        if self.shape.adaptive:
            inverse = np.linalg.inv(information)
            pull = center @ inverse @ ((dispersion * ridge)[:, None, None] * center) @ inverse @ center
            place = np.arange(self.shape.models)
            covariance[:, place, place] += np.diagonal(least - covariance, axis1=1, axis2=2).clip(0)
            covariance, least = covariance + pull, least + pull
        enough = np.abs(self.theta).max(axis=1) < 10
        for part in [by_worker] if self.shape.here else [by_prompt, by_worker]:
            votes = part[0].sum(axis=2)
            enough &= (votes > 0).sum(axis=1) >= LEAST_CLUSTERS
            enough &= votes.sum(axis=1) ** 2 / np.square(votes).sum(axis=1) >= LEAST_EFFECTIVE
        enough &= (games @ np.abs(self.design)).min(axis=1) >= LEAST_VOTES
        return self.theta, covariance, least, enough

    def _chance(self) -> np.ndarray:
        return scipy.special.expit(self.theta @ self.design.T)

    def _information(self, weight: np.ndarray, ridge: np.ndarray) -> np.ndarray:
        """(s, m, m) made regular for the common shift, with `ridge` (s,) added for each model about the mean."""
        size = self.shape.models
        found = (self.design.T * weight[:, None, :]) @ self.design
        found += ridge[:, None, None] * (np.eye(size) - 1 / size)
        return found + (np.trace(found, axis1=1, axis2=2) / size**2)[:, None, None]

    def _newton(self, games: np.ndarray, points: np.ndarray, ridge: np.ndarray, steps: int) -> np.ndarray:
        """Improves `theta`, and returns the information at the last but one step."""
        information = np.empty(0)
        for _step in range(steps):
            chance = self._chance()
            information = self._information(games * chance * (1 - chance), ridge)
            gradient = (points - games * chance) @ self.design - ridge[:, None] * self.theta
            step = np.linalg.solve(information, gradient[:, :, None])[:, :, 0]
            step -= step.mean(axis=1, keepdims=True)
            length = np.abs(step).max(axis=1, keepdims=True)
            self.theta = np.clip(self.theta + step / np.maximum(1, 2 * length), -20, 20)
            if length.max() < 1e-8:
                break
        return information

    def _fit(self, games: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fits `theta`, and returns (s,) the precision of its prior and the dispersion of the votes.

        The precision is 0 where pairs are not chosen adaptively.
        """
        one = np.ones(self.studies)
        if not self.shape.adaptive:
            self._newton(games, points, 0 * one, 60)
            return 0 * one, one
        ridge, phi = self._best(games, points, one), one
        for _round in range(ROUNDS):
            phi = self._dispersion(games, points, ridge)
            ridge = self._best(games, points, phi)
        return ridge, phi

    def _dispersion(self, games: np.ndarray, points: np.ndarray, ridge: np.ndarray) -> np.ndarray:
        chance = self._chance()
        curvature = games * chance * (1 - chance)
        squares = (self.squares - 2 * chance * points + games * chance**2).sum(axis=1)
        taken = self.shape.models - 1 - ridge * self._trace(np.linalg.inv(self._information(curvature, ridge)))
        votes = games.sum(axis=1)
        return squares / curvature.sum(axis=1) * votes / np.maximum(1, votes - taken)

    def _trace(self, inverse: np.ndarray) -> np.ndarray:
        """(s,) the trace of the inverse information about the mean."""
        return np.trace(inverse, axis1=1, axis2=2) - inverse.sum(axis=(1, 2)) / self.shape.models

    def _best(self, games: np.ndarray, points: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Fits `theta` with the prior that the votes support best, and returns (s,) its precision."""
        size = self.shape.models
        low, high = np.full(self.studies, np.log(NARROW)), np.full(self.studies, np.log(WIDE))
        for _halving in range(20):
            middle = (low + high) / 2
            information = self._newton(games, points, phi * np.exp(-2 * middle), 4)
            trace = phi * self._trace(np.linalg.inv(information))
            above = np.log((np.square(self.theta).sum(axis=1) + trace) / (size - 2)) > 2 * middle
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        ridge = phi * np.exp(-(low + high))
        self._newton(games, points, ridge, 60)
        return ridge

    def _one_way(
        self, games: np.ndarray, points: np.ndarray, chance: np.ndarray, information: np.ndarray
    ) -> np.ndarray:
        """(s, m, m) CR3: the sum of squared steps without each of the clusters, whose votes are (s, g, q)."""
        score = (points - games * chance[:, None]) @ self.design
        weight = games * (chance * (1 - chance))[:, None]
        part = (self.design.T * weight[:, :, None, :]) @ self.design
        # Where one cluster holds all votes of a model, nothing is left of it without: the step is then very long.
        tiny = 1e-9 * np.trace(information, axis1=1, axis2=2)[:, None, None, None] * np.eye(self.shape.models)
        step = np.linalg.solve(information[:, None] - part + tiny, score[..., None])[..., 0]
        return self._squares(step, games.any(axis=2).sum(axis=1))

    def _squares(self, step: np.ndarray, number: np.ndarray) -> np.ndarray:
        step = step - step.mean(axis=2, keepdims=True)
        return ((number - 1) / number)[:, None, None] * (step.swapaxes(1, 2) @ step)

    def _by_cell(self, chance: np.ndarray, information: np.ndarray) -> np.ndarray:
        """The same for clusters of one prompt and one worker, which are so small that the steps follow from a series.

        With A the information of a cluster and B that of the rest inverted, (H - A)^-1 s = B s + B A B s + ...
        """
        shape = (self.studies, -1, len(self.i))
        games, points = self.games.reshape(shape), self.points.reshape(shape)
        design, inverse = self.design.astype(np.float32), np.linalg.inv(information).astype(np.float32)
        weight = games * (chance * (1 - chance)).astype(np.float32)[:, None]
        step = total = (points - games * chance.astype(np.float32)[:, None]) @ design @ inverse
        for _term in range(2):
            step = ((step @ design.T) * weight) @ design @ inverse
            total = total + step
        return self._squares(total.astype(np.float64), games.any(axis=2).sum(axis=1))


class Voters:
    """What the people of s studies of one shape say, by pair, prompt and worker; randomness is drawn from `rng`."""

    def __init__(self, shape: Shape, studies: int, rng: np.random.Generator) -> None:
        self.shape, self.studies, self.rng = shape, studies, rng
        size = shape.models
        self.by_prompt = rng.normal(0, shape.prompt, (studies, shape.prompts, size)) if shape.prompt else None
        self.by_worker = rng.normal(0, shape.worker, (studies, shape.workers, size)) if shape.worker else None
        self.careless = rng.random((studies, shape.workers)) < shape.careless
        weight = (rng.pareto(2.0, (studies, shape.workers)) + 1) if shape.uneven else np.ones((studies, shape.workers))
        self.share = np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)

    def workers(self, number: int) -> np.ndarray:
        """(s, number) who votes next."""
        drawn = self.rng.random((self.studies, number))
        return np.minimum((drawn[:, :, None] > self.share[:, None, :]).sum(axis=2), self.shape.workers - 1)

    def points(self, i: np.ndarray, j: np.ndarray, prompt: np.ndarray, worker: np.ndarray) -> np.ndarray:
        """(s, n) the points of i: 1, 1/2 or 0."""
        strength = np.array(self.shape.strengths)
        study = np.arange(self.studies)[:, None]
        odds = strength[i] - strength[j] + self.shape.place * self.rng.choice([-1.0, 1.0], i.shape)
        for effect, of in ((self.by_prompt, prompt), (self.by_worker, worker)):
            if effect is not None:
                odds += effect[study, of, i] - effect[study, of, j]
        win, tie = chances(odds)
        careless = self.careless[study, worker]
        win, tie = (np.where(careless, 1 / 3, part) for part in (win, tie))
        drawn = self.rng.random(i.shape)
        return np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.5, 0.0))


def looks(shape: Shape, studies: int, seed: int) -> Iterator[tuple[int, Studies]]:
    """Yields the number of votes and the studies after each `EVERY` votes."""
    rng = np.random.default_rng([seed, 7])
    found, voters = Studies(shape, studies), Voters(shape, studies, rng)
    pairs = len(found.i)
    often = np.zeros((studies, pairs, shape.prompts))
    for votes in range(EVERY, shape.most + 1, EVERY):
        if shape.adaptive:
            pair = _chosen(found, rng)
            prompt = _least_voted(often, pair, rng)
        else:
            pair = rng.integers(pairs, size=(studies, EVERY))
            prompt = rng.integers(shape.prompts, size=(studies, EVERY))
        worker = voters.workers(EVERY)
        found.add(pair, prompt, worker, voters.points(found.i[pair], found.j[pair], prompt, worker))
        yield votes, found


def _chosen(studies: Studies, rng: np.random.Generator) -> np.ndarray:
    """(s, EVERY) the pairs that the default strategy draws, after the first pairs of every model."""
    size = studies.shape.models
    number = np.zeros((size, size), dtype=np.intp)
    number[studies.i, studies.j] = np.arange(len(studies.i))
    room = np.triu(np.full((size, size), MOST), 1)
    found = np.empty((studies.studies, EVERY), dtype=np.intp)
    for study, wins in enumerate(studies.wins()):
        places = (wins + wins.T).sum(axis=1).round().astype(np.int64)
        batch = draws.batch(Belief.of(wins), room, EVERY, rng, places=places, floor=draws.FIRST)
        found[study] = [number[draw.i, draw.j] for draw in batch]
    return found


def _least_voted(often: np.ndarray, pair: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(s, n) the prompt of each vote: of its pair of models the least voted, ties at random. Counts it in `often`."""
    study = np.arange(len(often))
    found = np.empty_like(pair)
    for vote in range(pair.shape[1]):
        which = pair[:, vote]
        found[:, vote] = np.argmin(often[study, which] + rng.random((len(often), often.shape[2])) / 2, axis=1)
        often[study, which, found[:, vote]] += 1
    return found


@dataclass(frozen=True)
class Followed:
    """By study: the votes at which anything, or the goal, was first separated, always valid and by the fixed test.

    Attributes:
        ever, fixed_ever: (s,) whether anything was separated at any look.
        stopped: (s,) votes at which the goal was first reached; infinite if never.
        fixed: (s, looks) whether the fixed test reaches the goal with so many votes.
    """

    ever: np.ndarray
    fixed_ever: np.ndarray
    stopped: np.ndarray
    fixed: np.ndarray


def critical(shape: Shape) -> float:
    """Returns the standard errors that a fixed test of all differences at once asks for: Tukey's range.

    Its degrees of freedom are those of the clusters, of which the test needs as many as the sequence does.
    """
    degrees = (shape.workers if shape.here else min(shape.prompts, shape.workers)) - 1
    return float(scipy.stats.studentized_range.ppf(0.95, shape.models, degrees) / np.sqrt(2))


def follow(shape: Shape, goal: Goal | None, studies: int, seed: int) -> Followed:
    """Looks at studies of one shape while their votes come in."""
    ever, fixed_ever = np.zeros(studies, dtype=bool), np.zeros(studies, dtype=bool)
    stopped, fixed = np.full(studies, np.inf), []
    limit = critical(shape)
    for votes, found in looks(shape, studies, seed):
        scores, covariance, least, enough = found.look()
        above = separated(scores, differences(covariance, least)) & enough[:, None, None]
        error = np.sqrt(differences(covariance).clip(0))
        beyond = (scores[:, :, None] - scores[:, None, :] > limit * error) & (error > 0) & enough[:, None, None]
        ever |= above.any(axis=(1, 2))
        fixed_ever |= beyond.any(axis=(1, 2))
        if goal is not None:
            stopped[np.isinf(stopped) & (goal.share(scores, above) >= 1)] = votes
            fixed.append(goal.share(scores, beyond) >= 1)
    return Followed(ever, fixed_ever, stopped, np.array(fixed).T if fixed else np.zeros((studies, 0)))


def _chunk(arguments: tuple[Shape, Goal | None, int, int]) -> Followed:
    return follow(*arguments)


def followed(pool: ProcessPoolExecutor, shape: Shape, goal: Goal | None, studies: int) -> Followed:
    """The same in all processes, with a word on how far it is for who sits at a terminal."""
    sizes = [min(CHUNK, studies - start) for start in range(0, studies, CHUNK)]
    parts = []
    for part in pool.map(_chunk, [(shape, goal, size, seed) for seed, size in enumerate(sizes)]):
        parts.append(part)
        if sys.stderr.isatty():
            end = "\n" if len(parts) == len(sizes) else ""
            print(f"\r{shape.name}: {sum(sizes[: len(parts)])} of {studies}", end=end, file=sys.stderr, flush=True)
    names = ("ever", "fixed_ever", "stopped", "fixed")
    return Followed(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def first_with_power(reached: np.ndarray) -> float:
    """Returns the fewest votes with which `POWER` of the studies, (s, looks), reach their goal; infinite if none."""
    enough = np.flatnonzero(reached.mean(axis=0) >= POWER)
    return float(EVERY * (enough[0] + 1)) if len(enough) else np.inf


def stopped_by(stopped: np.ndarray) -> float:
    """Returns the votes by which `POWER` of the studies have stopped; infinite if fewer ever do."""
    return float(np.sort(stopped)[int(np.ceil(POWER * len(stopped))) - 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--only", default="", help="part of the names of the shapes to run")
    parser.add_argument("--prompts", type=int, help="prompts of the studies of equal models")
    parser.add_argument("--workers", type=int, help="workers of the studies of equal models")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    began = time.monotonic()
    missed = 0
    print(
        f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}"
    )
    # Three standard errors of the number of studies that were run.
    limit = max(ERRORS, 100 * (0.05 + 3 * np.sqrt(0.05 * 0.95 / options.studies)))
    with ProcessPoolExecutor(options.processes) as pool:
        print(f"{options.studies} studies of 8 equal models, looked at every {EVERY} votes up to {MOST:,}.")
        print(f"{'':<34}{'prompts':>9}{'workers':>9}{'separated*':>12}{'fixed test':>12}", flush=True)
        for shape in EQUAL:
            if options.only not in shape.name:
                continue
            prompts = shape.prompts if shape.here else options.prompts or shape.prompts
            shape = replace(shape, prompts=prompts, workers=options.workers or shape.workers)
            found = followed(pool, shape, None, options.studies)
            ever, fixed = 100 * found.ever.mean(), 100 * found.fixed_ever.mean()
            missed += ever > limit
            print(f"{shape.name:<34}{shape.prompts:>9}{shape.workers:>9}{ever:>11.1f}%{fixed:>11.1f}%", flush=True)
        print(f"\nVotes by which {POWER:.0%} have stopped, and the fixed number with that power.")
        print(f"{'':<34}{'goal':>9}{'stopped':>9}{'fixed':>9}{'ratio*':>9}", flush=True)
        for shape, goal in DIFFERENT:
            if options.only not in shape.name:
                continue
            found = followed(pool, shape, goal, options.studies)
            sequential, fixed = stopped_by(found.stopped), first_with_power(found.fixed)
            ratio = sequential / fixed
            missed += not ratio <= TIMES
            told = f"{goal.kind} {goal.number}"
            print(f"{shape.name:<34}{told:>9}{sequential:>9,.0f}{fixed:>9,.0f}{ratio:>9.2f}", flush=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes.")
    print(
        f"{missed} limits missed."
        if missed
        else f"All limits are kept: at most {limit:.1f} % and {TIMES:g} times the votes."
    )
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
