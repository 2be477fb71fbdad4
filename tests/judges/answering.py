"""Prompts with follow-up turns, and models that answer them."""

from typing import Any

from annotation.models import Prompt, Study
from judges.answers import runs, sources
from judges.answers.planning import AnswerPlan
from judges.answers.runs import answer_life
from judges.models import AnswerCall, AnswerRun, AnswerSource
from tests.builders import NOW, build_study
from tests.judges.conftest import QUICK

NEW = "Heronwood-9"
"""A model that is not in the study yet."""


def talking_study(**options: Any) -> Study:
    """Builds two models and four prompts; the second and third prompt have a second turn."""
    study = build_study(models=2, prompts=4, **options)
    for prompt in Prompt.objects.filter(slug__in=["prompt-1", "prompt-2"]):
        prompt.turns = [f"And then, of {prompt.slug}?"]
        prompt.save()
    return study


def source(study: Study, url: str, name: str = NEW, *, budget: int | None = None, **settings: Any) -> AnswerSource:
    return sources.keep_source(
        study, name, {"endpoint": url, "api_id": "heron", "parallel": 4, **settings}, budget=budget
    )


def ask(study: Study, asked: AnswerSource, plan: AnswerPlan = AnswerPlan(), **options: Any) -> AnswerRun:  # noqa: B008  frozen
    """Runs `asked` in this process until the run ends or stops."""
    return go_on(runs.start(study, asked, plan, NOW, detach=False, **options))


def go_on(run: AnswerRun) -> AnswerRun:
    answer_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run


def states(run: AnswerRun) -> dict[str, int]:
    return {state: count for state, count in answer_life.progress(run, NOW).states.items() if count}


def turns(asked: AnswerSource, slug: str, sample: int = 0) -> list[AnswerCall]:
    rows = AnswerCall.objects.filter(source=asked, prompt__slug=slug, sample=sample)
    return list(rows.select_related("answer", "result", "prompt").order_by("turn"))
