"""Similarity of sentences: each sentence is matched with the one most like it in the other answer.

After BERTScore (Zhang et al., ICLR 2020, arXiv 1904.09675, section 3), with the embeddings of sentences in the place
of tokens. Precision is the mean over the sentences of the left answer of their greatest cosine to one of the right
answer, recall the same the other way round, and F1 their harmonic mean.
"""

from collections.abc import Iterator
from itertools import batched
from typing import Final

import numpy as np
from numpy.typing import NDArray

from annotation.problems import gettext_noop
from judges.similarity import text_units
from judges.similarity.embedding import unit
from judges.similarity.measure import NO_ANSWER, Ask, Block, Hear, Measure, Scores, both, worst

AT_ONCE: Final = 32
"""Sentences per request; some servers take no more."""


def requests(block: Block) -> Iterator[Ask]:
    """Yields the requests for each answer that is compared; an answer without a word has none."""
    for row in block.used:
        for part, some in enumerate(batched(text_units.sentences(block.texts[row]), AT_ONCE)):
            yield Ask(row, -1, part, some)


def match(left: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[float, float, float]:
    """Returns F1, precision and recall of two answers, given as unit vectors of their sentences, (n, d) and (m, d).

    F1 is 0 where precision or recall is not positive: the harmonic mean of such numbers means nothing.
    """
    cosines = np.clip(left @ right.T, -1.0, 1.0)
    precision, recall = float(cosines.max(axis=1).mean()), float(cosines.max(axis=0).mean())
    if precision <= 0 or recall <= 0:
        return 0.0, precision, recall
    return 2 * precision * recall / (precision + recall), precision, recall


def score(block: Block, hear: Hear) -> Scores:
    """Returns F1, precision and recall of a block."""
    states: dict[int, list[str]] = {}
    parts: dict[int, list[NDArray[np.float64]]] = {}
    for ask in requests(block):
        heard = hear(ask)
        states.setdefault(ask.left, []).append(heard.state)
        if heard.vectors is not None:
            parts.setdefault(ask.left, []).append(unit(heard.vectors))
    whole = {row: worst(found) for row, found in states.items()}
    known = {row: np.concatenate(parts[row]) for row in states if all(state == "ok" for state in states[row])}
    values, found_states = np.full((3, len(block.left)), np.nan), []
    for place, (left, right) in enumerate(zip(block.left.tolist(), block.right.tolist(), strict=True)):
        if left in known and right in known:
            values[:, place] = match(known[left], known[right])
        found_states.append(both(whole.get(left, NO_ANSWER), whole.get(right, NO_ANSWER)))
    return Scores.of(values, found_states)


MEASURE: Final = Measure(
    "sentences",
    gettext_noop("Sentences"),
    gettext_noop(
        "Greedy matching of sentence embeddings, as in BERTScore. F1 is the similarity; precision and recall are kept."
    ),
    "embeddings",
    score,
    requests,
    ("f1", "precision", "recall"),
)
