"""Reserving pairs for workers, and giving the places back.

Locks are always taken in the order worker, assignment, pair. Whoever acts for a worker holds the
worker's row, so that two tabs of one worker are one after the other; a pair is locked with SKIP
LOCKED, so that workers never wait for each other.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

import numpy as np
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

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
"""The pauses between the tries to find a pair where others hold all that are left."""


class NotYours(Exception):
    """The assignment is not one of this worker's."""


class ScaleChanged(Exception):
    """The study asks on another scale than the page that was answered; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a worker is: `done` votes of `most`, of which `least` earn the code."""

    done: int
    least: int
    most: int
    minutes_left: int | None
    """At the worker's own mean pace, None below three votes."""

    @property
    def may_finish(self) -> bool:
        return self.done >= self.least


def progress(worker: Worker) -> Progress:
    """Of `worker`, whose study is loaded."""
    study = worker.study
    minutes = None
    if worker.votes >= 3:
        left = max(0, study.most_votes - worker.votes)
        minutes = max(1, round(left * worker.seconds / worker.votes / 60))
    return Progress(worker.votes, study.least_votes, study.most_votes, minutes)


_WORKER = Columns(
    Worker,
    "worker",
    *("study", "number", "stage", "outcome", "attempt", "trained_at", "joined_at", "left_at"),
    *("trials", "votes", "checks", "checks_right", "seconds"),
)
# A setting is read unless it is named here: long texts, and what joining, training and starting a study need.
_STUDY = Columns.all_but(
    Study,
    "study",
    *("consent", "consent_version", "instruction", "worked_example", "id_parameter", "id_required", "devices"),
    *("training_size", "training_pass", "training_attempts", "owner", "created_at", "public"),
)
_ASSIGNMENT = Columns(Assignment, "assignment", "study", "pair", "worker", "slot", "state", "trial", "left", "shown_at")
_PURPOSE = Columns(Pair, "pair", "study", "purpose", "golden")
_PAIR = Columns(Pair, "pair", "study", "purpose", "prompt", "own_text", "own_x", "own_y")
_PROMPT = Columns(Prompt, "prompt", "text", "turns", "references", "note", "lang")
_RESULT_X, _RESULT_Y = (Columns(Result, f"result_{side}", "text", "turns") for side in SIDES)


def known(worker_id: int, slug: str) -> Worker | None:
    """The worker of the study at `slug`, with the study; None where there is none."""
    return _worker("worker.rater_id = %s AND study.slug = %s", [worker_id, slug])


def lock(worker_id: int) -> Worker:
    """The worker with their study, locked until the transaction ends.

    Raises:
        Worker.DoesNotExist: there is none.
    """
    worker = _worker("worker.rater_id = %s", [worker_id], _row_lock("worker"))
    if worker is None:
        raise Worker.DoesNotExist
    return worker


def check_scale(study: Study, asked_on: str) -> None:
    """Raises ScaleChanged where a page that says so asked on another scale than the study does by now."""
    if asked_on not in ("", study.scale_name):
        raise ScaleChanged


def _row_lock(table: str, skip: str = "") -> str:
    """Such as to keep others from changing the row, but not from referring to it; SQLite has one lock for all."""
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
    """What a worker has in hand (one at most) and what expired on them, in the order it was handed out.

    The assignment with the primary key `also` is among them if it is the worker's, whatever its state.
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
    """The assignment with everything that a page shows of it, in one query.

    Raises:
        Assignment.DoesNotExist: there is none.
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
    """The pair `worker` has in hand, else one newly reserved; None where nothing is left for them.

    Under SKIP LOCKED nothing found is not yet nothing left: others may hold the last pairs for a
    moment, and reservations may have run out. Each try is a transaction of its own, so that none
    waits for a pair while it holds another.
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
            return None
        time.sleep(pause)
    return None


def _has_more(worker: Worker) -> bool:
    """Whether a place is free for `worker`, be it held for a moment by somebody else."""
    if _lowest_tier(worker, above=-1) is not None:
        return True
    return worker.assignments.filter(state=AssignmentState.EXPIRED, pair__taken__lt=F("pair__wanted")).exists()


def _may_draw(worker: Worker) -> bool:
    study = worker.study
    return worker.stage == Stage.VOTING and worker.votes < study.most_votes and study.status == Status.OPEN


def reserve(worker: Worker, mine: list[Assignment], at: datetime, rng: np.random.Generator) -> Assignment | None:
    """What `current` does, once, for a worker locked by the caller, who saves `worker.trials`.

    `mine` is what `in_hand` gives. What the worker has in hand stays in hand while the study is
    paused; nothing new is handed out then.
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
    """Whether the pair of an expired assignment can be had without waiting for somebody who is at it."""
    if assignment.pair.purpose != Purpose.VOTE:
        return True
    wanting = Pair.objects.filter(pk=assignment.pair_id).wanting()
    return wanting.select_for_update(no_key=True, skip_locked=True).first() is not None


def arm_again(assignment: Assignment, at: datetime, until: datetime) -> bool:
    """Reserves an expired assignment's pair for its worker once more, if a place is free.

    It keeps its sides and its trial: to the worker it is the pair they had.
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
    """The smallest slot of a locked pair that no assignment holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT slot FROM annotation_assignment WHERE pair_id = %s AND slot IS NOT NULL ORDER BY slot", [pair_id]
        )
        held = [slot for (slot,) in cursor.fetchall()]
    return next((free for free, slot in enumerate(held) if free != slot), len(held))


