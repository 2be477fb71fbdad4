"""Pages of a MAD competition: how alike models' answers are, the top prompts, and their pairs."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, texts_page
from annotation.views.downloads import csv_download
from annotation.views.paging import paged
from judges.forms.similarity import MadForm
from judges.models import CallState, SimilarityRun
from judges.similarity import reports, runs, selection
from judges.similarity.filters import FILTERS
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from judges.views.runs import RunPages, occurring

PAGES: Final = RunPages(similarity_life, "judges/mad_run.html", "study-mad-run", "study-mad-calls")

TABLES_SHOWN: Final = 50
ROWS_SHOWN: Final = 50


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def mad(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists the runs; estimates a run, and starts it on a second submit."""
    form = MadForm(request.user, posted(request))
    context: dict[str, Any] = {"study": study, "tab": "pairs", "form": form}
    if form.is_valid():
        terms, judge = form.terms(), form.payer()
        try:
            if "start" in request.POST:
                run = runs.start(study, terms, judge, timezone.now(), user=request.user)
                return redirect("study-mad-run", study.slug, run.pk)
            context["estimate"] = runs.estimate(study, terms, judge, user=request.user)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
    context["runs"] = paged(request, study.similarity_runs.select_related("judge", "user"), 20)
    return render(request, "judges/mad.html", context)


def _run(study: Study, number: int) -> SimilarityRun:
    related = ("user", "study", "judge", "version__judge", "version__template")
    return get_object_or_404(study.similarity_runs.select_related(*related), pk=number)


@texts_page
@require_safe
def run(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a run: its progress, what the filters dropped, and a row for each pair of models."""
    found = _run(study, number)
    terms = Terms.from_json(found.measure, found.options)
    tables = found.tables.select_related("model_x", "model_y").defer("scores", "states", "dropped", "prompts")
    page = paged(request, tables.order_by("model_x__name", "model_y__name"), TABLES_SHOWN)
    return PAGES.show(
        request,
        found,
        study.slug,
        number,
        study=study,
        tab="pairs",
        terms=terms,
        share=None if found.version_id else found.compared / found.pairs if found.pairs else 0.0,
        report=reports.report(found),
        page=page,
        lines=list(reports.lines(page)),
    )


@texts_page
@require_POST
def change_run(request: AdministratorRequest, study: Study, number: int, change: str) -> HttpResponse:
    """Pauses, resumes or cancels a run."""
    return PAGES.change(request, _run(study, number), change, study.slug, number)


@texts_page
@require_POST
def make_pairs(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Makes the pairs of the prompts that a run chose, in the background."""
    try:
        asked = selection.submit(_run(study, number), request.user)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("study-mad-run", study.slug, number)
    return redirect("study-pair-run", study.slug, asked.pk)


@texts_page
@require_safe
def table(request: AdministratorRequest, study: Study, number: int, table: int) -> HttpResponse:
    """Shows every prompt of two models, those chosen first."""
    found = _run(study, number)
    two = get_object_or_404(found.tables.select_related("model_x", "model_y"), pk=table)
    page = paged(request, reports.rows(found, two), ROWS_SHOWN)
    context = {
        "study": study,
        "tab": "pairs",
        "run": found,
        "table": two,
        "page": page,
        "columns": Terms.from_json(found.measure, found.options).how.columns,
        "filters": {name: _(each.label) for name, each in FILTERS.items()},
    }
    return render(request, "judges/mad_table.html", context)


@texts_page
@require_safe
def scores_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Sends every score of a run as CSV."""
    found = _run(study, number)
    name = f"{study.slug}-similarity-{number}.csv"
    return csv_download(reports.columns_of(found), reports.csv_rows(found), name)


@texts_page
@require_safe
def calls(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Lists the calls that a run has made."""
    found = _run(study, number)
    asked, state = found.calls.order_by("pk"), request.GET.get("state", "")
    state = state if state in CallState.values else ""
    chosen = asked.filter(state=state) if state else asked
    related = ("prompt", "result__model", "other__model", "reply")
    page = paged(request, chosen.select_related(*related).defer("reply__vectors"))
    context = {
        "study": study,
        "tab": "pairs",
        "run": found,
        "state": state,
        "states": occurring(asked, CallState.choices, state),
        "page": page,
    }
    return render(request, "judges/mad_calls.html", context)


CALL_COLUMNS: Final = (
    *("call", "prompt", "model", "other_model", "part", "state", "score", "vectors", "attempts", "tokens_in"),
    *("tokens_out", "cost_nanos", "seconds", "returned_model", "problem", "received_at"),
)


@texts_page
@require_safe
def calls_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Sends a row per reply, and one per call without a reply."""
    columns = ("state", "score", "width", "attempts", "tokens_in", "tokens_out", "cost", "seconds", "model", "problem")
    rows = (
        _run(study, number)
        .calls.order_by("pk", "replies__pk")
        .values_list(
            *("pk", "prompt__number", "result__model__name", "other__model__name", "part", "state"),
            *(f"replies__{column}" for column in (*columns, "received_at")),
        )
    )

    def line(row: tuple[Any, ...]) -> tuple[Any, ...]:
        *place, state, replied = row[:7]
        *told, at = row[7:]
        return (*place, replied or state, *told, at and at.isoformat())

    return csv_download(CALL_COLUMNS, map(line, rows.iterator()), f"{study.slug}-similarity-{number}-calls.csv")
