"""Similarity of embeddings: the cosine of the vectors that an endpoint returns for the two answers."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.problems import gettext_noop
from judges.similarity.measure import NO_ANSWER, Ask, Block, Hear, Heard, Measure, Scores, both, worst


def requests(block: Block) -> Iterator[Ask]:
    """Yields one request for each answer that is compared, however many others it is compared with.

    A blank answer has none: endpoints refuse blank texts.
    """
    for row in block.used:
        if block.texts[row].strip():
            yield Ask(row, -1, 0, (block.texts[row],))


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Returns the rows of `vectors` (n, d) at length 1; none of them is zero."""
    wide = vectors.astype(np.float64)
    return wide / np.linalg.norm(wide, axis=1, keepdims=True)


def score(block: Block, hear: Hear) -> Scores:
    """Returns the cosines of a block, from -1 to 1."""
    heard: dict[int, Heard] = {ask.left: hear(ask) for ask in requests(block)}
    known = {row: unit(found.vectors)[0] for row, found in heard.items() if found.vectors is not None}
    state_of = {row: worst([found.state]) for row, found in heard.items()}
    values, states = np.full((1, len(block.left)), np.nan), []
    for place, (left, right) in enumerate(zip(block.left.tolist(), block.right.tolist(), strict=True)):
        states.append(both(state_of.get(left, NO_ANSWER), state_of.get(right, NO_ANSWER)))
        if left in known and right in known:
            values[0, place] = np.clip(known[left] @ known[right], -1.0, 1.0)
    return Scores.of(values, states)


MEASURE: Final = Measure(
    "embedding",
    gettext_noop("Embedding"),
    gettext_noop("Cosine of the embeddings of both answers, from -1 to 1. One request per answer."),
    "embeddings",
    score,
    requests,
)
