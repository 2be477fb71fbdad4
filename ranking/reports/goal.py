"""Computes how far a study is from its goal, stored as a snapshot: each one is a look that may be made at any time."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from annotation.models import Study
from annotation.problems import Failure
from ranking import problems
from ranking.design.forecast import forecast
from ranking.design.stopping import (
    LEAST_CLUSTERS,
    LEAST_EFFECTIVE,
    LEAST_VOTES,
    Evidence,
    Goal,
    Scope,
    differences,
    separated,
)
from ranking.methods import board
from ranking.methods.board import Group
from ranking.methods.interval_scope import distinct
from ranking.methods.intervals import effective
from ranking.methods.logistic import NotConverged
from ranking.methods.settings import Settings
from ranking.methods.tally import Codes, Floats, Votes
from ranking.votes import reader
from ranking.votes.reader import Cut, Filters

type Report = dict[str, Any]

METHOD: Final = "goal"
"""Value of Leaderboard.method for snapshots of this report."""

MOST_OPEN: Final = 20
"""Pairs of models not separated yet that a report names: the ones with the closest ratings."""


class NoGoal(Failure):
    """The study has no goal, or none any more."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a statement needs first: a code, how much there is, and how much it takes."""

    code: str
    found: int = 0
    needed: int = 0


def goal_of(study: Study) -> Goal | None:
    """Returns the goal of `study`; None without one."""
    if not study.goal or study.goal_number is None:
        return None
    return Goal(study.goal, study.goal_number)  # type: ignore[arg-type]  # `Goal` refuses what is no kind


def stored_goal(report: Report) -> Goal:
    """Returns the goal that a stored report looked at."""
    return Goal(report["kind"], report["number"])


def report(study: Study, line: Cut, goal: Goal | None = None) -> Report:
    """Looks whether people's votes up to `line` have reached `goal`, or the study's own.

    Returns, besides `kind` and `number` of the goal: `votes`, `reached`, and the `share` of the goal reached. For goals
    about ratings also the `models` by rating, best first, what the statement generalises to (`scope`), the `lacks` that
    keep it from being made, the pairs still `open`, and a `forecast` of the votes needed.

    Raises:
        NoGoal: the study has none.
    """
    goal = goal or goal_of(study)
    if goal is None:
        raise NoGoal(problems.NO_GOAL(study=study.slug))
    read = reader.read(study, Filters(), line)
    found: Report = {"kind": goal.kind, "number": goal.number, "digest": read.digest, "votes": read.votes.total}
    if goal.kind == "budget":
        share = min(1.0, read.votes.total / goal.number)
        return {**found, "share": share, "reached": read.votes.total >= goal.number}
    names = list(study.models_compared().order_by("number").values_list("name", flat=True))
    return {**found, "share": 0.0, "reached": False, **_looked(goal, read.votes, names)}


def _looked(goal: Goal, votes: Votes, names: list[str]) -> Report:
    """Returns what `votes` say about `goal` for the models `names`."""
    evidence = _evidence(votes, names)
    about: Report = {
        "prompts": evidence.prompts,
        "raters": evidence.raters,
        "effective_prompts": evidence.effective_prompts,
        "effective_raters": evidence.effective_raters,
        "fewest_votes": evidence.fewest_votes,
        "models": [],
        "scope": None,
        "forecast": None,
        "open": [],
    }
    lacks = _lacks(goal, votes, evidence, names)
    scope = evidence.scope
    group = None
    if scope is not None and not lacks:
        try:
            group = _group(votes, names, scope)
        except NotConverged:
            lacks.append(Lack("not-converged"))
        else:
            lacks += [Lack("not-connected")] if group is None else []
    if group is None or scope is None:
        return {**about, "lacks": [asdict(lack) for lack in lacks]}
    return {**about, "lacks": [], "scope": scope, **_measured(goal, group, names, votes.total)}


