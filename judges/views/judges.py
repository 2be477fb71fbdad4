"""Pages of judges, their templates and their runs on a study."""

import json
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import LanguageModel, Study
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, need, posted, study_page, texts_page
from annotation.views.downloads import csv_download
from annotation.views.paging import paged
from judges.forms.judges import JudgeForm, PreviewForm, RunForm, TemplateForm
from judges.judging import judges, planning, preview, runs
from judges.judging.runs import judge_life
from judges.models import CallState, Judge, JudgeCall, JudgeRun, Template
from judges.prompting import templates
from judges.results import reply_text
from judges.views import endpoints
from judges.views.runs import RunPages, occurring
from judges.views.steadiness import shown_schedules

PAGES: Final = RunPages(judge_life, "judges/run.html", "study-judge-run", "study-judge-calls")

may_add = permission_required("judges.add_judge", raise_exception=True)


@login_required
@require_safe
def judge_list(request: AdministratorRequest) -> HttpResponse:
    """Lists all judges with their current versions."""
    context = {"section": "judges", "judges": [(judge, judge.current) for judge in Judge.objects.all()]}
    return render(request, "judges/list.html", context)


@login_required
@may_add
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: AdministratorRequest) -> HttpResponse:
    """Shows the form for a new judge, tests its connection, and adds it. Needs the permission to add judges."""
    form = JudgeForm(None, posted(request))
    test = endpoints.tested(request, form)
    if not test and form.is_valid() and (judge := form.keep(request.user)):
        endpoints.say_what_changed(request, form.cleaned_data["endpoint"], judge.current, "")
        messages.success(request, _("Judge added."))
        return redirect("judge", judge.pk)
    return endpoints.show(request, "judges/new.html", {"section": "judges", "form": form, **test})


@login_required
@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def judge(request: AdministratorRequest, number: int) -> HttpResponse:
    """Shows a judge: settings (saving creates a new version), versions, and a request preview."""
    found = get_object_or_404(Judge, pk=number)
    may_change = request.user.has_perm("judges.add_judge")
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    form = JudgeForm(found, posted(request))
    test = endpoints.tested(request, form) if form.is_bound else {}
    current = found.current
    if not test and form.is_valid() and form.keep(request.user):
        endpoints.say_what_changed(request, form.cleaned_data["endpoint"], found.current, current.key_source)
        messages.success(request, _("Saved. The next run uses these settings."))
        return redirect("judge", number)
    context = {
        "section": "judges",
        "judge": found,
        "current": current,
        "versions": found.versions.select_related("template", "root"),
        "form": form,
        "may_change": may_change,
        "key_problem": endpoints.key_problem(current),
        **test,
        **_preview(request, current.template, current.reader),
    }
    return endpoints.show(request, "judges/judge.html", context)


@login_required
@may_add
@require_POST
def anew(request: AdministratorRequest, number: int) -> HttpResponse:
    """Creates a new version with the same settings."""
    version = judges.ask_anew(get_object_or_404(Judge, pk=number), user=request.user)
    messages.success(
        request, _("Version %(number)d created. Its next run asks about everything again.") % {"number": version.number}
    )
    return redirect("judge", number)


def _preview(request: AdministratorRequest, template: Template, reader: str = "") -> dict[str, Any]:
    form = PreviewForm(request.user, request.GET if "study" in request.GET else None)
    if not form.is_valid():
        return {"preview_form": form}
    return {
        "preview_form": form,
        "previewed": form.cleaned_data["study"],
        "preview": preview.preview(template, form.cleaned_data["study"], reader),
    }


@login_required
@require_safe
def template_list(request: AdministratorRequest) -> HttpResponse:
    """Lists all template sets, after storing the built-in ones that are missing."""
    judges.keep_built_in()
    return render(request, "judges/templates.html", {"section": "judges", "templates": Template.objects.all()})


@login_required
@may_add
@require_http_methods(["GET", "HEAD", "POST"])
def new_template(request: AdministratorRequest) -> HttpResponse:
    """Creates a template set, starting from an existing one."""
    wanted = request.GET.get("from", "")
    # A longer number cannot be a key, and the database would refuse it.
    origin = Template.objects.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 18 else None
    initial = {"name": origin.name, "text": templates.to_toml(origin.templates)} if origin else None
    form = TemplateForm(posted(request), initial=initial)
    if form.is_valid():
        kept = form.keep(request.user)
        messages.success(request, _("Template set checked and saved."))
        return redirect("judge-template", kept.pk)
    return render(request, "judges/new_template.html", {"section": "judges", "form": form})


