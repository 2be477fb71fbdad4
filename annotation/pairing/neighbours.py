"""Each result against the ones that differ most from it: the pairs of the LLMFAO study.

Answers that are nearly the same teach a voter nothing. Distant ones are easy to tell apart, and
since every result picks its own most distant ones, the links hold the results of a prompt together.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from annotation.pairing.strategy import Links, Options, Unconnected, ordered


def link(texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
    """Links each text to its `options.neighbours` most distant ones; nothing is random in it.

    Of texts that are equally distant the one stored first is taken. A pair that both sides picked is
    one pair.

    Raises:
        Unconnected: the links do not hold all texts together.
    """
    if len(texts) < 2:
        return ordered(np.empty((0, 2), dtype=np.intp))
    count = min(options.neighbours, len(texts) - 1)
    distance = distances(texts)
    # No text is its own neighbour, not even where all the others are the same as it.
    np.fill_diagonal(distance, -1)
    picked = np.argsort(-distance, axis=1, kind="stable")[:, :count]
    links = ordered(np.column_stack([np.repeat(np.arange(len(texts)), count), picked.ravel()]))
    _require_connected(links, len(texts))
    return links


def distances(texts: Sequence[str]) -> NDArray[np.int32]:
    """The symmetric matrix of Levenshtein distances between the texts, stripped and in lower case.

    One call on all cores, each unordered pair once. A list of pairs is shared out evenly among the
    cores, where the rows of half a matrix would not be; bench/pairs.py measures it.
    """
    plain = [text.strip().lower() for text in texts]
    first, second = np.triu_indices(len(plain), 1)
    matrix = np.zeros((len(plain), len(plain)), dtype=np.int32)
    matrix[first, second] = matrix[second, first] = cpdist(
        [plain[index] for index in first.tolist()],
        [plain[index] for index in second.tolist()],
        scorer=Levenshtein.distance,
        dtype=np.int32,
        workers=-1,
    )
    return matrix


def _require_connected(links: Links, size: int) -> None:
    graph = coo_array((np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(size, size))
    parts, part_of = connected_components(graph, directed=False)
    if parts > 1:
        groups = [np.flatnonzero(part_of == part).tolist() for part in range(parts)]
        raise Unconnected(sorted(groups, key=len, reverse=True))
