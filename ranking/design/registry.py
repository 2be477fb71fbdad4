"""The strategies by name. A new one is one file and one entry here, with its label and help."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from annotation.problems import gettext_noop
from ranking.design import d_optimal, gap, newcomer
from ranking.design.belief import Belief
from ranking.methods.tally import Floats

type Gains = Callable[[Belief, frozenset[int]], Floats]
"""Returns (m, m), symmetric: what one more vote on two models gains. The second argument are the newcomers."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """Attributes:

    label, help: its name and a line about it, in English; translated where they are shown.
    gains: what it takes the largest of; None if it draws at random.
    version: raised when the same votes and seed would lead to other pairs.
    """

    label: str
    help: str
    gains: Gains | None = None
    version: int = 1


UNIFORM: Final = "uniform"
FLOOR: Final = "floor"
NEWCOMER: Final = "newcomer"

STRATEGIES: Final[dict[str, Strategy]] = {
    UNIFORM: Strategy(
        gettext_noop("Random"),
        gettext_noop(
            "All pairs of models are equally likely. Keep a share of it: statements about order depend on it."
        ),
    ),
    "gap": Strategy(
        gettext_noop("Close neighbours"),
        gettext_noop("The most informative pair for neighbours in rank whose order is not clear yet."),
        gap.gains,
    ),
    "d-optimal": Strategy(
        gettext_noop("All ratings"),
        gettext_noop("The pair that makes all ratings together most certain (D-optimal design)."),
        d_optimal.gains,
    ),
    NEWCOMER: Strategy(
        gettext_noop("New models"),
        gettext_noop(
            "The most informative pair for a model that was added later. Without one, this share goes to the other "
            "strategies."
        ),
        newcomer.gains,
    ),
}
"""What a study can mix."""

FIRST_PAIRS: Final = Strategy(
    gettext_noop("First pairs"),
    gettext_noop("A random pair that includes a model with too few pairs so far."),
)
"""Comes by itself, under the name `FLOOR`, until every model has its first pairs."""

DEFAULT: Final[dict[str, float]] = {UNIFORM: 0.2, "gap": 0.5, "d-optimal": 0.3}
"""Shares of the draws. The uniform ones reach every pair, so that each has a probability above zero."""
