"""The heartbeat of the schedule: when Celery's beat last looked at what is due."""

import logging
import time
from typing import Any, Final

from celery.beat import PersistentScheduler
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

log = logging.getLogger(__name__)

EVERY: Final = 10.0
"""Seconds between two heartbeats."""

LATE: Final = 90.0
"""Seconds without one after which beat counts as late. It may wait half a minute for a broker that comes back."""


class Scheduler(PersistentScheduler):
    """Celery's scheduler with a heartbeat in the database, where `/readyz` of any web server finds it."""

    max_interval = EVERY

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._told = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            close_old_connections()
            tell()
            close_old_connections()
        return super().tick(*args, **kwargs)


def tell() -> None:
    """Stores a heartbeat. Without a database beat goes on, since its messages may still be sent."""
    from llmfao_site.models import LastBeat

    try:
        LastBeat.objects.update_or_create(pk=1, defaults={"at": timezone.now()})
    except DatabaseError as problem:
        log.warning("The heartbeat of the schedule was not stored: %s", problem)


def seconds_since(at: float) -> float | None:
    """Returns the seconds from the last heartbeat to `at`, seconds since the epoch; None if there is none."""
    from llmfao_site.models import LastBeat

    try:
        last = LastBeat.objects.values_list("at", flat=True).first()
    except DatabaseError:
        return None
    return None if last is None else round(max(0.0, at - last.timestamp()), 1)
