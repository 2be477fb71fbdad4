"""Downloads of a study's data: the same files as the command `export` writes, and files written in the background."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from urllib.parse import quote, urlencode

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotation.exporting import comparisons, export, jobs, payments, study_formats
from annotation.exporting.file_formats import FILE_FORMATS
from annotation.exporting.layouts import LAYOUTS
from annotation.exporting.selection import Selection
from annotation.forms.exports import ExportForm, offered
from annotation.models import Export, RaterKind, Study
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import access, no_access
from annotation.views.access import AdministratorRequest, need, posted, show, study_page
from annotation.views.downloads import download as as_download
from annotation.views.downloads import stored_file

PAYMENTS = "payments"
MOST_PER_VOTE = 1000

SHOWN = 20
"""Exports that the page lists, the newest first."""

WITH_TEXTS = {"prompts", "results", "pairs"}
"""Files with prompts and answers. Full comparisons identify answers too, by their digests."""


@study_page
@require_safe
def page(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Shows the layouts, files and formats in which the study can be downloaded."""
    return _page(request, study, _form(request, study))


def _page(request: AdministratorRequest, study: Study, form: ExportForm) -> HttpResponse:
    raters = study.raters.filter(kind=RaterKind.JUDGE).order_by("name")
    judges = [name for name in raters.values_list("name", flat=True) if name]
    granted = access(request.user, study)
    return show(
        request,
        study,
        "export.html",
        "export",
        form=form,
        layouts=offered(granted.reads),
        exports=study.exports.select_related("user")[:SHOWN],
        comparisons=_comparisons(study, judges),
        formats=study_formats.losses(),
        access=granted,
        no_access=no_access(study),
    )


def _form(request: AdministratorRequest, study: Study) -> ExportForm:
    return ExportForm(study, posted(request), reads=access(request.user, study).reads)


@study_page
@require_POST
def create_export(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Sends the file that the form asks for; a large one is written in the background and gets a page."""
    form = _form(request, study)
    if not form.is_valid():
        return _page(request, study, form)
    asked = form.request()
    try:
        if jobs.is_large(study, asked):
            return redirect("study-export-file", study.slug, jobs.submit(study, request.user, asked).pk)
        chunks = asked.chunks(study)
    except NotPossible as refusal:
        form.add_error("layout", str(refusal))
        return _page(request, study, form)
    return as_download(chunks, asked.file_name, asked.media)


def _export(request: AdministratorRequest, study: Study, number: int) -> Export:
    """Returns an export of the study that the person may see; with texts, only if they may read its prompt set."""
    found = get_object_or_404(study.exports.select_related("user"), pk=number)
    layout = LAYOUTS.get(found.layout)
    if layout is None or layout.with_texts:
        need(request.user, study, Study.objects.readable_by)
    return found


@study_page
@require_safe
def export_page(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Shows an export's progress or its file; htmx polls the part that changes."""
    at, found = timezone.now(), _export(request, study, number)
    layout = LAYOUTS.get(found.layout)
    context = {
        "export": found,
        "layout": _(layout.label) if layout else found.layout,
        "format": FILE_FORMATS[found.format].label,
        "losses": [_(each) for each in layout.cannot_carry] if layout else [],
        "has_file": found.has_file(at),
        "interrupted": found.is_interrupted(at),
        "selection": Selection.of(found.filters),
    }
    return show(request, study, "export_file.html", "export", part="export", **context)


@study_page
@require_safe
def export_file(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Sends the file of an export."""
    return stored_file(_export(request, study, number))


@study_page
@require_POST
def cancel_export(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Cancels an export that is not ready yet."""
    if jobs.cancel(_export(request, study, number)):
        messages.success(request, _("Export cancelled."))
    else:
        messages.error(request, _("The export finished before it could be cancelled."))
    return redirect("study-export-file", study.slug, number)


@study_page
@require_POST
def delete_export(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Deletes the file of an export before its time."""
    if jobs.delete_file(_export(request, study, number), timezone.now()):
        messages.success(request, _("File deleted."))
    return redirect("study-export-file", study.slug, number)


@dataclass(frozen=True, slots=True)
class ComparisonFiles:
    """The downloads of one choice of raters: the parts of their addresses, and whether the plain file is marked."""

    raters: str
    is_judge: bool
    plain: str
    full: str
    marked: bool


def _comparisons(study: Study, judges: Sequence[str]) -> list[ComparisonFiles]:
    """Returns the downloads of comparisons; a file with simulated ones is offered only with these marked."""
    simulated = comparisons.with_simulated(study)
    found = []
    for raters in (comparisons.PEOPLE, *judges, *([comparisons.ALL] if judges else [])):
        marked = raters in simulated
        choice = {} if raters == comparisons.PEOPLE else {"raters": raters}
        plain = urlencode(choice | ({"simulated": "1"} if marked else {}), quote_via=quote)
        found.append(
            ComparisonFiles(raters, raters in judges, plain, urlencode(choice | {"full": "1"}, quote_via=quote), marked)
        )
    return found


@study_page
@require_safe
def prolific(request: AdministratorRequest, study: Study, what: str) -> HttpResponseBase:
    """Sends the list of approvals, or of bonuses with the amount `per_vote`, in the layout that Prolific takes."""
    if what == "approvals":
        lines = payments.prolific_approvals(study)
    else:
        try:
            per_vote = Decimal(request.GET.get("per_vote", ""))
        except InvalidOperation:
            per_vote = Decimal(-1)
        if not (per_vote.is_finite() and 0 < per_vote <= MOST_PER_VOTE):
            messages.error(request, _("Enter the bonus for each extra pair as a number such as 0.05."))
            return redirect("study-workers", study.slug)
        lines = payments.prolific_bonuses(study, per_vote)
    return as_download(lines, f"{study.slug}-{what}.txt", "text/plain; charset=utf-8")


@study_page
@require_safe
def download(request: AdministratorRequest, study: Study, what: str) -> HttpResponseBase:
    """Sends one file, or a page that explains why it cannot be exported and what can be done."""
    if what not in {*export.WHAT, PAYMENTS, *study_formats.WRITERS}:
        raise Http404
    if what in WITH_TEXTS or what in study_formats.WRITERS or "full" in request.GET:
        need(request.user, study, Study.objects.readable_by)
    choices = {name: name in request.GET for name in ("training", "check", "full")}
    raters = request.GET.get("raters", comparisons.PEOPLE)
    try:
        if what in study_formats.WRITERS:
            return FileResponse(
                study_formats.archive(study, what), as_attachment=True, filename=f"{study.slug}-{what}.zip"
            )
        if what == PAYMENTS:
            chunks = payments.payments(study)
        else:
            chunks = export.export(study, what, raters=raters, simulated="simulated" in request.GET, **choices)
    except NotPossible as refusal:
        response = show(request, study, "export_refused.html", "export", refusal=refusal)
        response.status_code = HTTPStatus.CONFLICT
        return response
    name = export.file_name(what, raters=raters, **choices)
    content_type = "text/csv" if name.endswith(".csv") else "application/jsonl"
    return as_download(chunks, name, f"{content_type}; charset=utf-8", for_people=what == PAYMENTS)
