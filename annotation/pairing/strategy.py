"""The interface of pairing strategies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

type Links = NDArray[np.intp]
"""Shape (pairs, 2): indices of the texts, the lower one first, each pair once, in ascending order."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of strategies; the docstring of each strategy names the ones it uses."""

    neighbours: int = 3
    """Links per result."""

    per_prompt: int | None = None
    """Pairs per prompt; None leaves it to the strategy."""


class Strategy(Protocol):
    """Links the results of one prompt, given as texts in stored order."""

    def __call__(self, texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
        """Returns the links, which may be empty."""
        ...


class Unconnected(Exception):
    """Some results of the prompt are only linked to each other, so that no vote compares them with the rest."""

    def __init__(self, parts: list[list[int]]) -> None:
        super().__init__(f"{len(parts)} parts")
        self.parts = parts
        """The indices of the texts in each part, the largest part first."""


def ordered(links: NDArray[np.integer]) -> Links:
    """Returns `links`, of shape (any number, 2), in the form of `Links`: ordered, sorted and unique."""
    if not len(links):
        return np.empty((0, 2), dtype=np.intp)
    return np.unique(np.sort(links.astype(np.intp), axis=1), axis=0)
