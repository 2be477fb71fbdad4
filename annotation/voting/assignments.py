"""Reserving pairs for workers, and releasing the places.

Locks are always taken in the order worker, assignment, pair. Every action of a worker locks the worker's
row, so that two tabs of one worker run one after the other. Pairs are locked with SKIP LOCKED, so that
workers never wait for each other.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from annotation.drawing.candidates import read as read_candidates
from annotation.drawing.late import open_place
from annotation.drawing.store import Changed
from annotation.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Pair,
    Prompt,
    Purpose,
    Rater,
    Result,
    Status,
    Study,
    Worker,
)
from annotation.models.voting import Stage
from annotation.scales import SIDES
from annotation.studies.lifecycle import offer_pairs
from annotation.voting.fast_sql import Columns, insert, read, update

RETRY_SECONDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Pauses between attempts to find a pair while others hold all remaining ones."""

LATE_TRIES: Final = 5
"""Attempts to draw a pair for a worker: others may fill it, and the settings may change."""


class NotYours(Exception):
    """The assignment does not belong to this worker."""


class ScaleChanged(Exception):
    """The study's scale has changed since the page was shown; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A worker's progress: `done` of at most `most` votes; `least` are needed for the code."""

    done: int
    least: int
    most: int
    minutes_left: int | None
    """To the required votes, or once they are given to the most, at the worker's mean pace; None below three votes."""

    @property
    def may_finish(self) -> bool:
        return self.done >= self.least


def progress(worker: Worker) -> Progress:
    """Returns the progress of `worker`, whose study is loaded."""
    study = worker.study
    minutes = None
    if worker.votes >= 3:
        # First towards what is required, then towards what is possible.
        target = study.least_votes if worker.votes < study.least_votes else study.most_votes
        left = max(0, target - worker.votes)
        minutes = max(1, round(left * worker.seconds / worker.votes / 60))
    return Progress(worker.votes, study.least_votes, study.most_votes, minutes)


_WORKER = Columns(
    Worker,
    "worker",
    *("study", "number", "stage", "outcome", "attempt", "trained_at", "joined_at", "left_at", "erased_at"),
    *("trials", "votes", "checks", "checks_right", "seconds"),
)
# A setting is read unless it is named here: long texts, and what joining, training and starting a study need.
_STUDY = Columns.all_but(
    Study,
    "study",
    *("consent", "consent_version", "instruction", "worked_example", "id_parameter", "id_required", "devices"),
    *("id_signed", "id_secret", "id_keys", "platform_study"),
    *("training_size", "training_pass", "training_attempts", "owner", "created_at", "public", "detached_at"),
    *("organiser", "expected_minutes", "fast_seconds", "erase_after_days", "closed_at"),
    *("mix", "floor", "draw_seed", "drawing_at"),
    *("goal", "goal_number", "goal_pauses"),
)
_ASSIGNMENT = Columns(Assignment, "assignment", "study", "pair", "worker", "slot", "state", "trial", "left", "shown_at")
_PURPOSE = Columns(Pair, "pair", "study", "purpose", "golden")
_PAIR = Columns(Pair, "pair", "study", "purpose", "prompt", "own_text", "own_x", "own_y")
_PROMPT = Columns(Prompt, "prompt", "text", "turns", "references", "note", "lang")
_RESULT_X, _RESULT_Y = (Columns(Result, f"result_{side}", "text", "turns") for side in SIDES)


def known(worker_id: int, slug: str) -> Worker | None:
    """Returns the worker with their study if the study has the slug `slug`; None if there is none."""
    return _worker("worker.rater_id = %s AND study.slug = %s", [worker_id, slug])


def lock(worker_id: int) -> Worker:
    """Returns the worker with their study, locked until the transaction ends.

    Raises:
        Worker.DoesNotExist: the worker does not exist.
    """
    worker = _worker("worker.rater_id = %s", [worker_id], _row_lock("worker"))
    if worker is None:
        raise Worker.DoesNotExist
    return worker


def check_scale(study: Study, asked_on: str) -> None:
    """Raises ScaleChanged if the page was shown with another scale; a page that sends no scale passes."""
    if asked_on not in ("", study.scale_name):
        raise ScaleChanged


