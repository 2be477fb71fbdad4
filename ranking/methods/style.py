"""Bradley-Terry with style as covariates, which separates the effects of length and layout from the models.

The difference of two answers in a feature is (a - b) / max(a + b, 1), divided by its root mean square over the
board without centring. A coefficient is then the effect of a typical difference (as in LMArena's style control,
2024).
"""

import re
from typing import Final

import numpy as np

from ranking.methods import logistic
from ranking.methods.bradley_terry import estimate, rated, shrunk
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.intervals import Clusters
from ranking.methods.logistic import Cells
from ranking.methods.ratings import Ratings, with_intervals
from ranking.methods.settings import Settings
from ranking.methods.tally import Floats, Tally, Votes

FEATURES: Final = ("words", "headings", "lists", "bold")

HEADING: Final = re.compile(r"^ {0,3}#{1,6}\s", re.MULTILINE)
ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s", re.MULTILINE)
BOLD: Final = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")
CODE: Final = re.compile(r"^```.*?(?:^```|\Z)", re.MULTILINE | re.DOTALL)


def features(text: str) -> tuple[int, int, int, int]:
    """Counts the words, headings, list items and bold passages of an answer. Layout in code is not counted."""
    prose = CODE.sub("", text)
    headings, items, bold = (len(pattern.findall(prose)) for pattern in (HEADING, ITEM, BOLD))
    return len(text.split()), headings, items, bold


def differences(a: Floats, b: Floats) -> Floats:
    """(n, 4) scaled differences between the features of the answers of x and of y, (n, 4) each."""
    return (a - b) / np.maximum(a + b, 1)


def rate(
    votes: Votes, tally: Tally, settings: Settings, clusters: Clusters | None, rng: np.random.Generator
) -> Ratings:
    """Estimates strengths at equal style, and the coefficients of style. A feature that never differs has none.

    Raises:
        NotConverged: style decides every verdict, or Newton's method did not reach the optimum.
    """
    assert votes.style is not None  # noqa: S101  board.rate has checked it
    size = np.sqrt(np.average(votes.style**2, axis=0, weights=votes.weight()))
    used = size > 0
    z = votes.style[:, used] / size[used]
    names = tuple(f"style: {name}" for name, known in zip(FEATURES, used, strict=True) if known)
    weight = votes.weight()
    cells = Cells(len(votes.names), votes.x, votes.y, weight, weight * votes.score(), z)
    fit = shrunk(votes, cells, z) or logistic.fit(cells, prior=not has_finite_fit(tally))
    uncertainty, notices = estimate(votes, tally, z, fit, settings, clusters)
    return with_intervals(rated(votes.names, fit, settings, names, notices), uncertainty)
