"""Prompt sets whose prompts a model evolves."""

from typing import Any

from annotation.models import Prompt, PromptSet
from judges.answers import sources
from judges.evolve import runs
from judges.evolve.planning import EvolvePlan, Recipe
from judges.evolve.runs import evolve_life
from judges.models import AnswerSource, EvolveCall, EvolvedPrompt, EvolveRun
from tests.builders import NOW
from tests.judges.conftest import QUICK

WRITER = "Heronwood-9"
"""The model that writes prompts."""


def prompt_set(number: int = 3, **fields: Any) -> PromptSet:
    """A set of `number` problems with reference answers, in English."""
    made = PromptSet.objects.create(slug="seeds", name="Seeds")
    Prompt.objects.bulk_create(
        Prompt(
            **{
                "prompt_set": made,
                "number": 100 + place,
                "text": f"Write an entry about harbour {place} in a travel diary.",
                "references": [f"It has {place} ships.\n#### {place}"],
                "type": "sea",
                "lang": "en",
                **fields,
            }
        )
        for place in range(number)
    )
    return made


def writer(made: PromptSet, url: str, *, budget: int | None = None, **settings: Any) -> AnswerSource:
    given = {"endpoint": url, "api_id": "heron", "parallel": 4, **settings}
    return sources.keep_source_in(made, WRITER, given, budget=budget)


def evolve(
    made: PromptSet,
    source: AnswerSource,
    recipe: Recipe = Recipe("writing"),  # noqa: B008  frozen
    plan: EvolvePlan = EvolvePlan(),  # noqa: B008  frozen
    **options: Any,
) -> EvolveRun:
    """Runs `source` in this process until the run ends or stops."""
    return go_on(runs.start(made, source, recipe, plan, NOW, detach=False, **options))


def go_on(run: EvolveRun) -> EvolveRun:
    evolve_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run


def states(run: EvolveRun) -> dict[str, int]:
    return {state: count for state, count in evolve_life.progress(run, NOW).states.items() if count}


def chain(made: PromptSet, place: int = 0, number: int = 0) -> list[EvolveCall]:
    """The calls of one line of descent, by iteration."""
    calls = EvolveCall.objects.filter(prompt__prompt_set=made, prompt__number=100 + place, chain=number)
    return list(calls.select_related("child", "parent").order_by("iteration"))


def children(made: PromptSet) -> list[EvolvedPrompt]:
    return list(EvolvedPrompt.objects.filter(prompt_set=made).order_by("pk"))
