"""The state of each worker process, so that on a reload an old one serves until a new one can.

gunicorn's master ends the old processes as soon as the new ones exist, seconds before those have loaded the site.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import tempfile
from typing import Final, NamedTuple

from llmfao_site.demo.watchdog import alive

LOADING: Final = 1
READY: Final = 2
LEAVING: Final = 3
"""Told to end, but still serving."""

_RECORD: Final = struct.Struct("qqq")
_ROOM: Final = 512
"""Processes that may exist at once. Ages only grow, so the place of an old process is free long before it is needed."""

# Both are made in the master, before it forks: the memory is shared, and a lock of fcntl belongs to one process.
_table = mmap.mmap(-1, _ROOM * _RECORD.size)
_turns = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process


class Entry(NamedTuple):
    """A worker process: its age, which is gunicorn's running number; its id, 0 before it is forked; its state."""

    age: int
    process: int
    state: int


def tell(age: int, process: int, state: int) -> None:
    """Records the state of a worker process."""
    _RECORD.pack_into(_table, age % _ROOM * _RECORD.size, age, process, state)


def forget(age: int) -> None:
    """Records that a worker process has ended."""
    tell(age, 0, 0)


def entries() -> list[Entry]:
    """Returns the worker processes that exist."""
    found = (Entry(*_RECORD.unpack_from(_table, place * _RECORD.size)) for place in range(_ROOM))
    return [entry for entry in found if entry.state and (not entry.process or alive(entry.process))]


def may_leave(age: int, workers: list[Entry]) -> bool:
    """Returns whether the process of `age`, which was told to end, is no longer needed.

    If there are no newer processes, the site stops or is to have fewer of them, and it can leave at once. Otherwise the
    oldest leaves first, once as many processes serve without it as there are newer ones.
    """
    newer = [entry for entry in workers if entry.age > age and entry.state != LEAVING]
    if not newer:
        return True
    leaving = [entry.age for entry in workers if entry.state == LEAVING]
    serving = sum(entry.state == READY for entry in newer) + len(leaving) - 1
    return age == min(leaving) and serving >= len(newer)


def anybody_serves() -> bool:
    """Returns whether a worker process serves, so that a new one can take its time."""
    return any(entry.state in {READY, LEAVING} for entry in entries())


def take_turn() -> int | None:
    """Returns the number of a turn to load the site in, None if all are taken.

    Half of the processors may load new processes; the other half is left to those that serve.
    """
    for turn in range(max(1, (os.cpu_count() or 1) // 2)):
        with contextlib.suppress(BlockingIOError):
            fcntl.lockf(_turns, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, turn)
            return turn
    return None


def give_back(turn: int) -> None:
    """Lets the next process load."""
    fcntl.lockf(_turns, fcntl.LOCK_UN, 1, turn)
