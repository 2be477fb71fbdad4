"""Pairs each result with the ones that differ most from it, as in the LLMFAO study.

Votes between nearly equal answers carry no information. Distant answers are easy to tell apart, and because
every result picks its own most distant ones, the pairs connect the results of a prompt.
"""

from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from annotation.pairing.strategy import Links, Options, Unconnected, ordered


def link(texts: Sequence[str], options: Options, rng: np.random.Generator) -> Links:
    """Links each text to its `options.neighbours` most distant ones, without randomness.

    Among equally distant texts the one stored first is taken. A link that both texts choose counts once.

    Raises:
        Unconnected: the links do not connect all texts.
    """
    if len(texts) < 2:
        return ordered(np.empty((0, 2), dtype=np.intp))
    count = min(options.neighbours, len(texts) - 1)
    distance = distances(texts)
    # No text is its own neighbour, even if all others are equal to it.
    np.fill_diagonal(distance, -1)
    picked = np.argsort(-distance, axis=1, kind="stable")[:, :count]
    links = ordered(np.column_stack([np.repeat(np.arange(len(texts)), count), picked.ravel()]))
    _require_connected(links, len(texts))
    return links


def distances(texts: Sequence[str]) -> NDArray[np.int32]:
    """Returns the symmetric matrix of Levenshtein distances between the texts, stripped and in lower case.

    One call on all cores computes each unordered pair once. A list of pairs is distributed evenly among the
    cores, unlike the rows of half a matrix; bench/pairs.py measures it.
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
    graph = scipy.sparse.coo_array((np.ones(len(links), dtype=np.int8), (links[:, 0], links[:, 1])), shape=(size, size))
    parts, part_of = scipy.sparse.csgraph.connected_components(graph, directed=False)
    if parts > 1:
        groups = [np.flatnonzero(part_of == part).tolist() for part in range(parts)]
        raise Unconnected(sorted(groups, key=len, reverse=True))
