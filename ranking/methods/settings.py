"""What can be asked of a board. A result echoes it, and the same settings and seed give the same numbers."""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from annotation.problems import Failure
from ranking import problems
from ranking.methods.intervals import CLUSTERS, CORRECTIONS, Clusters, Correction

type Ties = Literal["half", "drop", "model"]
"""A tie counts half a win to either side, is left out, or has a probability of its own (Davidson)."""

type Intervals = Literal["sandwich", "bootstrap"]

type Redraw = Literal["permute", "resample"]
"""What the rounds of a bootstrapped Elo vary: the order alone, or which comparisons went in."""

type Source = Literal["people", "judge", "all"]
"""Who compared: human raters, a single judge, or both kinds together."""

TIES: Final[tuple[Ties, ...]] = get_args(Ties.__value__)
INTERVALS: Final[tuple[Intervals, ...]] = get_args(Intervals.__value__)
REDRAWS: Final[tuple[Redraw, ...]] = get_args(Redraw.__value__)

ROUNDS: Final = 1000
"""Of a bootstrap, where no other number is asked for."""


class Contradiction(Failure, ValueError):
    """The settings are misspelt or exclude one another; the message says which."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Attributes:

    method: a name of the registry.
    ties: None: `model` for Davidson's method, else `half`.
    clusters: None: both for people, prompt for a single judge, no interval for a mix.
    simultaneous: rank ranges that hold for all models at once rather than for each by itself.
    first_place: fit the gain of being shown on the left as well.
    anchor: a model and the rating it is held at; None: the board's mean is at 1,000.
    rounds: of a bootstrap.
    redraw: which bootstrap of Elo; has to be chosen.
    baseline: the model that `baseline-win-rate` compares with.
    """

    method: str = "bradley-terry"
    ties: Ties | None = None
    intervals: Intervals = "sandwich"
    clusters: Clusters | None = None
    correction: Correction = "CR3"
    simultaneous: bool = False
    first_place: bool = False
    anchor: tuple[str, float] | None = None
    rounds: int = ROUNDS
    redraw: Redraw | None = None
    baseline: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, choices in (
            ("ties", TIES),
            ("intervals", INTERVALS),
            ("clusters", CLUSTERS),
            ("correction", CORRECTIONS),
            ("redraw", REDRAWS),
        ):
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise Contradiction(problems.NO_SUCH_CHOICE(name=name, value=value, choices=", ".join(choices)))
        if self.ties == "model" and self.method != "davidson":
            raise Contradiction(problems.TIES_OF_DAVIDSON())
        if self.method == "elo-bootstrap" and self.redraw is None:
            raise Contradiction(problems.WHAT_TO_REDRAW(ways=" or ".join(REDRAWS)))
        if self.method != "elo-bootstrap" and self.redraw is not None:
            raise Contradiction(problems.NO_REDRAW())
        if (self.method == "baseline-win-rate") != (self.baseline is not None):
            raise Contradiction(problems.ONE_BASELINE())
        if self.rounds < 2:
            # One alone has no spread.
            raise Contradiction(problems.FEW_ROUNDS())
        if self.seed < 0:
            raise Contradiction(problems.NEGATIVE_SEED(seed=self.seed))
        if self.anchor is not None and not math.isfinite(self.anchor[1]):
            raise Contradiction(problems.ANCHOR_NOT_FINITE(name=self.anchor[0]))

    @property
    def tie_rule(self) -> Ties:
        return self.ties or ("model" if self.method == "davidson" else "half")
