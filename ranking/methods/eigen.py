"""The leading eigenvector of the matrix of wins, computed by evalica. Wins against strong models count more.

Bonacich, Power and centrality: a family of measures (1987).
"""

import evalica
import numpy as np

from ranking import problems
from ranking.methods.connectivity import has_circle
from ranking.methods.evalica_input import Counted, fixed_point, is_first_by_counts, is_uneven
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Floats, Tally, Votes


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns each model's share of the eigenvector. Notices say if models were compared unequally often, and whether
    that explains most of the lead of the first model.

    Raises:
        NotConverged: there is no cycle of wins, or the iteration did not converge.
    """
    if not has_circle(tally):
        raise NotConverged(problems.NO_CIRCLE())
    scores = _shares(tally)
    found = {"uneven": is_uneven(tally), "counts-alone": is_first_by_counts(scores, tally, _shares)}
    notices = tuple(name for name, holds in found.items() if holds)
    return Ratings(settings=settings, names=votes.names, scores=scores, unit="share", notices=notices)


def _shares(tally: Tally) -> Floats:
    # If two camps only met across, as two models do, the iteration would alternate for ever. Wins against oneself add
    # the same to every eigenvalue, change no eigenvector, and end that.
    loops = float(tally.games.sum()) / len(tally.wins) ** 2
    return fixed_point(evalica.eigen, Counted.of(tally, swapped=True, loops=loops))
