"""Flags answers that an administrator should review: with reasoning in the text, empty, or identical to others."""

import hashlib
from collections import defaultdict
from collections.abc import Collection
from itertools import batched
from typing import Final

from django.db.models import Count, QuerySet

from annotation.interchange.reasoning import parted, said
from annotation.models import Result, ResultFlag, Upload

BATCH: Final = 1000
TEXTS: Final = 100
"""Answers read at a time, which may be long."""

EXCERPT: Final = 200
"""Characters of the reasoning that a flag shows."""


def flag(results: QuerySet[Result]) -> None:
    """Flags those of `results` that need a review, and identical answers to their prompts.

    Call it inside a transaction. Answers that name their own model are flagged where their texts are read.
    """
    flags: list[ResultFlag] = []
    for pk, text, turns in results.values_list("pk", "text", "turns").iterator(chunk_size=TEXTS):
        parts = [parted(answer or "") for answer in (text, *turns)]
        if thoughts := next((thoughts for thoughts, _spoken in parts if thoughts), ""):
            excerpt = " ".join(thoughts.split())[:EXCERPT]
            flags.append(ResultFlag(result_id=pk, kind=ResultFlag.Kind.REASONING, found=excerpt))
        if any(not spoken.strip() for _thoughts, spoken in parts):
            flags.append(ResultFlag(result_id=pk, kind=ResultFlag.Kind.EMPTY, found=""))
    ResultFlag.objects.bulk_create(flags, batch_size=BATCH, ignore_conflicts=True)
    flag_identical(list(results.order_by("prompt").values_list("prompt", flat=True).distinct()))


def counts(upload: Upload | None) -> dict[str, int]:
    """Returns how many answers of `upload` have reasoning, are empty or are identical to others, without zeros."""
    kinds = (ResultFlag.Kind.REASONING, ResultFlag.Kind.EMPTY, ResultFlag.Kind.IDENTICAL)
    rows = ResultFlag.objects.filter(result__upload=upload, kind__in=kinds).order_by("kind")
    return {} if upload is None else dict(rows.values_list("kind").annotate(Count("pk")))


def flag_identical(prompts: Collection[int]) -> None:
    """Flags the answers of different models to these prompts that are the same, with the other models' names.

    Reasoning does not count, and neither does white space at the ends.
    """
    for keys in batched(prompts, BATCH, strict=False):
        ResultFlag.objects.filter(result__prompt__in=keys, kind=ResultFlag.Kind.IDENTICAL).delete()
        rows = Result.objects.filter(prompt__in=keys).order_by("pk")
        alike: dict[tuple[int, int, bytes], list[tuple[int, str]]] = defaultdict(list)
        for pk, prompt, sample, name, text, turns in rows.values_list(
            "pk", "prompt", "sample", "model__name", "text", "turns"
        ).iterator(chunk_size=TEXTS):
            alike[prompt, sample, digest(text, turns)].append((pk, name))
        flags = [
            ResultFlag(
                result_id=pk,
                kind=ResultFlag.Kind.IDENTICAL,
                found=", ".join(other for key, other in group if key != pk),
            )
            for group in alike.values()
            if len(group) > 1
            for pk, _name in group
        ]
        ResultFlag.objects.bulk_create(flags, batch_size=BATCH)


def digest(text: str, turns: Collection[str]) -> bytes:
    """Returns a digest of an answer by which identical ones are found."""
    return hashlib.sha256(said((text, *turns)).encode("utf-8", "replace")).digest()[:16]
