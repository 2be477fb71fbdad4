"""Views shared by the pages of all kinds of runs: show, pause, resume and cancel, and downloads of replies."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from annotation.studies.lifecycle import NotPossible
from annotation.views.access import AdministratorRequest
from judges.models.work import Run, RunState
from judges.runs.lifecycle import Lifecycle

CHANGES: Final = ("pause", "resume", "cancel")


def occurring(calls: QuerySet[Any], states: list[tuple[str, Any]], chosen: str) -> list[tuple[str, Any]]:
    """Returns those of `states`, with their labels, that some of `calls` are in, and the one that is chosen."""
    there = {chosen, *calls.order_by().values_list("state", flat=True).distinct()}
    return [(state, label) for state, label in states if state in there]


REPLY_COLUMNS: Final = (
    "finish_reason",
    "tokens_in",
    "tokens_out",
    "tokens_reasoning",
    "cost_nanos",
    "attempts",
    "seconds",
    "model",
    "problem",
    "received_at",
)
"""Columns of a download that tell of a reply."""


def reply_rows(calls: QuerySet[Any], place: Sequence[str], made: str) -> Iterator[tuple[Any, ...]]:
    """Yields a row per reply of `calls`, and one per call without a reply.

    A row has the fields `place` of the call, a state, which is the reply's if there is one, the field `made`, and
    `REPLY_COLUMNS`.
    """
    reply = [f"replies__{'cost' if column == 'cost_nanos' else column}" for column in REPLY_COLUMNS]
    rows = calls.order_by("pk", "replies__pk").values_list(*place, "state", "replies__state", made, *reply)
    for row in rows.iterator():
        *where, state, replied, what = row[: len(place) + 3]
        told = [value.isoformat() if isinstance(value, datetime) else value for value in row[len(place) + 3 :]]
        yield (*where, replied or state, what, *told)


@dataclass(frozen=True, slots=True)
class RunPages[R: Run]:
    """The pages of runs of one kind.

    `template` has a partial `run`, which is refreshed while the run is in progress. `page` and `calls` are URL names
    of a run and of its calls; the suffixes `-pause`, `-resume` and `-cancel` of `page` name its actions, and `-csv`
    of `calls` names the download. All take the same arguments `place`, such as a study's slug and the run's number.
    """

    life: Lifecycle[R, Any, Any]
    template: str
    page: str
    calls: str

    def show(self, request: AdministratorRequest, run: R, *place: str | int, **more: Any) -> HttpResponse:
        """Shows `run`; for htmx, only the partial that changes."""
        names = {"page": self.page, "calls": self.calls, "csv": f"{self.calls}-csv"}
        names |= {change: f"{self.page}-{change}" for change in CHANGES}
        progress = self.life.progress(run, timezone.now())
        labels = dict(self.life.asked._meta.get_field("state").flatchoices)
        context = {
            "run": run,
            "progress": progress,
            "problems": self.life.problems(run),
            "waits": self.life.waits(run, timezone.now()) if run.state == RunState.RUNNING else [],
            "states": [(state, labels[state], count) for state, count in progress.states.items()],
            "to": {what: reverse(name, args=place) for what, name in names.items()},
            **more,
        }
        return render(request, f"{self.template}{'#run' if request.htmx else ''}", context)

    def change(self, request: AdministratorRequest, run: R, change: str, *place: str | int) -> HttpResponse:
        """Pauses, resumes or cancels `run` and redirects to its page."""
        try:
            done = self._change(run, change)
        except NotPossible as refusal:
            messages.error(request, str(refusal))
            return redirect(self.page, *place)
        if not done:
            messages.error(request, _("This run has already ended, or someone else changed it first."))
        return redirect(self.page, *place)

    def _change(self, run: R, change: str) -> bool:
        match change:
            case "pause":
                return self.life.pause(run)
            case "resume":
                return self.life.resume(run)
            case _:
                return self.life.cancel(run, timezone.now())
