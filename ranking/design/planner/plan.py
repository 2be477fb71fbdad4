"""What a planned study can tell, what it costs, and how many votes a goal needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ranking.design.planner.assumptions import MOST_VOTES, Assumptions, Unplannable
from ranking.design.planner.goals import Goal, Need, crossing
from ranking.design.planner.pilot import Spread, Strengths, normal
from ranking.design.planner.ranges import Range
from ranking.design.planner.simulation import Outcomes, Progress, simulate

TOPS: Final = (1, 2, 3, 5, 10, 20)
"""Numbers of best models that a plan speaks about."""

STUDIES: Final = 2_000
"""Simulated studies: a share of 80 % is then known to 1 percentage point (one standard error)."""

LEAST_STUDIES: Final = 200

DRAWN: Final = 5_000_000
"""Votes drawn for the planned number and below: some seconds."""

LADDER: Final = 1.5
"""How many times as many votes the next point of the curve has."""

BELOW: Final = 7
ABOVE: Final = 3
"""Points of the curve below and above the planned number of votes."""

FURTHEST: Final = 100_000
"""Votes up to which a goal is looked for, or up to the end of the curve: whoever plans more has to ask for more."""

AFTERWARDS: Final = 2
"""Points of the curve that are simulated together while a goal is not reached."""


@dataclass(frozen=True, slots=True)
class Point:
    """What studies find after so many votes.

    Attributes:
        tau: Kendall's tau-b of the leaderboard with the true order.
        first: the chance that the best model is found first.
        found: by K, the chance that the top K models are found, in any order.
        separated: by K, the chance that the leaderboard tells each of the top K apart from every model below them.
        matched: by K, how many of the top K models are among the K found.
        apart: how many pairs of models the leaderboard tells apart.
        reach: by how much two models must differ to be told apart in 80 % of studies, in log-odds.
    """

    votes: int
    studies: int
    tau: Range
    first: float
    found: dict[int, float]
    separated: dict[int, float]
    matched: dict[int, Range]
    apart: Range
    reach: float


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the leaderboard: the rank range it is expected to show, and the true rank of the model there."""

    place: int
    low: float
    high: float
    truth: Range


@dataclass(frozen=True, slots=True)
class Plan:
    """Attributes:

    points: the curve, in ascending order of votes; one of them is the planned number.
    places: the leaderboard after the planned number of votes.
    needs: what each goal needs.
    spread: the median of the ratings' standard deviation, in log-odds, and the ends of the range with 80 % of its
        probability; all three are alike where it is assumed.
    """

    assumptions: Assumptions
    points: tuple[Point, ...]
    places: tuple[Place, ...]
    needs: tuple[Need, ...]
    spread: tuple[float, float, float]

    @property
    def planned(self) -> Point:
        return next(point for point in self.points if point.votes == self.assumptions.votes)


