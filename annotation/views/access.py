"""Access to studies: every view fetches its study through what the user may see.

A study that the user may not see gives the same 404 as one that does not exist.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from annotation.models import Status, Study


class AdministratorRequest(HttpRequest):
    """A request by a signed-in user."""

    user: User
    htmx: HtmxDetails


def posted(request: HttpRequest) -> QueryDict | None:
    """Returns the data to bind a form to: None on GET, the data (even if empty) on POST."""
    return request.POST if request.method == "POST" else None


def study_for(user: User, slug: str) -> Study:
    """Returns the study at `slug` if `user` may see it; raises Http404 otherwise."""
    return get_object_or_404(Study.objects.visible_to(user).select_related("prompt_set", "owner"), slug=slug)


def results_for(request: HttpRequest, slug: str, *, closed: bool = False) -> tuple[Study, bool]:
    """Returns the study at `slug` whose results the visitor may read, and whether they manage it.

    With `closed`, other visitors only see a closed study, because the page shows answers with model names.

    Raises:
        Http404: the visitor may not see it.
    """
    studies = Study.objects.select_related("prompt_set")
    mine = studies.visible_to(request.user).filter(slug=slug).first()
    public = studies.public().filter(status=Status.CLOSED) if closed else studies.public()
    return mine or get_object_or_404(public, slug=slug), mine is not None


ALLOWED_WHILE_HIDDEN = frozenset({"hide", "delete"})
"""The views that change a hidden study, which is read-only otherwise: they bring it back or delete it."""


def study_page[**P](
    view: Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorates a view under /studies/<slug>/: requires sign-in and passes the study instead of its slug."""

    @wraps(view)
    def inner(request: AdministratorRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        study = study_for(request.user, slug)
        if study.hidden_at and request.method not in {"GET", "HEAD"} and view.__name__ not in ALLOWED_WHILE_HIDDEN:
            messages.error(request, _("This study is hidden, so it cannot be changed. Show it again first."))
            return redirect("study", slug)
        return view(request, study, *args, **kwargs)

    return login_required(inner)


def show(
    request: AdministratorRequest, study: Study, template: str, tab: str, part: str = "", **context: Any
) -> HttpResponse:
    """Renders a page of `study` under `tab`; for an htmx request only its `part`, if given."""
    if part and request.htmx:
        template = f"{template}#{part}"
    else:
        context["simulated"] = study.raters.filter(simulated=True).exists()
    return render(request, f"annotation/study/{template}", {"section": "studies", "study": study, "tab": tab} | context)
