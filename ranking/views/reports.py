"""Views of reports: agreement of people and judges, and ratings by all kinds of raters side by side."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from annotation import rater_columns
from annotation.studies.prompt_sets import why_private
from annotation.views.access import results_for
from annotation.views.downloads import csv_download, download
from ranking.models import Leaderboard
from ranking.pages import agreement as agreement_page
from ranking.pages import by_rater as by_rater_page
from ranking.reports import agreement, by_rater


def _ready(request: HttpRequest, slug: str, kind: str) -> Leaderboard:
    snapshot = Leaderboard.objects.newest_report(results_for(request, slug)[0], kind)
    if snapshot is None:
        raise Http404
    return snapshot


def _as_json(snapshot: Leaderboard, name: str) -> JsonResponse:
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(snapshot, name)}.json"'}
    return JsonResponse(snapshot.as_json(), headers=headers)


def _file_name(snapshot: Leaderboard, name: str) -> str:
    return f"{snapshot.study.slug}-{name}-{snapshot.pk}" + ("-simulated" if snapshot.simulated else "")


@require_safe
def agreement_report(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the report on agreement and biases of people and judges."""
    study, runs_it = results_for(request, slug)
    snapshot = Leaderboard.objects.newest_report(study, agreement.METHOD)
    context: dict[str, object] = {"study": study, "runs_it": runs_it, "snapshot": snapshot}
    if snapshot is not None:
        judges = study.raters.filter(name__in=snapshot.sheet["judges"])
        raters = {str(name): pk for name, pk in judges.values_list("name", "pk")}
        # Costs of judges are shown only to people who run the study.
        facts = rater_columns.known(study, list(raters.values())) if runs_it else []
        context |= {"people": agreement_page.people(snapshot), "judges": agreement_page.judged(snapshot)}
        context["private"] = why_private(request.user, study)
        context["compared"] = agreement_page.compared(snapshot, facts, raters)
    return render(request, "ranking/agreement.html", context)


@require_safe
def agreement_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads the agreement report as CSV. Raises Http404 if there is none."""
    snapshot = _ready(request, slug, agreement.METHOD)
    return csv_download(agreement.COLUMNS, agreement.lines(snapshot.sheet), f"{_file_name(snapshot, 'agreement')}.csv")


@require_safe
def agreement_json(request: HttpRequest, slug: str) -> JsonResponse:
    """Downloads the agreement report as JSON. Raises Http404 if there is none."""
    return _as_json(_ready(request, slug, agreement.METHOD), "agreement")


@require_safe
def all_columns(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the ratings by people, by people per category, and by each judge."""
    study, runs_it = results_for(request, slug)
    snapshot = Leaderboard.objects.newest_report(study, by_rater.METHOD)
    context: dict[str, object] = {"study": study, "runs_it": runs_it, "snapshot": snapshot}
    if snapshot is not None:
        context["found"] = by_rater_page.side_by_side(snapshot, request.GET.dict())
    return render(request, "ranking/columns.html", context)


@require_safe
def columns_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads the ratings side by side as CSV. Raises Http404 if there are none."""
    snapshot = _ready(request, slug, by_rater.METHOD)
    return download(by_rater_page.csv_lines(snapshot.sheet), f"{_file_name(snapshot, 'columns')}.csv")


@require_safe
def columns_json(request: HttpRequest, slug: str) -> JsonResponse:
    """Downloads the ratings side by side as JSON. Raises Http404 if there are none."""
    return _as_json(_ready(request, slug, by_rater.METHOD), "columns")
