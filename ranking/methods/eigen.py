"""The leading eigenvector of the matrix of wins, by evalica: who beats winners is a winner.

Bonacich, Power and centrality: a family of measures (1987).
"""

import evalica
import numpy as np

from ranking.methods.counted import Counted, fixed_point, is_uneven
from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Tally, Votes


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Each model's share of the eigenvector; it follows how often models were compared, which is told where uneven.

    Raises:
        NotConverged: the iteration did not reach its fixed point.
    """
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=fixed_point(evalica.eigen, Counted.of(tally, swapped=True)),
        unit="share",
        notices=("uneven",) if is_uneven(tally) else (),
    )