@login_required
@require_safe
def template(request: AdministratorRequest, number: int) -> HttpResponse:
    """Shows a template set as TOML, with a preview of the messages it produces."""
    found = get_object_or_404(Template, pk=number)
    context = {
        "section": "judges",
        "template": found,
        "text": templates.to_toml(found.templates),
        "may_change": request.user.has_perm("judges.add_judge"),
        **_preview(request, found),
    }
    return render(request, "judges/template.html", context)


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def study_judges(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists the study's runs; estimates a new run, and starts it on a second submit."""
    form = RunForm(study, request.user, posted(request))
    estimate = None
    if form.is_valid():
        version, plan = form.cleaned_data["judge"].current, form.plan()
        try:
            if "start" in request.POST:
                run = runs.start(study, version, plan, timezone.now(), user=request.user)
                return redirect("study-judge-run", study.slug, run.pk)
            estimate = planning.estimate(study, version, plan)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    context = {
        "study": study,
        "tab": "judges",
        "form": form,
        "estimate": estimate,
        "has_judges": Judge.objects.usable_by(request.user).exists(),
        "unshared": Judge.objects.exists(),
        "runs": paged(request, study.judge_runs.select_related("version__judge", "user"), 20),
        **shown_schedules(study),
    }
    return render(request, "judges/study.html", context)


def _run(study: Study, number: int) -> JudgeRun:
    found = study.judge_runs.select_related("version__judge", "version__template", "user", "study")
    return get_object_or_404(found, pk=number)


@study_page
@require_safe
def run(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a run and its progress."""
    found = _run(study, number)
    return PAGES.show(request, found, study.slug, number, study=study, tab="judges", drifts=found.version.drifts.all())


@study_page
@require_POST
def change_run(request: AdministratorRequest, study: Study, number: int, change: str) -> HttpResponse:
    """Pauses, resumes or cancels a run. Resuming it sends prompts and answers, so it needs access to them."""
    found = _run(study, number)
    if change == "resume":
        need(request.user, study, Study.objects.readable_by)
        try:
            judges.check_use(found.version.judge, request.user)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
            return redirect("study-judge-run", study.slug, number)
    return PAGES.change(request, found, change, study.slug, number)


def _calls(study: Study, number: int, state: str) -> QuerySet[JudgeCall]:
    calls = _run(study, number).calls.select_related(
        "pair__prompt", "pair__model_x", "pair__model_y", "result__prompt", "result__model"
    )
    return calls.filter(state=state) if state in CallState.values else calls


@texts_page
@require_safe
def calls(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows the calls of a run, filtered by state and paged."""
    state = request.GET.get("state", "")
    state = state if state in CallState.values else ""
    found = _run(study, number)
    context = {
        "study": study,
        "tab": "judges",
        "run": found,
        "state": state,
        "states": occurring(found.calls.all(), CallState.choices, state),
        "calls": paged(request, _calls(study, number, state)),
    }
    return render(request, "judges/calls.html", context)


CALL_COLUMNS: Final = (
    "pair",
    "result",
    "turn",
    "left",
    "sample",
    "state",
    "winner",
    "score",
    "share",
    "tokens_in",
    "tokens_out",
    "cost_nanos",
    "seconds",
    "model",
    "received_at",
)


@texts_page
@require_safe
def calls_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Downloads the calls of a run that have a verdict in force as CSV; costs are in nanos."""
    rows = _run(study, number).calls.values_list(
        "pair__number",
        "result__number",
        "turn",
        "left",
        "sample",
        "state",
        "verdicts__winner",
        "verdicts__score",
        "verdicts__share",
        "verdicts__reply__tokens_in",
        "verdicts__reply__tokens_out",
        "verdicts__reply__cost",
        "verdicts__reply__seconds",
        "verdicts__reply__model",
        "verdicts__reply__received_at",
    )
    in_force = rows.filter(verdicts__superseded_at=None).order_by("pk")
    told = ((*row[:-1], row[-1].isoformat() if isinstance(row[-1], datetime) else None) for row in in_force.iterator())
    return csv_download(CALL_COLUMNS, told, f"{study.slug}-judge-run-{number}.csv")


@texts_page
@require_safe
def call(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a call: requests, replies and the verdicts read from them."""
    found = get_object_or_404(
        JudgeCall.objects.select_related(
            "run",
            "version__judge",
            "pair__prompt",
            "pair__model_x",
            "pair__model_y",
            "result__prompt",
            "result__model",
        ),
        pk=number,
        run__study=study,
    )
    replies = [
        (reply, reply_text.words(reply.raw), json.loads(reply.request).get("messages", []), list(reply.verdicts.all()))
        for reply in found.replies.select_related("answered_as__judge").prefetch_related("verdicts")
    ]
    context = {"study": study, "tab": "judges", "call": found, "replies": replies, "models": _models(found)}
    about = found.pair or found.result
    context["prompt"] = about and about.prompt
    return render(request, "judges/call.html", context)


def _models(call: JudgeCall) -> list[tuple[str, LanguageModel]]:
    """Returns the models whose answers a call is about, with the letters under which the judge saw them."""
    if call.pair is None:
        return [] if call.result is None else [("", call.result.model)]
    shown = [call.pair.model_x, call.pair.model_y]
    return list(zip("AB", shown if call.left == "x" else reversed(shown), strict=True))
