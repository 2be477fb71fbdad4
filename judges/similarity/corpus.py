"""Reads the answers that are compared, some prompts at a time, so that memory does not grow with their number."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import batched
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.interchange.reasoning import parted
from annotation.models import Result, Study
from judges.similarity.measure import Block

CHARACTERS: Final = 2_000_000
"""Characters of answers at which a block is closed, unless it is to be smaller."""

READ: Final = 20
"""Prompts whose answers are read at once."""


def said(turns: Sequence[str]) -> str:
    """Returns an answer as it is compared: all its turns, without the model's reasoning."""
    return "\n".join(parted(turn)[1] for turn in turns)


@dataclass(frozen=True, slots=True)
class Part:
    """The answers to some prompts, as rows: `places` (rows, 2) are their prompts and models, indices into the corpus.

    `results` are their primary keys.
    """

    block: Block
    results: Sequence[int]
    places: NDArray[np.int64]
    start: int
    """The first of its prompts; they follow one another."""
    stop: int


@dataclass(frozen=True)
class Corpus:
    """The prompts that a study offers, by their numbers, and its models, by primary key.

    Of several samples the first is compared.
    """

    study: Study

    @cached_property
    def models(self) -> list[int]:
        return list(self.study.models_compared().order_by("pk").values_list("pk", flat=True))

    @cached_property
    def prompts(self) -> list[int]:
        return list(self.study.prompts().order_by("number", "pk").values_list("pk", flat=True))

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two models, as indices."""
        size = len(self.models)
        return [(x, y) for x in range(size) for y in range(x + 1, size)]

    @cached_property
    def answered(self) -> NDArray[np.bool_]:
        """(prompts, models) whether there is an answer."""
        found = np.zeros((len(self.prompts), len(self.models)), np.bool_)
        prompt_at, model_at = _places(self.prompts), _places(self.models)
        rows = self._results.order_by().values_list("prompt", "model")
        for prompt, model in rows.iterator(10_000):
            if prompt in prompt_at:
                found[prompt_at[prompt], model_at[model]] = True
        return found

    @property
    def _results(self) -> Any:
        return Result.objects.filter(prompt_set=self.study.prompt_set_id, sample=0, model__in=self.models)

    def prompt_texts(self, keys: Sequence[int]) -> dict[int, str]:
        """Returns the texts of prompts, all turns of each, by primary key."""
        rows = self.study.prompt_set.prompts.filter(pk__in=keys).values_list("pk", "text", "turns")
        return {key: "\n".join([text, *turns]) for key, text, turns in rows}

    def parts(self, pairs: Sequence[tuple[int, int]], block: int = CHARACTERS) -> Iterator[Part]:
        """Yields all answers, prompt by prompt, in blocks; `pairs` of models are compared where both have answered.

        Answers of models that are in none of them are left out.
        """
        wanted = sorted({model for pair in pairs for model in pair})
        model_at = {self.models[place]: place for place in wanted}
        start, texts, results, places, size = 0, [], [], [], 0
        for some in batched(range(len(self.prompts)), READ, strict=False):
            keys = {self.prompts[place]: place for place in some}
            rows = self._results.filter(prompt__in=keys, model__in=model_at)
            found = [
                (keys[prompt], model_at[model], key, said([text, *turns]))
                for prompt, model, key, text, turns in rows.order_by().values_list(
                    "prompt", "model", "pk", "text", "turns"
                )
            ]
            for prompt, model, key, text in sorted(found, key=lambda row: row[:2]):
                places.append((prompt, model))
                results.append(key)
                texts.append(text)
                size += len(text)
            if size >= min(block, CHARACTERS):
                yield self._part(texts, results, places, pairs, start, some[-1] + 1)
                start, texts, results, places, size = some[-1] + 1, [], [], [], 0
        if start < len(self.prompts):
            yield self._part(texts, results, places, pairs, start, len(self.prompts))

    def _part(
        self,
        texts: list[str],
        results: list[int],
        places: list[tuple[int, int]],
        pairs: Sequence[tuple[int, int]],
        start: int,
        stop: int,
    ) -> Part:
        asked = self.prompt_texts(self.prompts[start:stop])
        at = np.array(places, np.int64).reshape(-1, 2)
        row_of = np.full((stop - start, len(self.models)), -1, np.int64)
        row_of[at[:, 0] - start, at[:, 1]] = np.arange(len(at))
        x, y = np.array(pairs, np.int64).reshape(-1, 2).T
        left, right = row_of[:, x].ravel(), row_of[:, y].ravel()
        there = (left >= 0) & (right >= 0)
        block = Block(
            texts,
            [asked[self.prompts[place]] for place in at[:, 0].tolist()],
            at[:, 0] - start,
            left[there],
            right[there],
        )
        return Part(block, results, at, start, stop)

    def digests(self) -> NDArray[np.void]:
        """Returns (prompts, models) digests of prompts' keys and texts with the answers; zeros without one."""
        found = np.zeros((len(self.prompts), len(self.models)), "V16")
        for part in self.parts(self.pairs):
            for place, text, asked in zip(part.places.tolist(), part.block.texts, part.block.asked, strict=True):
                words = json.dumps([self.prompts[place[0]], asked, text]).encode()
                found[place[0], place[1]] = np.void(hashlib.blake2b(words, digest_size=16).digest())
        return found


def _places(keys: Sequence[int]) -> Mapping[int, int]:
    return {key: place for place, key in enumerate(keys)}