def _check_pair(worker: Worker, at: datetime, until: datetime, rng: np.random.Generator) -> Assignment | None:
    """With the study's rate of checks, a check pair the worker has not met."""
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
    """A pair of the least covered tier that has one for the worker, random within the tier."""
    start, tier = float(rng.random()), -1
    while (lowest := _lowest_tier(worker, above=tier)) is not None:
        tier = lowest
        taken = _take(worker, tier, start, new_key=float(rng.random()))
        if taken is not None:
            pair_id, slot, probability = taken
            return _hand_out(worker, pair_id, slot, probability, at, until, rng)
    return None


# What is put into these statements are constants of this module; values are always parameters.
# The draw reads the partial index pair_wanting (study, taken, key) WHERE taken < wanted and looks at no
# more rows than the worker has met, whatever the number of pairs. NOT IN is meant: its subquery is run
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
    """The fewest places taken, more than `above`, on a pair that `worker` could be offered."""
    with connection.cursor() as cursor:
        cursor.execute(_LOWEST_TIER, {"study": worker.study_id, "worker": worker.pk, "above": above})
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def _take(worker: Worker, tier: int, start: float, new_key: float) -> tuple[int, int, float] | None:
    """Takes a place on the first free pair of `tier` from the key `start` on, around the end.

    Returns the pair's primary key, its smallest free slot and the probability of this offer given
    the keys: a uniform start finds a pair with the distance of its key to the one before it. The
    pair gets `new_key`, so that its neighbours in the next tier are others.
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
            # The first of its tier is found from beyond the last one too.
            cursor.execute(_LAST_KEY.format(part=""), values)
            probability = 1 + key - cursor.fetchone()[0]
        cursor.execute("UPDATE annotation_pair SET taken = taken + 1, key = %s WHERE id = %s", [new_key, pair_id])
    return int(pair_id), _free_slot(pair_id), float(probability)


def extend(worker: Worker, assignment_id: int, at: datetime) -> bool:
    """Keeps an open reservation for the study's time from `at` on; False where it is open no more."""
    until = at + timedelta(minutes=worker.study.reservation_minutes)
    open_ones = Assignment.objects.filter(pk=assignment_id, worker=worker, state=AssignmentState.OPEN)
    return bool(open_ones.update(expires_at=until))


def expire(at: datetime, study: Study | None = None) -> int:
    """Gives back the places of reservations that ran out before `at`; returns how many, 1,000 at most."""
    late = Assignment.objects.filter(state=AssignmentState.OPEN, expires_at__lt=at)
    if study is not None:
        late = late.filter(study=study)
    found = list(late.order_by("expires_at").values_list("pk", flat=True)[:1000])
    return sum(_expire(late.filter(pk=assignment_id)) for assignment_id in found)


@transaction.atomic
def _expire(late: QuerySet[Assignment]) -> bool:
    # One a transaction: whoever holds places on several pairs, as a load does, takes them in the pairs' order.
    assignment = late.select_for_update(skip_locked=True, of=("self",)).select_related("study").first()
    return assignment is not None and set_aside(assignment, assignment.study)


def set_aside(assignment: Assignment, study: Study, state: str = AssignmentState.EXPIRED, reason: str = "") -> bool:
    """Ends an open reservation without a vote and frees its place; False where it was not open."""
    changed = Assignment.objects.filter(pk=assignment.pk, state=AssignmentState.OPEN).update(
        state=state, slot=None, skip_reason=reason
    )
    if changed and assignment.slot is not None:
        _free(study, [assignment.pair_id])
    return bool(changed)


def _free(study: Study, pair_ids: list[int]) -> None:
    # Locked in one order, so that two who free several pairs cannot wait for each other.
    list(Pair.objects.filter(pk__in=pair_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    Pair.objects.filter(pk__in=pair_ids).update(taken=F("taken") - 1)
    offer_pairs(study, pair_ids)


def release_places(rater: Rater) -> int:
    """Frees every place that the votes and the reservation of `rater` hold; returns how many.

    For a rater whose votes count no longer: others can vote in their stead. Call it inside a
    transaction; `retake_places` is its inverse.
    """
    imported = _votes_without_assignment(rater)
    held = Assignment.objects.filter(worker=rater.pk, slot__isnull=False)
    pair_ids = [*held.values_list("pair", flat=True), *imported]
    Assignment.objects.filter(worker=rater.pk, state=AssignmentState.OPEN).update(state=AssignmentState.EXPIRED)
    Assignment.objects.filter(worker=rater.pk, slot__isnull=False).update(slot=None)
    _free(rater.study, pair_ids)
    return len(pair_ids)


def retake_places(rater: Rater) -> int:
    """Lets the votes of `rater` hold places again, beyond what is wanted where they were filled since."""
    assignments = Assignment.objects.filter(worker=rater.pk, state=AssignmentState.VOTED, slot=None)
    voted = list(assignments.filter(pair__purpose=Purpose.VOTE).order_by("pair"))
    pair_ids = sorted([*(assignment.pair_id for assignment in voted), *_votes_without_assignment(rater)])
    list(Pair.objects.filter(pk__in=pair_ids).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    Pair.objects.filter(pk__in=pair_ids).update(taken=F("taken") + 1, wanted=Greatest(F("wanted"), F("taken") + 1))
    for assignment in voted:
        Assignment.objects.filter(pk=assignment.pk).update(slot=_free_slot(assignment.pair_id))
    return len(pair_ids)


def _votes_without_assignment(rater: Rater) -> list[int]:
    """The pairs on which imported votes of a person hold a place."""
    if rater.simulated or rater.kind != "worker":
        return []
    votes = Comparison.objects.in_force().filter(rater=rater, assignment=None, pair__purpose=Purpose.VOTE)
    return list(votes.values_list("pair", flat=True))