def _row_lock(table: str, skip: str = "") -> str:
    """Returns the SQL for a row lock that still allows foreign keys to the row; empty on SQLite, which has one lock."""
    return f"FOR NO KEY UPDATE OF {table} {skip}" if connection.features.has_select_for_update else ""


def _worker(condition: str, params: list[Any], lock: str = "") -> Worker | None:
    rows = read(
        f"SELECT {_WORKER}, {_STUDY} FROM annotation_worker worker "  # noqa: S608
        f"JOIN annotation_study study ON study.id = worker.study_id WHERE {condition} {lock}",
        params,
        *(_WORKER, _STUDY),
    )
    for worker, study in rows:
        worker.study = study
        return cast(Worker, worker)
    return None


def in_hand(worker: Worker, also: int | None = None) -> list[Assignment]:
    """Returns the worker's open assignment (at most one) and expired ones, in the order they were handed out.

    Includes the assignment with the primary key `also` if it is the worker's, whatever its state.
    """
    rows = read(
        f"SELECT {_ASSIGNMENT}, {_PURPOSE} FROM annotation_assignment assignment "  # noqa: S608
        "JOIN annotation_pair pair ON pair.id = assignment.pair_id "
        "WHERE assignment.worker_id = %s AND (assignment.state IN ('open', 'expired') OR assignment.id = %s) "
        "ORDER BY assignment.trial",
        [worker.pk, also],
        *(_ASSIGNMENT, _PURPOSE),
    )
    for assignment, pair in rows:
        assignment.pair, assignment.worker = pair, worker
    return [assignment for assignment, _pair in rows]


def shown(assignment_id: int) -> Assignment:
    """Returns the assignment with everything its page shows, in one query.

    Raises:
        Assignment.DoesNotExist: the assignment does not exist.
    """
    rows = read(
        f"SELECT {_ASSIGNMENT}, {_PAIR}, {_PROMPT}, {_RESULT_X}, {_RESULT_Y} "  # noqa: S608
        "FROM annotation_assignment assignment JOIN annotation_pair pair ON pair.id = assignment.pair_id "
        "JOIN annotation_prompt prompt ON prompt.id = pair.prompt_id "
        "LEFT JOIN annotation_result result_x ON result_x.id = pair.result_x_id "
        "LEFT JOIN annotation_result result_y ON result_y.id = pair.result_y_id WHERE assignment.id = %s",
        [assignment_id],
        *(_ASSIGNMENT, _PAIR, _PROMPT, _RESULT_X, _RESULT_Y),
    )
    if not rows:
        raise Assignment.DoesNotExist
    assignment, pair, pair.prompt, pair.result_x, pair.result_y = rows[0]
    assignment.pair = pair
    return cast(Assignment, assignment)


def current(worker: Worker, at: datetime, rng: np.random.Generator) -> Assignment | None:
    """Returns the worker's open assignment, else a newly reserved one; None if no pair is left for them.

    With SKIP LOCKED, an empty result does not mean that no pair is left: others may lock the last pairs for a
    moment, or reservations may have expired. Each attempt is its own transaction, so that none waits for a
    pair while it holds another.
    """
    for pause in RETRY_SECONDS:
        with transaction.atomic():
            locked = lock(worker.pk)
            assignment = reserve(locked, in_hand(locked), at, rng)
            if assignment is not None:
                update(locked, ["trials"])
                return assignment
        if not _may_draw(locked):
            return None
        expired = expire(at, locked.study)
        if not expired and not _has_more(locked):
            break
        time.sleep(pause)
    return _draw_late(locked, at, rng) if locked.study.is_adaptive else None


