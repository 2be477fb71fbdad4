"""The methods by name: one more is one file and one line here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from importlib import import_module
from typing import Any, Final, cast

import numpy as np

from ranking import problems
from ranking.methods import bradley_terry, davidson, style, win_rates
from ranking.methods.intervals import Clusters
from ranking.methods.ratings import Ratings
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.methods.tally import Tally, Votes

type Rate = Callable[[Votes, Tally, Settings, Clusters | None, np.random.Generator], Ratings]


@dataclass(frozen=True, slots=True)
class Method:
    """Attributes:

    rate: the models of one connected group, from their votes and tally.
    sandwich: whether it gives intervals by the sandwich; bootstrap: by redrawing votes.
    corrected: whether one of the corrections of the sandwich can be chosen for it.
    own_ties: whether ties have a probability of their own in it, so that they are neither halved nor left out.
    first_place: whether a first-place effect can be fitted with it.
    in_order: whether it depends on the order of the votes.
    soft: whether it takes shares of a verdict.
    style: whether it needs to know how answers differ in style.
    shares: whether its scores are shares, which no anchor can hold, rather than points.
    """

    rate: Rate
    sandwich: bool = False
    bootstrap: bool = False
    corrected: bool = False
    own_ties: bool = False
    first_place: bool = False
    in_order: bool = False
    soft: bool = False
    style: bool = False
    shares: bool = False


def _by_evalica(module: str, name: str = "rate") -> Rate:
    """A method whose module is imported when it is used: evalica brings pandas and all of scipy.stats along,
    which would be two thirds of the time that any process takes to start."""

    def rate(*arguments: Any) -> Ratings:
        found = getattr(import_module(f"ranking.methods.{module}"), name)
        return cast(Rate, found)(*arguments)

    return rate


METHODS: Final[dict[str, Method]] = {
    "bradley-terry": Method(bradley_terry.rate, sandwich=True, bootstrap=True, corrected=True, first_place=True),
    "davidson": Method(davidson.rate, sandwich=True, corrected=True, own_ties=True),
    "elo": Method(_by_evalica("elo"), in_order=True),
    "elo-bootstrap": Method(_by_evalica("elo", "rate_redrawn"), in_order=True),
    "newman": Method(_by_evalica("newman"), own_ties=True),
    "pagerank": Method(_by_evalica("pagerank"), shares=True),
    "eigen": Method(_by_evalica("eigen"), shares=True),
    "average-win-rate": Method(win_rates.rate_average, shares=True),
    "baseline-win-rate": Method(win_rates.rate_baseline, sandwich=True, soft=True, shares=True),
    "style-controlled": Method(style.rate, sandwich=True, corrected=True, style=True),
}


def method(settings: Settings, source: Source | None = None, *, told: Collection[str] = ()) -> Method:
    """The method that `settings` name.

    `source`: who compared, where that is known. `told`: the names of settings that somebody gave although they
    are what they are by default: even so they must mean something.

    Raises:
        Contradiction: there is none of that name, or it cannot do what else is asked.
    """
    found = METHODS.get(settings.method)
    if found is None:
        raise Contradiction(problems.NO_METHOD(method=settings.method, methods=", ".join(METHODS)))
    given = {field.name for field in fields(settings) if getattr(settings, field.name) != field.default} | {*told}
    if settings.first_place and not found.first_place:
        raise Contradiction(problems.NO_SIDE_EFFECT(method=settings.method))
    if settings.anchor is not None and found.shares:
        raise Contradiction(problems.NO_SCALE(method=settings.method))
    if settings.ties in {"half", "drop"} and found.own_ties:
        raise Contradiction(problems.OWN_TIES(method=settings.method))
    _refuse_idle_intervals(settings, found, given)
    asked_for_intervals = found.sandwich and given & {"clusters", "correction", "intervals", "simultaneous"}
    if source == "all" and (asked_for_intervals or settings.redraw == "resample"):
        raise Contradiction(problems.MIXED_INTERVALS())
    if "seed" in told and settings.redraw is None and (source == "all" or not found.sandwich):
        raise Contradiction(problems.IDLE_SEED())
    return found


def _refuse_idle_intervals(settings: Settings, found: Method, given: set[str]) -> None:
    """Raises Contradiction where an option of intervals is given that has none to be about."""
    if settings.intervals == "bootstrap" and not found.bootstrap:
        raise Contradiction(problems.NO_BOOTSTRAP(method=settings.method))
    if settings.intervals == "bootstrap" and settings.first_place:
        raise Contradiction(problems.SIDE_EFFECT_OF_BOOTSTRAP())
    if "intervals" in given and not found.sandwich:
        raise Contradiction(problems.NO_SANDWICH(method=settings.method))
    if settings.simultaneous and not found.sandwich and settings.redraw != "resample":
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
    if "rounds" in given and settings.intervals != "bootstrap" and settings.redraw is None:
        raise Contradiction(problems.IDLE_ROUNDS())
