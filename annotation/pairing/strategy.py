"""What every strategy takes and gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

type Links = NDArray[np.intp]
"""Shape (pairs, 2): places in the texts, the lower one first, each pair once, in ascending order."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be asked of a strategy; each one says in its docstring what it heeds."""

    neighbours: int = 3
    """Links a result."""

    per_prompt: int | None = None
    """Pairs a prompt; None leaves it to the strategy."""


class Strategy(Protocol):
    """Links the results of one prompt, given as their texts in the stored order."""

    def __call__(self, texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
        """At least no pair, at most all of them."""
        ...


class Unconnected(Exception):
    """Some results of the prompt are linked with each other only, so that no vote says how they stand to the rest."""

    def __init__(self, parts: list[list[int]]) -> None:
        super().__init__(f"{len(parts)} parts")
        self.parts = parts
        """The places of the texts in each part, the largest part first."""


def ordered(links: NDArray[np.integer]) -> Links:
    """`links` of shape (any number, 2) in the form of `Links`: turned, sorted, each once."""
    if not len(links):
        return np.empty((0, 2), dtype=np.intp)
    return np.unique(np.sort(links.astype(np.intp), axis=1), axis=0)
