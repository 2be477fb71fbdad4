"""The data pages of a study: uploads, flagged answers, workers' reports."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, F, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.editing import previews
from annotation.forms.data import ProposalForm, UploadForm, WhoseForm
from annotation.importing import load, undo, uploads
from annotation.interchange.examples import EXAMPLES
from annotation.interchange.faults import Fault
from annotation.models import Purpose, Report, ResultFlag, Study, Upload, UploadState
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import access, no_access
from annotation.views.access import AdministratorRequest, need, posted, show, study_page, texts_page
from annotation.views.downloads import csv_download
from annotation.views.paging import paged
from annotation.views.pair_display import Sheet, sheet_of
from annotation.voting import reports

UNDER_WAY = [UploadState.WAITING, UploadState.CHECKING]


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Shows what the study contains and the form for uploads; a POST saves the files and enqueues their check."""
    if request.method == "POST":
        need(request.user, study, Study.objects.readable_by)
    form = UploadForm(posted(request), request.FILES if request.method == "POST" else None)
    if form.is_valid():
        data = form.cleaned_data
        upload = uploads.propose(study, request.user, data["exchange_files"], rater=data["rater"] or None)
        return redirect("study-upload", study.slug, upload.pk)
    return show(request, study, "data.html", "data", form=form, examples=EXAMPLES, **_overview(request, study))


@texts_page
@require_safe
def template(request: AdministratorRequest, study: Study, name: str) -> HttpResponseBase:
    """Sends a file with the columns of one kind and an example row, to fill in and upload."""
    found = EXAMPLES.get(name)
    if found is None:
        raise Http404
    headers = {"Content-Disposition": f'attachment; filename="{found.file}"'}
    return HttpResponse(found.content, content_type=f"{found.media_type}; charset=utf-8", headers=headers)


def _overview(request: AdministratorRequest, study: Study) -> dict[str, Any]:
    """Returns the counts and uploads that the page shows."""
    prompt_set = study.prompt_set
    flags = dict(_flags(study).order_by().values_list("kind").annotate(Count("pk")))
    return {
        "uploads": paged(request, study.uploads.select_related("user")),
        "counts": {
            "models": prompt_set.models.count(),
            "prompts": prompt_set.prompts.count(),
            "results": prompt_set.results.count(),
            "flagged": flags.get(ResultFlag.Kind.NAMES_ITSELF, 0),
            **{kind: flags.get(kind, 0) for kind in ("cut", "reasoning", "empty", "identical")},
            **{purpose: study.pairs.filter(purpose=purpose).count() for purpose in Purpose.values},
        },
        "access": access(request.user, study),
        "no_access": no_access(study),
        "shared_with": prompt_set.studies.exclude(pk=study.pk).count(),
    }


@texts_page
@require_safe
def upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows an upload's progress or outcome; htmx polls the part that changes."""
    found = get_object_or_404(study.uploads.select_related("user"), pk=number)
    return _shown(request, study, found, ProposalForm(None, found.report) if uploads.is_open(found) else None)


def _shown(request: AdministratorRequest, study: Study, found: Upload, proposal: ProposalForm | None) -> HttpResponse:
    """Shows an upload, with the form that says how its files are read while nothing is stored."""
    unclear = uploads.asks(found)
    context = {
        "upload": found,
        "proposal": proposal,
        "pairs": _pairs(study, found) if proposal else [],
        "whose": WhoseForm(None, unclear) if unclear else None,
        "under_way": found.state in UNDER_WAY,
        "interrupted": found.is_interrupted(timezone.now()),
        "faults": _faults(found),
        "pace": _pace(found),
        "notes": [
            *load.told_side_words(found.report.get("side_words", {})),
            *load.told_repeated(found.report.get("repeated", {})),
            *load.told_passed_over(found.report.get("passed_over", {})),
        ],
        "skipped": found.report.get("skipped", []),
    }
    return show(request, study, "upload.html", "data", part="upload", **context)


def _pairs(study: Study, upload: Upload) -> list[Sheet]:
    """Returns the sample pairs of a checked upload, as workers would see them."""
    sheets = []
    for told in upload.report.get("pairs", []):
        pair = previews.pair_of_texts(told["prompt"], told["left"], told["right"])
        sheets.append(sheet_of(study, pair, "x", as_plain=False))
    return sheets


@texts_page
@require_POST
def choose_upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Checks the files of an upload again, read as the form says."""
    found = get_object_or_404(study.uploads.select_related("user"), pk=number)
    form = ProposalForm(request.POST, found.report)
    if not form.is_valid():
        return _shown(request, study, found, form)
    if not uploads.choose(found, form.choices(), form.format_name()):
        messages.error(request, _("These files are no longer stored. Upload them again."))
    return redirect("study-upload", study.slug, number)


@texts_page
@require_POST
def store_upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Stores what the check of an upload proposed."""
    found = get_object_or_404(study.uploads, pk=number)
    if undo.changed_the_set(found):
        need(request.user, study, Study.objects.editable_by)
    if not uploads.confirm(found, request.user):
        messages.error(request, _("These files are no longer stored. Upload them again."))
    return redirect("study-upload", study.slug, number)


