"""Bootstrapped Bradley-Terry. Replicates are fitted in batches, starting at the optimum of the data.

Votes are resampled independently (multinomial over cells), in clusters by prompt or by rater, or with the
product of a weight for the prompt and a weight for the rater (Owen and Eckles, 2012).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from ranking.methods import logistic
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import PRIOR_WEIGHT, Cells, Fit
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Codes, Floats, Tally, Votes

BATCH: Final = 100
"""Replicates per batch; their matrices fit in the processor cache."""

CHORDS: Final = 40
"""Steps with the same curvature before a replicate falls back to a slower solver."""

HOPE: Final = 0.8
"""Iteration stops making progress when a step is longer than this times the one before."""

BITS: Final = 1 << 16

DENSE: Final = 1 << 26
"""Largest number of entries for which cluster counts are stored as a dense matrix, whose product is faster."""


def redraw(
    votes: Votes, tally: Tally, fit: Fit, settings: Settings, clusters: Clusters, rng: np.random.Generator
) -> Ratings:
    """Returns `fit` as ratings with the 2.5 and 97.5 percentiles of `settings.rounds` replicates.

    In a replicate without a finite fit, every model gets half a tie against the mean.
    """
    cells = Cells.of_tally(tally)
    fitted: list[tuple[Floats, int]] = []
    # One batch is drawn while another thread fits the previous one. Only this thread uses the generator.
    with ThreadPoolExecutor(1) as pool:
        last: Future[tuple[Floats, int]] | None = None
        for games, points in _replicates(votes, tally, cells, settings.rounds, clusters, rng):
            if last is not None:
                fitted.append(last.result())
            last = pool.submit(_fitted, cells, games, points, fit)
        if last is not None:
            fitted.append(last.result())
    drawn = np.concatenate([theta for theta, _unfit in fitted])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=fit.theta,
        unit="strength",
        low=low,
        high=high,
        draws=drawn,
        clusters=clusters,
        prior=fit.prior,
        gradient=fit.gradient,
        iterations=fit.iterations,
        notices=("replicates-with-prior",) if any(unfit for _theta, unfit in fitted) else (),
    )


type Replicates = Iterator[tuple[Floats, Floats]]
"""Batches of (c, b) the weight of the comparisons in each of c cells and (c, b) the points i won in it."""


def _replicates(
    votes: Votes, tally: Tally, cells: Cells, rounds: int, clusters: Clusters, rng: np.random.Generator
) -> Replicates:
    match clusters:
        case "none":
            return _over_cells(votes, tally, cells, rounds, rng)
        case "both":
            return _over_products(votes, cells, rounds, rng)
        case "prompt" | "worker":
            return _over_clusters(votes, cells, rounds, clusters, rng)


def _over_cells(votes: Votes, tally: Tally, cells: Cells, rounds: int, rng: np.random.Generator) -> Replicates:
    """Resamples comparisons with replacement: multinomial over models and outcomes."""
    if votes.importance is not None or votes.soft is not None:
        yield from _over_rows(votes, cells, rounds, rng)
        return
    number = np.stack([tally.won[cells.i, cells.j], tally.tied[cells.i, cells.j], tally.won[cells.j, cells.i]])
    draw = Multinomial.of(number.ravel())
    for size in _batches(rounds):
        won, tied, lost = draw(size, rng).reshape(3, len(cells.i), size)
        yield won + tied + lost, won + tied / 2


@dataclass(frozen=True, slots=True, eq=False)
class Multinomial:
    """Multinomial redraws of counts in k cells: as many draws as there are counts, with their frequencies.

    Independent Poisson counts are multinomial given their sum. They are drawn with means a little below the counts
    and redrawn if their sum exceeds the total. The few draws that are missing are drawn one by one. The result is
    exact, and Poisson counts are fast because many cells share a mean and hence a table.

    Attributes:
        number: (k,) the count in each cell.
        less: the ratio of the Poisson means to the counts, a little below 1.
        order: (k,) the cells, sorted so that those with the same mean are adjacent.
        parts: for each mean, the number of cells with it and their sampler, in the order of the means.
    """

    number: NDArray[np.int64]
    less: float
    order: NDArray[np.intp]
    parts: "tuple[tuple[int, Poisson], ...]"

    @classmethod
    def of(cls, number: Floats) -> "Multinomial":
        whole = number.astype(np.int64)
        less = max(0.0, 1 - 2 / np.sqrt(whole.sum()))
        values, often = np.unique(whole, return_counts=True)
        parts = tuple((cells, Poisson.of(less * value)) for value, cells in zip(values.tolist(), often, strict=True))
        return cls(whole, less, np.argsort(whole, kind="stable"), parts)

    def __call__(self, size: int, rng: np.random.Generator) -> Floats:
        """(k, size) counts of `size` redraws."""
        total = int(self.number.sum())
        drawn = np.empty((len(self.number), size))
        first = 0
        for cells, poisson in self.parts:
            drawn[self.order[first : first + cells]] = poisson.draw((cells, size), rng)
            first += cells
        sums = drawn.sum(axis=0)
        for column in np.flatnonzero(sums > total):
            while sums[column] > total:
                drawn[:, column] = rng.poisson(self.less * self.number)
                sums[column] = drawn[:, column].sum()
        missing = total - sums.astype(np.int64)
        cell = self._one_by_one(int(missing.sum()), rng)
        # Counting replicate by replicate keeps the cells of one in the cache.
        place = np.repeat(np.arange(size) * len(drawn), missing) + cell
        drawn += np.bincount(place, minlength=drawn.size).reshape(size, len(drawn)).T
        return drawn

    def _one_by_one(self, draws: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """(draws,) the cell of each single draw."""
        which = rng.integers(self.number.sum(), size=draws)
        return np.searchsorted(np.cumsum(self.number), which, side="right")


@dataclass(frozen=True, slots=True, eq=False)
class Poisson:
    """Poisson counts with one mean by inversion: 16 random bits index a table, and few draws need more bits.

    Attributes:
        least: the smallest count drawn.
        chances: (n,) the cumulative probabilities of `least`, `least` + 1, ...
        table: (65536,) the index into `chances` for each value of the 16 leading bits; -1 if they do not decide it.
    """

    least: int
    chances: Floats
    table: NDArray[np.int32]

    @classmethod
    def of(cls, mean: float) -> "Poisson":
        # Counts outside this range have a probability below 1e-30.
        least = max(0, int(mean - 12 * np.sqrt(mean)))
        counts = np.arange(least, int(mean + 12 * np.sqrt(mean)) + 30)
        chances = np.asarray(scipy.special.pdtr(counts, mean), dtype=np.float64)
        ends = np.ceil(chances * BITS).astype(np.intp)
        table = np.repeat(np.arange(len(chances), dtype=np.int32), ends - np.append(0, ends[:-1]))
        open_ = np.floor(chances * BITS).astype(np.intp)
        table[open_[open_ < BITS]] = -1
        return cls(least, chances, table)

    def draw(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int32]:
        bits = rng.integers(BITS, size=shape[0] * shape[1], dtype=np.uint16)
        found = self.table[bits]
        open_ = np.flatnonzero(found < 0)
        exact = (bits[open_] + rng.random(len(open_))) / BITS
        found[open_] = np.searchsorted(self.chances, exact, side="right")
        found += self.least
        return found.reshape(shape)


def _over_rows(votes: Votes, cells: Cells, rounds: int, rng: np.random.Generator) -> Replicates:
    """Resamples row by row, for comparisons that differ in importance or give shares."""
    number = np.ones(len(votes)) if votes.count is None else votes.count.astype(np.float64)
    games, points = _by_cell(votes, cells, np.arange(len(votes)), len(votes), per_count=True)
    for size in _batches(rounds):
        drawn = rng.multinomial(int(number.sum()), number / number.sum(), size).astype(np.float64).T
        yield games.T @ drawn, points.T @ drawn


def _over_clusters(votes: Votes, cells: Cells, rounds: int, clusters: Clusters, rng: np.random.Generator) -> Replicates:
    """Resamples whole clusters with replacement, each with all its comparisons."""
    labels = _labels(votes.prompt if clusters == "prompt" else votes.rater)
    number = int(labels.max()) + 1
    sparse = _by_cell(votes, cells, labels, number)
    games, points = (part.toarray() for part in sparse) if number * len(cells.i) <= DENSE else sparse
    for size in _batches(rounds):
        drawn = rng.multinomial(number, np.full(number, 1 / number), size).astype(np.float64).T
        yield games.T @ drawn, points.T @ drawn


def _over_products(votes: Votes, cells: Cells, rounds: int, rng: np.random.Generator) -> Replicates:
    """Resamples prompts and raters independently. A comparison is weighted by the product of both counts."""
    prompts, raters = _labels(votes.prompt), _labels(votes.rater)
    cell, score = _orient(votes, cells)
    weight, width = votes.weight(), len(cells.i)
    for size in _batches(rounds):
        games, points = np.empty((size, width)), np.empty((size, width))
        for row in range(size):
            drawn = weight * _once_each(prompts, rng) * _once_each(raters, rng)
            games[row] = np.bincount(cell, weights=drawn, minlength=width)
            points[row] = np.bincount(cell, weights=drawn * score, minlength=width)
        yield np.ascontiguousarray(games.T), np.ascontiguousarray(points.T)


def _labels(codes: Codes | None) -> NDArray[np.intp]:
    """Renumbers the codes 0, 1, ... without gaps."""
    assert codes is not None  # noqa: S101  votes without these codes have no such clusters
    return np.unique(codes, return_inverse=True)[1]


def _once_each(labels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    number = int(labels.max()) + 1
    return np.bincount(rng.integers(number, size=number), minlength=number)[labels]


def _batches(rounds: int) -> Iterator[int]:
    for start in range(0, rounds, BATCH):
        yield min(BATCH, rounds - start)


def _orient(votes: Votes, cells: Cells) -> tuple[NDArray[np.intp], Floats]:
    """Returns the cell of each row, and the share of its verdict that goes to the cell's i."""
    number = np.full((cells.size, cells.size), -1)
    number[cells.i, cells.j] = number[cells.j, cells.i] = np.arange(len(cells.i))
    cell = number[votes.x, votes.y]
    score = votes.score()
    return cell, np.where(votes.x == cells.i[cell], score, 1 - score)


