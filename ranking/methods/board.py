"""A board: every group of connected models rated by itself, by whatever method."""

from dataclasses import dataclass

import numpy as np

from ranking.methods.connectivity import components
from ranking.methods.question import question
from ranking.methods.ratings import Ratings
from ranking.methods.registry import method
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.methods.tally import Floats, Votes, tally


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The ratings of the m models that comparisons connect, and their counts, (m,) each."""

    ratings: Ratings
    comparisons: Floats
    wins: Floats
    ties: Floats
    losses: Floats
    points: Floats
    """(m, m) the points, ties half, that the row's model won against the column's."""


@dataclass(frozen=True, slots=True, eq=False)
class Board:
    """Attributes:

    groups: largest first; nothing can be said across them. Empty where nothing was compared.
    unmet: the models without a comparison, which are left out.
    comparisons: how many went in.
    notices: words for what a reader must be told of the whole board.
    """

    settings: Settings
    groups: tuple[Group, ...]
    unmet: tuple[str, ...]
    comparisons: int
    notices: tuple[str, ...] = ()


def rate(votes: Votes, settings: Settings, source: Source) -> Board:
    """The board of `votes`, the same for the same settings and seed.

    Raises:
        Contradiction: the settings are not possible for the method, or for these votes.
        NotConverged: an iteration did not reach its optimum.
    """
    chosen = method(settings)
    for what, name in (("anchor", settings.anchor and settings.anchor[0]), ("baseline", settings.baseline)):
        if name is not None and name not in votes.names:
            raise Contradiction(f"the {what} {name} is not a model of this board")
    if votes.soft is not None and not chosen.soft:
        raise Contradiction(f"{settings.method} takes no soft verdicts")
    if settings.tie_rule == "drop":
        votes = votes.where(votes.outcome != 1)
    counts = tally(votes)
    connected = components(counts)
    groups = []
    for models in connected:
        within = votes if len(models) == len(votes.names) else votes.among(models)
        part = counts if within is votes else tally(within)
        asked = question(within, settings.clusters, source)
        clusters = asked.clusters if chosen.sandwich or chosen.bootstrap else None
        ratings = chosen.rate(within, part, settings, clusters, np.random.default_rng(settings.seed))
        if chosen.sandwich or chosen.bootstrap:
            ratings = ratings.noting(*asked.notices)
        groups.append(
            Group(
                ratings,
                part.compared.sum(axis=1),
                part.won.sum(axis=1),
                part.tied.sum(axis=1),
                part.won.sum(axis=0),
                part.wins + part.ties / 2,
            )
        )
    met = np.concatenate([*connected, np.empty(0, dtype=np.intp)])
    return Board(
        settings,
        tuple(groups),
        tuple(name for model, name in enumerate(votes.names) if model not in met),
        votes.total,
        ("groups",) if len(groups) > 1 else (),
    )
