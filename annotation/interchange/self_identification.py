"""Finds answers that name the model that wrote them, which would break blindness.

A finding is for an administrator to review: a model's name may also be the painter Claude or the bird falcon.
A name that is an ordinary word counts only if the answer speaks of itself ("I am Command"), or if the word is
capitalised inside a sentence. Words of the prompt do not count, unless the answer speaks of itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# fmt: off
GENERIC: Final = frozenset({
    "ai", "alpha", "assistant", "base", "beta", "chat", "code", "coder", "control", "dpo",
    "experimental", "extended", "fast", "flash", "hf", "instant", "instruct", "it", "large", "latest",
    "light", "lite", "llm", "max", "medium", "mid", "mini", "model", "nano", "nightly", "open",
    "plus", "preview", "pro", "python", "rlhf", "sft", "small", "super", "supreme", "text",
    "thinking", "turbo", "ultra",
})
# fmt: on
"""Words in model names that denote an edition, not a family."""

VERSION: Final = re.compile(r"v?[0-9][0-9.]*[a-z]{0,2}|[a-z][0-9]+", re.IGNORECASE)
SENTENCE_ENDS: Final = "\n\r.!?:;-–—*#>•|。！？："

# Not \b, which does not match between a Latin and a Japanese letter.
EDGE_BEFORE: Final = r"(?<![A-Za-z0-9À-ɏ])"
EDGE_AFTER: Final = r"(?![A-Za-z0-9À-ɏ])"

OF_ITSELF: Final = (
    r"(?:\bI am|\bI['’]m|\bmy name is|\bmy name['’]s|\b(?:assistant|model|AI|chatbot|bot),? (?:called|named|known as)"
    r"|私は|わたしは|僕は|私の名前は)[ ,]*(?:the |an? )?[\"'“「]?"
)
OF_ITS_MAKER: Final = (
    r"\b(?:created|developed|made|built|trained|designed|provided|released|fine-?tuned) (?:and \w+ )?by "
    r"(?:(?:the|a|an|researchers|engineers|people|folks|team|at|from|company|called) )*[\"'“]?"
)


@dataclass(frozen=True, slots=True)
class _Patterns:
    hints: tuple[str, ...]
    """In lower case: a quick test, because no pattern can match a text that has none of these."""
    anywhere: tuple[re.Pattern[str], ...]
    """Words that can only mean the model or its organisation."""
    inside: tuple[re.Pattern[str], ...]
    """Capitalised words that count inside a sentence."""
    of_itself: tuple[re.Pattern[str], ...]


def _whole(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(EDGE_BEFORE + pattern + EDGE_AFTER, flags)


def _loose(words: list[str]) -> str:
    """Returns a pattern of `words` in a row with any separators."""
    return r"[\s\-_.()]{0,2}".join(map(re.escape, words))


@lru_cache(maxsize=4096)
def _patterns(name: str, org: str | None, api_id: str | None) -> _Patterns:
    anywhere: list[re.Pattern[str]] = []
    inside: list[re.Pattern[str]] = []
    of_itself: list[re.Pattern[str]] = []
    words = re.findall(r"[^\W_]+(?:\.[0-9]+)*", name)
    if len(words) > 1 and name != name.lower():
        anywhere.append(_whole(_loose(words), re.IGNORECASE))
    elif words:
        of_itself.append(re.compile(OF_ITSELF + _loose(words) + EDGE_AFTER, re.IGNORECASE))
    address = (api_id or "").rpartition("/")[2]
    if len(address) >= 5 and re.search(r"[0-9]", address):
        anywhere.append(_whole(re.escape(address), re.IGNORECASE))
    for word in words:
        if len(word) < 3 or word.lower() in GENERIC or VERSION.fullmatch(word):
            continue
        of_itself.append(re.compile(OF_ITSELF + re.escape(word), re.IGNORECASE))
        if word.islower():
            continue
        anywhere.append(_whole(re.escape(word) + r"[\s\-]?v?[0-9][0-9.]*[bk]?", re.IGNORECASE))
        (inside if word.istitle() else anywhere).append(_whole(re.escape(word)))
    if org and len(org) > 2:
        of_itself.append(re.compile(OF_ITS_MAKER + re.escape(org) + EDGE_AFTER, re.IGNORECASE))
        if not org.islower():
            (inside if org.istitle() and " " not in org else anywhere).append(_whole(re.escape(org)))
    telling = [word for word in words if word.lower() not in GENERIC] or words
    hints = {hint.lower() for hint in (*telling, org, address) if hint}
    return _Patterns(tuple(hints), tuple(anywhere), tuple(inside), tuple(of_itself))


def _starts_sentence(text: str, at: int) -> bool:
    before = text[max(0, at - 20) : at].rstrip(" \t\"'“「`_(")
    return not before or before[-1] in SENTENCE_ENDS


def _found(patterns: _Patterns, text: str, prompt: str) -> Iterator[str]:
    for pattern in patterns.of_itself:
        if match := pattern.search(text):
            yield match.group()
    for pattern in patterns.anywhere:
        if (match := pattern.search(text)) and match.group().lower() not in prompt:
            yield match.group()
    for pattern in patterns.inside:
        for match in pattern.finditer(text):
            if match.group().lower() not in prompt and not _starts_sentence(text, match.start()):
                yield match.group()


def names_itself(
    text: str, *, name: str, org: str | None = None, api_id: str | None = None, prompt: str = ""
) -> str | None:
    """Returns the words in `text` that name the model `name` or its organisation `org`; None if there are none."""
    patterns = _patterns(name, org, api_id)
    small = text.lower()
    if not any(hint in small for hint in patterns.hints):
        return None
    return next(_found(patterns, text, prompt.lower()), None)
