"""One client's connection: the part of its next request that has arrived, and the unsent rest of its last response.

Nothing here waits for the client, except `Outbox.sendall` for a response that is larger than any page.
"""

import errno
import select
import shutil
import socket
import time
from collections.abc import Buffer
from typing import IO, Any, Final

from gunicorn.config import Config
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader, Unreader

from llmfao_site.serving import pace
from llmfao_site.serving.refusals import Refusal
from llmfao_site.serving.spool import IN_MEMORY, Spool

MOST_OF_HEAD: Final = 64 * 1024
"""Bytes of a request line with its headers."""
MOST_OF_RESPONSE: Final = 1 << 30
"""Bytes of a response that may wait on the disk. A larger one is sent at the pace of its reader."""
PIECE: Final = 256 * 1024
"""Bytes read from a socket or file at once."""
DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Outbox:
    """A socket for responses: what the client does not take at once waits here, and the thread goes on.

    It has the methods that gunicorn's responses use. A response is written by one thread; afterwards the process's
    main thread sends what is left.
    """

    def __init__(self, sock: socket.socket, folder: str) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.refused: Refusal | None = None
        """Why the body of the request was not kept, for the site to answer."""
        self._waiting = Spool(folder)
        self._read = 0
        self.begin()

    def begin(self) -> None:
        """Starts the clock of the next response."""
        self.started, self.sent = time.monotonic(), 0

    @property
    def pending(self) -> bool:
        """Whether something is left to send."""
        return self._read < self._waiting.size

    @property
    def deadline(self) -> float:
        """The time at which the client counts as gone."""
        return pace.deadline(self.started, self.sent)

    def fileno(self) -> int:
        return self.socket.fileno()

    def gettimeout(self) -> float:
        # gunicorn then leaves the socket's mode alone.
        return 0.0

    def shutdown(self, _how: int) -> None:
        # gunicorn shuts down where a response broke off. It must not look complete, so it is not sent to its end.
        raise OSError(errno.ENOTCONN, "The response broke off.")

    def recv(self, size: int) -> bytes:
        return self.socket.recv(size)

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def sendall(self, data: Buffer) -> None:
        """Sends what the client takes now and keeps the rest.

        Raises:
            OSError: the client is gone, or too slow for a response that is larger than the disk may hold.
        """
        rest = memoryview(data).cast("B")
        if self.pending:
            self.flush()
        if not self.pending:
            rest = rest[self._send(rest) :]
        while rest and not self._keep(rest):
            self._wait()
            self.flush()
            if not self.pending:
                rest = rest[self._send(rest) :]

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> None:
        """Sends `count` bytes of `file`, or all, from `offset` on."""
        file.seek(offset)
        left = count
        while left is None or left > 0:
            data = file.read(PIECE if left is None else min(PIECE, left))
            if not data:
                return
            left = None if left is None else left - len(data)
            self.sendall(data)

    def flush(self) -> None:
        """Sends what the client takes now of what waits.

        Raises:
            OSError: the client is gone.
        """
        while self.pending:
            sent = self._send(memoryview(self._waiting.read(self._read, PIECE)))
            if not sent:
                return
            self._read += sent
        self._forget()

    def close(self) -> None:
        self._forget()
        self.socket.close()

    def _send(self, data: memoryview) -> int:
        try:
            sent = self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        self.sent += sent
        return sent

    def _keep(self, data: memoryview) -> bool:
        """Keeps `data` until it can be sent; returns False, and keeps nothing, if there is no room for it."""
        if self._waiting.size + len(data) > MOST_OF_RESPONSE:
            return False
        try:
            self._waiting.append(data)
        except OSError as problem:
            if problem.errno in DISK_FULL:
                return False
            raise
        return True

    def _forget(self) -> None:
        self._waiting.close()
        self._read = 0

    def _wait(self) -> None:
        """Waits until the client takes more.

        Raises:
            BrokenPipeError: it takes less than the minimum rate.
        """
        poll = select.poll()
        poll.register(self.socket, select.POLLOUT)
        if not poll.poll(max(0.0, self.deadline - time.monotonic()) * 1000):
            raise BrokenPipeError(errno.EPIPE, "The client reads too slowly.")


class _Arrived(Unreader):
    """Lets gunicorn read a body that has arrived in full."""

    def __init__(self, body: Spool) -> None:
        super().__init__()
        self.body, self.offset = body, 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        data = self.body.read(self.offset, max(size_hint or 0, 8192))
        self.offset += len(data)
        return data


