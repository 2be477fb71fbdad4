"""Threads that begin at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from tests.waiting import PATIENCE


def together[T](count: int, work: Callable[[int], T]) -> list[T]:
    """What `work(index)` gives in each of `count` threads; raises the first error of any of them."""
    barrier = threading.Barrier(count)

    def run(index: int) -> T:
        barrier.wait(PATIENCE)
        try:
            return work(index)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))
