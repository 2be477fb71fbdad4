"""Sandwich covariances of a fit, for votes that come in clusters.

A worker gives many votes and a prompt gets many, so votes are not independent. Scores are summed within
clusters (Liang and Zeger, 1986); CR3 leaves one cluster out at a time, one Newton step each
(Bell and McCaffrey, 2002; Hansen, 2022); two ways of clustering are combined as V_prompt + V_rater -
V_both (Cameron, Gelbach and Miller, 2011). The inverse Hessian alone is never used.

The degrees of freedom follow from the effective number of clusters, because a covariance that comes mostly from one
cluster is known no better than that cluster (Satterthwaite, An approximate distribution of estimates of variance
components, 1946; Carter, Schnepel and Steigerwald, Asymptotic behavior of a t-test robust to cluster heterogeneity,
2017).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, get_args

import numpy as np
import scipy
from numpy.typing import NDArray

from ranking.methods.logistic import Fit, centering, grounded, laplacian, outer, spread
from ranking.methods.tally import Codes, Floats, Tally

type Clusters = Literal["none", "prompt", "worker", "both"]
"""What an interval generalises to. `none`: votes are independent; `worker`: raters like these on exactly these
prompts; `prompt`: prompts like these, for a single judge; `both`: prompts and raters like these."""

type Correction = Literal["CR0", "CR1", "CR3"]

CLUSTERS: Final[tuple[Clusters, ...]] = get_args(Clusters.__value__)
CORRECTIONS: Final[tuple[Correction, ...]] = get_args(Correction.__value__)

NORMAL: Final = 1.959964
"""Half-width of a 95% interval in standard errors, for independent votes."""

LEAST_PROMPTS: Final = 10
"""Prompts needed for intervals that generalise to prompts like these."""

SINGULAR: Final = 1e-9
"""Fraction of its information below which a fit without one cluster counts as not identified."""


DIRECT: Final = 16
"""Rows of a cluster up to which its system is solved directly."""

MOST_STEPS: Final = 100
"""Steps of conjugate gradients after which a cluster is solved alone."""

SETTLED: Final = 1e-13
"""Length of the remaining residual, relative to the first, at which conjugate gradients stop."""

SINGULAR_TOGETHER: Final = 1e-4
"""Fraction of its information without a cluster below which the cluster is solved alone, where rounding is checked."""

WIDE: Final = 1 << 22
"""Largest code for which a lookup table is used. Prompts times raters can exceed the number of rows by far."""


LEAST_DEGREES: Final = 1.0
"""Degrees of freedom below which a t distribution would say nothing at all; a single cluster then dominates."""


class Unidentified(ArithmeticError):
    """The strengths are not identified without one of the clusters, so it cannot be left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Residuals and curvatures of n rows at the optimum of a fit.

    Attributes:
        i, j: (n,) the models; z: (n, k) the covariates.
        residual: (n,) weight (s - p), where s is i's share of the verdict and p its probability.
        curvature: (n,) weight p (1 - p).
    """

    i: Codes
    j: Codes
    z: Floats
    residual: Floats
    curvature: Floats

    @classmethod
    def at(cls, fit: Fit, i: Codes, j: Codes, z: Floats, weight: Floats, score: Floats) -> "Observations":
        chance = scipy.special.expit(fit.theta[i] - fit.theta[j] + z @ fit.beta)
        return cls(i, j, z, weight * (score - chance), weight * chance * (1 - chance))

    def rows(self, index: Codes) -> "Observations":
        return Observations(self.i[index], self.j[index], self.z[index], self.residual[index], self.curvature[index])


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """The covariance of a fit's parameters, and how it was computed.

    Attributes:
        covariance: (m + k, m + k) of theta (mean zero) and beta, on the natural scale.
        critical: the half-width of a 95% interval in standard errors.
        degrees: degrees of freedom of the t distribution; None for the normal distribution.
        clusters: what the intervals generalise to.
        correction: the correction applied.
        prompts, raters: the numbers of clusters; None if votes are not clustered by them.
        effective_prompts, effective_raters: how many equally informative clusters they are worth.
        here: with `both`, the uncertainty for raters like these on exactly these prompts, which is a part of it.
        least: with `both` or `worker`, the covariance if only votes of one rater on one prompt depended on one another;
            None if prompts are not known.
    """

    covariance: Floats
    critical: float
    degrees: float | None
    clusters: Clusters
    correction: Correction
    prompts: int | None
    raters: int | None
    effective_prompts: float | None = None
    effective_raters: float | None = None
    here: "Uncertainty | None" = None
    least: Floats | None = None


def independent(fit: Fit, tally: Tally) -> Uncertainty:
    """Computes the textbook sandwich (CR0) of independent votes from their counts.

    A tie is one observation with score 1/2.
    """
    i, j = np.nonzero(np.triu(tally.games, 1))
    chance = scipy.special.expit(fit.theta[i] - fit.theta[j])
    squares = (
        tally.wins_squared[i, j] * (1 - chance) ** 2
        + tally.wins_squared[j, i] * chance**2
        + tally.ties_squared[i, j] * (0.5 - chance) ** 2
    )
    meat = laplacian(i, j, squares, len(fit.theta))
    return of_independent(fit.bread @ meat @ fit.bread)


def independent_rows(fit: Fit, observations: Observations, squares: Floats) -> Uncertainty:
    """Computes the same from rows, for fits with covariates. `squares` (n,) are the sums of squared residuals."""
    meat = outer(observations.i, observations.j, observations.z, squares, len(fit.theta))
    return of_independent(fit.bread @ meat @ fit.bread)


def of_independent(covariance: Floats) -> Uncertainty:
    """Returns `covariance` as the uncertainty of independent votes."""
    return Uncertainty((covariance + covariance.T) / 2, NORMAL, None, "none", "CR0", None, None)


def clustered(
    fit: Fit,
    observations: Observations,
    clusters: Clusters,
    correction: Correction,
    prompt: Codes | None,
    rater: Codes | None,
) -> Uncertainty:
    """Computes the covariance when votes on a prompt, by a rater, or both depend on one another.

    Raises:
        Unidentified: for CR3, a part of the board depends on a single cluster.
    """
    found = combined(
        lambda codes: one_way(fit, observations, codes, correction),
        lambda: one_way(fit, observations, np.arange(len(observations.i)), "CR0"),
        clusters,
        prompt,
        rater,
        observations.curvature,
    )
    covariance = found.covariance
    if clusters == "both":
        covariance = without_negatives(covariance, centering(len(fit.theta), len(covariance) - len(fit.theta)))
    here = None if found.here is None else replace(found.here, correction=correction)
    return replace(found, covariance=covariance, correction=correction, here=here)


def clustered_or_simpler(
    fit: Fit,
    observations: Observations,
    clusters: Clusters,
    correction: Correction,
    prompt: Codes | None,
    rater: Codes | None,
) -> tuple[Uncertainty, tuple[str, ...]]:
    """Computes the same, with CR1 and a notice if CR3 fails because a part of the board depends on one cluster."""
    try:
        return clustered(fit, observations, clusters, correction, prompt, rater), ()
    except Unidentified:
        return clustered(fit, observations, clusters, "CR1", prompt, rater), ("correction-fell-back",)


def combined(
    one: Callable[[Codes], Floats],
    independent: Callable[[], Floats],
    clusters: Clusters,
    prompt: Codes | None,
    rater: Codes | None,
    information: Floats,
) -> Uncertainty:
    """Combines one-way covariances: V_prompt + V_rater - V_prompt-and-rater, or only one of them.

    `one` returns the covariance for clusters coded 0, 1, ..., and `independent` that of independent votes.
    `information` (n,) is what each row contributes to the estimate.
    """
    if clusters == "none":
        return of_independent(independent())
    counts: dict[str, int] = {}
    worth: dict[str, float] = {}
    parts = []
    for name, codes in (("prompt", prompt), ("worker", rater)):
        if clusters in {name, "both"}:
            compact, counts[name] = _compact(cast(Codes, codes))
            worth[name] = effective(np.bincount(compact, information))
            parts.append(compact)
    ways = [one(codes) for codes in parts]
    covariance = sum(ways[1:], ways[0])
    here = least = None
    if clusters in {"both", "worker"} and prompt is not None:
        prompts, _number = _compact(prompt)
        least = one(_compact(prompts * counts["worker"] + parts[-1])[0])
    if clusters == "both":
        here = _uncertainty(ways[1], "worker", {"worker": counts["worker"]}, {"worker": worth["worker"]})
        covariance = covariance - cast(Floats, least)
    return replace(_uncertainty(covariance, clusters, counts, worth), here=here, least=least)


def _uncertainty(
    covariance: Floats, clusters: Clusters, counts: dict[str, int], worth: dict[str, float]
) -> Uncertainty:
    degrees = max(LEAST_DEGREES, min(worth.values()) - 1)
    return Uncertainty(
        covariance,
        float(scipy.special.stdtrit(degrees, 0.975)),
        degrees,
        clusters,
        "CR1",
        counts.get("prompt"),
        counts.get("worker"),
        worth.get("prompt"),
        worth.get("worker"),
    )


def effective(information: Floats) -> float:
    """Returns how many equally informative clusters the clusters are worth, given the information of each (g,).

    That is 1 / sum of squared shares: g for equal clusters, 1 if one holds everything. It is Satterthwaite's
    approximation for a sum of squares whose terms have variances proportional to the clusters' information.
    """
    total = float(information.sum())
    # Verdicts that were certain beforehand have no information, whatever their number.
    return float(total**2 / np.square(information).sum()) if total > 0 else float(len(information))


def _compact(codes: Codes) -> tuple[Codes, int]:
    """Renumbers the codes 0, 1, ... without gaps. Returns them and how many distinct ones there are."""
    if int(codes.max()) >= WIDE + 4 * len(codes):
        values, compact = np.unique(codes, return_inverse=True)
        return compact, len(values)
    found = np.bincount(codes) > 0
    return (np.cumsum(found) - 1)[codes], int(np.count_nonzero(found))


def without_negatives(covariance: Floats, within: Floats) -> Floats:
    """Returns the positive semidefinite matrix nearest to `covariance` projected by `within`, both (m, m)."""
    values, vectors = np.linalg.eigh(within @ covariance @ within)
    return (vectors * np.clip(values, 0, None)) @ vectors.T


def one_way(fit: Fit, observations: Observations, clusters: Codes, correction: Correction) -> Floats:
    """(m + k, m + k) the covariance when rows in a cluster, coded 0 to G - 1, depend on one another.

    Raises:
        Unidentified: for CR3, the strengths are not identified without one of the clusters.
    """
    number = int(clusters.max()) + 1
    if correction == "CR3":
        return (number - 1) / number * _left_out(fit, observations, clusters, number)
    scores = _scores(observations, clusters, observations.residual, number, len(fit.theta))
    factor = number / (number - 1) if correction == "CR1" else 1.0
    return factor * _sandwich(fit, scores)


def _sandwich(fit: Fit, scores: "scipy.sparse.csr_array") -> Floats:
    return cast(Floats, fit.bread @ (scores.T @ scores).toarray() @ fit.bread)


def _scores(
    observations: Observations, clusters: Codes, residual: Floats, number: int, size: int
) -> "scipy.sparse.csr_array":
    """(number, size + k) the sums of residual (e_i - e_j, z) within each cluster."""
    extra = observations.z.shape[1]
    rows = [clusters, clusters, *[clusters] * extra]
    columns = [observations.i, observations.j, *[np.full(len(clusters), size + column) for column in range(extra)]]
    values = [residual, -residual, *[residual * observations.z[:, column] for column in range(extra)]]
    return scipy.sparse.csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(number, size + extra)
    )


def _left_out(fit: Fit, observations: Observations, clusters: Codes, number: int) -> Floats:
    """Sums d d' over clusters, where d is one Newton step from the optimum without the cluster.

    A cluster changes the information by a matrix of the rank of its rows, so its step follows from a system with one
    equation per row (Woodbury). Few rows are solved directly. Larger systems are solved together by conjugate
    gradients, which need few steps because no cluster has much of the information; where one does, it is solved alone.
    """
    size = len(fit.theta)
    order = np.argsort(clusters, kind="stable")
    rows = observations.rows(order)
    sizes = np.bincount(clusters, minlength=number)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    labels = np.repeat(np.arange(number), sizes)
    inverse = np.linalg.inv(grounded(fit.information, size))
    small = max(2, len(fit.information) // 2)

    adjusted = np.zeros(len(order))
    solved = np.zeros(number, dtype=bool)
    for some in _chunks(np.flatnonzero(sizes > DIRECT), len(fit.information)):
        inside = np.flatnonzero(np.isin(labels, some))
        place = np.searchsorted(some, labels[inside])
        adjusted[inside], settled = _adjusted_together(rows.rows(inside), place, len(some), inverse, size)
        solved[some] = settled
    direct = ~solved & (sizes <= small)
    for length in np.unique(sizes[direct]):
        batch = max(1, (1 << 21) // (length * length))
        firsts = starts[direct & (sizes == length)]
        for begin in range(0, len(firsts), batch):
            index = firsts[begin : begin + batch, None] + np.arange(length)
            adjusted[index] = _adjusted(rows, index, inverse, size)
    by_rows = solved | direct
    used = by_rows[labels]
    total = _sandwich(fit, _scores(rows.rows(np.flatnonzero(used)), labels[used], adjusted[used], number, size))

    steps = [
        _step_without(fit, rows.rows(np.arange(starts[cluster], starts[cluster] + sizes[cluster])))
        for cluster in np.flatnonzero(~by_rows)
    ]
    if steps:
        center = centering(size, len(fit.beta))
        stacked = np.stack(steps) @ center
        total = total + stacked.T @ stacked
    return total


def _chunks(clusters: Codes, width: int) -> Iterator[Codes]:
    """Yields the clusters in parts whose matrices of `width` columns stay small."""
    most = max(1, (1 << 22) // width)
    for begin in range(0, len(clusters), most):
        yield clusters[begin : begin + most]


def _adjusted_together(
    rows: Observations, clusters: Codes, number: int, inverse: Floats, size: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """(n,) what `_adjusted` returns, for rows of several clusters at once, and (g,) for which clusters it is right.

    With u = r + W^1/2 y, y solves (I - W^1/2 K W^1/2) y = W^1/2 K r, a positive definite system per cluster.
    """
    root = np.sqrt(rows.curvature)
    width = size + rows.z.shape[1]
    # `_chunks` keeps these tables small; a sparse one would be built anew in every step.
    first, second = (clusters * width + model for model in (rows.i, rows.j))

    def fitted(values: Floats) -> Floats:
        """Returns K times `values` (n,), within each cluster."""
        table = np.bincount(first, values, number * width) - np.bincount(second, values, number * width)
        scores = table.reshape(number, width)
        for column in range(rows.z.shape[1]):
            scores[:, size + column] = np.bincount(clusters, values * rows.z[:, column], number)
        sums = scores @ inverse
        result = sums[clusters, rows.i] - sums[clusters, rows.j]
        return result + (rows.z * sums[clusters, size:]).sum(axis=1) if rows.z.shape[1] else result

    def inner(one: Floats, other: Floats) -> Floats:
        return np.bincount(clusters, one * other, minlength=number)

    residual = root * fitted(rows.residual)
    solution, direction = np.zeros_like(residual), residual.copy()
    length = start = inner(residual, residual)
    failed = np.zeros(number, dtype=bool)
    for _step in range(MOST_STEPS):
        open_ = (length > SETTLED**2 * start) & ~failed
        if not open_.any():
            break
        moved = direction - root * fitted(root * direction)
        curved, square = inner(direction, moved), inner(direction, direction)
        # The smallest of these ratios bounds the smallest eigenvalue from above.
        failed |= open_ & (curved <= SINGULAR_TOGETHER * square)
        open_ &= ~failed
        rate = np.divide(length, curved, out=np.zeros(number), where=open_)[clusters]
        solution += rate * direction
        residual -= rate * moved
        shorter = np.where(open_, inner(residual, residual), length)
        growth = np.divide(shorter, length, out=np.zeros(number), where=open_ & (length > 0))[clusters]
        direction = np.where(open_[clusters], residual + growth * direction, direction)
        length = shorter
    settled = ~failed & (length <= SETTLED**2 * start)
    return rows.residual + root * solution, settled


def _adjusted(rows: Observations, index: Codes, inverse: Floats, size: int) -> Floats:
    """(b, k) residuals of b clusters of k rows each for which bread times scores is the step without the cluster.

    They solve (I - W K) u = r, where W holds the curvatures and K = U H^-1 U' for the rows' U = (e_i - e_j, z).
    """
    i, j, z = rows.i[index], rows.j[index], rows.z[index]
    block, cross, inner = inverse[:size, :size], inverse[:size, size:], inverse[size:, size:]
    a, b, c, d = i[:, :, None], i[:, None, :], j[:, :, None], j[:, None, :]
    leverage = block[a, b] - block[a, d] - block[c, b] + block[c, d]
    if z.shape[2]:
        mixed = (cross[i] - cross[j]) @ z.swapaxes(1, 2)
        leverage = leverage + mixed + mixed.swapaxes(1, 2) + z @ inner @ z.swapaxes(1, 2)
    root = np.sqrt(rows.curvature[index])
    remaining = np.eye(index.shape[1]) - root[:, :, None] * leverage * root[:, None, :]
    try:
        # The square of the smallest pivot is at least the smallest eigenvalue, and as close to 0 for a singular matrix.
        pivots = remaining[:, 0, 0] if index.shape[1] == 1 else _pivots(remaining)
    except np.linalg.LinAlgError as error:
        raise Unidentified("one cluster alone carries a part of the board") from error
    if pivots.min(initial=1.0) < SINGULAR:
        raise Unidentified("one cluster alone carries a part of the board")
    # (I - W K)^-1 = W^1/2 (I - W^1/2 K W^1/2)^-1 W^-1/2; written this way, a curvature of 0 is never a divisor.
    residual = rows.residual[index]
    fitted = (rows.curvature[index] * (leverage @ residual[:, :, None])[:, :, 0])[:, :, None]
    scaled = np.divide(fitted, root[:, :, None], out=np.zeros_like(fitted), where=root[:, :, None] > 0)
    return residual + root * np.linalg.solve(remaining, scaled)[:, :, 0]


def _pivots(matrices: Floats) -> Floats:
    """(b, k) the squared diagonals of the Cholesky factors of b matrices. Raises LinAlgError if one is not definite."""
    return np.square(np.diagonal(np.linalg.cholesky(matrices), axis1=1, axis2=2))


def _step_without(fit: Fit, rows: Observations) -> Floats:
    """(m + k,) one Newton step from the optimum after removing `rows`, the rows of one cluster."""
    size = len(fit.theta)
    part = outer(rows.i, rows.j, rows.z, rows.curvature, size)
    score = np.concatenate([spread(rows.i, rows.j, rows.residual, size), rows.z.T @ rows.residual])
    left = grounded(fit.information, size)
    left[: len(part), : len(part)] -= part
    try:
        factor = np.linalg.cholesky(left)
    except np.linalg.LinAlgError as error:
        raise Unidentified("one cluster alone carries a part of the board") from error
    if np.square(np.diag(factor)).min() < SINGULAR * np.diag(left).max():
        raise Unidentified("one cluster alone carries a part of the board")
    return cast(Floats, -np.linalg.solve(left, score))
