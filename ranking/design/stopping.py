"""When two models are told apart, however often one has looked, and what a study's goal needs.

An asymptotic confidence sequence by a normal mixture (Robbins, Statistical methods related to the law of the iterated
logarithm, 1970; Waudby-Smith et al., Time-uniform central limit theory and asymptotic confidence sequences, arXiv
2103.06476): its statements hold at all looks together, in large samples, with the probability 1 - alpha.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ranking.methods.tally import Floats

type Bools = NDArray[np.bool_]

type Kind = Literal["top", "ranks", "budget"]
"""`top`: the top K models are separated from all others; `ranks`: every model's rank is known to within R ranks;
`budget`: N votes were given, which claims nothing."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind.__value__)

ALPHA: Final = 0.05
"""Probability with which any two models of a study are ever separated although they are not in that order."""

MIXTURE: Final = 4.0
"""The information v at which the boundary is tightest: standard errors of half a unit of log-odds."""

TINY: Final = 1e-12
"""Variance of a difference, relative to the largest, below which it is zero up to rounding."""

LEAST_CLUSTERS: Final = 30
LEAST_EFFECTIVE: Final = 25
LEAST_VOTES: Final = 10
"""What the approximation needs: clusters of each kind, how many equal ones they are worth, and votes of each model.

Equal clusters that get votes at random are worth a little less than their number. If a few workers give most of the
votes, the standard errors are known no better than from these few.
"""


def boundary(error: Floats, alpha: float, mixture: float = MIXTURE) -> Floats:
    """Returns how far from zero an estimate with the standard error `error` must be, on its scale (log-odds).

    D is beyond it where D^2 / SE^2 > (1 + v/I) log((1 + I/v) / alpha^2), with the information I = 1 / SE^2.

    Raises:
        ValueError: alpha is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha must lie between 0 and 1.")
    information = 1 / np.square(error)
    limit = (1 + mixture / information) * np.log((1 + information / mixture) / alpha**2)
    return np.asarray(error * np.sqrt(limit), dtype=np.float64)


def differences(covariance: Floats, least: Floats | None = None) -> Floats:
    """Returns (..., m, m) the variances of the differences of m ratings with the `covariance` (..., m, m).

    None is below what it would be with the covariance `least`, that of votes of which only those of one rater on one
    prompt depend on one another. The variance for prompts and raters like these is a sum and a difference of three
    estimates (Cameron, Gelbach and Miller), and in a small part of the looks it nearly vanishes by chance. One look
    hardly notices; many looks would find it.
    """
    variance = _differences(covariance)
    return variance if least is None else np.maximum(variance, _differences(least))


def _differences(covariance: Floats) -> Floats:
    diagonal = np.diagonal(covariance, axis1=-2, axis2=-1)
    return np.asarray(diagonal[..., :, None] + diagonal[..., None, :] - 2 * covariance, dtype=np.float64)


def separated(scores: Floats, variance: Floats, alpha: float = ALPHA) -> Bools:
    """Returns (..., m, m) whether i is ahead of j, for all pairs at once: each is asked at `alpha` over their number.

    `scores` (..., m) are in log-odds, and `variance` (..., m, m) is that of their differences, robust to clusters.
    Models whose difference has no variance are not separated: verdicts that are all alike do not mean certainty.
    """
    size = scores.shape[-1]
    known = variance > TINY * np.maximum(variance.max(axis=(-2, -1)), 0)[..., None, None]
    error = np.sqrt(np.where(known, variance, 1.0))
    limit = np.where(known, boundary(error, alpha / max(size * (size - 1) // 2, 1)), np.inf)
    return np.asarray(scores[..., :, None] - scores[..., None, :] > limit)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a study is to find out: a kind, and its K, R or N.

    Raises:
        ValueError: the kind is unknown, or the number is below 1, or for ranks below 0.
    """

    kind: Kind
    number: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"Unknown goal {self.kind!r}.")
        if self.number < (0 if self.kind == "ranks" else 1):
            raise ValueError("The number of the goal is too small.")

    def fits(self, models: int) -> bool:
        """Returns whether the goal says something about so many models: of 5 models, no top 5 can be separated."""
        return {"top": self.number < models, "ranks": models > 1, "budget": True}[self.kind]

    def share(self, scores: Floats, above: Bools) -> Floats:
        """Returns (...) how much of the goal is reached, in [0, 1]; 1 only if all of it is.

        For `top` that is the share of the pairs of one of the top K and one other model that are separated. For
        `ranks` it is the share of the models whose rank is known to within R. `scores` (..., m) are the ratings and
        `above` (..., m, m) says which model is ahead of which. A budget depends on neither.

        Raises:
            ValueError: the goal is a budget.
        """
        size = scores.shape[-1]
        order = np.argsort(-scores, axis=-1, kind="stable")
        sorted_ = np.take_along_axis(np.take_along_axis(above, order[..., None], -2), order[..., None, :], -1)
        match self.kind:
            case "top":
                part = sorted_[..., : self.number, self.number :]
                return np.asarray(part.mean(axis=(-2, -1)), dtype=np.float64)
            case "ranks":
                place = np.arange(1, size + 1)
                best, worst = 1 + sorted_.sum(axis=-2), size - sorted_.sum(axis=-1)
                within = np.maximum(worst - place, place - best) <= self.number
                return np.asarray(within.mean(axis=-1), dtype=np.float64)
            case "budget":
                raise ValueError("A budget claims nothing about ratings.")

    def open_pairs(self, scores: Floats, above: Bools) -> list[tuple[int, int]]:
        """Returns the pairs (i, j), i rated higher, whose separation a `top` goal still needs, closest first."""
        order = np.argsort(-scores, kind="stable")
        top, rest = order[: self.number], order[self.number :]
        found = [(int(i), int(j)) for i in top for j in rest if not above[i, j]]
        return sorted(found, key=lambda pair: scores[pair[0]] - scores[pair[1]])


type Scope = Literal["both", "worker"]
"""`both`: prompts and raters like these; `worker`: raters like these on exactly these prompts."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much there is to speak from.

    Attributes:
        prompts, raters: their numbers.
        fewest_votes: the fewest votes of any model.
        effective_prompts, effective_raters: how many equal ones they are worth; see `intervals.effective`.
    """

    prompts: int
    raters: int
    fewest_votes: int
    effective_prompts: float
    effective_raters: float

    @property
    def scope(self) -> Scope | None:
        """Returns what a separation generalises to; None if there is too little for any statement."""
        if not _enough(self.raters, self.effective_raters) or self.fewest_votes < LEAST_VOTES:
            return None
        return "both" if _enough(self.prompts, self.effective_prompts) else "worker"


def _enough(number: int, worth: float) -> bool:
    return number >= LEAST_CLUSTERS and worth >= LEAST_EFFECTIVE