def _by_cell(
    votes: Votes, cells: Cells, labels: NDArray[np.intp], number: int, *, per_count: bool = False
) -> "tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]":
    """(number, c) each: the weight of each cluster's comparisons in each cell, and the points that i won.

    With `per_count`, the weight is that of one of a row's equal comparisons.
    """
    cell, score = _orient(votes, cells)
    weight = votes.weight()
    if per_count and votes.count is not None:
        weight = weight / np.maximum(votes.count, 1)
    shape = (number, len(cells.i))
    return scipy.sparse.csr_array((weight, (labels, cell)), shape=shape), scipy.sparse.csr_array(
        (weight * score, (labels, cell)), shape=shape
    )


def _fitted(cells: Cells, games: Floats, points: Floats, start: Fit) -> tuple[Floats, int]:
    """(b, m) optima of b replicates, and how many of them needed a prior although the data did not."""
    theta, settled = _fit_batch(cells, games, points, start)
    unfit = 0
    for column in np.flatnonzero(~settled):
        theta[:, column], again = _fit_alone(cells, games[:, column], points[:, column], start)
        unfit += again
    return theta.T, unfit


def _fit_batch(cells: Cells, games: Floats, points: Floats, start: Fit) -> tuple[Floats, NDArray[np.bool_]]:
    """(m, b) optima of b replicates, and which of them converged.

    Steps use the curvature of the data, which all replicates share. Replicates that do not converge with it
    start again with their own curvature at the optimum of the data.
    """
    replicates = Replicated(cells, games, points, start)
    theta = np.tile(start.theta[:, None], (1, games.shape[1]))
    settled = replicates.climb(theta, lambda gradient: start.bread @ gradient)
    rest = np.flatnonzero(~settled)
    if len(rest) and (inverse := _inverses(cells, games[:, rest].T, start)) is not None:
        theta[:, rest] = start.theta[:, None]
        own = theta[:, rest]
        replicates = Replicated(cells, games[:, rest], points[:, rest], start)
        settled[rest] = replicates.climb(own, lambda gradient: (inverse @ gradient.T[:, :, None])[:, :, 0].T)
        theta[:, rest] = own
    return theta, settled