def _draw_late(worker: Worker, at: datetime, rng: np.random.Generator) -> Assignment | None:
    """Draws a pair for a worker of an adaptive study who finds no open place; None if they have seen every pair.

    Nobody is told that nothing is left because the background has not drawn the next batch.
    """
    for _try in range(LATE_TRIES):
        # Read again: the vote path leaves out the settings that a draw depends on, and they may have changed since.
        study = Study.objects.select_related("prompt_set").get(pk=worker.study_id)
        # Many answers take a moment to read, in which others may vote.
        candidates = read_candidates(study)
        with transaction.atomic():
            locked = lock(worker.pk)
            assignment = reserve(locked, in_hand(locked), at, rng)
            if assignment is None:
                if not _may_draw(locked):
                    return None
                try:
                    drawn = open_place(study, candidates, locked.pk, at, rng)
                except Changed:
                    continue
                if drawn is None:
                    return None
                Pair.objects.filter(pk=drawn.pair_id).update(taken=F("taken") + 1)
                until = at + timedelta(minutes=locked.study.reservation_minutes)
                slot = _free_slot(drawn.pair_id)
                assignment = _hand_out(locked, drawn.pair_id, slot, drawn.probability, at, until, rng)
            update(locked, ["trials"])
            return assignment
    return None


def _has_more(worker: Worker) -> bool:
    """Returns whether a place is free for `worker`, even if its row is locked at the moment."""
    if _lowest_tier(worker, above=-1) is not None:
        return True
    return worker.assignments.filter(state=AssignmentState.EXPIRED, pair__taken__lt=F("pair__wanted")).exists()


def _may_draw(worker: Worker) -> bool:
    study = worker.study
    return worker.stage == Stage.VOTING and worker.votes < study.most_votes and study.status == Status.OPEN


def reserve(worker: Worker, mine: list[Assignment], at: datetime, rng: np.random.Generator) -> Assignment | None:
    """Makes one attempt of `current` for a worker that the caller has locked; the caller saves `worker.trials`.

    `mine` is the result of `in_hand`. While the study is paused, an open assignment stays open, but no new
    one is handed out.
    """
    study = worker.study
    if worker.stage != Stage.VOTING or worker.votes >= study.most_votes or study.status == Status.CLOSED:
        return None
    until = at + timedelta(minutes=study.reservation_minutes)
    for assignment in mine:
        still = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.OPEN)
        if assignment.state == AssignmentState.OPEN and still.update(expires_at=until):
            assignment.expires_at = until
            return assignment
    if study.status != Status.OPEN:
        return None
    for assignment in mine:
        if _is_free_now(assignment) and arm_again(assignment, at, until):
            return assignment
    return _check_pair(worker, at, until, rng) or _free_pair(worker, at, until, rng)


def _is_free_now(assignment: Assignment) -> bool:
    """Returns whether the pair of an expired assignment has a free place and is not locked."""
    if assignment.pair.purpose != Purpose.VOTE:
        return True
    wanting = Pair.objects.filter(pk=assignment.pair_id).wanting()
    return wanting.select_for_update(no_key=True, skip_locked=True).first() is not None


def arm_again(assignment: Assignment, at: datetime, until: datetime) -> bool:
    """Reserves an expired assignment's pair for its worker again, if a place is free.

    It keeps its sides and its trial number, so that the worker sees the same pair.
    """
    slot = None
    if assignment.pair.purpose == Purpose.VOTE:
        if not Pair.objects.filter(pk=assignment.pair_id).wanting().update(taken=F("taken") + 1):
            return False
        slot = _free_slot(assignment.pair_id)
    changed = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.EXPIRED).update(
        state=AssignmentState.OPEN, slot=slot, expires_at=until, shown_at=at
    )
    assert changed == 1  # noqa: S101  only the worker, whose row the caller holds, leaves the state "expired"
    assignment.state, assignment.slot = AssignmentState.OPEN, slot
    assignment.expires_at, assignment.shown_at = until, at
    return True


def _free_slot(pair_id: int) -> int:
    """Returns the smallest free slot of a locked pair."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slot FROM annotation_assignment WHERE pair_id = %s AND slot IS NOT NULL ORDER BY slot", [pair_id]
        )
        held = [slot for (slot,) in cursor.fetchall()]
    return next((free for free, slot in enumerate(held) if free != slot), len(held))


def _check_pair(worker: Worker, at: datetime, until: datetime, rng: np.random.Generator) -> Assignment | None:
    """Hands out a check pair that is new to the worker, with the probability of the study's check rate."""
    if rng.random() >= worker.study.check_rate:
        return None
    unseen = Pair.objects.filter(study=worker.study, purpose=Purpose.CHECK).exclude(
        pk__in=worker.assignments.values("pair")
    )
    start = rng.random()
    pair = unseen.filter(key__gte=start).order_by("key").first() or unseen.order_by("key").first()
    return None if pair is None else _hand_out(worker, pair.pk, None, None, at, until, rng)


