"""The only way from an address to a study: through what the user may see.

A stranger gets the same 404 for a study of somebody else as for one that does not exist.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django_htmx.middleware import HtmxDetails

from annotation.models import Status, Study


class AdministratorRequest(HttpRequest):
    """A request of somebody who has signed in."""

    user: User
    htmx: HtmxDetails


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: nothing on GET, even an empty POST on POST."""
    return request.POST if request.method == "POST" else None


def study_for(user: User, slug: str) -> Study:
    """The study at `slug` if `user` may see it; Http404 otherwise."""
    return get_object_or_404(Study.objects.visible_to(user).select_related("prompt_set", "owner"), slug=slug)


def results_for(request: HttpRequest, slug: str, *, closed: bool = False) -> tuple[Study, bool]:
    """The study at `slug` whose results the visitor may read, and whether they run it.

    With `closed` strangers are shown only a study that takes no votes: its answers with their models' names.

    Raises:
        Http404: it is not the visitor's to see.
    """
    studies = Study.objects.select_related("prompt_set")
    mine = studies.visible_to(request.user).filter(slug=slug).first()
    public = studies.public().filter(status=Status.CLOSED) if closed else studies.public()
    return mine or get_object_or_404(public, slug=slug), mine is not None


def study_page[**P](
    view: Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A view under /studies/<slug>/: asks for a sign-in, and hands on the study instead of its address."""

    @wraps(view)
    def inner(request: AdministratorRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        return view(request, study_for(request.user, slug), *args, **kwargs)

    return login_required(inner)


def show(
    request: AdministratorRequest, study: Study, template: str, tab: str, part: str = "", **context: Any
) -> HttpResponse:
    """A page of `study` under its `tab`; htmx is given the `part` that it asked for, where there is one."""
    if part and request.htmx:
        template = f"{template}#{part}"
    else:
        context["simulated"] = study.raters.filter(simulated=True).exists()
    return render(request, f"annotation/study/{template}", {"section": "studies", "study": study, "tab": tab} | context)
