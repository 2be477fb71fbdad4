"""The page on which evolved prompts are reviewed: accept, edit, reject and undo."""

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotation.models import PromptSet
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, set_change_page, set_texts_page
from annotation.views.paging import paged
from judges.evolve import planning, review
from judges.evolve.scenarios import SCENARIOS, Deviations, deviations
from judges.forms.evolve import AcceptForm
from judges.models import EvolvedPrompt, Review
from judges.models.evolve import EvolvedPromptQuerySet
from judges.views.evolve import edits, scenario_label

ON_A_PAGE: Final = 10


@set_texts_page
@require_safe
def page(request: AdministratorRequest, prompt_set: PromptSet) -> HttpResponse:
    """Shows the prompts that wait for review, or those that were accepted or rejected."""
    state = request.GET.get("review", "")
    return _show(request, prompt_set, state if state in Review.values else Review.WAITING)


def _show(
    request: AdministratorRequest,
    prompt_set: PromptSet,
    state: str,
    refused: EvolvedPrompt | None = None,
    form: AcceptForm | None = None,
) -> HttpResponse:
    """Shows the prompts in the review state `state`; `refused` comes first, with the `form` that was sent for it."""
    evolved = EvolvedPrompt.objects.filter(prompt_set=prompt_set)
    rows = evolved.filter(review=state).select_related(
        "call__prompt", "call__parent", "call__recipe__source__model", "like_prompt", "like", "reviewer", "prompt"
    )
    found = paged(request, rows.order_by("pk" if state == Review.WAITING else "-reviewed_at", "pk"), ON_A_PAGE)
    shown = [child for child in found if refused is None or child.pk != refused.pk]
    if refused is not None:
        shown.insert(0, rows.filter(pk=refused.pk).first() or refused)
    cards = [
        (
            child,
            planning.parent_texts(child.call),
            scenario_label(child.call.recipe.scenario),
            _deviations(child),
            form if refused is not None and form is not None and child.pk == refused.pk else _form(child),
        )
        for child in shown
    ]
    context = {
        "section": "studies",
        "prompt_set": prompt_set,
        "edits": edits(request, prompt_set),
        "state": state,
        "tabs": [(value, label, evolved.filter(review=value).count()) for value, label in Review.choices],
        "page": found,
        "cards": cards,
        "exact": evolved.waiting().exact().count(),
        "last": _last(request, evolved) if state == Review.WAITING else None,
    }
    return render(request, "judges/evolve/review.html", context)


def _deviations(child: EvolvedPrompt) -> Deviations:
    scenario = SCENARIOS.get(child.call.recipe.scenario)
    parent, _reference = planning.parent_texts(child.call)
    return Deviations() if scenario is None else deviations(scenario, parent, child.written)


def _form(child: EvolvedPrompt, sent: QueryDict | None = None) -> AcceptForm:
    initial = {"text": child.text, "reference": child.reference}
    return AcceptForm(sent, initial=initial, prefix=f"p{child.pk}", use_required_attribute=False)


def _last(request: AdministratorRequest, evolved: EvolvedPromptQuerySet) -> EvolvedPrompt | None:
    """Returns what the user reviewed last, if they have just done so: its number is in the address."""
    word = request.GET.get("last", "")
    if not word.isdecimal() or len(word) > 18:
        return None
    return evolved.filter(pk=int(word), reviewer=request.user).exclude(review=Review.WAITING).first()


def _child(prompt_set: PromptSet, number: int) -> EvolvedPrompt:
    return get_object_or_404(
        EvolvedPrompt.objects.select_related("prompt_set", "call__prompt"), prompt_set=prompt_set, pk=number
    )


def _after(
    request: AdministratorRequest, prompt_set: PromptSet, child: EvolvedPrompt, act: Callable[[], object]
) -> HttpResponse:
    """Does what was asked, or says why not, and goes back to the list."""
    try:
        act()
    except NotPossible as refusal:
        messages.error(request, str(refusal))
        return redirect("prompt-set-review", prompt_set.slug)
    return _reviewed(prompt_set, child)


def _reviewed(prompt_set: PromptSet, child: EvolvedPrompt) -> HttpResponse:
    """Goes back to the list, where `child` can be undone."""
    return redirect(reverse("prompt-set-review", args=[prompt_set.slug]) + f"?last={child.pk}")


@set_change_page
@require_POST
def accept(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Adds a prompt to the set, with the text and answer of the form if it was edited."""
    child = _child(prompt_set, number)
    if "edited" not in request.POST:
        return _after(request, prompt_set, child, lambda: review.accept(child, request.user, timezone.now()))
    form = _form(child, request.POST)
    if form.is_valid():
        try:
            review.accept(child, request.user, timezone.now(), **form.cleaned_data)
            return _reviewed(prompt_set, child)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
    return _show(request, prompt_set, Review.WAITING, child, form)


@set_change_page
@require_POST
def reject(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Keeps a prompt out of the set."""
    child = _child(prompt_set, number)
    return _after(request, prompt_set, child, lambda: review.reject(child, request.user, timezone.now()))


@set_change_page
@require_POST
def undo(request: AdministratorRequest, prompt_set: PromptSet, number: int) -> HttpResponse:
    """Makes a prompt wait for review again."""
    child = _child(prompt_set, number)
    try:
        review.undo(child, request.user)
        messages.success(request, _("Undone. The prompt waits for review again."))
    except NotPossible as refusal:
        messages.error(request, str(refusal))
    return redirect("prompt-set-review", prompt_set.slug)


@set_change_page
@require_POST
def reject_duplicates(request: AdministratorRequest, prompt_set: PromptSet) -> HttpResponse:
    """Rejects all exact duplicates that wait for review."""
    count = review.reject_duplicates(prompt_set, request.user, timezone.now())
    messages.success(
        request,
        ngettext("%(number)s exact duplicate rejected.", "%(number)s exact duplicates rejected.", count)
        % {"number": count},
    )
    return redirect("prompt-set-review", prompt_set.slug)