def plan(
    assumptions: Assumptions,
    rng: np.random.Generator,
    *,
    pilot: Spread | None = None,
    same_models: bool = False,
    goals: Sequence[Goal] = (),
    studies: int = STUDIES,
    progress: Progress | None = None,
) -> Plan:
    """Simulates studies as assumed and says what they find.

    With a `pilot` the spread of the strengths is what the pilot tells. With `same_models` the strengths are those of
    the pilot's models, as far as it tells them.

    Raises:
        Unplannable: `same_models` without a pilot of as many models, or a goal is about more models than there are.
        NotConverged: a fit did not reach its optimum.
    """
    if same_models and (pilot is None or pilot.models != assumptions.models):
        raise Unplannable("The pilot has to be of as many models.")
    for goal in goals:
        if goal.top is not None and goal.top >= assumptions.models:
            raise Unplannable(f"The goal {goal} is about all models; it must be about fewer.")
    spread = _spread(assumptions, pilot)
    strengths = _strengths(assumptions, pilot, same_models=same_models)
    tops = sorted(
        {top for top in (*TOPS, *(goal.top for goal in goals)) if top is not None and top < assumptions.models}
    )
    found: list[Outcomes] = []

    def add(votes: Sequence[int], told: Progress | None) -> None:
        number = max(min(studies, LEAST_STUDIES), min(studies, DRAWN // votes[-1]))
        found.extend(simulate(assumptions, strengths, votes, number, rng, spread=spread[0], progress=told))

    below, above = _ladder(assumptions)
    whole = len(goals) + 2
    add(below, _part(progress, 0, whole))
    places = _places(found[-1])
    if above:
        add(above, _part(progress, 1, whole))
    points = [point(outcomes, tops) for outcomes in found]
    for number, goal in enumerate(goals, 2):
        left = 1.0
        while _need(goal, points).votes is None and (further := _further(points[-1].votes)):
            found.clear()
            # How often is not known beforehand: each time half of what is left of the goal's part.
            left /= 2
            add(further, _part(progress, number + 1 - 2 * left, whole, left))
            points += [point(outcomes, tops) for outcomes in found]
    if progress is not None:
        progress(1000 * whole, 1000 * whole)
    return Plan(assumptions, tuple(points), places, tuple(_need(goal, points) for goal in goals), spread)


def _spread(assumptions: Assumptions, pilot: Spread | None) -> tuple[float, float, float]:
    if pilot is None:
        return assumptions.spread, assumptions.spread, assumptions.spread
    return pilot.quantile(0.5), pilot.quantile(0.1), pilot.quantile(0.9)


def _strengths(assumptions: Assumptions, pilot: Spread | None, *, same_models: bool) -> Strengths:
    if pilot is None:
        return normal(assumptions.models, assumptions.spread)
    return pilot.same_models() if same_models else pilot.new_models(assumptions.models)


def _ladder(assumptions: Assumptions) -> tuple[list[int], list[int]]:
    """Returns the numbers of votes of the curve: up to the planned one, and beyond it."""
    votes = assumptions.votes
    below = {round(votes / LADDER**step) for step in range(BELOW + 1)}
    above = {min(MOST_VOTES, round(votes * LADDER**step)) for step in range(1, ABOVE + 1)}
    return sorted(number for number in below if number >= assumptions.models), sorted(above - {votes})


def _further(last: int) -> list[int]:
    """Returns the next numbers of votes of the curve; none from `FURTHEST` on."""
    further = {min(FURTHEST, round(last * LADDER**step)) for step in range(1, AFTERWARDS + 1)}
    return sorted(votes for votes in further if votes > last)


def _part(progress: Progress | None, part: float, whole: int, width: float = 1.0) -> Progress | None:
    """Returns the progress of what is `width` a part, from `part` parts of the `whole` on, in thousandths of a part."""
    if progress is None:
        return None

    def told(done: int, size: int) -> None:
        progress(round(1000 * (part + width * done / size)), 1000 * whole)

    return told


def point(outcomes: Outcomes, tops: Sequence[int]) -> Point:
    """Returns what `outcomes` come to; `tops` are the numbers of best models to speak about."""
    worst = np.maximum.accumulate(outcomes.truth, axis=1)
    return Point(
        votes=outcomes.votes,
        studies=len(outcomes.tau),
        tau=Range.closest(np.round(outcomes.tau, 6)),
        first=float((outcomes.truth[:, 0] == 1).mean()),
        found={top: float((worst[:, top - 1] <= top).mean()) for top in tops},
        separated={top: float(outcomes.separated[:, top - 1].mean()) for top in tops},
        matched={top: Range.of((outcomes.truth[:, :top] <= top).sum(axis=1)) for top in tops},
        apart=Range.of(outcomes.apart),
        reach=float(np.mean(outcomes.reach)),
    )


def _places(outcomes: Outcomes) -> tuple[Place, ...]:
    return tuple(
        Place(place + 1, float(low), float(high), Range.of(outcomes.truth[:, place]))
        for place, (low, high) in enumerate(zip(outcomes.low.mean(axis=0), outcomes.high.mean(axis=0), strict=True))
    )


def _need(goal: Goal, points: Sequence[Point]) -> Need:
    votes = [point.votes for point in points]
    reached = [_reached(goal, point) for point in points]
    surely = crossing(votes, [point.tau.low for point in points], goal.value) if goal.kind == "tau" else None
    return Need(goal, crossing(votes, reached, goal.value), surely, votes[-1], reached[-1])


def _reached(goal: Goal, point: Point) -> float:
    if goal.kind == "tau":
        return point.tau.mean
    if goal.kind == "first":
        return point.first
    assert goal.top is not None  # noqa: S101  a goal about the top models has their number
    return (point.found if goal.kind == "found" else point.separated)[goal.top]
