"""The pages of a study's training and check pairs: lists of them, and a form that adds and changes single ones."""

from typing import Any

import numpy as np
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from annotation.editing import golden_pairs, references
from annotation.forms.editing import GoldenPairForm
from annotation.forms.fields import saved
from annotation.models import Pair, Purpose, Study
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, show, texts_page
from annotation.views.paging import paged
from annotation.views.pair_display import Sheet, reason, sheet_of

TITLES = {Purpose.TRAINING: gettext_lazy("Training pairs"), Purpose.CHECK: gettext_lazy("Check pairs")}
ADD = {Purpose.TRAINING: gettext_lazy("Add training pair"), Purpose.CHECK: gettext_lazy("Add check pair")}


def _context(purpose: Purpose, **context: Any) -> dict[str, Any]:
    url = f"study-{purpose}-pair"
    urls = {"list_url": f"{url}s", "new_url": f"{url}-new", "row_url": url}
    return {"purpose": purpose, "title": TITLES[purpose], "add": ADD[purpose], **urls, **context}


def _rows(study: Study, purpose: Purpose) -> Any:
    known = study.pairs.filter(purpose=purpose).select_related("prompt", "model_x", "model_y", "study__prompt_set")
    return known.order_by("pk")


@texts_page
@require_safe
def index(request: AdministratorRequest, study: Study, purpose: Purpose) -> HttpResponse:
    """Lists the study's training or check pairs."""
    context = _context(purpose, page=paged(request, _rows(study, purpose)))
    return show(request, study, "golden_pairs.html", "data", **context)


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: AdministratorRequest, study: Study, purpose: Purpose) -> HttpResponse:
    """Adds a pair: GET shows the form, POST a preview or, once it is saved, the list."""
    form = GoldenPairForm(posted(request), study=study)
    return _form(request, study, purpose, form, None)


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def row(request: AdministratorRequest, study: Study, purpose: Purpose, number: int) -> HttpResponse:
    """Shows a pair with a form that changes it, or saves a copy of it where workers have been given it."""
    found = get_object_or_404(_rows(study, purpose), number=number)
    if request.method == "POST" and "delete" in request.POST:
        return _delete(request, study, purpose, found)
    initial = GoldenPairForm.initial_of(found) | {"seen": references.seen(found)}
    return _form(request, study, purpose, GoldenPairForm(posted(request), study=study, initial=initial), found)


def _form(
    request: AdministratorRequest, study: Study, purpose: Purpose, form: GoldenPairForm, found: Pair | None
) -> HttpResponse:
    shown = found
    if form.is_valid():
        if "preview" in request.POST:
            shown = Pair(study=study, purpose=purpose, **form.values())
        elif (stored := _saved(request, study, purpose, form, found)) is not None:
            messages.success(request, _("Saved."))
            return redirect(f"study-{purpose}-pair", study.slug, stored.number)
    context = _context(
        purpose,
        form=form,
        row=found,
        used=references.referring(found) if found else [],
        preview=_sheet(study, shown) if shown else None,
        explanation=reason(study, shown, "x") if shown and shown.reason else None,
    )
    return show(request, study, "golden_pair.html", "data", **context)


def _sheet(study: Study, pair: Pair) -> Sheet:
    return sheet_of(study, pair, "x", as_plain=False)


def _saved(
    request: AdministratorRequest, study: Study, purpose: Purpose, form: GoldenPairForm, found: Pair | None
) -> Pair | None:
    """Returns the saved pair; what speaks against saving becomes an error of the form, and the result None."""

    def save() -> Pair:
        if found is None or "copy" in request.POST:
            return golden_pairs.add(study, purpose, request.user, form.values(), np.random.default_rng())
        return golden_pairs.change(found, request.user, form.values(), form.cleaned_data["seen"])

    try:
        return saved(form, save)
    except NotPossible as refusal:
        form.add_error(None, str(refusal))
        return None


def _delete(request: AdministratorRequest, study: Study, purpose: Purpose, found: Pair) -> HttpResponse:
    try:
        golden_pairs.delete(found, request.user, request.POST.get("seen", ""))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect(f"study-{purpose}-pair", study.slug, found.number)
    messages.success(request, _("Deleted."))
    return redirect(f"study-{purpose}-pairs", study.slug)