def _hand_out(
    worker: Worker,
    pair_id: int,
    slot: int | None,
    probability: float | None,
    at: datetime,
    until: datetime,
    rng: np.random.Generator,
) -> Assignment:
    worker.trials += 1
    assignment = Assignment(
        study_id=worker.study_id,
        pair_id=pair_id,
        worker=worker,
        slot=slot,
        trial=worker.trials,
        left=SIDES[rng.integers(2)],
        offer_probability=probability,
        created_at=at,
        expires_at=until,
        shown_at=at,
    )
    insert(assignment)
    return assignment


def _free_pair(worker: Worker, at: datetime, until: datetime, rng: np.random.Generator) -> Assignment | None:
    """Reserves a random pair with the fewest places taken among those that can be offered to the worker."""
    start, tier = float(rng.random()), -1
    while (lowest := _lowest_tier(worker, above=tier)) is not None:
        tier = lowest
        taken = _take(worker, tier, start, new_key=float(rng.random()))
        if taken is not None:
            pair_id, slot, probability = taken
            return _hand_out(worker, pair_id, slot, probability, at, until, rng)
    return None


# Only constants of this module are formatted into these statements; values are always parameters.
# The draw reads the partial index pair_wanting (study, taken, key) WHERE taken < wanted and scans no more
# rows than the worker has seen pairs, however many pairs there are. NOT IN is deliberate: its subquery runs
# once, and no planner turns it into a join over all pairs.
_OFFERABLE = """
    study_id = %(study)s AND taken < wanted
    AND id NOT IN (SELECT pair_id FROM annotation_assignment WHERE worker_id = %(worker)s)
"""

_LOWEST_TIER = f"SELECT taken FROM annotation_pair WHERE {_OFFERABLE} AND taken > %(above)s ORDER BY taken, key LIMIT 1"  # noqa: S608

_LAST_KEY = (
    f"SELECT key FROM annotation_pair WHERE {_OFFERABLE} AND taken = %(tier)s {{part}} ORDER BY key DESC LIMIT 1"  # noqa: S608
)

_DRAW = f"""
    SELECT pair.id, pair.key, ({_LAST_KEY.format(part="AND key < %(start)s")}) AS key_before
    FROM annotation_pair AS pair
    WHERE {_OFFERABLE} AND taken = %(tier)s AND key >= %(start)s
    ORDER BY pair.key LIMIT 1 {{lock}}
"""  # noqa: S608


def _lowest_tier(worker: Worker, above: int) -> int | None:
    """Returns the smallest `taken` above `above` among the pairs that `worker` can be offered."""
    with connection.cursor() as cursor:
        cursor.execute(_LOWEST_TIER, {"study": worker.study_id, "worker": worker.pk, "above": above})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _take(worker: Worker, tier: int, start: float, new_key: float) -> tuple[int, int, float] | None:
    """Takes a place on the first free pair of `tier` whose key is at least `start`, wrapping around.

    Returns the pair's primary key, its smallest free slot and the probability of this offer given the keys:
    a uniform start finds a pair with a probability equal to the distance from the previous key. The pair
    gets `new_key`, so that it has other neighbours in the next tier.
    """
    lock = _row_lock("pair", "SKIP LOCKED")
    values = {"study": worker.study_id, "worker": worker.pk, "tier": tier, "start": start}
    with connection.cursor() as cursor:
        cursor.execute(_DRAW.format(lock=lock), values)
        if (row := cursor.fetchone()) is None:
            cursor.execute(_DRAW.format(lock=lock), {**values, "start": 0.0})
            if (row := cursor.fetchone()) is None:
                return None
        pair_id, key, key_before = row
        probability = None if key_before is None else key - key_before
        if probability is None:
            # The first pair of a tier is also found by a start beyond the last key.
            cursor.execute(_LAST_KEY.format(part=""), values)
            probability = 1 + key - cursor.fetchone()[0]
        cursor.execute("UPDATE annotation_pair SET taken = taken + 1, key = %s WHERE id = %s", [new_key, pair_id])
    return int(pair_id), _free_slot(pair_id), float(probability)


