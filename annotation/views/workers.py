"""The workers of a study: their statistics, and whose votes count."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from annotation.forms.workers import ErasureForm, ExclusionForm
from annotation.models import Comparison, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import sharing
from annotation.studies.lifecycle import NotPossible
from annotation.views import worker_session
from annotation.views.access import AdministratorRequest, posted, show, study_page
from annotation.views.downloads import csv_download
from annotation.views.links import join_links
from annotation.views.paging import paged
from annotation.voting import coverage, erasure, exclusion
from annotation.voting.coverage import WorkerRow


@dataclass(frozen=True, slots=True)
class Column:
    """A sortable column; `value` returns None if a worker has no value yet."""

    key: str
    title: str | Promise
    value: Callable[[WorkerRow], Any]


SORTS: Final = {
    column.key: column
    for column in (
        Column("number", gettext_lazy("Worker"), lambda row: row.number),
        Column("training", gettext_lazy("Training"), lambda row: row.training_score),
        Column(
            "checks", gettext_lazy("Correct checks"), lambda row: row.checks_right / row.checks if row.checks else None
        ),
        Column("votes", gettext_lazy("Votes"), lambda row: row.votes),
        Column("compared", gettext_lazy("With checks"), lambda row: row.compared),
        Column("skips", gettext_lazy("Skips"), lambda row: row.skips),
        Column("fast", gettext_lazy("Too fast"), lambda row: row.fast),
        Column("seconds", gettext_lazy("Median time"), lambda row: row.median_seconds),
        Column("left", gettext_lazy("Left"), lambda row: row.left_share),
        Column("tie", gettext_lazy("Tie"), lambda row: row.tie_share),
        Column("right", gettext_lazy("Right"), lambda row: row.right_share),
    )
}

LATEST: Final = 20
"""Erasures that the page lists."""

COLUMNS: Final = (
    "number",
    "external_id",
    "stage",
    "outcome",
    "device",
    "training_score",
    "checks",
    "checks_right",
    "votes",
    "left",
    "tie",
    "right",
    "skips",
    "median_seconds",
    "joined_at",
    "left_at",
    "excluded_at",
    "exclusion_reason",
    "simulated",
    "compared",
    "fast",
    "erased_at",
)


@study_page
@require_safe
def page(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists the workers with their statistics, sorted by the column in `sort`; simulated ones on request."""
    wanted = request.GET.get("sort", "")
    descending, column = wanted.startswith("-"), SORTS.get(wanted.removeprefix("-"), SORTS["number"])
    rows = coverage.workers(study, simulated="simulated" in request.GET)
    context: dict[str, Any] = {
        "workers": paged(request, _sorted(rows, column.value, descending), 100),
        # A second click on a column reverses it.
        "columns": [
            (
                known,
                "" if known is not column else "descending" if descending else "ascending",
                _next_sort(known, wanted),
            )
            for known in SORTS.values()
        ],
        "links": join_links(request, study),
        "fast": sum(row.fast > 0 for row in rows),
        "under_way": sum(row.stage != Stage.DONE and not row.excluded_at for row in rows),
        "open_reports": study.reports.filter(settled_at=None).count(),
        "may_erase": sharing.owns(request.user, study),
        "erasures": [(each, erasure.told(each)) for each in study.erasures.select_related("user")[:LATEST]],
    }
    return show(request, study, "workers.html", "workers", **context)


def _votes_of(worker: Worker) -> int:
    """Counts the votes that excluding or including `worker` changes: those that the workers' page shows."""
    return Comparison.objects.votes_of_workers().filter(rater=worker.pk).count()


def _next_sort(column: Column, sort: str) -> str:
    return f"-{column.key}" if sort == column.key else column.key


def _sorted(rows: list[WorkerRow], value: Callable[[WorkerRow], Any], descending: bool) -> list[WorkerRow]:
    """Sorts the rows; those without a value come last in either direction."""
    with_value = [row for row in rows if value(row) is not None]
    without = [row for row in rows if value(row) is None]
    return sorted(with_value, key=value, reverse=descending) + without


@study_page
@require_safe
def page_csv(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Sends the statistics of all workers as CSV, simulated ones last."""
    rows = [*coverage.workers(study), *coverage.workers(study, simulated=True)]
    cells = ([_cell(getattr(row, column)) for column in COLUMNS] for row in rows)
    return csv_download(COLUMNS, cells, f"{study.slug}-workers.csv", for_people=True)


def _cell(value: Any) -> str | float | bool | None:
    return value.isoformat() if isinstance(value, datetime) else value


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def exclude(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Excludes a worker: GET shows what will happen and asks for a reason, POST does it."""
    worker = get_object_or_404(study.workers.select_related("rater"), number=number)
    form = ExclusionForm(posted(request))
    if not form.is_valid():
        return show(request, study, "exclude.html", "workers", worker=worker, votes=_votes_of(worker), form=form)
    try:
        exclusion.exclude(worker, form.cleaned_data["reason"], timezone.now())
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Worker %(number)d excluded.") % {"number": number})
    return redirect("study-workers", study.slug)


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def include(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Includes an excluded worker again: GET shows what will happen, POST does it."""
    worker = get_object_or_404(study.workers.select_related("rater"), number=number)
    if request.method != "POST":
        return show(request, study, "include.html", "workers", worker=worker, votes=_votes_of(worker))
    try:
        exclusion.include(worker)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Worker %(number)d included. Their votes count again.") % {"number": number})
    return redirect("study-workers", study.slug)


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Erases what tells who a worker is, for the study's owner: GET shows what will happen, POST does it."""
    if not sharing.owns(request.user, study):
        raise PermissionDenied
    worker = get_object_or_404(study.workers.select_related("rater"), number=number, rater__simulated=False)
    form = ErasureForm(posted(request))
    if not form.is_valid():
        return show(request, study, "erase.html", "workers", worker=worker, form=form)
    try:
        erasure.erase(worker, timezone.now(), user=request.user, withdraw=form.cleaned_data["withdraw"])
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The personal data of worker %(number)d was erased.") % {"number": number})
    return redirect("study-workers", study.slug)


@study_page
@require_safe
def personal_link(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a link that makes a browser a worker's own, so that they can withdraw after losing their first one."""
    workers = study.workers.select_related("study").filter(rater__simulated=False, erased_at=None)
    worker = get_object_or_404(workers, number=number)
    path = reverse("worker-personal", args=[study.slug, worker_session.personal_token(worker)])
    link, days = request.build_absolute_uri(path), worker_session.PERSONAL.days
    return show(request, study, "personal_link.html", "workers", worker=worker, link=link, days=days)
