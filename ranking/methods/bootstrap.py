"""Bootstrapped Bradley-Terry: all replicates together, each started at the optimum of the data.

Votes are redrawn one by one (multinomial over cells), in clusters of a prompt or of a rater, or with
the product of a prompt's and a rater's weight (Owen and Eckles, 2012).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit

from ranking.methods import logistic
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import PRIOR_WEIGHT, Cells, Fit
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Codes, Floats, Tally, Votes

BATCH: Final = 100
"""Replicates iterated together; their matrices stay in the cache."""

CHORDS: Final = 40
"""Steps with the first step's curvature before a replicate is handed to the careful solver."""

DENSE: Final = 1 << 26
"""Entries up to which the counts of all clusters are held as a dense matrix, whose product is quicker."""


def redraw(
    votes: Votes, tally: Tally, fit: Fit, settings: Settings, clusters: Clusters, rng: np.random.Generator
) -> Ratings:
    """`fit` with the 2.5 and 97.5 percentiles of `settings.rounds` replicates.

    A replicate without a finite fit gets half a tie of every model against the mean.
    """
    cells = Cells.of_tally(tally)
    draws, unfit = [], 0
    for games, points in _replicates(votes, tally, cells, settings.rounds, clusters, rng):
        theta, settled = _fit_batch(cells, games, points, fit)
        for row in np.flatnonzero(~settled):
            theta[row], again = _fit_alone(cells, games[row], points[row], fit)
            unfit += again
        draws.append(theta)
    drawn = np.concatenate(draws)
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
        notices=("replicates-with-prior",) if unfit else (),
    )


type Replicates = Iterator[tuple[Floats, Floats]]
"""Batches of (b, c) the weight of the comparisons in each of c cells and (b, c) the points i won in it."""


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
    """As many comparisons as there are, each drawn anew: multinomial over models and outcomes."""
    if votes.importance is not None:
        yield from _over_rows(votes, cells, rounds, rng)
        return
    number = np.stack([tally.won[cells.i, cells.j], tally.tied[cells.i, cells.j], tally.won[cells.j, cells.i]], axis=1)
    for size in _batches(rounds):
        drawn = multinomial(number.ravel(), size, rng).reshape(size, len(cells.i), 3)
        yield drawn.sum(axis=2), drawn[:, :, 0] + drawn[:, :, 1] / 2


def multinomial(number: Floats, size: int, rng: np.random.Generator) -> Floats:
    """(size, cells) as many draws as `number` has in all, each falling into a cell with the cell's share of it.

    Independent Poisson counts are multinomial given their sum. Drawn for a little less than the total,
    and again if they exceed it nevertheless, they leave a few draws to be made one by one: exact, and
    quicker than a binomial for every cell.
    """
    total = int(number.sum())
    mean = number * max(0.0, 1 - 2 / np.sqrt(total))
    edges = np.cumsum(number) / total
    edges[np.flatnonzero(number)[-1] :] = 1.0
    drawn = rng.poisson(mean, (size, len(number))).astype(np.float64)
    for row in drawn:
        while row.sum() > total:
            row[:] = rng.poisson(mean)
        missing = np.searchsorted(edges, rng.random(total - int(row.sum())), side="right")
        row += np.bincount(missing, minlength=len(number))
    return drawn


def _over_rows(votes: Votes, cells: Cells, rounds: int, rng: np.random.Generator) -> Replicates:
    """The same where comparisons differ in importance, so that those of a cell are not alike."""
    number = np.ones(len(votes)) if votes.count is None else votes.count.astype(np.float64)
    games, points = _by_cell(votes, cells, np.arange(len(votes)), len(votes), per_count=True)
    for size in _batches(rounds):
        drawn = rng.multinomial(int(number.sum()), number / number.sum(), size).astype(np.float64)
        yield drawn @ games, drawn @ points


def _over_clusters(votes: Votes, cells: Cells, rounds: int, clusters: Clusters, rng: np.random.Generator) -> Replicates:
    """As many clusters as there are, each drawn anew with all its comparisons."""
    labels = _labels(votes.prompt if clusters == "prompt" else votes.rater)
    number = int(labels.max()) + 1
    sparse = _by_cell(votes, cells, labels, number)
    games, points = (part.toarray() for part in sparse) if number * len(cells.i) <= DENSE else sparse
    for size in _batches(rounds):
        drawn = rng.multinomial(number, np.full(number, 1 / number), size).astype(np.float64)
        yield drawn @ games, drawn @ points


def _over_products(votes: Votes, cells: Cells, rounds: int, rng: np.random.Generator) -> Replicates:
    """Prompts and raters drawn anew, a comparison weighing the product of the two."""
    prompts, raters = _labels(votes.prompt), _labels(votes.rater)
    cell, score = _orient(votes, cells)
    weight, width = votes.weight(), len(cells.i)
    for size in _batches(rounds):
        games, points = np.empty((size, width)), np.empty((size, width))
        for row in range(size):
            drawn = weight * _once_each(prompts, rng) * _once_each(raters, rng)
            games[row] = np.bincount(cell, weights=drawn, minlength=width)
            points[row] = np.bincount(cell, weights=drawn * score, minlength=width)
        yield games, points


