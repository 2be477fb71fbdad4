"""Lexical similarity: the cosine of the counts of character trigrams. It needs no endpoint.

Texts are compared as NFKC in lower case, with one blank for any run of them and one at either end, so that the
shortest text has a trigram too. Source: Damashek, Gauging similarity with n-grams, Science 267 (1995).
"""

import unicodedata
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import scipy
from numpy.typing import NDArray

from annotation.problems import gettext_noop
from judges.similarity.measure import Block, Hear, Measure, Scores

GRAM: Final = 3
BITS: Final = 21
"""Bits of a code point. Three fit into 64 bits, so no two trigrams share a number."""


def plain(text: str) -> str:
    """Returns `text` as it is compared."""
    return f" {' '.join(unicodedata.normalize('NFKC', text).casefold().split())} "


def grams(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns every trigram of `texts` as a number, and the index of its text; both (trigrams,)."""
    letters = [plain(text) for text in texts]
    lengths = np.fromiter(map(len, letters), np.int64, len(letters))
    codes = np.frombuffer("".join(letters).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
    if len(codes) < GRAM:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    packed = (codes[:-2] << 2 * BITS) | (codes[1:-1] << BITS) | codes[2:]
    text = np.repeat(np.arange(len(letters)), lengths)
    whole = text[:-2] == text[2:]
    return packed[whole], text[: -GRAM + 1][whole]


def vectors(texts: Sequence[str], group: NDArray[np.int64] | None = None) -> Any:
    """Returns the counts of trigrams as a sparse array (texts, trigrams that occur), each row of length 1.

    With `group` (texts,), texts of different groups share no column, so that the product of the array with itself
    compares only texts of one group. A blank text has a row of zeros.
    """
    packed, text = grams(texts)
    _kinds, column = np.unique(packed, return_inverse=True)
    if group is not None:
        width = len(_kinds)
        _kinds, column = np.unique(group[text] * width + column, return_inverse=True)
    counts = scipy.sparse.coo_array((np.ones(len(text)), (text, column)), shape=(len(texts), len(_kinds))).tocsr()
    length = np.sqrt(counts.multiply(counts).sum(axis=1)).ravel()
    scale = np.divide(1.0, length, out=np.zeros(len(length)), where=length > 0)
    counts.data *= np.repeat(scale, np.diff(counts.indptr))
    return counts


def similarities(
    texts: Sequence[str], group: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns (pairs,) the cosines of the texts `left` and `right`, indices of texts of the same group; from 0 to 1.

    Two blank texts are the same text; a blank one and another have nothing in common.
    """
    if not len(left):
        return np.empty(0)
    rows = vectors(texts, group)
    lefts, left_at = np.unique(left, return_inverse=True)
    rights, right_at = np.unique(right, return_inverse=True)
    product = (rows[lefts] @ rows[rights].T).tocsr()
    found = np.asarray(product[left_at, right_at], dtype=np.float64).reshape(-1)
    empty = np.diff(rows.indptr) == 0
    return np.where(empty[left] & empty[right], 1.0, np.clip(found, 0.0, 1.0))


def score(block: Block, hear: Hear) -> Scores:
    """Returns the similarities of a block; nothing is asked."""
    return Scores.of(similarities(block.texts, block.group, block.left, block.right)[None])


MEASURE: Final = Measure(
    "lexical",
    gettext_noop("Lexical"),
    gettext_noop("Cosine of character trigrams, from 0 to 1. Needs no endpoint and costs nothing."),
    "nothing",
    score,
    block=2_000_000,
)