def _evidence(votes: Votes, names: list[str]) -> Evidence:
    number = dict.fromkeys(names, 0)
    often = np.bincount(votes.x, minlength=len(votes.names)) + np.bincount(votes.y, minlength=len(votes.names))
    number |= {name: int(times) for name, times in zip(votes.names, often, strict=True) if name in number}
    return Evidence(
        distinct(votes.prompt),
        distinct(votes.rater),
        min(number.values(), default=0),
        _worth(votes.prompt),
        _worth(votes.rater),
    )


def _worth(clusters: Codes | None) -> float:
    """Returns how many equal clusters they are worth by their numbers of votes; 0 if they are unknown."""
    return 0.0 if clusters is None or not len(clusters) else effective(np.bincount(clusters).astype(np.float64))


def _lacks(goal: Goal, votes: Votes, evidence: Evidence, names: list[str]) -> list[Lack]:
    """Returns what keeps any statement from being made, whatever the ratings are."""
    lacks = []
    if not goal.fits(len(names)):
        lacks.append(Lack("too-few-models", len(names), goal.number + 1))
    if not votes.every_pair:
        lacks.append(Lack("not-every-pair"))
    if votes.rater is None:
        lacks.append(Lack("unknown-raters"))
    elif evidence.raters < LEAST_CLUSTERS:
        lacks.append(Lack("few-raters", evidence.raters, LEAST_CLUSTERS))
    elif evidence.effective_raters < LEAST_EFFECTIVE:
        lacks.append(Lack("uneven-raters", int(evidence.effective_raters), LEAST_EFFECTIVE))
    if evidence.fewest_votes < LEAST_VOTES:
        lacks.append(Lack("few-votes", evidence.fewest_votes, LEAST_VOTES))
    return lacks


def _group(votes: Votes, names: list[str], scope: Scope) -> Group | None:
    """Returns the group that holds all models `names`; None if comparisons do not connect them."""
    for group in board.rate(votes, Settings(clusters=scope), "people").groups:
        if {*names} <= {*group.ratings.names}:
            return group
    return None


def _measured(goal: Goal, group: Group, names: list[str], votes: int) -> Report:
    """Returns how far the ratings of `group` are from `goal`, and the votes still needed."""
    ratings = group.ratings
    index = np.array([ratings.names.index(name) for name in names])
    assert ratings.uncertainty is not None  # noqa: S101  there is a scope, so there are intervals
    scores = ratings.scores[index]
    whole = _part(ratings.uncertainty.covariance, index)
    here = ratings.uncertainty.here
    by_votes = whole if here is None else _part(here.covariance, index)
    least = ratings.uncertainty.least
    least = None if least is None else _part(least, index)
    above = separated(scores, differences(whole, least))
    if ratings.unsettled is not None:
        above &= ~ratings.unsettled[np.ix_(index, index)]
    share = float(goal.share(scores, above))
    order = np.argsort(-scores, kind="stable")
    found: Report = {
        "share": share,
        "reached": share >= 1,
        "models": [names[model] for model in order],
        "open": [],
    }
    if share >= 1:
        return found
    if goal.kind == "top":
        found["open"] = [[names[i], names[j]] for i, j in goal.open_pairs(scores, above)[:MOST_OPEN]]
    rng = np.random.default_rng(ratings.settings.seed)
    expected = forecast(goal, scores, by_votes, _remainder(whole, by_votes), least, votes, rng)
    return {**found, "forecast": {**asdict(expected), "out_of_reach": expected.out_of_reach}}


def _part(covariance: Floats, index: np.ndarray) -> Floats:
    return covariance[np.ix_(index, index)]


def _remainder(whole: Floats, part: Floats) -> Floats:
    """Returns the covariance that is left of `whole` without `part`, negative eigenvalues taken as 0."""
    values, vectors = np.linalg.eigh(whole - part)
    return np.asarray((vectors * values.clip(0)) @ vectors.T, dtype=np.float64)
