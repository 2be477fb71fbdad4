"""The lifecycle of answer runs: starting, sending and finishing them."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible, check_askable
from judges.answers import planning, results
from judges.answers.call_store import AnswerBooks
from judges.answers.planning import AnswerPlan
from judges.models import (
    ANSWERED,
    LIVE,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSender,
    AnswerSource,
    AnswerState,
)
from judges.runs.lifecycle import Connection, Lifecycle, check_key, enqueue, only_one, to_source


def start(
    study: Study,
    source: AnswerSource,
    plan: AnswerPlan,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
    senders: int = 1,
) -> AnswerRun:
    """Starts a run of `source` on the prompts of `study`; with `detach`, a background task plans and sends it.

    Raises:
        NotPossible: the model already has a run, there are no prompts, a number is out of range, the API key is
            not available, or the study may not use its prompt set.
    """
    plan.check()
    check_askable(study)
    if not planning.prompts_of(study, plan).exists():
        raise NotPossible(_("This study has no prompts to ask yet. Upload prompts first."))
    check_key(source)
    options = {**plan.as_json(), "senders": senders}
    refusal = _("%(model)s is already answering. See its run.") % {"model": source.model.name}
    with only_one("answer_run_one_live", refusal):
        run = AnswerRun.objects.create(study=study, source=source, user=user, options=options, created_at=at)
        if detach:
            enqueue(run, senders)
    return run


class AnswerLife(Lifecycle[AnswerRun, AnswerSender, AnswerCall]):
    """Lifecycle of answer runs."""

    runs = AnswerRun
    senders = AnswerSender
    asked = AnswerCall
    replies = AnswerReply
    unsent = (AnswerState.PENDING, AnswerState.WAITING)
    usable = ANSWERED

    def sendable(self) -> QuerySet[AnswerRun]:
        allowed = Study.objects.at_work().values("pk")
        return AnswerRun.objects.filter(study__in=allowed).select_related("study__prompt_set", "source__model")

    def books(self, run: AnswerRun, sender: AnswerSender) -> AnswerBooks:
        return AnswerBooks(run, sender)

    def plan_calls(self, run: AnswerRun, alive: Callable[[], None]) -> int:
        return planning.plan_calls(run, alive)

    def connect(self, run: AnswerRun) -> Connection:
        return to_source(run.source)

    def resume(self, run: AnswerRun, *, detach: bool = True) -> bool:
        """Resumes the run; raises NotPossible if its study may no longer use the prompt set."""
        check_askable(run.study)
        return super().resume(run, detach=detach)

    def finish(self, run: AnswerRun, at: datetime) -> bool:
        results.make_results(run.source)
        return super().finish(run, at)

    def sweep(self, at: datetime) -> int:
        lost = super().sweep(at)
        complete = AnswerCall.objects.filter(last=True, result=None, state__in=ANSWERED)
        for source in AnswerSource.objects.filter(pk__in=complete.values("source")):
            results.make_results(source)
        return lost


answer_life: Final = AnswerLife()


def live(source: AnswerSource) -> AnswerRun | None:
    """Returns the run of `source` that has not ended; there is at most one."""
    return AnswerRun.objects.filter(source=source, state__in=LIVE).select_related("study", "source__model").first()


def halt(study: Study) -> None:
    """Pauses the models that answer for a study that may no longer use its prompt set."""
    for run in study.answer_runs.filter(state__in=LIVE):
        answer_life.pause(run)


def unfinished(source: AnswerSource) -> AnswerRun | None:
    """Returns the run of `source` that can be resumed: paused, stopped, or interrupted by a crash."""
    return answer_life.unfinished(live(source))
