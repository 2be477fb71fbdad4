"""Access to studies: every view fetches its study through what the user may see.

A study that the user may not see gives the same 404 as one that does not exist. A page with prompts, answers or pairs
also needs access to the prompt set; without it, the user is told whom to ask (403).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from annotation.models import PromptSet, Status, Study
from annotation.models.corpus import PromptSetQuerySet
from annotation.studies import prompt_sets
from annotation.studies.prompt_sets import access, no_access


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


def results_for(request: HttpRequest, slug: str) -> tuple[Study, bool]:
    """Returns the study at `slug` whose results the visitor may read, and whether they manage it.

    Raises:
        Http404: the visitor may not see it.
    """
    studies = Study.objects.select_related("prompt_set")
    mine = studies.visible_to(request.user).filter(slug=slug).first()
    return mine or get_object_or_404(studies.public(), slug=slug), mine is not None


def answers_for(request: HttpRequest, slug: str) -> tuple[Study, bool]:
    """Returns the study at `slug` whose prompts and answers the visitor may read, and whether they manage it.

    Raises:
        Http404: the visitor may not see the study, or only its results.
        PermissionDenied: the visitor manages the study, but may not read its prompt set.
    """
    known = Study.objects.readable_by(request.user).select_related("prompt_set").filter(slug=slug).first()
    if known is not None:
        return known, True
    study, runs_it = results_for(request, slug)
    if not may_read_answers(request.user, study):
        raise PermissionDenied(no_access(study)) if runs_it else Http404
    return study, runs_it


def may_read_answers(user: User | AnonymousUser, study: Study) -> bool:
    """Returns whether `user` may read the study's prompts one by one: others than its people once it is closed."""
    granted = access(user, study)
    return granted.reads or (granted.texts and study.status == Status.CLOSED)


def pairs_for(request: HttpRequest, slug: str) -> tuple[Study, bool]:
    """Returns the study at `slug` whose pairs the visitor may search, and whether they manage it and see all pairs.

    Raises:
        Http404: the visitor may not see the study.
        PermissionDenied: the visitor manages the study, but may not read its prompt set.
    """
    study, runs_it = results_for(request, slug)
    reads, public = sees_pairs(request.user, study)
    if not reads and not public:
        raise PermissionDenied(no_access(study)) if runs_it else Http404
    return study, reads


def sees_pairs(user: User | AnonymousUser, study: Study) -> tuple[bool, bool]:
    """Returns whether `user` may see every pair of `study`, and whether anyone may see its `public_pairs`."""
    reads = Study.objects.readable_by(user).filter(pk=study.pk).exists()
    return reads, Study.objects.public().with_leave().filter(pk=study.pk).exists()


ALLOWED_WHILE_HIDDEN = frozenset({"hide", "delete", "erase", "create_export", "cancel_export", "delete_export"})
"""The views that change a hidden study, which is read-only otherwise: they bring it back, delete it, or erase the data
of people, who need not wait for that. An export changes nothing in the study."""


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


def texts_page[**P](
    view: Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Like `study_page`, for views that show or use prompts, answers or pairs: needs access to the prompt set too."""
    return study_page(_needing(Study.objects.readable_by, view))


def prompt_set_page[**P](
    view: Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Like `study_page`, for views that change the prompt set or spend the budgets of its models."""
    return study_page(_needing(Study.objects.editable_by, view))


def _needing[**P](
    allowed: Callable[[User], QuerySet[Study]],
    view: Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase],
) -> Callable[Concatenate[AdministratorRequest, Study, P], HttpResponseBase]:
    @wraps(view)
    def inner(request: AdministratorRequest, study: Study, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        need(request.user, study, allowed)
        return view(request, study, *args, **kwargs)

    return inner


def need(user: User, study: Study, allowed: Callable[[User], QuerySet[Study]]) -> None:
    """Raises PermissionDenied, with what to do, unless `study` is among the studies `allowed` to `user`."""
    if allowed(user).filter(pk=study.pk).exists():
        return
    if Study.objects.readable_by(user).filter(pk=study.pk).exists():
        raise PermissionDenied(prompt_sets.no_editor(study.prompt_set))
    raise PermissionDenied(no_access(study))


def set_for(user: User, slug: str) -> PromptSet:
    """Returns the prompt set at `slug` if `user` knows of it; raises Http404 otherwise."""
    return get_object_or_404(prompt_sets.seen_by(user).select_related("owner"), slug=slug)


def set_texts_page[**P](
    view: Callable[Concatenate[AdministratorRequest, PromptSet, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorates a view under /prompt-sets/<slug>/ that shows prompts: passes the set to those who may read it."""
    return _set_page(prompt_sets.read_by, prompt_sets.no_reader, view)


def set_change_page[**P](
    view: Callable[Concatenate[AdministratorRequest, PromptSet, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorates a view under /prompt-sets/<slug>/ that changes it or spends budgets: for those who may edit the set."""
    return _set_page(prompt_sets.edited_by, prompt_sets.no_editor, view)


def _set_page[**P](
    allowed: Callable[[User], PromptSetQuerySet],
    refusal: Callable[[PromptSet], str],
    view: Callable[Concatenate[AdministratorRequest, PromptSet, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def inner(request: AdministratorRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        prompt_set = set_for(request.user, slug)
        if not allowed(request.user).filter(pk=prompt_set.pk).exists():
            raise PermissionDenied(refusal(prompt_set))
        return view(request, prompt_set, *args, **kwargs)

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
