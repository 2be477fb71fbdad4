"""Stops the processes it was told of once whoever told it is gone, killed outright included.

Runs as a file: `python llmfao_site/demo/watchdog.py`, with the leaders of process groups on standard input,
one number a line. The end of the input, which the kernel brings about when the last holder of the
other end dies, is the signal; a line "let go" before it says that there is nothing left to stop.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE = 15.0
"""Seconds between asking a process to stop and ending it with all it started."""


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(leaders: list[int], patience: float = PATIENCE) -> None:
    """Asks each leader to stop what it leads, waits, and ends what is left of the groups."""
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(leader, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(alive(leader) for leader in leaders):
        time.sleep(0.1)
    for leader in leaders:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def main() -> None:
    # A session of its own: what stops its owner's terminal or group must not stop it.
    os.setsid()
    leaders: list[int] = []
    for line in sys.stdin:
        if line.strip() == "let go":
            return
        leaders.append(int(line))
    stop(leaders)


if __name__ == "__main__":
    main()
