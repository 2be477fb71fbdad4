"""Recomputes a stored board or report from the comparisons that went in."""

from typing import Any

from django.utils.translation import gettext as _

from annotation.snapshots import UNFINISHED, State
from annotation.stored_problems import told
from ranking.boards.compute import PROBLEMS, Computed, compute, read_votes
from ranking.boards.snapshots import REPORTS
from ranking.models import Leaderboard
from ranking.reports import goal
from ranking.votes import reader


class CannotRecompute(Exception):
    """Raised if a snapshot cannot be recomputed; the message says why."""


def recompute(snapshot: Leaderboard) -> Computed:
    """Recomputes the board `snapshot` from its comparisons.

    Raises:
        CannotRecompute: it was never computed, comparisons are missing since, or it is a report.
    """
    if snapshot.method in REPORTS:
        raise CannotRecompute(
            _("%(id)s is a report, not a leaderboard. To recompute it, use manage.py agreement --recompute.")
            % {"id": snapshot.pk}
        )
    _refuse_withdrawn(snapshot)
    try:
        computed = compute(snapshot.study, snapshot.asked_filters(), snapshot.asked_settings(), snapshot.line)
    except PROBLEMS as error:
        raise CannotRecompute(told(error.problem)) from error
    _refuse_others(snapshot, computed.read.digest)
    return computed


def recompute_report(snapshot: Leaderboard) -> dict[str, Any]:
    """Recomputes the report `snapshot` from its comparisons.

    Raises:
        CannotRecompute: it was never computed, comparisons are missing since, or it is a leaderboard.
    """
    if snapshot.method not in REPORTS:
        raise CannotRecompute(
            _("%(id)s is a leaderboard, not a report. To recompute it, use manage.py leaderboard --recompute.")
            % {"id": snapshot.pk}
        )
    _refuse_withdrawn(snapshot)
    if snapshot.method == goal.METHOD:
        # The study may have another goal by now.
        found = goal.report(snapshot.study, snapshot.line, goal.stored_goal(snapshot.sheet))
    else:
        found = REPORTS[snapshot.method](snapshot.study, snapshot.line)
    _refuse_others(snapshot, found.pop("digest"))
    return found


def refuse_changed(snapshot: Leaderboard) -> None:
    """Raises CannotRecompute unless every comparison in the board `snapshot` is still stored and none is withdrawn."""
    _refuse_withdrawn(snapshot)
    try:
        read = read_votes(snapshot.study, snapshot.asked_filters(), snapshot.asked_settings(), snapshot.line)
    except PROBLEMS as error:
        raise CannotRecompute(told(error.problem)) from error
    _refuse_others(snapshot, read.digest)


def _called(snapshot: Leaderboard) -> str:
    called = _("Report %(id)s") if snapshot.method in REPORTS else _("Leaderboard %(id)s")
    return called % {"id": snapshot.pk}


def _refuse_withdrawn(snapshot: Leaderboard) -> None:
    """Raises CannotRecompute if a snapshot was never computed, or if votes in it have been withdrawn since."""
    if snapshot.state in UNFINISHED or snapshot.cut is None:
        raise CannotRecompute(_("%(it)s has not been computed yet.") % {"it": _called(snapshot)})
    if snapshot.state == State.IMPOSSIBLE:
        raise CannotRecompute(snapshot.told_problem)
    if withdrawn := _withdrawn_since(snapshot):
        raise CannotRecompute(
            _("%(it)s cannot be recomputed: %(number)s of its votes have since been withdrawn.")
            % {"it": _called(snapshot), "number": withdrawn}
        )


def _refuse_others(snapshot: Leaderboard, digest: str) -> None:
    """Raises CannotRecompute if `digest` differs from that of the comparisons in `snapshot`."""
    if digest != snapshot.digest:
        raise CannotRecompute(
            _("%(it)s cannot be recomputed: some of its comparisons are no longer stored.") % {"it": _called(snapshot)}
        )


def _withdrawn_since(snapshot: Leaderboard) -> int:
    """Counts the votes in `snapshot` that were undone later, or whose worker has withdrawn."""
    try:
        then = reader.selected(snapshot.study, snapshot.asked_filters(), snapshot.line)
    except PROBLEMS as error:
        raise CannotRecompute(told(error.problem)) from error
    undone = then.filter(superseded_by__withdrawn=True).count()
    left = then.filter(rater__worker__outcome="withdrawn").exclude(superseded_by__withdrawn=True).count()
    return undone + left
