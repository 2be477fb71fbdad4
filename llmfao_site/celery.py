"""The Celery application: `celery -A llmfao_site worker -B`."""

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_ready
from django.core.management.base import BaseCommand, SystemCheckError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmfao_site.settings")

app = Celery("llmfao")
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
