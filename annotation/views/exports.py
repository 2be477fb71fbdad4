"""Downloads of a study's data, each the file that the command `export` writes."""

from http import HTTPStatus

from django.http import FileResponse, Http404, HttpResponseBase
from django.views.decorators.http import require_safe

from annotation.models import RaterKind, Study
from annotation.services import exporting, writing
from annotation.services.studies import NotPossible
from annotation.views.access import AdministratorRequest, show, study_page
from annotation.views.tables import download as as_download

PAYMENTS = "payments"


@study_page
@require_safe
def page(request: AdministratorRequest, study: Study) -> HttpResponseBase:
    judges = study.raters.filter(kind=RaterKind.JUDGE).order_by("name").values_list("name", flat=True)
    return show(request, study, "export.html", "export", judges=judges, formats=sorted(writing.WRITERS))


@study_page
@require_safe
def download(request: AdministratorRequest, study: Study, what: str) -> HttpResponseBase:
    """One file; what cannot be exported as asked is explained on a page, with the choice there is."""
    if what not in {*exporting.WHAT, PAYMENTS, *writing.WRITERS}:
        raise Http404
    wishes = {name: name in request.GET for name in ("training", "check", "full")}
    raters = request.GET.get("raters", exporting.PEOPLE)
    try:
        if what in writing.WRITERS:
            return FileResponse(writing.archive(study, what), as_attachment=True, filename=f"{study.slug}-{what}.zip")
        if what == PAYMENTS:
            chunks = exporting.payments(study)
        else:
            chunks = exporting.export(study, what, raters=raters, simulated="simulated" in request.GET, **wishes)
    except NotPossible as refusal:
        response = show(request, study, "export_refused.html", "export", refusal=refusal)
        response.status_code = HTTPStatus.CONFLICT
        return response
    name = exporting.file_name(what, raters=raters, **wishes)
    content_type = "text/csv" if name.endswith(".csv") else "application/jsonl"
    return as_download(chunks, name, f"{content_type}; charset=utf-8")
