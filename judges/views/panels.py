"""Pages of panels: a study's judges and panels side by side, and a panel's decisions."""

from collections.abc import Iterator
from typing import Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, posted, study_page, texts_page
from annotation.views.downloads import Cell, csv_download
from annotation.views.paging import paged
from judges.forms.panels import PanelForm
from judges.models import Panel, PanelDecision
from judges.panels import panels
from judges.results import rater_costs


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def study_panels(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Lists the study's judges and panels side by side, and creates panels."""
    form = PanelForm(study, posted(request))
    if form.is_valid():
        try:
            made = panels.create(study, form.cleaned_data["name"], form.spec(), timezone.now(), user=request.user)
        except NotPossible as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Panel created. Its verdicts are being computed."))
            return redirect("study-panel", study.slug, made.pk)
    context = {
        "study": study,
        "tab": "judges",
        "form": form,
        "lines": rater_costs.side_by_side(study),
        "panels": rater_costs.panels_of(study),
        "enough": len(panels.candidates(study)) > 1,
    }
    return render(request, "judges/panels.html", context)


def _panel(study: Study, number: int) -> Panel:
    return get_object_or_404(study.panels.select_related("rater", "user"), pk=number)


def _decisions(panel: Panel, state: str) -> QuerySet[PanelDecision]:
    rows = PanelDecision.objects.in_force().filter(panel=panel).order_by("pk")
    if state == "divided":
        return rows.filter(divided=True)
    return rows.filter(state=state) if state in PanelDecision.State.values else rows


@texts_page
@require_safe
def panel(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a panel: rules, members with their verdicts, and decisions."""
    found = _panel(study, number)
    state = request.GET.get("state", "")
    members = panels.members_of(found)
    told = found.tally.get("members", [{}] * len(members))
    decisions = _decisions(found, state).select_related("pair__prompt", "pair__model_x", "pair__model_y")
    context = {
        "study": study,
        "tab": "judges",
        "panel": found,
        "members": list(zip(members, told, strict=True)),
        "states": [(each, found.tally.get("states", {}).get(each, 0)) for each in PanelDecision.State],
        "divided": state == "divided" or _decisions(found, "divided").exists(),
        "state": state,
        "decisions": paged(request, decisions),
        "record": rater_costs.records(study, [found.rater_id]).get(found.rater_id),
    }
    return render(request, f"judges/panel.html{'#panel' if request.htmx else ''}", context)


@texts_page
@require_POST
def make(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Recomputes a panel's verdicts in the background."""
    panels.ask(_panel(study, number))
    messages.success(request, _("The panel’s verdicts are being recomputed."))
    return redirect("study-panel", study.slug, number)


@study_page
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Asks for confirmation, then ends a panel."""
    found = _panel(study, number)
    if request.method == "POST":
        if panels.end(found, timezone.now()):
            messages.success(request, _("Panel ended. Its comparisons were withdrawn."))
        return redirect("study-panel", study.slug, number)
    context = {
        "study": study,
        "tab": "judges",
        "panel": found,
        "comparisons": _decisions(found, "").exclude(comparison=None).count(),
    }
    return render(request, "judges/panel_end.html", context)


COLUMNS: Final = ("pair", "prompt", "model_x", "model_y", "turn", "state", "winner", "mean", "decided_at")


@texts_page
@require_safe
def panel_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Returns a CSV of the decisions in force, with each member's verdict and probability that x is better."""
    found = _panel(study, number)
    names = [str(member) for member in panels.members_of(found)]
    columns = [*COLUMNS, *(f"{name}{end}" for name in names for end in ("", " probability"))]
    return csv_download(columns, _rows(found), f"{study.slug}-panel-{number}.csv")


def _rows(found: Panel) -> Iterator[list[Cell]]:
    rows = _decisions(found, "").values_list(
        "pair__number",
        "pair__prompt__number",
        "pair__model_x__name",
        "pair__model_y__name",
        "turn",
        "state",
        "winner",
        "mean",
        "decided_at",
        "ballots",
    )
    for row in rows.iterator(chunk_size=2000):
        ballots: list[Cell] = [cell for ballot in row[9] for cell in ballot]
        yield [*row[:8], row[8].isoformat(), *ballots]
