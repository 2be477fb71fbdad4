"""Simulates plans in the background; the row has the state, and the message that starts it is only a hint."""

import time
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final

from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from annotation.models import Study
from annotation.problems import Problem
from annotation.snapshots import UNFINISHED, Claim, State, claim, due
from annotation.stored_problems import columns
from ranking.boards.compute import PROBLEMS
from ranking.design.planner.assumptions import Unplannable
from ranking.models import Leaderboard, Plan
from ranking.plans import pilots
from ranking.plans.pilots import NoPilot
from ranking.plans.sheet import Request, make

TASK: Final = "ranking.make_plan"

PATIENCE: Final = timedelta(seconds=15)
"""After this time the message of an unclaimed plan may be lost."""

MOST_AT_ONCE: Final = 3
"""Maximum plans of a person that are not finished yet."""

MOST_KEPT: Final = 50
"""Plans of a person that are kept: the latest."""

TOLD_EVERY: Final = 0.5
"""Seconds between two notes on how far a plan is."""


class TooMany(Exception):
    """Raised if too many plans of a person are under way."""


class Gone(Exception):
    """The plan was deleted, or taken over, while it was simulated."""


def submit(
    owner: User, request: Request, at: datetime, *, study: Study | None = None, pilot: Leaderboard | None = None
) -> Plan:
    """Asks the background to simulate what `request` says, and deletes the person's oldest finished plans.

    Raises:
        TooMany: the person has to wait until another plan is finished.
    """
    with transaction.atomic():
        # Two requests of one person wait for one another here, so that the limit holds.
        User.objects.select_for_update(no_key=True).get(pk=owner.pk)
        mine = Plan.objects.filter(owner=owner)
        if mine.filter(state__in=UNFINISHED).count() >= MOST_AT_ONCE:
            raise TooMany
        old = mine.exclude(state__in=UNFINISHED).values_list("pk", flat=True)[MOST_KEPT - 1 :]
        mine.filter(pk__in=list(old)).delete()
        made = Plan.objects.create(owner=owner, study=study, pilot=pilot, request=asdict(request), created_at=at)
        transaction.on_commit(lambda: _enqueue(made.pk), robust=True)
    return made


def _enqueue(pk: int) -> None:
    current_app.send_task(TASK, args=[pk])


def left_behind(at: datetime) -> list[int]:
    """Returns the primary keys of the plans whose worker died, or whose message may be lost."""
    rows = due(Plan.objects.all(), at).filter(~Q(state=State.WAITING) | Q(created_at__lte=at - PATIENCE))
    return list(rows.order_by("pk").values_list("pk", flat=True))


def fill(pk: int, at: datetime) -> bool:
    """Simulates the plan `pk` if it is due, and returns whether its results were stored."""
    claimed = claim(Plan.objects.filter(pk=pk).select_related("pilot__study__prompt_set"), at)
    if claimed is None:
        return False
    try:
        with claimed.beating():
            row = claimed.row
            known = None if row.pilot is None else pilots.pilot_of(row.pilot)
            sheet = make(Request.stored(row.request), known, _Progress(claimed))
    except Gone:
        return False
    except PROBLEMS as error:
        return claimed.finish(State.IMPOSSIBLE, **columns(error.problem))
    except (Unplannable, NoPilot) as error:
        return claimed.finish(State.IMPOSSIBLE, **columns(Problem(str(error))))
    return claimed.finish(State.READY, sheet=sheet)


class _Progress:
    """Stores how far a plan is, and stops it if it was deleted."""

    def __init__(self, claimed: Claim[Plan]) -> None:
        self.rows = Plan.objects.filter(pk=claimed.row.pk, state=State.COMPUTING, claimed_at=claimed.at)
        self.told = 0.0

    def __call__(self, done: int, size: int) -> None:
        now = time.monotonic()
        if now - self.told < TOLD_EVERY and done < size:
            return
        self.told = now
        if not self.rows.update(done=done, size=size):
            raise Gone
