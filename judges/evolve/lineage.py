"""The lineage of evolved prompts as rows, for the download and the API."""

from collections.abc import Iterator
from typing import Any, Final

from django.db.models import QuerySet

from annotation.models import PromptSet
from judges.models import EvolvedPrompt

CHUNK: Final = 500

OFTEN: Final = (
    "call__recipe__source__model",
    "call__prompt",
    "reply",
    "like_prompt",
    "prompt",
    "reviewer",
)


def evolved(prompt_set: PromptSet) -> QuerySet[EvolvedPrompt]:
    """Returns the evolved prompts of a set with what their rows tell, in the order in which they were written."""
    found = EvolvedPrompt.objects.filter(prompt_set=prompt_set).select_related(*OFTEN)
    return found.defer("reply__request", "reply__raw", "call__prompt__turns", "call__prompt__note").order_by("pk")


def row(child: EvolvedPrompt) -> dict[str, Any]:
    """Returns the row of `child`: its lineage, how it was written, and what became of it.

    `parent` is the `number` of another evolved prompt; None in the first iteration, whose parent is the prompt `seed`.
    """
    call, recipe = child.call, child.call.recipe
    return {
        "number": child.pk,
        "text": child.text,
        "reference": child.reference,
        "seed": call.prompt.number,
        "parent": call.parent_id,
        "scenario": recipe.scenario,
        "iteration": call.iteration,
        "chain": call.chain,
        "constraints": call.constraints,
        "model": recipe.source.model.name,
        "returned_model": child.reply.model,
        "settings": recipe.settings,
        "temperature": recipe.temperature,
        "template_version": recipe.version,
        "recipe": recipe.sha256,
        "random_seed": recipe.seed,
        "run": call.run_id,
        "duplicate": child.duplicate,
        "similarity": child.similarity,
        "like_prompt": child.like_prompt.number if child.like_prompt else None,
        "like": child.like_id,
        "review": child.review,
        "reviewer": child.reviewer.get_username() if child.reviewer else None,
        "reviewed_at": child.reviewed_at,
        "edited": child.edited,
        "written": child.written,
        "written_reference": child.written_reference,
        "prompt": child.prompt.number if child.prompt else None,
        "created_at": child.created_at,
    }


def rows(prompt_set: PromptSet) -> Iterator[dict[str, Any]]:
    """Yields the rows of all evolved prompts of a set, in pieces, so that memory stays flat."""
    last = 0
    while some := list(evolved(prompt_set).filter(pk__gt=last)[:CHUNK]):
        yield from map(row, some)
        last = some[-1].pk