class Connection:
    """A client's connection and the request that it is sending.

    `request` is None until the headers are complete; `error` is what is wrong with them. `keep` says whether the
    connection stays open after the response. `deadline` is the time by which the current step must be over.
    """

    def __init__(self, cfg: Config, sock: socket.socket, client: Any, server: Any, folder: str) -> None:
        self.cfg, self.client, self.server, self.folder = cfg, client, server, folder
        self.sock = Outbox(sock, folder)
        self.arrived = bytearray()
        self.requests = 0
        self.timeout = 0.0
        """When gunicorn closes the connection between two requests."""
        self.keep = False
        self.body: Spool | None = None
        self.begin()

    def begin(self) -> None:
        """Waits for the next request from now on."""
        self.close_body()
        self.started = time.monotonic()
        self.deadline = self.started + pace.HEAD_SECONDS
        self.request: Request | None = None
        self.error: Exception | None = None
        self.sock.refused = None
        self.length = self.received = 0

    @property
    def rate(self) -> float:
        """The rate at which this request arrives, in bytes per second."""
        return (len(self.arrived) + self.received) / (time.monotonic() - self.started + 0.001)

    @property
    def complete(self) -> bool:
        """Whether a thread can answer."""
        return self.error is not None or (self.request is not None and self.received >= self.length)

    def read_head(self) -> bool:
        """Returns whether the headers have arrived, as `request` or `error`."""
        end = self.arrived.find(b"\r\n\r\n")
        if end < 0:
            if len(self.arrived) > MOST_OF_HEAD:
                self.error = LimitRequestHeaders("limit request headers size")
            return self.error is not None
        head = bytes(self.arrived[: end + 4])
        del self.arrived[: end + 4]
        self.requests += 1
        try:
            self.request = Request(self.cfg, IterUnreader([head]), self.client, self.requests)
        except Exception as problem:  # noqa: BLE001  whatever gunicorn's parser refuses, gunicorn answers
            self.error = problem
            return True
        reader = self.request.body.reader
        if isinstance(reader, LengthReader):
            self.length = reader.length
        elif isinstance(reader, ChunkedReader):
            # WSGI has no length for it, and Django would take the body for empty.
            self.refuse(Refusal.NO_LENGTH)
        return True

    def refuse(self, why: Refusal) -> None:
        """Lets the site answer without the body; the connection is closed afterwards."""
        assert self.request is not None  # noqa: S101  only a request with headers has a body
        self.sock.refused, self.length = why, 0
        self.request.body = Body(LengthReader(IterUnreader([]), 0))
        self.request.force_close()

    def open_body(self) -> None:
        """Lets the client send its body."""
        request = self.request
        assert request is not None  # noqa: S101  only a request with headers has a body
        if request._expected_100_continue:
            request._expected_100_continue = False
            if not self.arrived:
                self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.started = time.monotonic()
        self.deadline = pace.deadline(self.started, 0)
        self.body = Spool(self.folder)
        if self.length > IN_MEMORY and self.length > shutil.disk_usage(self.folder).free:
            self._drop_body()

    def read_body(self) -> None:
        """Reads the part of the body that has arrived; what follows belongs to the next request."""
        count = min(len(self.arrived), self.length - self.received)
        part = bytes(self.arrived[:count])
        del self.arrived[:count]
        if self.body is not None:
            try:
                self.body.append(part)
            except OSError as problem:
                if problem.errno not in DISK_FULL:
                    raise
                self._drop_body()
        self.received += count
        self.deadline = pace.deadline(self.started, self.received)
        if self.complete and self.request is not None and self.body is not None:
            self.request.body = Body(LengthReader(_Arrived(self.body), self.length))

    def _drop_body(self) -> None:
        """Frees the space at once. The client still sends the rest, because a browser shows no answer before it has."""
        assert self.request is not None  # noqa: S101  only a request with headers has a body
        self.close_body()
        self.sock.refused = Refusal.DISK_FULL
        self.request.body = Body(LengthReader(IterUnreader([]), 0))

    def close_body(self) -> None:
        """Frees the space of the body."""
        if self.body is not None:
            self.body.close()
            self.body = None

    def close(self, graceful: bool = False) -> None:
        self.close_body()
        self.sock.close()
