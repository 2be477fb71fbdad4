"""Vote, skip, undo and report: the actions of a worker on their current pair."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from django.db import transaction

from annotation.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Outcome,
    Purpose,
    Report,
    Status,
    Worker,
)
from annotation.models.voting import Stage
from annotation.scales import SCALES, Scale, winner_of
from annotation.voting import assignments, leaving
from annotation.voting.assignments import NotYours
from annotation.voting.fast_sql import insert, update, write

LONGEST_SECONDS: Final = 600
"""The most that one vote adds to a worker's time: a page left open overnight is not work."""


MOST_REPORTS: Final = 10
"""Maximum reports of one worker on one pair, so that a script cannot fill the list or the disk."""

VOTED_FIELDS: Final = ["stage", "outcome", "left_at", "trials", "votes", "checks", "checks_right", "seconds"]
"""The worker's fields that a vote changes."""


class Replayed(Exception):
    """The worker has already voted on this pair or skipped it; nothing was changed."""


class NotInHand(Exception):
    """The pair to be skipped is not in the worker's hand any more; nothing was changed."""


class Gone(Exception):
    """The reservation expired and others have taken the pair's last place; nothing was stored."""


class Closed(Exception):
    """The study is closed, or the worker has left it; nothing was stored."""


class TooLate(Closed):
    """The answer came after the study had closed, and was not saved."""


class NoSuchKind(ValueError):
    """There is no such kind of report; nothing was stored."""


class NothingToUndo(Exception):
    """There is no vote to undo, or the last one is already undone."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What the page sends with a vote."""

    value: int
    """On the study's scale, from left to right."""
    reasons: list[str] = field(default_factory=list)
    visible_seconds: float | None = None
    """As measured by the page; at most the time since the pair was shown."""
    input_method: str = ""
    """`key`, `mouse` or `touch`; empty without JavaScript."""
    device: str = ""
    scale_name: str = ""
    """The scale that the page was shown with; empty if it sends none."""


@transaction.atomic
def _store(
    worker_id: int, assignment_id: int, ballot: Ballot, at: datetime, rng: np.random.Generator
) -> tuple[Worker, Assignment | None]:
    worker = assignments.lock(worker_id)
    study = worker.study
    mine = assignments.in_hand(worker, also=assignment_id)
    assignment = next((each for each in mine if each.pk == assignment_id), None)
    if assignment is None:
        raise NotYours
    if assignment.state in (AssignmentState.VOTED, AssignmentState.SKIPPED):
        raise Replayed
    if study.status == Status.CLOSED:
        raise TooLate
    if worker.stage != Stage.VOTING:
        raise Closed
    assignments.check_scale(study, ballot.scale_name)
    answer = study.scale.answer(ballot.value)
    if not _claim(assignment, mine, at):
        raise Gone
    comparison = Comparison(
        study_id=study.pk,
        pair=assignment.pair,
        rater_id=worker.pk,
        assignment=assignment,
        left=assignment.left,
        winner=winner_of(answer, assignment.shown_left),
        value=ballot.value,
        scale_name=study.scale_name,
        reasons=ballot.reasons,
        trial_number=assignment.trial,
        shown_at=assignment.shown_at,
        answered_at=at,
        visible_seconds=_visible(ballot, assignment, at),
        device=ballot.device,
        input_method=ballot.input_method,
        instruction_version=study.instruction_version,
        question_version=study.question_version,
        scale_version=study.scale_version,
        reasoning_version=study.reasoning_version,
    )
    insert(comparison)
    _count(worker, assignment, study.scale, ballot.value, at, by=1)
    following = None
    if worker.votes >= study.most_votes:
        leaving.leave(worker, Outcome.COMPLETED, at)
    elif _has_failed_checks(worker):
        leaving.leave(worker, Outcome.FAILED_CHECKS, at)
        leaving.exclude(worker.rater, "failed checks", at)
    else:
        following = assignments.reserve(worker, [each for each in mine if each.pk != assignment_id], at, rng)
    update(worker, VOTED_FIELDS)
    return worker, following


def vote(
    worker: Worker, assignment_id: int, ballot: Ballot, at: datetime, rng: np.random.Generator
) -> tuple[Worker, Assignment | None]:
    """Stores a vote and reserves the next pair; returns the updated worker and that pair.

    Without a next pair the worker has left, or no pair is available (`leaving.complete` then completes them).

    Raises:
        NotYours: the assignment belongs to another worker, or does not exist.
        Replayed: it was already voted on or skipped.
        Gone: it expired, and its pair has no place left.
        Closed: the study is closed, or the worker has left.
        ScaleChanged: the page asked on another scale than the study's.
        NotOnScale: the value is not on the study's scale.
    """
    worker, following = _store(worker.pk, assignment_id, ballot, at, rng)
    if following is None and worker.stage == Stage.VOTING:
        following = assignments.current(worker, at, rng)
    return worker, following


def _claim(assignment: Assignment, mine: list[Assignment], at: datetime) -> bool:
    """Marks an assignment as voted; an expired one needs a free place, and its worker no open assignment."""
    claim = "UPDATE annotation_assignment SET state = %s WHERE id = %s AND state = %s"
    values = [AssignmentState.VOTED.value, assignment.pk, AssignmentState.OPEN.value]
    if assignment.state == AssignmentState.OPEN and write(claim, values):
        return True
    if any(each.state == AssignmentState.OPEN for each in mine if each.pk != assignment.pk):
        return False
    shown_at = assignment.shown_at
    if not assignments.arm_again(assignment, at, at + timedelta(minutes=1)):
        return False
    assignment.shown_at = shown_at
    return bool(write(claim, values))


