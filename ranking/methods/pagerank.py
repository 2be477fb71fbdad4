"""PageRank on the graph of wins, computed by evalica: a random walk from losers to the models that beat them.

Brin and Page, The anatomy of a large-scale hypertextual web search engine (1998).
"""

import evalica
import numpy as np

from ranking.methods.connectivity import has_finite_fit
from ranking.methods.evalica_input import Counted, fixed_point, is_uneven
from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Tally, Votes


def _says_nothing(tally: Tally) -> bool:
    """Returns whether two models won or tied against each other: they get equal shares, whichever won more."""
    return len(tally.wins) == 2 and has_finite_fit(tally)


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns each model's share of the walk. A notice says if models were compared unequally often.

    Raises:
        NotConverged: the iteration did not converge.
    """
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=fixed_point(evalica.pagerank, Counted.of(tally)),
        unit="share",
        notices=(*(("uneven",) if is_uneven(tally) else ()), *(("two-models",) if _says_nothing(tally) else ())),
    )
