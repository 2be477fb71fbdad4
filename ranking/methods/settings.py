"""The settings of a board. Results repeat them, and the same settings and seed give the same numbers."""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from annotation.problems import Failure
from ranking import problems
from ranking.methods.intervals import CLUSTERS, CORRECTIONS, Clusters, Correction

type Ties = Literal["half", "drop", "model"]
"""How ties count: as half a win for both, not at all, or with a probability of their own (Davidson)."""

type Intervals = Literal["sandwich", "bootstrap"]

type Redraw = Literal["permute", "resample"]
"""What the rounds of a bootstrapped Elo vary: only the order, or which comparisons are used."""

type Source = Literal["people", "judge", "all"]
"""Whose comparisons count: those of people, of a single judge, or of people and judges together."""

TIES: Final[tuple[Ties, ...]] = get_args(Ties.__value__)
INTERVALS: Final[tuple[Intervals, ...]] = get_args(Intervals.__value__)
REDRAWS: Final[tuple[Redraw, ...]] = get_args(Redraw.__value__)

ROUNDS: Final = 1000
"""Default number of bootstrap rounds."""


ELO_METHODS: Final = ("elo", "elo-bootstrap", "elo-median")
ELO_DEFAULTS: Final = {"k": 4.0, "start": 1000.0, "scale": 400.0}
"""Settings of these methods alone, with what None stands for."""

ELO_SETTINGS: Final = tuple(ELO_DEFAULTS)


class Contradiction(Failure, ValueError):
    """The settings are misspelt or exclude one another; the message says which."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Attributes:

    method: a name in the registry.
    ties: None means `model` for Davidson's method, and `half` otherwise.
    clusters: None means `both` for people, `prompt` for a single judge, and no intervals for a mix.
    simultaneous: whether rank ranges consider all models at once instead of each model separately.
    first_place: whether to estimate position bias, the advantage of the left side.
    anchor: a model and the rating it is fixed at; None puts the mean of the board at 1,000.
    rounds: the number of bootstrap rounds.
    redraw: what bootstrapped Elo varies; required for that method.
    baseline: the model that `baseline-win-rate` compares with; required for that method.
    k: how many points a rating of Elo moves per unit of surprise; None means 4.
    start: the rating from which Elo starts; None means 1,000.
    scale: the lead in points of Elo that means odds of 10 to 1; None means 400.
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
    k: float | None = None
    start: float | None = None
    scale: float | None = None

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
        self._refuse_odd_elo()
        if self.seed < 0:
            raise Contradiction(problems.NEGATIVE_SEED(seed=self.seed))
        if self.anchor is not None and not math.isfinite(self.anchor[1]):
            raise Contradiction(problems.ANCHOR_NOT_FINITE(name=self.anchor[0]))

    def _refuse_odd_elo(self) -> None:
        for name in ELO_SETTINGS:
            value = getattr(self, name)
            if value is None:
                continue
            if self.method not in ELO_METHODS:
                raise Contradiction(problems.ONLY_ELO(name=name))
            if not math.isfinite(value) or (name != "start" and value <= 0):
                raise Contradiction(problems.ODD_ELO(name=name, value=f"{value:g}"))

    @property
    def redrawn(self) -> Redraw | None:
        """What the rounds of an Elo method vary; None for methods without rounds of their own."""
        return "permute" if self.method == "elo-median" else self.redraw

    @property
    def tie_rule(self) -> Ties:
        return self.ties or ("model" if self.method == "davidson" else "half")