def _visible(ballot: Ballot, assignment: Assignment, at: datetime) -> float | None:
    if ballot.visible_seconds is None or assignment.shown_at is None:
        return None
    return max(0.0, min(ballot.visible_seconds, (at - assignment.shown_at).total_seconds()))


def _count(worker: Worker, assignment: Assignment, scale: Scale, value: int, at: datetime, *, by: int) -> None:
    """Adds a vote of `value` on `scale` to the worker's counts (`by` 1), or subtracts it (-1)."""
    worker.votes += by
    if assignment.shown_at is not None:
        seconds = min((at - assignment.shown_at).total_seconds(), LONGEST_SECONDS)
        worker.seconds = max(0.0, worker.seconds + by * seconds)
    if assignment.pair.purpose == Purpose.CHECK:
        worker.checks += by
        if scale.agrees(value, assignment.pair.golden_as_shown(assignment.shown_left)):
            worker.checks_right += by


def _has_failed_checks(worker: Worker) -> bool:
    study = worker.study
    return worker.checks >= study.check_least and worker.checks_right < study.check_pass * worker.checks


@transaction.atomic
def skip(worker: Worker, assignment_id: int, reason: str, at: datetime) -> None:
    """Skips the open assignment; its pair is not offered to this worker again.

    Raises:
        NotYours: the assignment is another worker's, or none.
        NotInHand: it is not in hand any more.
        Closed: the worker has left.
    """
    worker = assignments.lock(worker.pk)
    assignment = worker.assignments.filter(pk=assignment_id).first()
    if assignment is None:
        raise NotYours
    if worker.stage != Stage.VOTING:
        raise Closed
    if assignment.state == AssignmentState.EXPIRED:
        Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.EXPIRED).update(
            state=AssignmentState.SKIPPED, skip_reason=reason[:200]
        )
    elif not assignments.set_aside(assignment, worker.study, AssignmentState.SKIPPED, reason[:200]):
        raise NotInHand


def last_vote(worker: Worker, at: datetime, since: datetime | None = None) -> Comparison | None:
    """Returns the vote that `undo` would undo, if it was given `since` then; None if there is none."""
    if worker.stage != Stage.VOTING:
        return None
    last = Comparison.objects.filter(rater=worker.pk, superseded_by=None).order_by("-pk").first()
    if last is None or last.withdrawn or last.answered_at is None:
        return None
    earliest = worker.study.undoable_since(at)
    return last if last.answered_at >= (earliest if since is None else max(since, earliest)) else None


@transaction.atomic
def undo(worker: Worker, at: datetime, since: datetime | None = None) -> Assignment:
    """Undoes the last vote: a withdrawn row supersedes it, and its assignment is open again, as it was shown.

    The assignment that was open is set aside and comes back after it. Only the last vote can be undone, once,
    within the reservation time; a browser that knows the worker `since` then may only undo later votes.

    Raises:
        NothingToUndo: there is no such vote.
        Closed: the worker has left, or the study is closed.
    """
    worker = assignments.lock(worker.pk)
    if worker.stage != Stage.VOTING or worker.study.status == Status.CLOSED:
        raise Closed
    last = last_vote(worker, at, since)
    if last is None or last.assignment is None:
        raise NothingToUndo
    for in_hand in worker.assignments.filter(state=AssignmentState.OPEN):
        assignments.set_aside(in_hand, worker.study)
    last.withdraw(at)
    assignment = last.assignment
    assert last.value is not None  # noqa: S101  a vote given on a page has its value
    assert last.answered_at is not None  # noqa: S101  and its time
    # The study's scale may have changed since.
    _count(worker, assignment, SCALES[last.scale_name], last.value, last.answered_at, by=-1)
    assignment.state, assignment.shown_at = AssignmentState.OPEN, at
    assignment.expires_at = at + timedelta(minutes=worker.study.reservation_minutes)
    assignment.save(update_fields=["state", "shown_at", "expires_at"])
    worker.save()
    return assignment


@transaction.atomic
def report(worker: Worker, assignment_id: int, kind: str, comment: str) -> Report:
    """Stores a worker's report on a pair that they were shown; the assignment stays open.

    Beyond `MOST_REPORTS` on the pair nothing more is stored, and the last report is returned.

    Raises:
        NotYours: the assignment is another worker's, or none.
        NoSuchKind: there is no such kind of report.
        Closed: the worker's data was erased, so nothing that they write is stored any more.
    """
    assignment = worker.assignments.filter(pk=assignment_id).first()
    if assignment is None:
        raise NotYours
    if kind not in Report.Kind.values:
        raise NoSuchKind(f"{kind!r} is no kind of report")
    if assignments.lock(worker.pk).erased_at:
        raise Closed
    kept = worker.reports.filter(pair=assignment.pair_id).order_by("-pk")[:MOST_REPORTS]
    if len(kept) == MOST_REPORTS:
        return kept[0]
    return Report.objects.create(
        study_id=assignment.study_id, pair_id=assignment.pair_id, worker=worker, kind=kind, comment=comment[:2000]
    )
