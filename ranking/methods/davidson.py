"""Davidson's model: Bradley-Terry with a separate probability for ties.

The odds of win, tie and loss are pi_i : nu sqrt(pi_i pi_j) : pi_j. Davidson, On extending the
Bradley-Terry model to accommodate ties, JASA 65 (1970).
"""

from dataclasses import dataclass

import numpy as np

from ranking import problems
from ranking.methods import bradley_terry, intervals, logistic, shrinkage
from ranking.methods.connectivity import has_finite_fit_with_ties
from ranking.methods.intervals import Clusters, Observations, Uncertainty
from ranking.methods.logistic import Fit, NotConverged, newton, prior_part
from ranking.methods.ratings import Coefficient, Ratings, with_intervals
from ranking.methods.settings import Settings
from ranking.methods.tally import Floats, Tally, Votes

TIES = "ties"


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Estimates strengths and the coefficient `ties`, the logarithm of nu. Without ties this is Bradley-Terry.

    Raises:
        NotConverged: there are only ties, or Newton's method did not reach the optimum.
    """
    if not tally.ties.any():
        return bradley_terry.rate(votes, tally, settings, clusters, rng).noting("no-ties")
    if not tally.wins.any():
        raise NotConverged(problems.ONLY_TIES())
    fit = None
    if votes.adaptive:
        fit = shrinkage.fit(lambda deviation, _phi: _fit(tally, prior=False, deviation=deviation), len(votes.names))
    fit = fit or _fit(tally, prior=not has_finite_fit_with_ties(tally))
    ratings = Ratings(
        settings=settings,
        names=votes.names,
        scores=fit.theta,
        unit="strength",
        coefficients=(Coefficient(TIES, float(fit.beta[0])),),
        prior=fit.prior,
        deviation=fit.deviation,
        gradient=fit.gradient,
        iterations=fit.iterations,
    )
    uncertainty, notices = _estimate(votes, fit, settings, clusters)
    return with_intervals(ratings.noting(*notices), shrinkage.with_prior_variance(uncertainty, fit))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Moments of one comparison: of i's share s (1, 1/2, 0) and of the tie indicator t.

    `determinant` is that of their covariance matrix. `share_of_j` is the mean of 1 - s, accurate even near 0.
    """

    share: Floats
    share_of_j: Floats
    tie: Floats
    share_variance: Floats
    tie_variance: Floats
    covariance: Floats
    determinant: Floats
    log_sum: Floats

    @classmethod
    def at(cls, difference: Floats, log_nu: float) -> "Moments":
        weights = np.stack([difference / 2, np.full_like(difference, log_nu), -difference / 2])
        top = weights.max(axis=0)
        log_sum = top + np.log(np.exp(weights - top).sum(axis=0))
        win, tie, loss = np.exp(weights - log_sum)
        # Sums over pairs of outcomes, p q (s - s')(t - t'), which avoid cancellation.
        return cls(
            win + tie / 2,
            loss + tie / 2,
            tie,
            win * loss + tie * (win + loss) / 4,
            tie * (win + loss),
            tie * (loss - win) / 2,
            win * tie * loss,
            log_sum,
        )


def _fit(tally: Tally, *, prior: bool, deviation: float | None = None) -> Fit:
    size = len(tally.wins)
    i, j = np.nonzero(np.triu(tally.games, 1))
    won, lost, ties = tally.wins[i, j], tally.wins[j, i], tally.ties[i, j]
    games = won + lost + ties

    def value(parameters: Floats) -> float:
        difference = parameters[i] - parameters[j]
        found = Moments.at(difference, parameters[size])
        likelihood = (won - lost) / 2 @ difference + ties.sum() * parameters[size] - games @ found.log_sum
        return float(likelihood) + (prior_part(parameters[:size])[0] if prior else 0.0)

    def derivatives(parameters: Floats) -> tuple[Floats, Floats]:
        found = Moments.at(parameters[i] - parameters[j], parameters[size])
        # Subtracting expected from observed points would lose all digits for a model that lost one of very many.
        residual = won * found.share_of_j - lost * found.share + ties * (found.share_of_j - found.share) / 2
        gradient = np.append(logistic.spread(i, j, residual, size), ties.sum() - games @ found.tie)
        information = np.empty((size + 1, size + 1))
        information[:size, :size] = logistic.laplacian(i, j, games * found.share_variance, size)
        information[:size, size] = information[size, :size] = logistic.spread(i, j, games * found.covariance, size)
        information[size, size] = games @ found.tie_variance
        if prior:
            _value, slope, curvature = prior_part(parameters[:size])
            gradient[:size] += slope
            information[:size, :size] += curvature
        return gradient, information

    start = np.append(np.zeros(size), np.log(2 * ties.sum() / tally.wins.sum()))
    return newton(start, value, derivatives, size, prior=prior, deviation=deviation)


def _observations(votes: Votes, fit: Fit) -> tuple[Observations, Floats]:
    """Returns two rows for each of n comparisons, whose scores and information add up to those of the comparison.

    With L L' the covariance of (s, t), the information B' L L' B of a comparison is that of the two rows
    of L' B. The second row does not depend on the strengths, which i = j expresses.
    """
    weight = votes.weight()
    found = Moments.at(fit.theta[votes.x] - fit.theta[votes.y], float(fit.beta[0]))
    share = weight * (votes.score() - found.share)
    tie = weight * ((votes.outcome == 1) - found.tie)
    slope = found.covariance / found.share_variance
    rest = found.determinant / found.share_variance
    return (
        Observations(
            np.concatenate([votes.x, votes.x]),
            np.concatenate([votes.y, votes.x]),
            np.concatenate([slope, np.ones(len(votes))])[:, None],
            np.concatenate([share, tie - share * slope]),
            np.concatenate([weight * found.share_variance, weight * rest]),
        ),
        np.tile(np.sqrt(1.0 if votes.count is None else np.maximum(votes.count, 1)) * np.ones(len(votes)), 2),
    )


def _estimate(
    votes: Votes, fit: Fit, settings: Settings, clusters: Clusters | None
) -> tuple[Uncertainty | None, tuple[str, ...]]:
    if clusters is None:
        return None, ()
    observations, root_count = _observations(votes, fit)
    if clusters == "none":
        # Each comparison is its own cluster, so c equal ones are c clusters.
        single = Observations(
            observations.i, observations.j, observations.z, observations.residual / root_count, observations.curvature
        )
        rows = np.tile(np.arange(len(votes)), 2)
        return intervals.of_independent(intervals.one_way(fit, single, rows, "CR0")), ()
    twice = [None if codes is None else np.concatenate([codes, codes]) for codes in (votes.prompt, votes.rater)]
    return intervals.clustered_or_simpler(fit, observations, clusters, settings.correction, *twice)
