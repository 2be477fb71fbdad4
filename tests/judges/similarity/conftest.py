"""Studies whose answers are compared, and runs that compare them in this process."""

from typing import Any

import pytest

from annotation.models import LanguageModel, Result, Study
from judges.models import SimilarityRun
from judges.similarity import runs
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from tests.builders import MARK, NOW, build_study
from tests.judges.conftest import QUICK


@pytest.fixture
def bare(db: None) -> Study:
    """Three models, four prompts, and no pairs."""
    study = build_study("bare", opened=False)
    study.pairs.all().delete()
    return study


def compared(study: Study, terms: Terms = Terms(), judge: Any = None, **options: Any) -> SimilarityRun:  # noqa: B008  frozen
    """Runs the comparison in this process until the run ends or stops."""
    run = runs.start(study, terms, judge, NOW, detach=False, **options)
    similarity_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run


def add_model(study: Study, name: str = "Newcomer") -> LanguageModel:
    """Adds a model that has answered every prompt of `study`."""
    prompt_set = study.prompt_set
    model = LanguageModel.objects.create(prompt_set=prompt_set, number=MARK + 500, name=name)
    Result.objects.bulk_create(
        Result(prompt_set=prompt_set, number=MARK + 60_000 + index, prompt=prompt, model=model, text=f"{name} {index}.")
        for index, prompt in enumerate(prompt_set.prompts.all())
    )
    return model
