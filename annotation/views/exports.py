"""Downloads of a study's data: the same files as the command `export` writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from urllib.parse import quote, urlencode

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotation.exporting import comparisons, export, payments, study_formats
from annotation.models import RaterKind, Study
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import access, no_access
from annotation.views.access import AdministratorRequest, need, show, study_page
from annotation.views.downloads import download as as_download

PAYMENTS = "payments"
MOST_PER_VOTE = 1000

WITH_TEXTS = {"prompts", "results", "pairs"}
"""Files with prompts and answers. Full comparisons identify answers too, by their digests."""


@study_page
@require_safe
def page(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    """Shows the files and formats in which the study can be downloaded."""
    raters = study.raters.filter(kind=RaterKind.JUDGE).order_by("name")
    judges = [name for name in raters.values_list("name", flat=True) if name]
    return show(
        request,
        study,
        "export.html",
        "export",
        comparisons=_comparisons(study, judges),
        formats=study_formats.losses(),
        access=access(request.user, study),
        no_access=no_access(study),
    )


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
