"""What a study is to reach, and after how many votes simulated studies reach it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import scipy

from ranking.design.planner.assumptions import Unplannable

type Kind = Literal["tau", "first", "found", "separated"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind.__value__)

OF_THE_TOP: Final = ("found", "separated")
"""Goals about the top K models."""

CHANCE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Goal:
    """Something to reach.

    Attributes:
        kind: `tau`: Kendall's tau is at least `value` on average; `first`: the best model is found first;
            `found`: the top `top` models are found, in any order; `separated`: the leaderboard tells each of the top
            `top` apart from every model below them. These three with the probability `value`.
        top: K, for goals about the top K models; None for others.
    """

    kind: Kind
    value: float
    top: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Unplannable(f"There is no goal {self.kind}. Choose from: {', '.join(KINDS)}.")
        if not 0 < self.value < 1:
            raise Unplannable(f"The goal {self.kind} is {self.value:g}; it must be between 0 and 1.")
        if (self.top is None) == (self.kind in OF_THE_TOP) or (self.top is not None and self.top < 1):
            raise Unplannable(
                f"The goal {self.kind} {'needs' if self.kind in OF_THE_TOP else 'has no'} number of models."
            )

    @classmethod
    def parsed(cls, text: str) -> "Goal":
        """Returns the goal that `text` names: `tau=0.9`, `first=0.8`, `found:5=0.8` or `separated:3=0.8`.

        Raises:
            Unplannable: it names none.
        """
        name, _mark, value = text.partition("=")
        kind, mark, top = name.strip().partition(":")
        try:
            return cls(kind, float(value), int(top) if mark else None)  # type: ignore[arg-type]
        except ValueError as error:
            if isinstance(error, Unplannable):
                raise
            raise Unplannable(
                f"{text} is no goal. Write it as tau=0.9, first=0.8, found:5=0.8 or separated:3=0.8."
            ) from error

    def __str__(self) -> str:
        return f"{self.kind}{'' if self.top is None else f':{self.top}'}={self.value:g}"


@dataclass(frozen=True, slots=True)
class Need:
    """The votes that a goal needs.

    Attributes:
        votes: after how many it is reached; None: not up to `tried`.
        surely: after how many nine studies of ten have such a tau; None: not up to `tried`, or another goal.
        tried: the most votes that were simulated.
        reached: how far studies come with `tried` votes.
    """

    goal: Goal
    votes: int | None
    surely: int | None
    tried: int
    reached: float


def crossing(votes: Sequence[int], reached: Sequence[float], value: float) -> int | None:
    """Returns after how many votes `reached` is at least `value`; None if it never is.

    What is reached can only grow with the votes, apart from chance, so a monotone curve is laid through it (isotonic
    regression); between two numbers of votes it is a straight line over their logarithms.
    """
    curve = np.asarray(scipy.optimize.isotonic_regression(np.asarray(reached, dtype=np.float64)).x)
    beyond = np.flatnonzero(curve >= value)
    if not len(beyond):
        return None
    place = int(beyond[0])
    if place == 0:
        return int(votes[0])
    low, high = curve[place - 1], curve[place]
    start, end = np.log(votes[place - 1]), np.log(votes[place])
    return int(np.ceil(np.exp(start + (end - start) * (value - low) / (high - low)) - 1e-6))
