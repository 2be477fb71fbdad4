"""Finds exact and near duplicates of prompts.

Two prompts are *exact* duplicates if they differ only in case, white space and the width of their characters. They are
*near* duplicates if their words, in alphabetical order, are `NEAR` alike: the share of characters that stay if one is
edited into the other by insertions and deletions. So it makes no difference that sentences changed places.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from rapidfuzz import fuzz, process

NEAR: Final = 0.9
"""Similarity, from 0 to 1, from which two prompts are near duplicates."""

_WORD: Final = re.compile(r"\w+")


def fingerprint(text: str) -> str:
    """Returns 64 hexadecimal digits that exact duplicates share."""
    return hashlib.sha256(" ".join(_folded(text).split()).encode("utf-8", "replace")).hexdigest()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _words(text: str) -> str:
    folded = _folded(text)
    # A prompt of nothing but punctuation has no words, and is like others of its kind.
    return " ".join(sorted(_WORD.findall(folded))) or folded


@dataclass(frozen=True, slots=True)
class Nearest[K]:
    """The most similar of the known prompts, and its similarity from 0 to 1."""

    key: K
    similarity: float


@dataclass(slots=True)
class Known[K]:
    """Prompts by key, such as their primary keys, among which the most similar one is searched."""

    _texts: dict[K, str] = field(default_factory=dict)

    def add(self, key: K, text: str) -> None:
        self._texts[key] = _words(text)

    def nearest(self, text: str) -> Nearest[K] | None:
        """Returns the known prompt that is most similar to `text`; None if no prompt is known."""
        found = process.extractOne(_words(text), self._texts, scorer=fuzz.ratio, processor=None)
        return None if found is None else Nearest(found[2], found[1] / 100)
