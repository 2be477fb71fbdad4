"""Heartbeats of background work, so that another worker takes over within two minutes of a crash.

While a worker processes a row, a thread stores the time in it every few seconds, however long one step of the work
takes. A row whose heartbeat is too old has lost its worker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError, connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two heartbeats."""

SILENCE: Final = timedelta(seconds=65)
"""Without a heartbeat for this long, the worker counts as dead. On a busy SQLite, a few may fail to be stored."""


class Worked(models.Model):
    """A row that a background worker processes."""

    beat_at = models.DateTimeField(_("last active"), null=True, editable=False)
    interruptions = models.PositiveSmallIntegerField(
        _("interruptions"),
        default=0,
        help_text=_("Times that the process working on it crashed and another one started again."),
    )

    class Meta:
        abstract = True

    def is_interrupted(self, at: datetime) -> bool:
        """Returns whether a page should say that the work, which is not finished, begins again."""
        return self.interruptions > 0 or (self.beat_at is not None and self.beat_at < at - SILENCE)


def silent(at: datetime) -> Q:
    """Returns the condition of rows without a heartbeat for `SILENCE`.

    Rows that an older version claimed have none. For these, the time of the claim counts.
    """
    return Q(beat_at__lt=at - SILENCE) | Q(beat_at=None, claimed_at__lt=at - SILENCE)


@contextmanager
def beating(
    rows: models.QuerySet[Any], every: float = EVERY, told: Callable[[], dict[str, Any]] = dict
) -> Iterator[threading.Event]:
    """Stores a heartbeat in `rows` at intervals, in a thread with a connection of its own, until the block ends.

    `rows` must select the worker's own claim, because a worker that lost its claim must not keep another's alive.
    The block gets an event that is set once the claim is lost. `told` returns other fields to store with each
    heartbeat, such as progress: SQLite cannot write on a connection that is still reading an older state.
    """
    over, lost = threading.Event(), threading.Event()

    def beat() -> None:
        try:
            while not over.wait(every):
                try:
                    if not rows.all().update(beat_at=timezone.now(), **told()):
                        lost.set()
                except DatabaseError as problem:
                    # SQLite has one writer, which may take a while. Nobody can take the row in the meantime either.
                    log.debug("A heartbeat was not stored: %s", problem)
                    # Nothing else would replace a connection that was lost.
                    connection.close()
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        # It may be waiting for a lock that this thread's caller holds.
        thread.join(1.0)
