"""Waiting for threads and processes, on a machine that may be doing ten other things."""

import time
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 300.0
"""Seconds after which what takes a second or ten on a machine of one's own is taken for hanging."""


def eventually(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether `condition` holds within so many seconds; nothing waits longer than until it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
