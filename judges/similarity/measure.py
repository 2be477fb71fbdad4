"""What a measure of similarity is to the rest of the room: what it asks an endpoint, and the scores it makes of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

type Asks = Literal["nothing", "embeddings", "chat"]
type Floats = NDArray[np.float64]

SCORED: Final = "scored"
DROPPED: Final = "dropped"
NO_ANSWER: Final = "no-answer"
"""One of the models has no answer, or a blank one that the measure can say nothing about."""
NOT_ASKED: Final = "not-asked"
STATES: Final = (SCORED, DROPPED, NO_ANSWER, NOT_ASKED, "failed", "refused", "unreadable", "truncated")
"""What became of one prompt for two models. Only `scored` has a number; the last four are those of its calls."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: texts to embed, or two answers to compare in this order.

    `left` and `right` are rows of a block; `right` is -1 where one answer alone is embedded. `part` counts the
    requests about one answer.
    """

    left: int
    right: int
    part: int
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a request: the state of its call and, if that is `ok`, the vectors (n, d) or the score."""

    state: str
    vectors: NDArray[np.float32] | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """The answers to some prompts, and which of them are compared.

    `texts` are the answers, a row each; `asked` are the texts of their prompts. `left` and `right` (pairs,) are the
    rows of two answers to the same prompt. `group` (rows,) tells the prompts apart.
    """

    texts: Sequence[str]
    asked: Sequence[str]
    group: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]

    @property
    def used(self) -> list[int]:
        """The rows that are compared with any other, in order."""
        return [int(row) for row in np.unique(np.concatenate([self.left, self.right]))]


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a block: `values` (columns, pairs), NaN where the state (pairs,), an index of `STATES`, is not 0."""

    values: Floats
    states: NDArray[np.uint8]

    @classmethod
    def of(cls, values: Floats, states: Sequence[str] | None = None) -> "Scores":
        found = np.zeros(values.shape[1], np.uint8)
        if states is not None:
            found = np.array([STATES.index(state) for state in states], np.uint8).reshape(-1)
        return cls(np.where(found == 0, values, np.nan), found)


type Hear = Callable[[Ask], Heard]
"""What came of a request."""


def _no_asks(block: Block) -> Iterator[Ask]:
    yield from ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A way to say how alike two answers are; greater is more alike.

    `label` and `help` are English, and translated where they are shown. `asks` says what its endpoint is asked, if
    it needs one. `columns` are the names of its numbers, the first of which is the similarity. `requests` yields what
    must be asked about a block, and `score` makes the scores of what came of it. `version` changes with the scores.
    `block` is how many characters of answers are scored at once: vectors take many times the room of their texts.
    """

    name: str
    label: str
    help: str
    asks: Asks
    score: Callable[[Block, Hear], Scores]
    requests: Callable[[Block], Iterator[Ask]] = _no_asks
    columns: tuple[str, ...] = ("similarity",)
    version: int = 1
    block: int = 200_000


def worst(states: Sequence[str]) -> str:
    """Returns the state of a score that needs several calls: `scored` if all are `ok`, else that of the first other."""
    return next((_named(state) for state in states if state != "ok"), SCORED)


def both(left: str, right: str) -> str:
    """Returns the state of a score from those of the two answers."""
    return right if left == SCORED else left


def _named(state: str) -> str:
    return state if state in STATES else NOT_ASKED
