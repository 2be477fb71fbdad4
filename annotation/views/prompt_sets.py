"""The pages of prompt sets: who may use one, which studies do, and how its owner ends that."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation import prompt_set_sections
from annotation.forms.prompt_sets import OwnerForm, ReadersForm
from annotation.models import PromptSet, Study
from annotation.prompt_set_sections import SetSection
from annotation.studies import prompt_sets
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, set_for
from annotation.views.paging import paged


def owner_page[**P](
    view: Callable[Concatenate[AdministratorRequest, PromptSet, P], HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorates a view under /prompt-sets/<slug>/ for the set's owner: passes the set instead of its slug."""

    @wraps(view)
    def inner(request: AdministratorRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        prompt_set = set_for(request.user, slug)
        if not _owns(request, prompt_set):
            raise PermissionDenied
        return view(request, prompt_set, *args, **kwargs)

    return login_required(inner)


def _owns(request: AdministratorRequest, prompt_set: PromptSet) -> bool:
    return PromptSet.objects.owned_by(request.user).filter(pk=prompt_set.pk).exists()


@login_required
@require_safe
def index(request: AdministratorRequest) -> HttpResponse:
    """Lists the prompt sets that the user may read, and those that their studies use."""
    seen = prompt_sets.seen_by(request.user).select_related("owner").annotate(used=Count("studies"))
    context = {"section": "studies", "page": paged(request, seen.order_by("name", "pk"), 50)}
    return render(request, "annotation/prompt_set/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: AdministratorRequest, slug: str) -> HttpResponse:
    """Shows a prompt set; its owner also sees and changes its readers, and sees every study that uses it."""
    prompt_set = set_for(request.user, slug)
    owns = _owns(request, prompt_set)
    if request.method == "POST" and not owns:
        raise PermissionDenied
    form = ReadersForm(posted(request), prompt_set=prompt_set)
    if form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("prompt-set", slug)
    studies = Study.objects.of_set(prompt_set, request.user).select_related("owner").order_by("pk")
    context = {
        "section": "studies",
        "prompt_set": prompt_set,
        "owns": owns,
        "form": form,
        "studies": studies,
        "with_leave": set(studies.with_leave().values_list("pk", flat=True)),
        "seen": set(Study.objects.visible_to(request.user).filter(prompt_set=prompt_set).values_list("pk", flat=True)),
        "through": prompt_sets.through_studies(prompt_set) if owns else [],
        "reads": PromptSet.objects.readable_by(request.user).filter(pk=prompt_set.pk).exists(),
        "edits": PromptSet.objects.editable_by(request.user).filter(pk=prompt_set.pk).exists(),
        "texts": prompt_sets.read_by(request.user).filter(pk=prompt_set.pk).exists(),
        "changes": prompt_sets.edited_by(request.user).filter(pk=prompt_set.pk).exists(),
        "sections": _sections(request, prompt_set),
        "counts": {name: getattr(prompt_set, name).count() for name in ("models", "prompts", "results")},
    }
    return render(request, "annotation/prompt_set/page.html", context)


def _sections(request: AdministratorRequest, prompt_set: PromptSet) -> list[tuple[SetSection, str]]:
    """Returns the sections of other apps with their states, for users who may see the set's prompts."""
    if not prompt_sets.read_by(request.user).filter(pk=prompt_set.pk).exists():
        return []
    return [(section, section.look(prompt_set)) for section in prompt_set_sections.registered()]


@owner_page
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: AdministratorRequest, prompt_set: PromptSet) -> HttpResponse:
    """Makes somebody else the set's owner: GET shows what that changes, POST does it."""
    form = OwnerForm(posted(request))
    if form.is_valid():
        prompt_sets.hand_over(prompt_set, form.cleaned_data["owner"])
        messages.success(request, _("Saved."))
        return redirect("prompt-set", prompt_set.slug)
    context = {"section": "studies", "prompt_set": prompt_set, "form": form}
    return render(request, "annotation/prompt_set/owner.html", context)


@owner_page
@require_POST
def remove(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Ends the access that a user has through a study."""
    reader = get_object_or_404(prompt_set.readers.exclude(study=None).select_related("user"), pk=number)
    prompt_sets.end_through(prompt_set, reader.user)
    messages.success(request, _("%(name)s can no longer use this prompt set.") % {"name": reader.user})
    return redirect("prompt-set", prompt_set.slug)


@owner_page
@require_http_methods(["GET", "HEAD", "POST"])
def detach(request: AdministratorRequest, prompt_set: PromptSet, study: str) -> HttpResponse:
    """Ends the use of the set in a study: GET shows what that changes, POST does it."""
    found = get_object_or_404(Study, prompt_set=prompt_set, slug=study)
    if request.method != "POST":
        context = {"section": "studies", "prompt_set": prompt_set, "study": found}
        return render(request, "annotation/prompt_set/detach.html", context)
    try:
        prompt_sets.detach(found, timezone.now())
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("“%(study)s” was detached.") % {"study": found.name})
    return redirect("prompt-set", prompt_set.slug)


@owner_page
@require_POST
def attach(request: AdministratorRequest, prompt_set: PromptSet, study: str) -> HttpResponse:
    """Allows a detached study to use the set again."""
    found = get_object_or_404(Study, prompt_set=prompt_set, slug=study)
    try:
        prompt_sets.attach(found)
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("“%(study)s” can use the prompt set again.") % {"study": found.name})
    return redirect("prompt-set", prompt_set.slug)
