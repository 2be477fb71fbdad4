"""PageRank on the graph of wins, computed by evalica: a random walk from losers to the models that beat them.

Brin and Page, The anatomy of a large-scale hypertextual web search engine (1998).
"""

import evalica
import numpy as np

from ranking.methods.connectivity import has_finite_fit
from ranking.methods.evalica_input import Counted, fixed_point, is_first_by_counts, is_uneven
from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Floats, Tally, Votes


def _says_nothing(tally: Tally) -> bool:
    """Returns whether two models won or tied against each other: they get equal shares, whichever won more."""
    return len(tally.wins) == 2 and has_finite_fit(tally)


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns each model's share of the walk. Notices say if models were compared unequally often, and whether
    that explains most of the lead of the first model.

    Raises:
        NotConverged: the iteration did not converge.
    """
    scores = _shares(tally)
    found = {
        "uneven": is_uneven(tally),
        "two-models": _says_nothing(tally),
        "counts-alone": is_first_by_counts(scores, tally, _shares),
    }
    notices = tuple(name for name, holds in found.items() if holds)
    return Ratings(settings=settings, names=votes.names, scores=scores, unit="share", notices=notices)


def _shares(tally: Tally) -> Floats:
    return fixed_point(evalica.pagerank, Counted.of(tally))
