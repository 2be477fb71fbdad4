"""The leading eigenvector of the matrix of wins, computed by evalica. Wins against strong models count more.

Bonacich, Power and centrality: a family of measures (1987).
"""

import evalica
import numpy as np

from ranking import problems
from ranking.methods.connectivity import has_circle
from ranking.methods.evalica_input import Counted, fixed_point, is_uneven
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Settings
from ranking.methods.tally import Tally, Votes


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Returns each model's share of the eigenvector. A notice says if models were compared unequally often.

    Raises:
        NotConverged: there is no cycle of wins, or the iteration did not converge.
    """
    if not has_circle(tally):
        raise NotConverged(problems.NO_CIRCLE())
    # Where two camps only meet across, as two models do, the iteration would turn back and forth for ever. Wins
    # against oneself add as much to every eigenvalue, change no eigenvector, and end that.
    loops = float(tally.games.sum()) / len(tally.wins) ** 2
    return Ratings(
        settings=settings,
        names=votes.names,
        scores=fixed_point(evalica.eigen, Counted.of(tally, swapped=True, loops=loops)),
        unit="share",
        notices=("uneven",) if is_uneven(tally) else (),
    )
