"""The background of a test: it works on the runs that pages begin."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from judges.runs.lifecycle import Lifecycle
from tests.judges.conftest import QUICK
from tests.waiting import PATIENCE


@contextmanager
def at_work(life: Lifecycle[Any, Any, Any]) -> Iterator[None]:
    """Takes up the runs of a kind as they are begun, in a thread that ends with the block."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.wait(0.05):
                for run in life.runs._default_manager.filter(state__in=["waiting", "running"]):
                    life.work(run.pk, patience=QUICK)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE)
