"""Registers the methods by name. A new method is one file and one entry here, with its label and abilities."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Final, cast

import numpy as np

from annotation.problems import gettext_noop
from ranking import problems
from ranking.methods import bradley_terry, davidson, style, win_rates
from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings, Unit
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.methods.tally import Tally, Votes

type Rate = Callable[[Votes, Tally, Settings, Clusters | None, np.random.Generator], Ratings]


@dataclass(frozen=True, slots=True)
class Method:
    """Attributes:

    rate: rates the models of one connected group from their votes and tally.
    label, help: its name and a line about it, in English; translated where they are shown.
    unit: the unit of its ratings. Strengths are shown as points. Shares cannot be anchored.
    sandwich, bootstrap: whether it has sandwich intervals, and intervals by resampling votes.
    corrected: whether the correction of its sandwich intervals can be chosen.
    own_ties: whether it gives ties a probability of their own, so that they cannot be halved or left out.
    first_place: whether it can estimate position bias.
    in_order: whether it depends on the order of the votes.
    soft: whether it takes shares of a verdict, and comparisons with weights from the database.
    style: whether it needs the differences in style between answers.
    inverse: whether it counts each comparison of an adaptive design by the inverse probability of its draw.
    """

    rate: Rate
    label: str
    help: str
    unit: Unit
    sandwich: bool = False
    bootstrap: bool = False
    corrected: bool = False
    own_ties: bool = False
    first_place: bool = False
    in_order: bool = False
    soft: bool = False
    style: bool = False
    inverse: bool = False

    @property
    def in_points(self) -> bool:
        """Returns whether its ratings are shown in Elo points, so that a model can be anchored."""
        return self.unit != "share"


def _by_evalica(module: str, name: str = "rate") -> Rate:
    """Returns a method whose module is imported when it is first used.

    evalica imports pandas and all of scipy.stats, which would be two thirds of the start time of every process.
    """

    def rate(*arguments: Any) -> Ratings:
        found = getattr(import_module(f"ranking.methods.{module}"), name)
        return cast(Rate, found)(*arguments)

    return rate


METHODS: Final[dict[str, Method]] = {
    "bradley-terry": Method(
        bradley_terry.rate,
        gettext_noop("Bradley-Terry"),
        gettext_noop("The strengths of two models give the odds that one beats the other. A tie counts as half a win."),
        "strength",
        sandwich=True,
        bootstrap=True,
        corrected=True,
        first_place=True,
        soft=True,
    ),
    "davidson": Method(
        davidson.rate,
        gettext_noop("Davidson"),
        gettext_noop("Bradley-Terry with a separate probability for ties."),
        "strength",
        sandwich=True,
        corrected=True,
        own_ties=True,
    ),
    "elo": Method(
        _by_evalica("elo"),
        gettext_noop("Elo (in vote order)"),
        gettext_noop("Each vote moves two ratings a little, so the last votes count most. No intervals."),
        "points",
        in_order=True,
    ),
    "elo-bootstrap": Method(
        _by_evalica("elo", "rate_redrawn"),
        gettext_noop("Elo (bootstrapped)"),
        gettext_noop("The median of 1,000 Elo runs with the votes reordered or resampled."),
        "points",
        in_order=True,
    ),
    "elo-median": Method(
        _by_evalica("elo", "rate_median"),
        gettext_noop("Elo (median of orders)"),
        gettext_noop("The median of 1,000 Elo runs, each with the votes in another order, as a whole number."),
        "points",
        in_order=True,
    ),
    "newman": Method(
        _by_evalica("newman"),
        gettext_noop("Newman"),
        gettext_noop("Newman’s iteration for Bradley-Terry with a separate probability for ties. No intervals."),
        "strength",
        own_ties=True,
    ),
    "pagerank": Method(
        _by_evalica("pagerank"),
        gettext_noop("PageRank"),
        gettext_noop(
            "A random walk from losers to the models that beat them. Affected by how often models were "
            "compared. No intervals."
        ),
        "share",
    ),
    "eigen": Method(
        _by_evalica("eigen"),
        gettext_noop("Eigenvector"),
        gettext_noop(
            "Wins against strong models count more. Affected by how often models were compared. No intervals."
        ),
        "share",
    ),
    "average-win-rate": Method(
        win_rates.rate_average,
        gettext_noop("Average win rate"),
        gettext_noop("The mean of a model’s win rates against each opponent. No intervals."),
        "share",
        soft=True,
        inverse=True,
    ),
    "baseline-win-rate": Method(
        win_rates.rate_baseline,
        gettext_noop("Win rate against one model"),
        gettext_noop("The win rate against one model that you choose."),
        "share",
        sandwich=True,
        soft=True,
    ),
    "style-controlled": Method(
        style.rate,
        gettext_noop("Style-controlled Bradley-Terry"),
        gettext_noop("Model strengths after removing the effects of length, headings, lists and bold text."),
        "strength",
        sandwich=True,
        corrected=True,
        soft=True,
        style=True,
    ),
}
"""The methods by name, in the order in which they are offered."""


def method(settings: Settings, source: Source | None = None, *, told: Collection[str] = ()) -> Method:
    """Returns the method that `settings` name.

    `source`: whose comparisons count, if known. `told`: names of settings that were given explicitly. They must have
    an effect even if they equal their defaults.

    Raises:
        Contradiction: there is no such method, or other settings do not fit it.
    """
    found = METHODS.get(settings.method)
    if found is None:
        raise Contradiction(problems.NO_METHOD(method=settings.method, methods=", ".join(METHODS)))
    given = {field.name for field in fields(settings) if getattr(settings, field.name) != field.default} | {*told}
    if settings.first_place and not found.first_place:
        raise Contradiction(problems.NO_SIDE_EFFECT(method=settings.method))
    if settings.anchor is not None and not found.in_points:
        raise Contradiction(problems.NO_SCALE(method=settings.method))
    if settings.ties in {"half", "drop"} and found.own_ties:
        raise Contradiction(problems.OWN_TIES(method=settings.method))
    _refuse_idle_intervals(settings, found, given)
    asked_for_intervals = found.sandwich and given & {"clusters", "correction", "intervals", "simultaneous"}
    if source == "all" and (asked_for_intervals or settings.redrawn == "resample"):
        raise Contradiction(problems.MIXED_INTERVALS())
    if "seed" in told and settings.redrawn is None and (source == "all" or not found.sandwich):
        raise Contradiction(problems.IDLE_SEED())
    return found


def _refuse_idle_intervals(settings: Settings, found: Method, given: set[str]) -> None:
    """Raises Contradiction if an option of intervals is given that would have no effect."""
    if settings.intervals == "bootstrap" and not found.bootstrap:
        raise Contradiction(problems.NO_BOOTSTRAP(method=settings.method))
    if settings.intervals == "bootstrap" and settings.first_place:
        raise Contradiction(problems.SIDE_EFFECT_OF_BOOTSTRAP())
    if "intervals" in given and not found.sandwich:
        raise Contradiction(problems.NO_SANDWICH(method=settings.method))
    if settings.simultaneous and not found.sandwich and settings.redrawn != "resample":
        raise Contradiction(problems.NO_SIMULTANEOUS(method=settings.method))
    if settings.clusters is not None and not found.sandwich:
        raise Contradiction(problems.NO_CLUSTERS(method=settings.method))
    if "correction" in given:
        if not found.corrected:
            raise Contradiction(problems.NO_CORRECTION(method=settings.method))
        if settings.intervals == "bootstrap":
            raise Contradiction(problems.CORRECTION_OF_BOOTSTRAP())
        if settings.clusters == "none" and settings.correction != "CR0":
            raise Contradiction(problems.INDEPENDENT(correction=settings.correction))
    if "rounds" in given and settings.intervals != "bootstrap" and settings.redrawn is None:
        raise Contradiction(problems.IDLE_ROUNDS())
