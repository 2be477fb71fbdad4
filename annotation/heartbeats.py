"""Signs of life of background work, so that a dead worker's is taken up within two minutes.

While a worker is at a row, a thread of its own says so every few seconds, however long the worker computes or stores
without a word. A row whose sign of life is too old has lost its worker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DatabaseError, connection, models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two signs of life."""

SILENCE: Final = timedelta(seconds=65)
"""Without a sign of life for this long, the worker is dead. A few may fail to be stored on a busy SQLite."""


class Worked(models.Model):
    """A row that a background worker is at."""

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
    """Returns the condition of rows whose worker has given no sign of life for `SILENCE`.

    A row that an older version claimed has none: there the time of its claim counts.
    """
    return Q(beat_at__lt=at - SILENCE) | Q(beat_at=None, claimed_at__lt=at - SILENCE)


@contextmanager
def beating(rows: models.QuerySet[Any]) -> Iterator[None]:
    """Stores a sign of life in `rows` at intervals, in a thread with a connection of its own, until the end.

    `rows` has to select by whose claim it is: a worker that lost its claim must not keep another's alive.
    """
    over = threading.Event()

    def beat() -> None:
        try:
            while not over.wait(EVERY):
                try:
                    rows.all().update(beat_at=timezone.now())
                except DatabaseError as problem:
                    # SQLite has one writer, who may be storing for a while; nobody takes the row meanwhile either.
                    log.debug("A sign of life was not stored: %s", problem)
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        # It may be waiting for a lock that this thread's caller holds.
        thread.join(1.0)
