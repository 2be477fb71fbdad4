"""A study's settings, in groups with one page and form each."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from annotation import markup
from annotation.forms import settings as forms
from annotation.models import Study
from annotation.studies import prompt_sets, sharing
from annotation.studies.lifecycle import warning_before
from annotation.views.access import AdministratorRequest, need, posted, show, study_page
from annotation.views.links import join_links


@dataclass(frozen=True, slots=True)
class Group:
    """A group of settings that one form changes on one page; `key` is its part of the URL."""

    key: str
    title: str | Promise
    form: Callable[..., Any]
    note: str | Promise = ""
    owner_only: bool = False
    about_texts: bool = False
    """Whether it names prompts and models, or publishes answers."""


GROUPS: Final = {
    group.key: group
    for group in (
        Group(
            "wording",
            gettext_lazy("Wording"),
            forms.WordingForm,
            gettext_lazy(
                "Every version of the consent, the instructions and the question is kept. Each vote records its "
                "versions."
            ),
        ),
        Group(
            "screen",
            gettext_lazy("Question and display"),
            forms.ScreenForm,
            gettext_lazy(
                "Changes apply from the next pair shown. Existing votes keep the scale they were given on, and each "
                "vote records the scale’s version."
            ),
        ),
        Group(
            "pairs",
            gettext_lazy("Pairs offered"),
            forms.OfferForm,
            gettext_lazy(
                "Workers are offered only what you choose here. Votes on other pairs are kept and still count."
            ),
            about_texts=True,
        ),
        Group(
            "choice",
            gettext_lazy("Fixed or adaptive"),
            forms.ChoiceForm,
            gettext_lazy(
                "Fixed: you make the pairs, and each gets the same number of votes. Adaptive: the site draws the next "
                "pairs from the votes so far, so that fewer votes give the same ranking. Up to the votes per pair, it "
                "draws a pair again. You can change this while the study runs: votes and open reservations stay."
            ),
        ),
        Group(
            "votes",
            gettext_lazy("Votes"),
            forms.VotesForm,
            gettext_lazy("Lowering the votes per pair removes no votes. Raising it reopens the pairs for voting."),
        ),
        Group(
            "goal",
            gettext_lazy("Goal"),
            forms.GoalForm,
            gettext_lazy(
                "The study’s page shows how far it is from its goal, and roughly how many more votes it needs. Only "
                "people’s votes count."
            ),
        ),
        Group("training", gettext_lazy("Training"), forms.TrainingForm),
        Group(
            "checks",
            gettext_lazy("Checks"),
            forms.ChecksForm,
            gettext_lazy(
                "Check pairs look like any other pair but have a golden answer. Workers who fail are removed "
                "and their votes are not counted."
            ),
        ),
        Group(
            "platform",
            gettext_lazy("Platform and codes"),
            forms.PlatformForm,
            gettext_lazy(
                "Workers who leave see the code for their outcome, and its return link if you set one. A link may "
                "contain {worker_id}, {code} and the names of the join link’s parameters, such as {STUDY_ID}."
            ),
        ),
        Group("public", gettext_lazy("Publication"), forms.PublicForm, about_texts=True),
        Group("access", gettext_lazy("Access"), forms.AccessForm, owner_only=True),
    )
}


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: AdministratorRequest, study: Study, group: str) -> HttpResponse:
    """Shows one group of settings; a POST saves it or, on request, only previews the texts."""
    if group not in GROUPS:
        raise Http404
    owns = sharing.owns(request.user, study)
    if GROUPS[group].owner_only and not owns:
        raise PermissionDenied
    if GROUPS[group].about_texts:
        need(request.user, study, Study.objects.readable_by)
    form = GROUPS[group].form(posted(request), instance=copy(study))
    preview = "preview" in request.POST
    if form.is_valid() and not preview:
        # Before saving: afterwards the study has the new version.
        warning = form.warning() if isinstance(form, forms.SettingsForm) else ""
        if form.save():
            messages.success(request, _("Saved."))
            if warning:
                messages.warning(request, warning)
            if group == "access" and (without := prompt_sets.without_access(study)):
                told = _(
                    "These colleagues cannot see the prompts and answers: %(names)s. The owner of the prompt set can "
                    "add them as readers."
                )
                messages.warning(request, told % {"names": ", ".join(map(str, without))})
            return redirect("study-settings-group", study.slug, group)
    groups = [known for known in GROUPS.values() if owns or not known.owner_only]
    previews = _previews(form) if preview else []
    links = join_links(request, study) if group == "platform" else []
    context = {
        "form": form,
        "warning": warning_before(study) if group in {"wording", "screen"} else "",
        "group": GROUPS[group],
        "groups": groups,
        "previews": previews,
        "links": links,
    }
    return show(request, study, "settings.html", "settings", part="previews", **context)


def _previews(form: Any) -> list[tuple[str, str]]:
    """Renders the form's Markdown as workers would see it."""
    texts = (
        (field.label, field.value()) for field in form if field.name in {"consent", "instruction", "worked_example"}
    )
    return [(label, markup.render(text)) for label, text in texts if text]
