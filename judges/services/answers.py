"""Answers from models: where a model is asked, and the runs that ask it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.models import LanguageModel, PromptSet, Study
from annotation.services.studies import NotPossible
from judges.keys import NoKey
from judges.models import (
    ANSWERED,
    LIVE,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSender,
    AnswerSource,
    AnswerState,
    SystemMessage,
)
from judges.services import answers_planning, sending
from judges.services.answers_books import AnswerBooks, make_results
from judges.services.answers_planning import AnswerEstimate, AnswerPlan
from judges.services.lifecycle import Connection, Lifecycle, enqueue

NAME_LENGTH: Final = 200


def _model(study: Study, name: str) -> LanguageModel | None:
    # A name that nobody can have is one that PostgreSQL would not even look for.
    return None if "\0" in name else study.prompt_set.models.filter(name=name).first()


def source_of(study: Study, name: str) -> AnswerSource:
    """Where the model `name` of the study's prompt set is asked.

    Raises:
        NotPossible: there is no such model, or nobody has said yet where it is to be asked.
    """
    model = _model(study, name)
    if model is None:
        raise NotPossible(
            _("This study has no model “%(model)s”. With --endpoint and --api-id it is added.") % {"model": name}
        )
    source = AnswerSource.objects.filter(model=model).select_related("model").first()
    if source is None:
        raise NotPossible(_("Where is %(model)s to be asked? Its --endpoint is not known yet.") % {"model": name})
    return source


@transaction.atomic
def keep_source(
    study: Study, name: str, settings: Mapping[str, Any], *, org: str | None = None, budget: int | None = None
) -> AnswerSource:
    """Says where the model `name` is asked, and adds the model where the prompt set has none of this name.

    `settings` are fields of `AnswerSource`; those not named stay as they are, and so does a `budget` of None.
    The id that the endpoint knows the model by is the one in the corpus where `settings` has none.

    Raises:
        ValidationError: a setting makes no sense.
    """
    model = _model(study, name) or _add_model(study, name, settings, org)
    source = AnswerSource.objects.filter(model=model).first() or AnswerSource(model=model, api_id=model.api_id or "")
    for field, value in settings.items():
        setattr(source, field, value)
    if budget is not None:
        source.budget = budget
    source.full_clean()
    if source.pk is None:
        source.save()
    else:
        # What was spent meanwhile is not written over.
        source.save(update_fields=[*settings, *([] if budget is None else ["budget"])])
    return source


@transaction.atomic
def estimate_of(
    study: Study, name: str, settings: Mapping[str, Any], plan: AnswerPlan, *, org: str | None = None
) -> AnswerEstimate:
    """What a run would be if the model `name` were asked as `settings` say, which are not kept.

    Raises:
        NotPossible: a number in `plan` makes no sense.
        ValidationError: a setting makes no sense.
    """
    found = answers_planning.estimate(study, keep_source(study, name, settings, org=org), plan)
    transaction.set_rollback(True)
    return found


def _add_model(study: Study, name: str, settings: Mapping[str, Any], org: str | None) -> LanguageModel:
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        raise ValidationError({"name": _("A name of at most 200 printable characters was expected.")})
    # Loading into the prompt set gives numbers too.
    prompt_set = PromptSet.objects.select_for_update(no_key=True).get(pk=study.prompt_set_id)
    known = prompt_set.models.filter(name=name).first()
    if known is not None:
        return known
    number = (prompt_set.models.aggregate(last=Max("number"))["last"] or 0) + 1
    model = LanguageModel.objects.create(
        prompt_set=prompt_set, number=number, name=name, api_id=settings.get("api_id") or None, org=org or None
    )
    if study.language_models.exists():
        # A study that compares chosen models wants this one: it was added for it.
        study.language_models.add(model)
    return model


def set_budget(source: AnswerSource, budget: int | None) -> None:
    """Sets what the answers of a model may cost, in nanos; None takes the bound away."""
    AnswerSource.objects.filter(pk=source.pk).update(budget=budget)


@transaction.atomic
def set_system_message(prompt_set: PromptSet, text: str) -> None:
    """Sets what every model is told before a prompt of `prompt_set`; empty: nothing.

    Raises:
        NotPossible: models have answered under another one, and their answers would not be comparable.
    """
    PromptSet.objects.select_for_update(no_key=True).get(pk=prompt_set.pk)
    known = SystemMessage.objects.filter(prompt_set=prompt_set).first()
    if (known.text if known else "") == text:
        return
    if AnswerCall.objects.filter(prompt__prompt_set=prompt_set, state__in=ANSWERED).exists():
        raise NotPossible(
            _("Models have answered under another system message. Load the prompts into a prompt set of their own.")
        )
    if text:
        SystemMessage.objects.update_or_create(prompt_set=prompt_set, defaults={"text": text})
    else:
        SystemMessage.objects.filter(prompt_set=prompt_set).delete()


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
    """Begins a run of `source` on the prompts of `study`; the background plans and sends it, unless not `detach`.

    Raises:
        NotPossible: the model is at work already, there is no prompt, a number makes no sense, or the key
            cannot be had.
    """
    plan.check()
    if not answers_planning.prompts_of(study, plan).exists():
        raise NotPossible(_("There is nothing to ask yet: this study has no prompts."))
    try:
        source.connect()
    except NoKey as missing:
        raise NotPossible(str(missing)) from None
    options = {**plan.as_json(), "senders": senders}
    try:
        with transaction.atomic():
            run = AnswerRun.objects.create(study=study, source=source, user=user, options=options, created_at=at)
            if detach:
                enqueue(run, senders)
    except IntegrityError as conflict:
        if "answer_run_one_live" not in str(conflict) and "UNIQUE constraint failed" not in str(conflict):
            raise
        # Somebody else pressed the button at the same moment, or there is one that was not finished.
        raise NotPossible(_("%(model)s is being asked already. See its run.") % {"model": source.model.name}) from None
    return run


class AnswerLife(Lifecycle[AnswerRun, AnswerSender, AnswerCall]):
    """The life of the runs of answers."""

    runs = AnswerRun
    senders = AnswerSender
    asked = AnswerCall
    replies = AnswerReply
    unsent = (AnswerState.PENDING, AnswerState.WAITING)

    def sendable(self) -> QuerySet[AnswerRun]:
        return AnswerRun.objects.select_related("study__prompt_set", "source__model")

    def books(self, run: AnswerRun, sender: AnswerSender) -> AnswerBooks:
        return AnswerBooks(run, sender)

    def plan_calls(self, run: AnswerRun, alive: Callable[[], None]) -> int:
        return answers_planning.plan_calls(run, alive)

    def connect(self, run: AnswerRun) -> Connection:
        source = run.source
        return Connection(source.connect(), sending.pace_named(f"answers-{source.pk}", source.limits), source.parallel)

    def open_states(self, run: AnswerRun) -> Collection[str]:
        # A turn that waits for the one before is asked yet, unless the run has ended.
        return (*super().open_states(run), *((AnswerState.WAITING,) if run.live else ()))

    def finish(self, run: AnswerRun, at: datetime) -> bool:
        make_results(run.source)
        return super().finish(run, at)

    def sweep(self, at: datetime) -> int:
        lost = super().sweep(at)
        complete = AnswerCall.objects.filter(last=True, result=None, state__in=ANSWERED)
        for source in AnswerSource.objects.filter(pk__in=complete.values("source")):
            make_results(source)
        return lost


life: Final = AnswerLife()
work, plan, finish = life.work, life.plan, life.finish
pause, resume, cancel, sweep = life.pause, life.resume, life.cancel, life.sweep
progress = life.progress


def unfinished(source: AnswerSource) -> AnswerRun | None:
    """The run of `source` that can be gone on with: paused, stopped, or left alone by a crash."""
    run = AnswerRun.objects.filter(source=source, state__in=LIVE).select_related("study", "source__model").first()
    return run if run is not None and life.left_alone(run, timezone.now()) else None
