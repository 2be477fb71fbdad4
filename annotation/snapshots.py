"""Results computed in the background and stored: who computes one, how often, and when a claim expires.

A row waits until a worker claims it by a conditional update; only the worker whose claim still holds may store
results. A claim whose worker died expires, and the row can be claimed again. What the results are, and when they no
longer match their source, is up to the model that inherits from `Snapshot`.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy as _

from annotation.heartbeats import Worked, beating, silent

MOST_AT_ONCE: Final = 3
"""Interruptions after which a row is begun again only after `LATER`."""

LATER: Final = timedelta(minutes=15)

LONG: Final = 3.0
"""Seconds: a snapshot that takes this long or less is computed as often as it changes."""

SHARE: Final = 20
"""A snapshot that takes longer is computed for at most one part in `SHARE` of the time."""


class State(models.TextChoices):
    """The state of a snapshot: waiting for a worker, in one's hands, or finished with or without results."""

    WAITING = "waiting", _("waiting")
    COMPUTING = "computing", _("computing")
    READY = "ready", _("ready")
    IMPOSSIBLE = "impossible", _("cannot be computed")


UNFINISHED: Final = (State.WAITING, State.COMPUTING)


class Snapshot(Worked):
    """A row whose results a background worker computes."""

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    claimed_at = models.DateTimeField(_("started at"), null=True)
    finished_at = models.DateTimeField(_("computed"), null=True)
    seconds = models.FloatField(_("computing time (seconds)"), null=True)

    class Meta(Worked.Meta):
        abstract = True

    def may_be_followed(self, at: datetime) -> bool:
        """Whether the next of its kind may be computed, given how long this one took."""
        if self.claimed_at is None or self.seconds is None or self.seconds <= LONG:
            return True
        return at >= self.claimed_at + SHARE * timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Claim[S: Snapshot]:
    """The right to compute `row`, held until it expires or the row is finished or released."""

    row: S
    at: datetime
    began: float = field(default_factory=time.perf_counter)

    def finish(self, state: State, **results: Any) -> bool:
        """Stores the results, unless the claim has expired and somebody else took it; whether it was stored."""
        seconds = time.perf_counter() - self.began
        done = self.at + timedelta(seconds=seconds)
        return bool(self._mine().update(state=state, seconds=seconds, finished_at=done, **results))

    def release(self) -> None:
        """Has the row wait again."""
        self._mine().update(state=State.WAITING, claimed_at=None, beat_at=None)

    def beating(self) -> AbstractContextManager[object]:
        """Keeps the claim alive while the results are computed."""
        return beating(self._mine())

    def _mine(self) -> models.QuerySet[S]:
        rows: models.QuerySet[S] = type(self.row)._default_manager.filter(pk=self.row.pk)
        return rows.filter(state=State.COMPUTING, claimed_at=self.at)


def due[S: Snapshot](rows: models.QuerySet[S], at: datetime) -> models.QuerySet[S]:
    """Those of `rows` that wait, or whose claim has expired."""
    # What has killed several workers waits longer, so that it does not kill one every two minutes.
    again = Q(interruptions__lt=MOST_AT_ONCE) | Q(claimed_at__lt=at - LATER)
    return rows.filter(Q(state=State.WAITING) | (Q(state=State.COMPUTING) & silent(at) & again))


def expired[S: Snapshot](rows: models.QuerySet[S], at: datetime) -> models.QuerySet[S]:
    """Those of `rows` whose claim has expired."""
    return due(rows, at).filter(state=State.COMPUTING)


def claim[S: Snapshot](rows: models.QuerySet[S], at: datetime) -> Claim[S] | None:
    """Claims the only row of `rows`; None where it is not due, or somebody else was first."""
    interruptions = Case(When(state=State.COMPUTING, then=F("interruptions") + 1), default=Value(0))
    if not due(rows, at).update(state=State.COMPUTING, claimed_at=at, beat_at=at, interruptions=interruptions):
        return None
    return Claim(rows.get(), at)