def extend(worker: Worker, assignment_id: int, at: datetime) -> bool:
    """Extends an open reservation by the study's reservation time from `at`; returns False if it is not open."""
    until = at + timedelta(minutes=worker.study.reservation_minutes)
    open_ones = Assignment.objects.filter(pk=assignment_id, worker=worker, state=AssignmentState.OPEN)
    return bool(open_ones.update(expires_at=until))


def expire(at: datetime, study: Study | None = None) -> int:
    """Releases the places of up to 1,000 reservations that expired before `at`; returns how many."""
    late = Assignment.objects.filter(state=AssignmentState.OPEN, expires_at__lt=at)
    if study is not None:
        late = late.filter(study=study)
    found = list(late.order_by("expires_at").values_list("pk", flat=True)[:1000])
    return sum(_expire(late.filter(pk=assignment_id)) for assignment_id in found)


@transaction.atomic
def _expire(late: QuerySet[Assignment]) -> bool:
    # One per transaction: an import locks several pairs in their order, and must not wait in a circle.
    assignment = late.select_for_update(skip_locked=True, of=("self",)).select_related("study").first()
    return assignment is not None and set_aside(assignment, assignment.study)


def set_aside(assignment: Assignment, study: Study, state: str = AssignmentState.EXPIRED, reason: str = "") -> bool:
    """Ends an open reservation without a vote and releases its place; returns False if it was not open."""
    changed = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.OPEN).update(
        state=state, slot=None, skip_reason=reason
    )
    if changed and assignment.slot is not None:
        _free(study, [assignment.pair_id])
    return bool(changed)


def _free(study: Study, pair_ids: list[int]) -> None:
    # Locked in one order, so that two transactions that release several pairs cannot deadlock.
    list(Pair.objects.filter(pk__in=pair_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    Pair.objects.filter(pk__in=pair_ids).update(taken=F("taken") - 1)
    offer_pairs(study, pair_ids)


def release_places(rater: Rater) -> int:
    """Releases every place that the rater's votes and reservation hold; returns how many.

    For a rater whose votes no longer count, so that others can vote instead. Call it inside a transaction;
    `retake_places` is its inverse.
    """
    imported = _votes_without_assignment(rater)
    held = Assignment.objects.filter(worker=rater.pk, slot__isnull=False)
    pair_ids = [*held.values_list("pair", flat=True), *imported]
    Assignment.objects.filter(worker=rater.pk, state=AssignmentState.OPEN).update(state=AssignmentState.EXPIRED)
    Assignment.objects.filter(worker=rater.pk, slot__isnull=False).update(slot=None)
    _free(rater.study, pair_ids)
    return len(pair_ids)


def retake_places(rater: Rater) -> int:
    """Takes the places of the rater's votes again, raising `wanted` where others have filled them."""
    assignments = Assignment.objects.filter(worker=rater.pk, state=AssignmentState.VOTED, slot=None)
    voted = list(assignments.filter(pair__purpose=Purpose.VOTE).order_by("pair"))
    pair_ids = sorted([*(assignment.pair_id for assignment in voted), *_votes_without_assignment(rater)])
    list(Pair.objects.filter(pk__in=pair_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    Pair.objects.filter(pk__in=pair_ids).update(taken=F("taken") + 1, wanted=Greatest(F("wanted"), F("taken") + 1))
    for assignment in voted:
        Assignment.objects.filter(pk=assignment.pk).update(slot=_free_slot(assignment.pair_id))
    return len(pair_ids)


def _votes_without_assignment(rater: Rater) -> list[int]:
    """Returns the pairs on which imported votes of a person hold a place."""
    if rater.simulated or rater.kind != "worker":
        return []
    votes = Comparison.objects.in_force().filter(rater=rater, assignment=None, pair__purpose=Purpose.VOTE)
    return list(votes.values_list("pair", flat=True))