@dataclass(frozen=True, slots=True, eq=False)
class Replicated:
    """The likelihoods of b replicates, by the (c, b) weight of each cell and the (c, b) points its i won."""

    cells: Cells
    games: Floats
    points: Floats
    start: Fit

    def climb(self, theta: Floats, step_of: Callable[[Floats], Floats]) -> NDArray[np.bool_]:
        """Improves `theta` (m, b) in place by chord steps, and returns (b,) which replicates converged.

        It stops when all have converged, or when the rest make no progress: their steps do not shrink by a fifth.
        """
        incidence = self._incidence()
        last = np.full(theta.shape[1], np.inf)
        for _step in range(CHORDS):
            # The logistic function in terms of numpy's exponential, which is the fastest.
            chance = incidence @ -theta
            with np.errstate(over="ignore"):
                np.exp(chance, out=chance)
            chance += 1
            np.divide(self.games, chance, out=chance)
            gradient = incidence.T @ (self.points - chance)
            if self.start.prior:
                pull = PRIOR_WEIGHT * (0.5 - scipy.special.expit(theta))
                gradient += pull - pull.mean(axis=0)
            step = step_of(gradient)
            step -= step.mean(axis=0)
            theta += step
            length = np.abs(step).max(axis=0)
            settled: NDArray[np.bool_] = length < logistic.STEP
            if (settled | ~(length < HOPE * last)).all():
                break
            last = length
        return settled

    def _incidence(self) -> "scipy.sparse.csr_array":
        """(c, m) 1 for the i of a cell, -1 for its j. Products with it access the replicates contiguously."""
        rows = np.arange(len(self.cells.i))
        signs = np.concatenate([np.ones(len(rows)), -np.ones(len(rows))])
        places = (np.concatenate([rows, rows]), np.concatenate([self.cells.i, self.cells.j]))
        return scipy.sparse.csr_array((signs, places), shape=(len(rows), self.cells.size))


