"""Rate limits per minute, shared by all sending processes: never more than N sends in any sliding 60 seconds.

`take` either counts a send, which must follow at once, or returns the seconds to wait before asking again. The window
is `SPAN` seconds, slightly more than a minute, because a request leaves some moments after it was counted.
"""

import contextlib
import fcntl
import os
import struct
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

MINUTE: Final = 60.0
SPAN: Final = 61.0
"""Seconds in the window. A send may lag its count by a second without breaking the limit, at the cost of 1/61 of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits per minute; None means no limit. Tokens are those of the request plus the maximum of the reply."""

    requests: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if any(limit is not None and limit < 1 for limit in (self.requests, self.tokens)):
            raise ValueError("A limit is a whole number from 1 on.")

    def __bool__(self) -> bool:
        return self.requests is not None or self.tokens is not None


@dataclass(frozen=True, slots=True)
class Turn:
    """Result of `take`: send now if `wait` is 0, otherwise ask again in `wait` seconds; `ticket` names the send."""

    wait: float
    ticket: str = ""


class Pace(Protocol):
    """Limits per minute of requests and tokens that all sending processes share."""

    def take(self, tokens: int) -> Turn:
        """Counts a send of `tokens` if the limits allow one now.

        A send of more tokens than the limit goes alone and counts as a whole minute's tokens.
        """

    def settle(self, ticket: str, tokens: int) -> None:
        """Replaces the tokens counted by `take` with those that the endpoint reported."""


@dataclass(slots=True)
class _Send:
    at: float
    tokens: int
    ticket: str


@dataclass(slots=True)
class Window:
    """The sends of the last `SPAN` seconds. `now` is an argument, so that tests need no clock."""

    limits: Limits
    sends: deque[_Send] = field(default_factory=deque)
    tokens: int = 0

    def take(self, tokens: int, now: float) -> Turn:
        self.length(now)
        limits = self.limits
        wait = 0.0
        if limits.requests is not None and len(self.sends) >= limits.requests:
            wait = self.sends[len(self.sends) - limits.requests].at + SPAN - now
        if limits.tokens is not None:
            tokens = min(tokens, limits.tokens)
            over = self.tokens + tokens - limits.tokens
            for send in self.sends:
                if over <= 0:
                    break
                over -= send.tokens
                wait = max(wait, send.at + SPAN - now)
        if wait > 0:
            return Turn(wait)
        return Turn(0.0, self.count(now, tokens, uuid.uuid4().hex))

    def count(self, at: float, tokens: int, ticket: str) -> str:
        """Counts a send and returns its ticket."""
        self.sends.append(_Send(at, tokens, ticket))
        self.tokens += tokens
        return ticket

    def fill(self, now: float) -> None:
        """Fills the window up to the limits, because the true number of sends is unknown."""
        self.sends.clear()
        self.tokens = 0
        for _send in range(self.limits.requests or 1):
            self.count(now, 0, uuid.uuid4().hex)
        if self.limits.tokens is not None:
            self.settle(self.sends[-1].ticket, self.limits.tokens)

    def settle(self, ticket: str, tokens: int) -> None:
        for send in reversed(self.sends):
            if send.ticket == ticket:
                self.tokens += tokens - send.tokens
                send.tokens = tokens
                return

    def length(self, now: float) -> int:
        """Returns the number of sends that count at `now`, and forgets the others."""
        if self.sends and self.sends[-1].at > now:
            # The clock was set back, so these sends were made at `now` at the latest.
            for send in self.sends:
                send.at = min(send.at, now)
        while self.sends and self.sends[0].at <= now - SPAN:
            self.tokens -= self.sends.popleft().tokens
        return len(self.sends)


_HEAD: Final = b"llmfao-pace-2\n\0\0"
_RECORD: Final = struct.Struct("<dq16s")
_SETTLED: Final = -1.0
"""Takes the place of the time in a record that settles the tokens of a send."""

_COMPACT: Final = 4096
"""Minimum records of a file that is rewritten once most of them have left the window."""


class FilePace:
    """A window shared by all processes of one machine, in a locked file that outlives them.

    The file is a header followed by a record for every send and every settlement. A process reads only what others have
    appended since its last read, so the cost of a send does not grow with the number of sends. Once most records have
    left the window, a shorter file replaces it.

    The clock must be shared by all processes and must not be set back by a restart: the machine's time.
    """

    def __init__(self, path: Path, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._limits = limits
        self._clock = clock
        self._file: BinaryIO | None = None
        self._window = Window(limits)
        self._known = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, tokens: int) -> Turn:
        with self._locked() as now:
            turn = self._window.take(tokens, now)
            if turn.wait == 0:
                self._append(now, self._window.sends[-1].tokens, turn.ticket)
            return turn

    def settle(self, ticket: str, tokens: int) -> None:
        if self._limits.tokens is not None:
            with self._locked():
                self._window.settle(ticket, tokens)
                self._append(_SETTLED, tokens, ticket)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[float]:
        """Locks the file, reads it into the window and yields the time."""
        self._open()
        try:
            now = self._clock()
            self._catch_up(now)
            yield now
        finally:
            fcntl.flock(self._opened, fcntl.LOCK_UN)

    @property
    def _opened(self) -> BinaryIO:
        assert self._file is not None  # noqa: S101  _open
        return self._file

    def _open(self) -> None:
        while True:
            if self._file is None:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
                self._hold(os.fdopen(descriptor, "r+b", buffering=0))
            fcntl.flock(self._opened, fcntl.LOCK_EX)
            if os.fstat(self._opened.fileno()).st_nlink:
                return
            # The file was replaced meanwhile, or the folder was cleared.
            self._opened.close()
            self._file = None

    def _hold(self, file: BinaryIO) -> None:
        self._file, self._window, self._known = file, Window(self._limits), 0

    def _catch_up(self, now: float) -> None:
        file = self._opened
        file.seek(self._known)
        added = file.read()
        if not self._known:
            if not added:
                self._known = file.write(_HEAD)
                return
            whole = added.startswith(_HEAD)
            added = added.removeprefix(_HEAD)
            self._known = len(_HEAD)
        else:
            whole = os.fstat(file.fileno()).st_size >= self._known
        if not whole or len(added) % _RECORD.size:
            # The machine lost power while the file was written. The sends of the last minute are unknown, so a full
            # minute passes before the next one.
            self._window.fill(now)
            self._replace(now)
            return
        for at, tokens, ticket in _RECORD.iter_unpack(added):
            if at == _SETTLED:
                self._window.settle(ticket.hex(), tokens)
            else:
                self._window.count(at, tokens, ticket.hex())
        self._known += len(added)
        records = self._known // _RECORD.size
        if records >= _COMPACT and records > 4 * self._window.length(now):
            self._replace(now)

    def _append(self, at: float, tokens: int, ticket: str) -> None:
        self._opened.seek(self._known)
        self._known += self._opened.write(_RECORD.pack(at, tokens, bytes.fromhex(ticket)))

    def _replace(self, now: float) -> None:
        """Replaces the file atomically with one of only the records that count at `now`, locked from the start."""
        self._window.length(now)
        content = _HEAD + b"".join(
            _RECORD.pack(send.at, send.tokens, bytes.fromhex(send.ticket)) for send in self._window.sends
        )
        draft = self._path.with_name(f"{self._path.name}.new")
        file = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "r+b", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(content)
        draft.replace(self._path)
        self._opened.close()
        self._file, self._known = file, len(content)


class NoPace:
    """For judges without a limit."""

    def take(self, tokens: int) -> Turn:
        return Turn(0.0)

    def settle(self, ticket: str, tokens: int) -> None:
        pass
