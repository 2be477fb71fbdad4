"""PageRank over the graph of wins, by evalica: a walk from losers to those who beat them.

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
    """Whether each of two models sends all it has to the other, so that their shares are equal whoever won more."""
    return len(tally.wins) == 2 and has_finite_fit(tally)


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Each model's share of the walk; it follows how often models were compared, which is told where uneven.

    Raises:
        NotConverged: the iteration did not reach its fixed point.
    """
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=fixed_point(evalica.pagerank, Counted.of(tally)),
        unit="share",
        notices=(*(("uneven",) if is_uneven(tally) else ()), *(("two-models",) if _says_nothing(tally) else ())),
    )
