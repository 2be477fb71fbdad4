"""Pages of a study's schedules and of a judge's stability."""

import secrets
from collections.abc import Iterator
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotation.models import Study
from annotation.stored_problems import told
from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest, study_page, texts_page
from annotation.views.downloads import Cell, csv_download, download
from judges.forms.steadiness import CountForm, EveryForm, ScheduleForm
from judges.judging import consistency_probes, schedules
from judges.judging.consistency_probes import Round
from judges.models import Judge, Schedule, ScheduleKind
from judges.results import charts
from judges.statistics import drift_chart
from judges.statistics.consistency import Estimate
from judges.statistics.drift_chart import Drawing

SHOWN: Final = 60
"""Maximum rounds on the page; the CSV has all."""


def shown_schedules(study: Study) -> dict[str, Any]:
    """Returns the context of the schedules section on the study's judges page."""
    rows = study.judge_schedules.select_related("judge", "user")
    return {
        "schedules": [(schedule, schedules.latest(schedule), told(schedules.hindrance(schedule))) for schedule in rows],
        "schedule_form": ScheduleForm(auto_id="schedule-%s"),
    }


@texts_page
@require_POST
def schedule(request: AdministratorRequest, study: Study) -> HttpResponse:
    """Sets a schedule on which a judge judges new items."""
    form = ScheduleForm(request.POST)
    if form.is_valid():
        judge, hours = form.cleaned_data["judge"], form.cleaned_data["every"]
        try:
            schedules.set_every(study, judge, ScheduleKind.NEW, hours, timezone.now(), user=request.user)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Schedule saved. If a run is due, it starts within a minute."))
    else:
        messages.error(request, _("Choose a judge and enter a whole number of hours, at least 1."))
    return redirect("study-judges", study.slug)


@study_page
@require_POST
def schedule_off(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Turns off a schedule."""
    found = get_object_or_404(Schedule, study=study, pk=number)
    schedules.turn_off(study, found.judge, ScheduleKind(found.kind))
    messages.success(request, _("Schedule turned off."))
    return redirect("study-judges", study.slug)


@texts_page
@require_http_methods(["GET", "HEAD", "POST"])
def probes(request: AdministratorRequest, study: Study, number: int) -> HttpResponse:
    """Shows a judge's stability: sentinel rounds and retests."""
    judge = get_object_or_404(Judge, pk=number)
    if request.method == "POST":
        try:
            _act(request, study, judge)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
        return redirect("study-judge-probes", study.slug, number)
    found = list(consistency_probes.rounds(study, judge, last=SHOWN))
    context = {
        "study": study,
        "tab": "judges",
        "judge": judge,
        "version": judge.current,
        "sentinels": consistency_probes.sentinels_of(study, judge),
        "rounds": found[::-1],
        "drawings": list(drawings(found)),
        "schedule": study.judge_schedules.filter(judge=judge, kind=ScheduleKind.SENTINELS).first(),
        "retests": consistency_probes.retests(study, judge),
        "count_form": CountForm(auto_id="sentinels-%s"),
        "retest_form": CountForm(auto_id="retest-%s"),
        "every_form": EveryForm(auto_id="every-%s"),
    }
    return render(request, "judges/probes.html", context)


@texts_page
@require_safe
def rounds_svg(request: AdministratorRequest, study: Study, number: int, place: int) -> HttpResponseBase:
    """Downloads one of the charts of a judge's rounds, by its place on the page from 1."""
    judge = get_object_or_404(Judge, pk=number)
    found = list(drawings(list(consistency_probes.rounds(study, judge, last=SHOWN))))
    if not 1 <= place <= len(found) or not found[place - 1][1].dots:
        raise Http404
    drawing = charts.rounds(judge.name, *found[place - 1])
    return download([drawing], f"{study.slug}-rounds-{number}-{place}.svg", "image/svg+xml")


def _act(request: AdministratorRequest, study: Study, judge: Judge) -> None:
    """Performs the action of the pressed button.

    Raises:
        NotPossible: the action is not possible.
    """
    now, user, seed = timezone.now(), request.user, secrets.randbits(32)
    sentinels = consistency_probes.sentinels_of(study, judge)
    count, every = CountForm(request.POST), EveryForm(request.POST)
    if "ask" in request.POST and sentinels is not None:
        consistency_probes.begin_round(sentinels, now, user=user)
    elif "off" in request.POST:
        schedules.turn_off(study, judge, ScheduleKind.SENTINELS)
    elif "set" in request.POST and every.is_valid():
        schedules.set_every(study, judge, ScheduleKind.SENTINELS, every.cleaned_data["every"], now, user=user)
    elif "choose" in request.POST and count.is_valid():
        consistency_probes.begin_round(
            consistency_probes.choose(study, judge, count.cleaned_data["count"], seed, now, user=user), now, user=user
        )
    elif "retest" in request.POST and count.is_valid():
        consistency_probes.retest(study, judge, count.cleaned_data["count"], seed, now, user=user)
    else:
        raise NotPossible(_("A number is missing or out of range."))


def drawings(rounds: list[Round]) -> Iterator[tuple[str, Drawing, bool]]:
    """Yields the charts of rounds: a title, the drawing, and whether its values are shares."""
    changed = [bool(each.changes) for each in rounds]
    agreement = [(each.number, each.against_first) for each in rounds]
    yield _("Same verdict as in the first round"), drift_chart.draw(agreement, changed, drift_chart.SHARES), True
    if any(each.position for each in rounds):
        position = [(each.number, each.position) for each in rounds]
        yield _("Verdicts for the left answer"), drift_chart.draw(position, changed, drift_chart.SHARES), True
    if any(each.score for each in rounds):
        scores = [(each.number, each.score) for each in rounds]
        yield _("Mean score"), drift_chart.draw(scores, changed, drift_chart.SCORES), False


COLUMNS: Final = (
    "round",
    "run",
    "started_at",
    "state",
    "judge_version",
    "answered",
    "asked",
    *(f"{name}{part}" for name in ("same_as_first", "same_as_before") for part in ("", "_low", "_high", "_of")),
    *(f"{name}{part}" for name in ("left", "score") for part in ("", "_low", "_high", "_of")),
    "models",
    "fingerprints",
    "changes",
)


@texts_page
@require_safe
def rounds_csv(request: AdministratorRequest, study: Study, number: int) -> HttpResponseBase:
    """Downloads the rounds of a judge's sentinel set as CSV."""
    judge = get_object_or_404(Judge, pk=number)
    rows = (_row(each) for each in consistency_probes.rounds(study, judge))
    return csv_download(COLUMNS, rows, f"{study.slug}-judge-{number}-rounds.csv")


def _row(found: Round) -> list[Cell]:
    estimates = (found.against_first, found.against_before, found.position, found.score)
    return [
        found.number,
        found.run.pk,
        found.run.created_at.isoformat(),
        found.run.state,
        found.run.version.number,
        found.answered,
        found.run.planned,
        *(cell for estimate in estimates for cell in _cells(estimate)),
        " ".join(found.models),
        " ".join(found.fingerprints),
        " ".join(found.changes),
    ]


def _cells(estimate: Estimate | None) -> list[Cell]:
    if estimate is None:
        return [None] * 4
    bounds = [None if abs(bound) == float("inf") else round(bound, 6) for bound in (estimate.low, estimate.high)]
    return [round(estimate.value, 6), *bounds, estimate.of]
