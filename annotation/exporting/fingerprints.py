"""SHA-256 digests of prompts and answers as shown, which tell texts apart without storing them in an export."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from django.db.models.functions import Coalesce

from annotation.models import Pair, Prompt, Result

REMEMBERED: Final = 60_000
"""Maximum digests of texts of each kind to keep during an export: about 15 MB."""


class Digests:
    """SHA-256 digests of texts, in batches; each text is fetched once while its digest is kept."""

    def __init__(self, texts: Callable[[set[int]], Iterable[tuple[int, Sequence[str]]]]) -> None:
        self._texts = texts
        self._known: dict[int, tuple[str, ...]] = {}

    def prepare(self, keys: Iterable[int | None]) -> None:
        wanted = {key for key in keys if key is not None}
        if len(self._known) > REMEMBERED:
            self._known.clear()
        if missing := wanted - self._known.keys():
            for key, texts in self._texts(missing):
                self._known[key] = tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)

    def __getitem__(self, key: int) -> tuple[str, ...]:
        return self._known[key]


def whole(text: str, turns: Sequence[str]) -> str:
    """Returns the text that a conversation's digest covers: its turns, separated by NUL, which no text contains."""
    return "\0".join([text, *turns])


def prompts() -> Digests:
    """Returns the digests of prompts, by primary key."""
    return Digests(_prompts)


def results() -> Digests:
    """Returns the digests of answers, by primary key."""
    return Digests(_results)


def own_texts() -> Digests:
    """Returns the digests of the texts of training and check pairs, by primary key: prompt, x, y."""
    return Digests(_own_texts)


def _prompts(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    for pk, text, turns in Prompt.objects.filter(pk__in=keys).values_list("pk", "text", "turns").iterator():
        yield pk, [whole(text, turns)]


def _results(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    for pk, text, turns in Result.objects.filter(pk__in=keys).values_list("pk", "text", "turns").iterator():
        yield pk, [whole(text, turns)]


def _own_texts(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    rows = Pair.objects.filter(pk__in=keys)
    for pk, text, own_x, own_y in rows.values_list("pk", Coalesce("own_text", "prompt__text"), "own_x", "own_y"):
        yield pk, [text, own_x, own_y]
