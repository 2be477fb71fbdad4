"""Stops its owner's child processes when the owner dies, even if it was killed.

Runs as a script: `python llmfao_site/demo/watchdog.py`, with the ids of process group leaders on standard
input, one per line. The end of input is the signal: the kernel closes the pipe when its last holder dies.
A line "let go" says that nothing is left to stop.
"""

import contextlib
import os
import signal
import sys
import time

PATIENCE = 15.0
"""Seconds between terminating a process and killing its group."""


def alive(process: int) -> bool:
    """Returns whether the process exists; one that belongs to another user does."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def stop(leaders: list[int], patience: float = PATIENCE) -> None:
    """Terminates each leader, waits up to `patience` seconds, then kills what is left of the groups."""
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
    """Collects the leaders from standard input until it ends, then stops them, unless let go."""
    # Its own session: a signal to the owner's terminal or group must not stop the watchdog.
    os.setsid()
    leaders: list[int] = []
    for line in sys.stdin:
        if line.strip() == "let go":
            return
        leaders.append(int(line))
    stop(leaders)


if __name__ == "__main__":
    main()
