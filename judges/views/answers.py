"""Pages of model answers: endpoints, runs, and every request and reply."""

import json
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import LanguageModel, Study
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import access
from annotation.views.access import AdministratorRequest, need, posted, prompt_set_page, texts_page
from annotation.views.downloads import csv_download
from annotation.views.paging import paged
from judges.answers import planning, runs, sources
from judges.answers.runs import answer_life
from judges.forms.answers import AnswersForm, SourceForm, SystemMessageForm
from judges.models import AnswerCall, AnswerReply, AnswerRun, AnswerSource, AnswerState
from judges.views import endpoints
from judges.views.runs import RunPages, occurring

PAGES: Final = RunPages(answer_life, "judges/answer_run.html", "study-answer-run", "study-answer-turns")


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def study_answers(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists models and runs; estimates a run, and starts it on a second submit."""
    if request.method == "POST":
        need(request.user, study, Study.objects.editable_by)
    form = AnswersForm(study, posted(request))
    estimates = []
    if form.is_valid():
        sources, plan = form.cleaned_data["models"], form.plan()
        try:
            if "start" in request.POST:
                started = [runs.start(study, each, plan, timezone.now(), user=request.user) for each in sources]
                return _after_start(study, started)
            estimates = [(each, planning.estimate(study, each, plan)) for each in sources]
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    granted = access(request.user, study)
    context = {
        "study": study,
        "tab": "answers",
        "form": form,
        "system_form": SystemMessageForm(initial={"system": planning.system_message(study)}),
        "estimates": estimates,
        "models": _models(study),
        "access": granted,
        "may_add": granted.edits and request.user.has_perm("judges.add_judge"),
        "runs": paged(request, study.answer_runs.select_related("source__model", "user"), 20),
    }
    return render(request, "judges/answers.html", context)


def _after_start(study: Study, started: list[AnswerRun]) -> HttpResponse:
    if len(started) == 1:
        return redirect("study-answer-run", study.slug, started[0].pk)
    return redirect("study-answers", study.slug)


def _models(study: Study) -> QuerySet[LanguageModel]:
    """Returns the prompt set's models with their endpoints and numbers of results."""
    counted = study.prompt_set.models.select_related("answer_source").annotate(answers=Count("results"))
    return counted.order_by("pk")


@prompt_set_page
@require_POST
def system_message(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Saves the system message of the study's prompt set."""
    form = SystemMessageForm(request.POST)
    if form.is_valid():
        try:
            sources.set_system_message(study.prompt_set, form.cleaned_data["system"].strip())
            messages.success(request, _("Saved."))
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    return redirect("study-answers", study.slug)


@prompt_set_page
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def source(request: AdministratorRequest, study: Study, number: int | None = None) -> HttpResponse:
    """Edits a model's endpoint; without a `number`, adds a model."""
    if not request.user.has_perm("judges.add_judge"):
        # Choosing the address also chooses where the key is sent.
        raise PermissionDenied
    model = None if number is None else get_object_or_404(study.prompt_set.models, pk=number)
    form = SourceForm(study, model, posted(request))
    test = endpoints.tested(request, form)
    before = form.instance.key_source if model is not None else ""
    if not test and form.is_valid() and (kept := form.keep(request.user)):
        endpoints.say_what_changed(request, form.cleaned_data["endpoint"], kept, before)
        messages.success(request, _("Saved. You can now ask this model."))
        return redirect("study-answers", study.slug)
    saved = None if model is None else AnswerSource.objects.filter(model=model).first()
    context = {"study": study, "tab": "answers", "form": form, "model": model}
    context["key_problem"] = endpoints.key_problem(saved) if saved is not None else ""
    return endpoints.show(request, "judges/answer_source.html", {**context, **test})


def _run(study: Study, number: int) -> AnswerRun:
    return get_object_or_404(study.answer_runs.select_related("source__model", "user", "study"), pk=number)


@texts_page
@require_safe
def run(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a run and its progress."""
    found = _run(study, number)
    replies = AnswerReply.objects.filter(call__run=found)
    return PAGES.show(
        request,
        found,
        study.slug,
        number,
        study=study,
        tab="answers",
        answered_as=sorted(set(replies.exclude(model="").values_list("model", flat=True))),
        results=found.calls.filter(last=True).exclude(result=None).count(),
    )


@prompt_set_page
@require_POST
def change_run(request: AdministratorRequest, study: Study, number: int, change: str) -> HttpResponse:
    """Pauses, resumes or cancels a run."""
    return PAGES.change(request, _run(study, number), change, study.slug, number)


@texts_page
@require_safe
def turns(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Lists the turns of a run, optionally those in one state."""
    state = request.GET.get("state", "")
    state = state if state in AnswerState.values else ""
    found = _run(study, number)
    rows = found.calls.select_related("prompt", "answer").filter(**({"state": state} if state else {}))
    context = {
        "study": study,
        "tab": "answers",
        "run": found,
        "state": state,
        "states": occurring(found.calls.all(), AnswerState.choices, state),
        "calls": paged(request, rows),
    }
    return render(request, "judges/answer_turns.html", context)


TURN_COLUMNS: Final = (
    "prompt",
    "category",
    "sample",
    "turn",
    "state",
    "result",
    "finish_reason",
    "tokens_in",
    "tokens_out",
    "tokens_reasoning",
    "cost_nanos",
    "attempts",
    "seconds",
    "model",
    "problem",
    "received_at",
)
_REPLY: Final = TURN_COLUMNS[TURN_COLUMNS.index("finish_reason") :]


@texts_page
@require_safe
def turns_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Returns a CSV with a row per reply, and one per turn without a reply."""
    reply = ["cost" if column == "cost_nanos" else column for column in _REPLY]
    rows = (
        _run(study, number)
        .calls.order_by("pk", "replies__pk")
        .values_list(
            "prompt__number",
            "prompt__type",
            "sample",
            "turn",
            "state",
            "replies__state",
            "result__number",
            *(f"replies__{column}" for column in reply),
        )
    )
    return csv_download(TURN_COLUMNS, map(_told, rows.iterator()), f"{study.slug}-answers-run-{number}.csv")


def _told(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Builds a CSV row; the state is the reply's if there is one."""
    *place, state, replied, result = row[:7]
    told = [value.isoformat() if isinstance(value, datetime) else value for value in row[7:]]
    return (*place, replied or state, result, *told)


@texts_page
@require_safe
def talk(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows the whole conversation of a turn: every prompt, reply and reasoning."""
    asked = AnswerCall.objects.select_related("source__model", "run", "prompt", "result")
    call = get_object_or_404(asked, run__study=study, pk=number)
    calls = AnswerCall.objects.filter(source=call.source, prompt=call.prompt, sample=call.sample).order_by("turn")
    questions = [call.prompt.text, *call.prompt.turns]
    turns = [
        (each, questions[each.turn - 1], [(reply, json.loads(reply.request)) for reply in each.replies.all()])
        for each in calls.prefetch_related("replies")
    ]
    context = {"study": study, "tab": "answers", "call": call, "run": call.run, "turns": turns}
    return render(request, "judges/answer_talk.html", context)