def _inverses(cells: Cells, games: Floats, start: Fit) -> Floats | None:
    """(b, m, m) the inverse information of each replicate at the optimum of the data; None if one is singular."""
    size, i, j = cells.size, cells.i, cells.j
    chance = scipy.special.expit(start.theta[i] - start.theta[j])
    matrices = np.zeros((len(games), size, size))
    flat = matrices.reshape(len(games), size * size)
    flat[:, i * size + j] = flat[:, j * size + i] = -games * (chance * (1 - chance))
    diagonal = np.arange(size)
    matrices[:, diagonal, diagonal] = -matrices.sum(axis=2)
    if start.prior:
        matrices += logistic.prior_part(start.theta)[2]
    # The term that `grounded` adds, for all matrices at once. A replicate without a finite fit stays singular.
    matrices += (np.trace(matrices, axis1=1, axis2=2) / size**2)[:, None, None]
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        return None


def _fit_alone(cells: Cells, games: Floats, points: Floats, start: Fit) -> tuple[Floats, bool]:
    """Fits one replicate with Newton's method. Returns its optimum, and whether it alone needed the prior."""
    wins = np.zeros((cells.size, cells.size))
    wins[cells.i, cells.j], wins[cells.j, cells.i] = points, games - points
    zero = np.zeros_like(wins)
    prior = start.prior or not has_finite_fit(Tally(wins, zero, wins, zero, wins, zero))
    met = games > 0
    replicate = Cells(cells.size, cells.i[met], cells.j[met], games[met], points[met], cells.z[met])
    return logistic.fit(replicate, prior=prior).theta, prior and not start.prior
