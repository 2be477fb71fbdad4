"""Small studies for tests, built through the services that the site uses."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Purpose, Result, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.voting import joining
from tests.built_once import built_once

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

MARK = 900_000_000
"""Numbers above this one occur in no page by chance."""


@built_once
def build_study(
    slug: str = "haiku", *, models: int = 3, prompts: int = 4, opened: bool = True, **settings: Any
) -> Study:
    """A study with every pair of `models` results to each of `prompts` prompts, opened, without checks."""
    prompt_set = PromptSet.objects.create(slug=slug, name=slug)
    answering = LanguageModel.objects.bulk_create(
        LanguageModel(
            prompt_set=prompt_set,
            number=MARK + index,
            name=f"Quillfinch-{index}",
            org=f"Ostrava Labs {index}",
            api_id=f"ostrava/quillfinch-{index}",
        )
        for index in range(models)
    )
    study = lifecycle.create_study(slug, prompt_set, name=f"The {slug} study")
    asked = Prompt.objects.bulk_create(
        Prompt(
            prompt_set=prompt_set,
            number=MARK + 10_000 + index,
            text=f"Prompt {index}?",
            type="code" if index % 2 else "prose",
            slug=f"prompt-{index}",
        )
        for index in range(prompts)
    )
    results = Result.objects.bulk_create(
        Result(
            prompt_set=prompt_set,
            number=MARK + 20_000 + index * models + place,
            prompt=prompt,
            model=model,
            text=f"Answer {place} to prompt {index}.",
        )
        for index, prompt in enumerate(asked)
        for place, model in enumerate(answering)
    )
    drawn = [
        (index, first, second)
        for index in range(prompts)
        for first in range(models)
        for second in range(first + 1, models)
    ]
    Pair.objects.bulk_create(
        Pair(
            study=study,
            number=MARK + 30_000 + number,
            prompt=asked[index],
            model_x=answering[first],
            model_y=answering[second],
            result_x=results[index * models + first],
            result_y=results[index * models + second],
            key=((number * 0.618033988749895) % 1.0),
        )
        for number, (index, first, second) in enumerate(drawn)
    )
    study = lifecycle.change_settings(study, {"check_rate": 0.0, "least_votes": 1, "most_votes": 40, **settings})
    return lifecycle.start(study) if opened else study


def add_golden_pairs(study: Study, goldens: list[str], purpose: Purpose = Purpose.TRAINING) -> list[Pair]:
    """Training (or check) pairs of `study` with these golden answers, x being the better where it is "x"."""
    prompt = study.prompt_set.prompts.order_by("pk")[0]
    model_x, model_y = study.prompt_set.models.order_by("pk")[:2]
    first = Pair.objects.filter(study=study).exclude(purpose=Purpose.VOTE).count()
    return [
        Pair.objects.create(
            study=study,
            number=-1 - first - index,
            purpose=purpose,
            prompt=prompt,
            model_x=model_x,
            model_y=model_y,
            own_text=f"A {purpose} prompt {index}?",
            own_x=f"Own answer x {index}.",
            own_y=f"Own answer y {index}.",
            golden=golden,
            reason=f"Because {index}.",
            key=(index + 0.5) / len(goldens),
        )
        for index, golden in enumerate(goldens)
    ]


def build_worker(
    study: Study, external_id: str | None = None, *, stage: str = Stage.VOTING, at: datetime = NOW
) -> Worker:
    """A worker of `study` who has consented, taken to `stage`."""
    worker = joining.consent(
        study, version=study.consent_version, external_id=external_id, platform={}, device="computer", at=at
    )
    if stage == Stage.INSTRUCTIONS:
        return worker
    worker = joining.begin(worker, at)
    if worker.stage == Stage.TRAINING and stage == Stage.VOTING:
        worker.stage, worker.trained_at = Stage.VOTING, at
        worker.save()
    return worker


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)
