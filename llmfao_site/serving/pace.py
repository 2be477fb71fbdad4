"""How slow a client may be before its connection is closed.

The rule is the one of Apache's mod_reqtimeout: a time to begin with, and more for each byte that arrives.
"""

from typing import Final

HEAD_SECONDS: Final = 10.0
"""Time for the request line and the headers."""
BODY_SECONDS: Final = 20.0
"""Time for a body or a response, plus one second for each MINIMUM_RATE bytes that have passed."""
MINIMUM_RATE: Final = 8 * 1024
"""Bytes per second on average, once BODY_SECONDS are over."""


def deadline(started: float, passed: int) -> float:
    """Returns until when a body or response that started at `started` may take, after `passed` bytes of it."""
    return started + BODY_SECONDS + passed / MINIMUM_RATE
