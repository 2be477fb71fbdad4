"""The Celery application: `celery -A llmfao_site worker -B`."""

import os
import sys
import time
from typing import Any, Final

from celery import Celery
from celery.signals import celeryd_init, worker_ready
from django.core.management.base import BaseCommand, SystemCheckError
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")

AGAIN: Final = 5.0
"""Seconds after a message was not taken during which none is sent, so that not every request waits for the broker."""


class App(Celery):
    """Celery, which does not try a broker again that took no message a moment ago.

    A message is a hint. Its row is the truth, and a sweep finds what was not sent.
    """

    _until = 0.0

    def send_task(self, *args: Any, **options: Any) -> Any:
        """Sends a message.

        Raises:
            OperationalError: the broker does not take it, or took none a moment ago.
        """
        if options.get("producer") is not None:
            # Beat's own. What it leaves out would wait for its next turn.
            return super().send_task(*args, **options)
        if time.monotonic() < self._until:
            raise OperationalError("The broker took no message a moment ago.")
        try:
            return super().send_task(*args, **options)
        except OperationalError:
            self._until = time.monotonic() + AGAIN
            raise


app = App("llmfao")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect  # type: ignore[untyped-decorator]
def refuse_a_broken_installation(**_what: Any) -> None:
    """Stops a worker whose installation fails the system checks or whose tasks cannot be imported.

    Celery only logs both and goes on; it would then take messages and discard them.
    """
    try:
        BaseCommand().check()
    except SystemCheckError as faults:
        sys.exit(str(faults))
    missing = {entry["task"] for entry in app.conf.beat_schedule.values()} - app.tasks.keys()
    if missing:
        sys.exit(f"The schedule names tasks that do not exist: {', '.join(sorted(missing))}")


@worker_ready.connect  # type: ignore[untyped-decorator]
def sweep_at_start(**_what: Any) -> None:
    """Takes up what a crash left, without waiting for beat."""
    app.send_task("annotation.sweep_uploads")
