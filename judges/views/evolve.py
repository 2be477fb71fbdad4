"""Pages on which a model evolves prompts: start a run, its progress, and every request and reply."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import PromptSet, Study
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, set_change_page, set_texts_page
from annotation.views.downloads import csv_download, download
from annotation.views.paging import paged
from judges.evolve import lineage, planning, runs
from judges.evolve.planning import EvolveEstimate
from judges.evolve.runs import evolve_life
from judges.evolve.scenarios import SCENARIOS
from judges.forms.evolve import EvolveForm
from judges.models import EvolveCall, EvolvedPrompt, EvolveReply, EvolveRun, EvolveState
from judges.views.runs import RunPages, occurring

PAGES: Final = RunPages(evolve_life, "judges/evolve/run.html", "prompt-set-evolve-run", "prompt-set-evolve-calls")


def edits(request: AdministratorRequest, prompt_set: PromptSet) -> bool:
    """Returns whether the user may change `prompt_set`."""
    return prompt_sets.edited_by(request.user).filter(pk=prompt_set.pk).exists()


@set_texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def evolve(request: AdministratorRequest, prompt_set: PromptSet) -> HttpResponse:
    """Lists runs; estimates a run, and starts it on a second submit."""
    may_edit = edits(request, prompt_set)
    if request.method == "POST" and not may_edit:
        raise PermissionDenied(prompt_sets.no_editor(prompt_set))
    form = EvolveForm(prompt_set, posted(request))
    estimate: EvolveEstimate | None = None
    if form.is_valid():
        source, recipe, plan = form.cleaned_data["model"], form.recipe(), form.plan()
        try:
            if "start" in request.POST:
                begun = runs.start(prompt_set, source, recipe, plan, timezone.now(), user=request.user)
                return redirect("prompt-set-evolve-run", prompt_set.slug, begun.pk)
            estimate = planning.estimate(prompt_set, source, recipe, plan, timezone.now())
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    waiting = EvolvedPrompt.objects.filter(prompt_set=prompt_set)
    context = {
        "section": "studies",
        "prompt_set": prompt_set,
        "form": form,
        "estimate": estimate,
        "edits": may_edit,
        "add_to": _study_to_add_to(request, prompt_set),
        "prompts": prompt_set.prompts.exists(),
        "to_review": waiting.waiting().count(),
        "written": waiting.exists(),
        "runs": paged(request, prompt_set.evolve_runs.select_related("source__model", "recipe", "user"), 20),
    }
    return render(request, "judges/evolve/evolve.html", context)


def _study_to_add_to(request: AdministratorRequest, prompt_set: PromptSet) -> Study | None:
    """Returns a study on whose page the user may add a model to the set."""
    if not request.user.has_perm("judges.add_judge"):
        return None
    return Study.objects.editable_by(request.user).filter(prompt_set=prompt_set, hidden_at=None).order_by("pk").first()


def _run(prompt_set: PromptSet, number: int) -> EvolveRun:
    found = prompt_set.evolve_runs.select_related("source__model", "recipe", "user", "prompt_set")
    return get_object_or_404(found, pk=number)


@set_texts_page
@require_safe
def run(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Shows a run and its progress."""
    found = _run(prompt_set, number)
    written = EvolvedPrompt.objects.filter(call__run=found)
    return PAGES.show(
        request,
        found,
        prompt_set.slug,
        number,
        section="studies",
        prompt_set=prompt_set,
        edits=edits(request, prompt_set),
        scenario=scenario_label(found.recipe.scenario),
        written=written.count(),
        exact=written.exact().count(),
        near=written.filter(duplicate="near").count(),
        to_review=written.waiting().count(),
    )


def scenario_label(name: str) -> str:
    """Returns the label of a scenario; its name if it is no longer registered."""
    return _(SCENARIOS[name].label) if name in SCENARIOS else name


@set_change_page
@require_POST
def change_run(request: AdministratorRequest, prompt_set: PromptSet, number: int, change: str) -> HttpResponse:
    """Pauses, resumes or cancels a run."""
    return PAGES.change(request, _run(prompt_set, number), change, prompt_set.slug, number)


@set_texts_page
@require_safe
def calls(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Lists the calls of a run, optionally those in one state."""
    state = request.GET.get("state", "")
    state = state if state in EvolveState.values else ""
    found = _run(prompt_set, number)
    rows = found.calls.select_related("prompt", "child").filter(**({"state": state} if state else {}))
    context = {
        "section": "studies",
        "prompt_set": prompt_set,
        "run": found,
        "state": state,
        "states": occurring(found.calls.all(), EvolveState.choices, state),
        "calls": paged(request, rows),
    }
    return render(request, "judges/evolve/calls.html", context)


CALL_COLUMNS: Final = (
    "seed",
    "chain",
    "iteration",
    "state",
    "evolved_prompt",
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
_REPLY: Final = CALL_COLUMNS[CALL_COLUMNS.index("finish_reason") :]


@set_texts_page
@require_safe
def calls_csv(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponseBase:
    """Returns a CSV with a row per reply, and one per call without a reply."""
    reply = ["cost" if column == "cost_nanos" else column for column in _REPLY]
    rows = (
        _run(prompt_set, number)
        .calls.order_by("pk", "replies__pk")
        .values_list(
            "prompt__number",
            "chain",
            "iteration",
            "state",
            "replies__state",
            "child",
            *(f"replies__{column}" for column in reply),
        )
    )
    return csv_download(CALL_COLUMNS, map(_told, rows.iterator()), f"{prompt_set.slug}-evolve-run-{number}.csv")


def _told(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Builds a CSV row; the state is the reply's if there is one, and a prompt was written only by an `ok` reply."""
    seed, chain, iteration, state, replied, child = row[:6]
    told = [value.isoformat() if isinstance(value, datetime) else value for value in row[6:]]
    return (seed, chain, iteration, replied or state, child if (replied or state) == EvolveState.OK else None, *told)


@set_texts_page
@require_safe
def call(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Shows a call: its parent, every reply, and the request."""
    found = EvolveCall.objects.select_related("run__source__model", "recipe", "prompt", "parent", "child")
    asked = get_object_or_404(found, run__prompt_set=prompt_set, pk=number)
    replies: list[tuple[EvolveReply, Any]] = [(reply, json.loads(reply.request)) for reply in asked.replies.all()]
    context = {
        "section": "studies",
        "prompt_set": prompt_set,
        "call": asked,
        "run": asked.run,
        "parent": planning.parent_texts(asked),
        "replies": replies,
        "scenario": scenario_label(asked.recipe.scenario),
    }
    return render(request, "judges/evolve/call.html", context)


@set_texts_page
@require_safe
def lineage_jsonl(request: AdministratorRequest, prompt_set: PromptSet) -> HttpResponseBase:
    """Returns every evolved prompt of the set with its lineage, as JSON lines."""

    def lines() -> Iterator[str]:
        for row in lineage.rows(prompt_set):
            yield json.dumps(row, ensure_ascii=False, cls=DjangoJSONEncoder) + "\n"

    return download(lines(), f"{prompt_set.slug}-evolved.jsonl", "application/jsonl; charset=utf-8")
