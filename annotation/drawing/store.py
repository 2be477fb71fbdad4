"""Stores draws: the rows of pairs that have none, the slots that open, and what each draw came from."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from django.db.models import Count, F

from annotation.models import Assignment, Draw, DrawBatch, Pair, Status, Study
from annotation.numbering import next_number

WHAT_COUNTS: Final = (
    *("offering", "overlap", "pair_identical", "mix", "floor", "draw_seed"),
    *("only_types", "only_slugs", "exclude_types", "exclude_slugs"),
)
"""The settings that a batch depends on."""


class Changed(Exception):
    """The study was paused or changed while the batch was being drawn; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A pair to be drawn: the models and the prompt by their keys."""

    model_1: int
    model_2: int
    prompt: int
    strategy: str
    version: int
    probability: float | None


def basis(study: Study) -> tuple[Any, ...]:
    """Returns what a batch of `study` depends on, besides answers and votes."""
    models = sorted(study.language_models.values_list("pk", flat=True))
    return (*(getattr(study, name) for name in WHAT_COUNTS), models)


def lock(study: Study, before: tuple[Any, ...], **claim: Any) -> Study:
    """Returns the study, locked until the transaction ends against other draws and changes of its settings.

    `before` is its `basis` as the batch was drawn from it, `claim` more fields as they must be.

    Raises:
        Changed: it is not open any more, or its settings or the claim are others.
    """
    locked = Study.objects.select_for_update(no_key=True).filter(pk=study.pk, status=Status.OPEN, **claim).first()
    if locked is None or basis(locked) != before:
        raise Changed
    return locked


def store(
    study: Study, drawings: Sequence[Drawing], at: datetime, rng: np.random.Generator, **batch: Any
) -> list[Draw]:
    """Stores a batch of `study`, which `lock` has locked, and opens a slot for each of its draws.

    `batch` are the fields of the batch. Draws whose pair has all its places by now are left out, and so are those of
    answers that are gone. Without any draws, nothing is stored.
    """
    pairs = _pairs(study, drawings, rng)
    # In one order, as everything that locks several pairs does.
    keys = {pair.pk for pair in pairs.values()}
    locked = {pair.pk: pair for pair in Pair.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")}
    used = _used_slots(locked)
    raised: Counter[int] = Counter()
    found: list[Draw] = []
    for drawing in drawings:
        pair = pairs.get(_name(drawing))
        if pair is None or locked[pair.pk].wanted + raised[pair.pk] >= study.overlap:
            continue
        raised[pair.pk] += 1
        slot = next(free for free in range(len(used[pair.pk]) + 1) if free not in used[pair.pk])
        used[pair.pk].add(slot)
        found.append(
            Draw(
                position=len(found),
                pair=pair,
                slot=slot,
                strategy=drawing.strategy,
                version=drawing.version,
                probability=drawing.probability,
            )
        )
    if not found:
        return []
    last = DrawBatch.objects.filter(study=study).order_by("-number").annotate(size=Count("draws")).first()
    row = DrawBatch.objects.create(
        study=study,
        number=last.number + 1 if last else 1,
        before=last.before + last.size if last else 0,
        created_at=at,
        **batch,
    )
    for draw in found:
        draw.batch = row
    Draw.objects.bulk_create(found)
    by_number: dict[int, list[int]] = defaultdict(list)
    for pair_id, number in raised.items():
        by_number[number].append(pair_id)
    for number, some in by_number.items():
        Pair.objects.filter(pk__in=some).update(wanted=F("wanted") + number)
    return found


def _name(drawing: Drawing) -> tuple[int, int, int]:
    return drawing.prompt, min(drawing.model_1, drawing.model_2), max(drawing.model_1, drawing.model_2)


def _pairs(study: Study, drawings: Sequence[Drawing], rng: np.random.Generator) -> dict[tuple[int, int, int], Pair]:
    """Returns the pair of each drawing, by prompt and models; adds the rows that are missing."""
    prompts = {drawing.prompt for drawing in drawings}
    models = {model for drawing in drawings for model in (drawing.model_1, drawing.model_2)}
    answers = study.answers().filter(prompt__in=prompts, model__in=models)
    results = {(prompt, model): pk for prompt, model, pk in answers.values_list("prompt", "model", "pk")}
    there = (
        Pair.objects.filter(study=study, prompt__in=prompts)
        .votable()
        .order_by("-pk")
        .only("pk", "result_x", "result_y")
    )
    known = {frozenset((pair.result_x_id, pair.result_y_id)): pair for pair in there}
    number = next_number(Pair.objects.filter(study=study))
    found: dict[tuple[int, int, int], Pair] = {}
    missing: list[Pair] = []
    for drawing in drawings:
        name = _name(drawing)
        ends = [results.get((drawing.prompt, model)) for model in name[1:]]
        # Drawn once for each, whatever is there, so that the same seed draws the same later on.
        turned, key = rng.random() < 0.5, float(rng.random())
        if None in ends or name in found:
            continue
        pair = known.get(frozenset(ends))
        if pair is None:
            (model_x, result_x), (model_y, result_y) = sorted(zip(name[1:], ends, strict=True), reverse=bool(turned))
            pair = Pair(
                study=study,
                number=number + len(missing),
                prompt_id=drawing.prompt,
                model_x_id=model_x,
                model_y_id=model_y,
                result_x_id=result_x,
                result_y_id=result_y,
                key=key,
            )
            missing.append(pair)
        found[name] = pair
    Pair.objects.bulk_create(missing)
    return found


def _used_slots(pairs: dict[int, Pair]) -> dict[int, set[int]]:
    """Returns the slots of each pair that somebody holds or an earlier draw opened."""
    used: dict[int, set[int]] = {pair_id: set() for pair_id in pairs}
    held = Assignment.objects.filter(slot__isnull=False, pair__in=pairs)
    for rows in (held, Draw.objects.filter(pair__in=pairs)):
        for pair_id, slot in rows.values_list("pair", "slot"):
            if slot is not None:
                used[pair_id].add(slot)
    return used
