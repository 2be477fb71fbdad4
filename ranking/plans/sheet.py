"""A plan as plain data, as rows, pages and files use it: from what somebody asks for to what simulated studies find."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ranking.design.planner.assumptions import (
    MOST_VOTES,
    PROMPT_EFFECT,
    SPREAD,
    TIES,
    WORKER_EFFECT,
    Assumptions,
    Unplannable,
)
from ranking.design.planner.goals import Goal, Need
from ranking.design.planner.link import Link
from ranking.design.planner.plan import Plan, Point, plan
from ranking.design.planner.simulation import Progress
from ranking.methods.ratings import ELO
from ranking.plans.pilots import Pilot

type Sheet = dict[str, Any]

SECONDS: Final = 30.0
"""Assumed time of a vote, where no pilot has measured it."""

DEFAULTS: Final[Mapping[str, float]] = {
    "spread": SPREAD,
    "ties": TIES,
    "prompt_effect": PROMPT_EFFECT,
    "worker_effect": WORKER_EFFECT,
    "seconds": SECONDS,
}

IN_POINTS: Final = ("spread", "prompt_effect", "worker_effect")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to know about. What is None comes from the pilot, or is a default.

    Attributes:
        models, prompts: how many.
        votes: how many votes are planned; None: as many as `overlap` makes.
        overlap: votes per pair of answers.
        workers, pairs_per_prompt: see `Assumptions`.
        spread, prompt_effect, worker_effect: in Elo points.
        ties: a share.
        same_models: whether the pilot's models are those of the study.
        seconds: the time of a vote.
        pay: pay per hour, in any currency; None: money is not planned.
        goals: as `Goal.parsed` reads them.
        seed: of the simulation.
    """

    models: int
    prompts: int
    votes: int | None = None
    overlap: int | None = None
    workers: int | None = None
    pairs_per_prompt: int | None = None
    spread: float | None = None
    ties: float | None = None
    prompt_effect: float | None = None
    worker_effect: float | None = None
    same_models: bool = False
    seconds: float | None = None
    pay: float | None = None
    goals: tuple[str, ...] = ()
    seed: int = 0

    @classmethod
    def stored(cls, data: Mapping[str, Any]) -> "Request":
        """Reverses `asdict`, whose tuple JSON turns into a list."""
        return cls(**{**data, "goals": tuple(data.get("goals", ()))})

    @property
    def all_votes(self) -> int:
        """The number of votes planned.

        Raises:
            Unplannable: neither votes nor an overlap is given, or both are.
        """
        match self.votes, self.overlap:
            case int(votes), None:
                return votes
            case None, int(overlap):
                pairs = self.models * (self.models - 1) // 2
                return overlap * self.prompts * min(self.pairs_per_prompt or pairs, pairs)
            case _:
                raise Unplannable("Give the number of votes or the votes per pair of answers, and not both.")

    def known(self, pilot: Pilot | None) -> dict[str, tuple[float, str]]:
        """Returns each assumption, in log-odds or its own unit, and where it comes from: given, pilot or default."""
        measured: dict[str, float | None] = {}
        if pilot is not None:
            measured = {
                "spread": pilot.spread.quantile(0.5),
                "ties": pilot.ties,
                "prompt_effect": pilot.prompt_effect,
                "worker_effect": pilot.worker_effect,
                "seconds": pilot.seconds,
            }
        found: dict[str, tuple[float, str]] = {}
        for name, default in DEFAULTS.items():
            given: float | None = getattr(self, name)
            if given is not None:
                found[name] = (given / ELO if name in IN_POINTS else given, "given")
            elif (value := measured.get(name)) is not None:
                found[name] = (value, "pilot")
            else:
                found[name] = (default, "default")
        return found

    def assumed(self, pilot: Pilot | None = None) -> Assumptions:
        """Returns the assumptions of the plan.

        Raises:
            Unplannable: one of them is out of range, or they do not go together.
        """
        for goal in map(Goal.parsed, self.goals):
            if goal.top is not None and goal.top >= self.models:
                raise Unplannable(f"The goal {goal} must be about fewer than all {self.models} models.")
        for name in ("seconds", "pay"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < MOST_VOTES:
                raise Unplannable(f"{name} is {value:g}; it must be 0 or more.")
        numbers = {name: value for name, (value, _source) in self.known(pilot).items() if name != "seconds"}
        found = Assumptions(self.models, self.prompts, self.all_votes, self.workers, self.pairs_per_prompt, **numbers)
        Link.of(found)
        if self.same_models and (pilot is None or pilot.models != self.models):
            raise Unplannable(f"A pilot of the same models must rank exactly {self.models} models.")
        return found


def make(request: Request, pilot: Pilot | None = None, progress: Progress | None = None) -> Sheet:
    """Simulates what `request` asks for.

    Raises:
        Unplannable: an assumption is out of range, or a goal is none.
        NotConverged: a fit did not reach its optimum.
    """
    assumptions = request.assumed(pilot)
    known = request.known(pilot)
    done = plan(
        assumptions,
        np.random.default_rng(request.seed),
        pilot=pilot.spread if pilot is not None and known["spread"][1] == "pilot" else None,
        same_models=request.same_models,
        goals=[Goal.parsed(goal) for goal in request.goals],
        progress=progress,
    )
    return _sheet(request, done, known, pilot)


def _sheet(request: Request, done: Plan, known: Mapping[str, tuple[float, str]], pilot: Pilot | None) -> Sheet:
    assumptions = done.assumptions
    return {
        "models": assumptions.models,
        "prompts": assumptions.prompts,
        "votes": assumptions.votes,
        "pairs": assumptions.pairs,
        "pairs_per_prompt": assumptions.offered,
        "overlap": assumptions.overlap,
        "workers": assumptions.workers_for(assumptions.votes),
        "workers_given": assumptions.workers is not None,
        "assumed": {
            name: {"value": ELO * value if name in IN_POINTS else value, "from": source}
            for name, (value, source) in known.items()
        },
        "spread": [ELO * value for value in done.spread],
        "pilot": None if pilot is None else {"votes": pilot.votes, "models": pilot.models},
        "same_models": request.same_models,
        "pay": request.pay,
        "seed": request.seed,
        "points": [_point(point) for point in done.points],
        "places": [asdict(place) for place in done.places],
        "needs": [_need(need) for need in done.needs],
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        **asdict(point),
        # The keys of JSON are texts.
        "found": {str(top): chance for top, chance in point.found.items()},
        "separated": {str(top): chance for top, chance in point.separated.items()},
        "matched": {str(top): asdict(kept) for top, kept in point.matched.items()},
        "reach": ELO * point.reach,
    }


def _need(need: Need) -> dict[str, Any]:
    return {**asdict(need), "goal": asdict(need.goal)}


def planned(sheet: Sheet) -> dict[str, Any]:
    """Returns the point of the planned number of votes."""
    found: dict[str, Any] = next(point for point in sheet["points"] if point["votes"] == sheet["votes"])
    return found


def hours(sheet: Sheet, votes: float) -> float:
    """Returns how many hours of work so many votes take."""
    seconds: float = sheet["assumed"]["seconds"]["value"]
    return votes * seconds / 3600


def money(sheet: Sheet, votes: float) -> float | None:
    """Returns what so many votes cost; None where no pay was given."""
    return None if sheet["pay"] is None else hours(sheet, votes) * float(sheet["pay"])
