"""The list of studies, the form for a new one, and a study's overview."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import overview
from annotation.forms.study import DeletionForm, NewStudyForm
from annotation.models import Status, Study
from annotation.studies import deletion, lifecycle, sharing
from annotation.views.access import AdministratorRequest, posted, show, study_page
from annotation.views.links import join_link
from annotation.views.paging import paged


@login_required
@require_safe
def index(request: AdministratorRequest) -> HttpResponse:
    """Lists the studies that the user may see."""
    seen = Study.objects.visible_to(request.user).select_related("owner", "prompt_set")
    hidden = seen.exclude(hidden_at=None)
    is_hidden = "hidden" in request.GET
    studies_seen = paged(request, hidden if is_hidden else seen.listed(), 25)
    context = {
        "section": "studies",
        "page": studies_seen,
        "rows": overview.rows(list(studies_seen)),
        "hidden": is_hidden,
        "hidden_count": hidden.count(),
    }
    return render(request, "annotation/study/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: AdministratorRequest) -> HttpResponse:
    """Shows the form for a new study; a POST creates the draft."""
    form = NewStudyForm(request.user, posted(request))
    if form.is_valid() and (study := form.save()):
        return redirect("study", study.slug)
    return render(request, "annotation/study/new.html", {"section": "studies", "form": form})


@study_page
@require_safe
def page(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Shows the overview of a study: the state of each section, the next steps and the join link."""
    may_delete = sharing.owns(request.user, study)
    seen = overview.look(study, timezone.now())
    context = {"overview": seen, "join_link": join_link(request, study), "may_delete": may_delete}
    return show(request, study, "page.html", "overview", part="overview", **context)


CHANGES = {"start": lifecycle.start, "pause": lifecycle.pause, "close": lifecycle.close}


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def change_state(request: AdministratorRequest, study: Study, change: str) -> HttpResponse:
    """Starts, pauses or closes a study: GET shows what will happen, POST does it."""
    if request.method != "POST":
        return show(
            request, study, "state.html", "overview", change=change, facts=overview.facts(study, timezone.now())
        )
    try:
        study = CHANGES[change](study)
    except lifecycle.NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The study is now %(status)s.") % {"status": Status(study.status).label})
    return redirect("study", study.slug)


@study_page
@require_POST
def hide(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Takes an ended study out of the lists, for its owner or a superuser, or brings it back."""
    if not sharing.owns(request.user, study):
        raise PermissionDenied
    try:
        if "again" in request.POST:
            lifecycle.unhide(study)
            messages.success(request, _("The study is in the lists again."))
        else:
            lifecycle.hide(study, timezone.now())
            messages.success(request, _("The study is hidden. It is read-only and in no list."))
    except lifecycle.NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("study", study.slug)


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Deletes a draft or a closed study, for its owner or a superuser: GET shows what is lost, POST does it."""
    if not sharing.owns(request.user, study):
        raise PermissionDenied
    form = DeletionForm(posted(request), needs_name=deletion.needs_name(study))
    if form.is_valid():
        try:
            if deletion.needs_name(study):
                deletion.delete_study(study, form.cleaned_data["name"])
            else:
                with_prompt_set = form.cleaned_data["with_prompt_set"]
                deletion.delete_draft(study, user=request.user, with_prompt_set=with_prompt_set)
        except lifecycle.NotPossible as refusal:
            messages.error(request, str(refusal))
            return redirect("study-delete" if deletion.needs_name(study) else "study", study.slug)
        messages.success(request, _("“%(study)s” was deleted.") % {"study": study.name})
        return redirect("studies")
    context: dict[str, Any] = {
        "belongings": deletion.belongings(study, request.user),
        "needs_name": deletion.needs_name(study),
    }
    return show(request, study, "delete.html", "overview", form=form, **context)