def _labels(codes: Codes | None) -> NDArray[np.intp]:
    """The codes as 0, 1, ... without gaps."""
    assert codes is not None  # noqa: S101  the question asked is one that these votes can answer
    return np.unique(codes, return_inverse=True)[1]


def _once_each(labels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    number = int(labels.max()) + 1
    return np.bincount(rng.integers(number, size=number), minlength=number)[labels]


def _batches(rounds: int) -> Iterator[int]:
    for start in range(0, rounds, BATCH):
        yield min(BATCH, rounds - start)


def _orient(votes: Votes, cells: Cells) -> tuple[NDArray[np.intp], Floats]:
    """The cell of each row, and the share of its verdict that goes to the cell's i."""
    number = np.full((cells.size, cells.size), -1)
    number[cells.i, cells.j] = number[cells.j, cells.i] = np.arange(len(cells.i))
    cell = number[votes.x, votes.y]
    score = votes.score()
    return cell, np.where(votes.x == cells.i[cell], score, 1 - score)


def _by_cell(
    votes: Votes, cells: Cells, labels: NDArray[np.intp], number: int, *, per_count: bool = False
) -> tuple[csr_array, csr_array]:
    """(number, c) twice: the weight of each cluster's comparisons, and the points among it.

    `per_count`: of one of a row's equal comparisons.
    """
    cell, score = _orient(votes, cells)
    weight = votes.weight()
    if per_count and votes.count is not None:
        weight = weight / np.maximum(votes.count, 1)
    shape = (number, len(cells.i))
    return csr_array((weight, (labels, cell)), shape=shape), csr_array((weight * score, (labels, cell)), shape=shape)


def _fit_batch(cells: Cells, games: Floats, points: Floats, start: Fit) -> tuple[Floats, NDArray[np.bool_]]:
    """(b, m) optima of b replicates, and which of them are settled.

    One Newton step with each replicate's own curvature, then chord steps with the same curvature.
    """
    size, i, j = cells.size, cells.i, cells.j
    rows = np.arange(len(i))
    signs = np.concatenate([np.ones(len(i)), -np.ones(len(i))])
    incidence = csr_array((signs, (np.concatenate([rows, rows]), np.concatenate([i, j]))), shape=(len(i), size))
    theta = np.tile(start.theta[:, None], (1, len(games)))
    inverse = _inverses(cells, games, start)
    settled = np.zeros(len(games), dtype=bool)
    if inverse is None:
        return theta.T, settled
    # Cells by replicates, so that the products with the sparse incidence run along the memory.
    games, points = np.ascontiguousarray(games.T), np.ascontiguousarray(points.T)
    for _step in range(CHORDS):
        chance = incidence @ theta
        expit(chance, out=chance)
        chance *= games
        gradient = incidence.T @ (points - chance)
        if start.prior:
            pull = PRIOR_WEIGHT * (0.5 - expit(theta))
            gradient += pull - pull.mean(axis=0)
        step = (inverse @ gradient.T[:, :, None])[:, :, 0].T
        step -= step.mean(axis=0)
        theta += step
        settled = np.abs(step).max(axis=0) < logistic.STEP
        if settled.all():
            break
    return theta.T, settled


def _inverses(cells: Cells, games: Floats, start: Fit) -> Floats | None:
    """(b, m, m) the inverse information of each replicate at the optimum of the data; None if one has none."""
    size, i, j = cells.size, cells.i, cells.j
    chance = expit(start.theta[i] - start.theta[j])
    matrices = np.zeros((len(games), size, size))
    flat = matrices.reshape(len(games), size * size)
    flat[:, i * size + j] = flat[:, j * size + i] = -games * (chance * (1 - chance))
    diagonal = np.arange(size)
    matrices[:, diagonal, diagonal] = -matrices.sum(axis=2)
    if start.prior:
        matrices += logistic.prior_part(start.theta)[2]
    # What `grounded` adds to one matrix, for all of them; a replicate without a finite fit stays singular.
    matrices += (np.trace(matrices, axis1=1, axis2=2) / size**2)[:, None, None]
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        return None


def _fit_alone(cells: Cells, games: Floats, points: Floats, start: Fit) -> tuple[Floats, bool]:
    """One replicate by the careful solver, and whether it needed the prior that the data did not."""
    wins = np.zeros((cells.size, cells.size))
    wins[cells.i, cells.j], wins[cells.j, cells.i] = points, games - points
    zero = np.zeros_like(wins)
    prior = start.prior or not has_finite_fit(Tally(wins, zero, wins, zero, wins, zero))
    met = games > 0
    replicate = Cells(cells.size, cells.i[met], cells.j[met], games[met], points[met], cells.z[met])
    return logistic.fit(replicate, prior=prior).theta, prior and not start.prior
