"""Newman's iteration for the Bradley-Terry model with ties, computed by evalica.

Newman, Efficient computation of rankings from pairwise comparisons, JMLR 24 (2023).
"""

from typing import Final

import evalica
import numpy as np

from ranking import problems
from ranking.methods.connectivity import has_finite_fit, has_finite_fit_with_ties
from ranking.methods.evalica_input import TOLERANCE, Counted
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import Coefficient, Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Tally, Votes

TIES = "ties"
LIMIT: Final = 1_000_000


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Estimates strengths with a separate probability for ties. The coefficient `ties` is log(2 v).

    Raises:
        NotConverged: no finite strengths exist, or the iteration did not converge.
    """
    ties = bool(tally.ties.any())
    if ties and not tally.wins.any():
        raise NotConverged(problems.ONLY_TIES())
    if not (has_finite_fit_with_ties if ties else has_finite_fit)(tally):
        raise NotConverged(problems.NOT_FINITE())
    counted = Counted.of(tally).arguments()
    # Without ties evalica's iteration (0.4.2) does not converge, and the model is Bradley-Terry.
    result = (evalica.newman if ties else evalica.bradley_terry)(**counted, tolerance=TOLERANCE, limit=LIMIT)
    if result.iterations >= LIMIT:
        raise NotConverged(problems.NO_OPTIMUM(steps=LIMIT))
    strength = np.log(result.scores.sort_index().to_numpy())
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=strength - strength.mean(),
        unit="strength",
        coefficients=(Coefficient(TIES, float(np.log(2 * result.v))),)
        if isinstance(result, evalica.NewmanResult)
        else (),
        iterations=result.iterations,
        notices=() if ties else ("no-ties",),
    )
