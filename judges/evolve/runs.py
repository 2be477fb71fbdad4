"""The lifecycle of evolve runs: starting, sending and finishing them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation.models import PromptSet
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible, check_texts
from judges.answers import sources
from judges.evolve import planning
from judges.evolve.call_store import EvolveBooks
from judges.evolve.comparing import Comparer
from judges.evolve.planning import EvolveEstimate, EvolvePlan, Recipe
from judges.models import (
    LIVE,
    AnswerSource,
    EvolveCall,
    EvolvedPrompt,
    EvolveReply,
    EvolveRun,
    EvolveSender,
    EvolveState,
)
from judges.runs.lifecycle import Connection, Lifecycle, check_key, enqueue, only_one, to_source


def start(
    prompt_set: PromptSet,
    source: AnswerSource,
    recipe: Recipe,
    plan: EvolvePlan,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
    senders: int = 1,
) -> EvolveRun:
    """Starts a run in which `source` writes new prompts; with `detach`, a background task plans and sends it.

    Raises:
        NotPossible: `user` may not change the set, the model already writes prompts, there are no seed prompts, a
            number is out of range, a setting does not fit the scenario, or the API key is not available.
    """
    plan.check()
    prompt_sets.check_editor(prompt_set, user)
    check_texts(prompt_set)
    known = recipe.known(source, at)
    seeds = planning.seeds_of(prompt_set, plan, known)
    if not seeds.keys:
        if seeds.left_out:
            raise NotPossible(_("No prompt has a reference answer, which this scenario needs."))
        raise NotPossible(_("This prompt set has no prompts to start from. Upload prompts first."))
    check_key(source)
    options = {**plan.as_json(), "senders": senders, "endpoint": source.endpoint}
    refusal = _("%(model)s is already writing prompts. See its run.") % {"model": source.model.name}
    with only_one("evolve_run_one_live", refusal):
        run = EvolveRun.objects.create(
            prompt_set=prompt_set,
            source=source,
            recipe=recipe.keep(source, at),
            user=user,
            options=options,
            created_at=at,
        )
        if detach:
            enqueue(run, senders)
    return run


@transaction.atomic
def estimate_of(
    prompt_set: PromptSet,
    name: str,
    settings: Mapping[str, Any],
    recipe: Recipe,
    plan: EvolvePlan,
    at: datetime,
    *,
    org: str | None = None,
) -> EvolveEstimate:
    """Estimates a run of the model `name` with `settings`, which are not stored.

    Raises:
        NotPossible: a number is out of range, or a setting does not fit the scenario.
        ValidationError: a setting is invalid.
    """
    source = sources.keep_source_in(prompt_set, name, settings, org=org)
    found = planning.estimate(prompt_set, source, recipe, plan, at)
    transaction.set_rollback(True)
    return found


class EvolveLife(Lifecycle[EvolveRun, EvolveSender, EvolveCall]):
    """Lifecycle of evolve runs."""

    runs = EvolveRun
    senders = EvolveSender
    asked = EvolveCall
    replies = EvolveReply
    unsent = (EvolveState.PENDING, EvolveState.WAITING)

    def sendable(self) -> QuerySet[EvolveRun]:
        live = EvolveRun.objects.filter(state__in=LIVE).select_related("user", "prompt_set")
        allowed = [run.pk for run in live if _allowed(run)]
        return EvolveRun.objects.filter(pk__in=allowed).select_related("prompt_set", "source__model", "recipe")

    def books(self, run: EvolveRun, sender: EvolveSender) -> EvolveBooks:
        return EvolveBooks(run, sender)

    def plan_calls(self, run: EvolveRun, alive: Callable[[], None]) -> int:
        return planning.plan_calls(run, alive)

    def connect(self, run: EvolveRun) -> Connection:
        return to_source(run.source)

    def resume(self, run: EvolveRun, *, detach: bool = True) -> bool:
        """Resumes the run; raises NotPossible if whoever started it may no longer change the prompt set."""
        prompt_sets.check_editor(run.prompt_set, run.user)
        return super().resume(run, detach=detach)

    def finish(self, run: EvolveRun, at: datetime) -> bool:
        Comparer(run.prompt_set).compare()
        return super().finish(run, at)

    def sweep(self, at: datetime) -> int:
        lost = super().sweep(at)
        for prompt_set in PromptSet.objects.filter(evolve_runs__state__in=LIVE).distinct():
            # A right may also end without a change of the set's people, such as with a study that is deleted.
            halt(prompt_set)
        # A crash may have come between storing a prompt and comparing it.
        for prompt_set in PromptSet.objects.filter(pk__in=EvolvedPrompt.objects.not_compared().values("prompt_set")):
            Comparer(prompt_set).compare()
        return lost


evolve_life: Final = EvolveLife()


def _allowed(run: EvolveRun) -> bool:
    return run.user is None or prompt_sets.edited_by(run.user).filter(pk=run.prompt_set_id).exists()


def live(source: AnswerSource) -> EvolveRun | None:
    """Returns the run of `source` that has not ended; there is at most one."""
    found = EvolveRun.objects.filter(source=source, state__in=LIVE)
    return found.select_related("prompt_set", "source__model", "recipe", "user").first()


def unfinished(source: AnswerSource) -> EvolveRun | None:
    """Returns the run of `source` that can be resumed: paused, stopped, or interrupted by a crash."""
    return evolve_life.unfinished(live(source))


def halt(prompt_set: PromptSet) -> None:
    """Pauses runs on `prompt_set` that were started by people who may no longer change it."""
    for run in prompt_set.evolve_runs.filter(state__in=LIVE).select_related("user"):
        if not _allowed(run):
            evolve_life.pause(run)