@texts_page
@require_POST
def answer_upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Stores whose comparisons the files of an upload contain, and loads them again."""
    found = get_object_or_404(study.uploads, pk=number)
    form = WhoseForm(request.POST, uploads.asks(found))
    if not form.is_valid():
        return show(request, study, "upload.html", "data", upload=found, whose=form, under_way=False)
    if not uploads.answer(found, form.whose()):
        messages.error(request, _("These files are no longer stored. Upload them again."))
    return redirect("study-upload", study.slug, number)


def _pace(upload: Upload) -> dict[str, float] | None:
    """Returns bytes per second since the upload arrived and the seconds left at that rate; None while unknown."""
    elapsed = (timezone.now() - upload.created_at).total_seconds()
    if not upload.done or elapsed < 1:
        return None
    rate = upload.done / elapsed
    return {"rate": rate, "seconds_left": max(1, round((upload.size - upload.done) / rate))}


def _faults(upload: Upload) -> list[tuple[Fault, str]]:
    """Returns the listed errors, each with its message in the reader's language."""
    faults = [Fault.from_json(stored) for stored in upload.report.get("faults", [])]
    return [(fault, _(fault.reason) % fault.values) for fault in faults]


@texts_page
@require_safe
def faults_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Sends the listed errors of an upload as CSV, with file, line, field and reason."""
    found = get_object_or_404(study.uploads, pk=number)
    rows = ((fault.file, fault.line, fault.field, told, fault.row) for fault, told in _faults(found))
    return csv_download(
        ("file", "line", "field", "reason", "row"), rows, f"{study.slug}-faults-{number}.csv", for_people=True
    )


@texts_page
@require_POST
def cancel_upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Cancels an upload that has stored nothing yet."""
    if uploads.cancel(get_object_or_404(study.uploads, pk=number)):
        messages.success(request, _("Upload cancelled. Nothing was saved."))
    else:
        messages.error(request, _("The upload finished before it could be cancelled."))
    return redirect("study-upload", study.slug, number)


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def undo_upload(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Undoes an upload: GET shows what will be deleted, POST deletes it."""
    found = get_object_or_404(study.uploads, pk=number)
    if undo.changed_the_set(found):
        need(request.user, study, Study.objects.editable_by)
    if request.method != "POST":
        return show(request, study, "undo_upload.html", "data", upload=found)
    try:
        undo.undo(found)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Upload undone. Everything it added was deleted."))
    return redirect("study-upload", study.slug, number)


def _flags(study: Study) -> QuerySet[ResultFlag]:
    flags = ResultFlag.objects.filter(result__prompt_set=study.prompt_set)
    return flags.select_related("result__prompt", "result__model").order_by("pk")


def _reports(study: Study) -> QuerySet[Report]:
    """Returns the reports, unresolved ones first."""
    reports = study.reports.select_related("pair__prompt", "pair__model_x", "pair__model_y", "worker")
    return reports.order_by(F("settled_at").asc(nulls_first=True), "-pk")


@texts_page
@require_safe
def flags(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Shows the answers to review, such as those that name their model, were cut off or are empty."""
    return show(request, study, "flags.html", "data", flags=paged(request, _flags(study)))


@texts_page
@require_safe
def flags_csv(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Sends the flagged answers as CSV, with the kind of each flag and what was found."""
    rows = (
        (flag.result.number, flag.result.prompt.number, flag.result.model.name, flag.kind, flag.found)
        for flag in _flags(study).iterator()
    )
    return csv_download(
        ("result", "prompt", "model", "kind", "found"), rows, f"{study.slug}-flags.csv", for_people=True
    )


@texts_page
@require_safe
def reported(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists workers' reports, unresolved ones first."""
    return show(request, study, "reports.html", "workers", reports=paged(request, _reports(study)))


@texts_page
@require_safe
def reports_csv(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Sends workers' reports as CSV."""
    columns = ("created_at", "pair", "prompt", "model_x", "model_y", "worker", "kind", "comment", "settled_at")
    rows = (
        (
            report.created_at.isoformat(),
            report.pair.number,
            report.pair.prompt.number,
            report.pair.model_x.name,
            report.pair.model_y.name,
            report.worker.number,
            report.kind,
            report.comment,
            report.settled_at.isoformat() if report.settled_at else None,
        )
        for report in _reports(study).iterator()
    )
    return csv_download(columns, rows, f"{study.slug}-reports.csv", for_people=True)


@texts_page
@require_POST
def settle(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Marks a report as resolved, or reopens it with `again`."""
    report = get_object_or_404(study.reports, pk=number)
    if "again" in request.POST:
        reports.reopen(report)
    else:
        reports.settle(report, timezone.now())
    return redirect("study-reports", study.slug)
