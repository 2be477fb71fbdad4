"""A gunicorn worker whose threads get requests that have arrived in full, and never wait for slow readers."""

import errno
import os
import resource
import selectors
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from gunicorn.http import wsgi
from gunicorn.sock import BaseSocket
from gunicorn.workers.gthread import ThreadWorker

from llmfao_site.serving import handover
from llmfao_site.serving.connection import PIECE, Connection
from llmfao_site.serving.refusals import KEY, Refusal

CLOSING_SECONDS: Final = 5.0
"""How long a client may go on sending after the response. A connection that is closed at once may lose it."""
HANDOVER_SECONDS: Final = 60.0
"""How long an old process goes on serving while the new ones load."""
TIMED_OUT: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 45\r\n\r\n"
    b"The request came too slowly. Please try again"
)


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with a main loop that reads whole requests and sends the rest of responses.

    In gunicorn's own worker a thread reads the request, so as many slow clients as there are threads stop the site.
    Here a slow client costs a socket only, as behind a proxy that buffers.

    On a reload an old process serves until a new one can take its place, and new ones load in turns. A process that
    has answered `max_requests` requests asks for a reload.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Still in the master, before the fork.
        handover.tell(self.age, 0, handover.LOADING)
        self.answers_before_reload: int = self.max_requests
        self.max_requests: int = sys.maxsize
        self.folder = tempfile.gettempdir()
        self.leave_by: float | None = None
        self.reading: dict[Connection, None] = {}
        self.sending: dict[Connection, None] = {}
        self.closing: dict[Connection, None] = {}
        self.look_again = 0.0

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuses settings that this worker does not support: a proxy in front terminates TLS."""
        super().check_config(cfg, log)
        if cfg.is_ssl or cfg.proxy_protocol != "off" or cfg.protocol != "http":
            log.critical("This worker speaks HTTP without TLS and without the proxy protocol. Put a proxy in front.")
            sys.exit(1)

    alive: bool

    # Starting and ending

    def load_wsgi(self) -> None:
        handover.tell(self.age, os.getpid(), handover.LOADING)
        turn = handover.take_turn()
        while turn is None and handover.anybody_serves():
            if not self.alive:
                sys.exit(0)
            self.notify()
            time.sleep(0.1)
            turn = handover.take_turn()
        super().load_wsgi()
        # Not at the top: the master must not load the site, so that a reload loads its new code.
        from llmfao_site.serving import hooks

        self.folder, self.small = hooks.temporary_folder(), hooks.small_body()
        self.may_send_much = hooks.may_send_much
        self.site: Any = self.wsgi
        self.wsgi: Any = self.answer
        hooks.warm_up()
        if turn is not None:
            handover.give_back(turn)
        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        # A connection takes a socket, and a file for a large body or response.
        wanted = 4 * self.worker_connections
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, wanted if most < 0 else min(wanted, most)), most))

    def run(self) -> None:
        if self.leave_by is None:
            handover.tell(self.age, os.getpid(), handover.READY)
        try:
            super().run()
        finally:
            handover.forget(self.age)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Ends the process once a new one serves, if one is coming."""
        if self.leave_by is None:
            self.leave_by = time.monotonic() + HANDOVER_SECONDS
            handover.tell(self.age, os.getpid(), handover.LEAVING)
        if not self.booted:
            super().handle_exit(sig, frame)
        # Wakes the main loop.
        self.method_queue.defer(lambda: None)

    def _leave(self) -> None:
        if self.alive and self.leave_by is not None:
            late = time.monotonic() > self.leave_by
            self.alive = not late and not handover.may_leave(self.age, handover.entries())

    def _cap_keepalive(self, deadline: float) -> None:
        """Called once, when the process takes no more connections."""
        super()._cap_keepalive(deadline)
        for conn in self.reading:
            if not conn.arrived and conn.request is None:
                conn.deadline = min(conn.deadline, deadline)
        # The next gunicorn gets the port without waiting for the requests that are being answered.
        for listener in self.sockets:
            listener.close()

    # The main loop

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        now = time.monotonic()
        if now >= self.look_again:
            self.look_again = now + 0.5
            self._leave()
            self._expire(now)

    def _expire(self, now: float) -> None:
        for conn in [conn for conn in self.reading if conn.deadline <= now]:
            self._give_up(conn)
        for conn in [conn for conn in self.sending if conn.sock.deadline <= now]:
            self._drop(conn)
        for conn in [conn for conn in self.closing if conn.deadline <= now]:
            self._drop(conn)

    def accept(self, listener: BaseSocket) -> None:
        if self.nr_conns + 1 >= self.worker_connections:
            self._make_room()
        try:
            sock, client = listener.accept()
        except OSError as problem:
            if problem.errno in {errno.EMFILE, errno.ENFILE}:
                self._make_room()
            elif problem.errno not in {errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK}:
                raise
            return
        self.nr_conns += 1
        self._listen(Connection(self.cfg, sock, client, listener.getsockname(), self.folder))

    def _make_room(self) -> None:
        """Closes the connection that is sending most slowly."""
        slow = min(self.reading, key=lambda conn: conn.rate, default=None)
        if slow is not None:
            self._give_up(slow)

    def _give_up(self, conn: Connection) -> None:
        if conn.arrived or conn.request is not None:
            try:
                conn.sock.sendall(TIMED_OUT)
            except OSError:
                self.log.debug("The client left first.")
        self._drop(conn)

    def _listen(self, conn: Connection) -> None:
        """Waits for more of a request."""
        self.reading[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: Connection, _sock: Any) -> None:
        try:
            data = conn.sock.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(conn)
            return
        conn.arrived += data
        self._go_on(conn)

    def _go_on(self, conn: Connection) -> None:
        """Reads what has arrived, and hands the request to a thread once it is complete."""
        try:
            if conn.request is None and conn.read_head() and not conn.complete:
                if conn.length > self.small:
                    self._ask(conn)
                    return
                conn.open_body()
            if conn.request is not None and not conn.complete:
                conn.read_body()
        except OSError:
            self.log.exception("The body of a request could not be kept.")
            self._drop(conn)
            return
        if conn.complete:
            self._pause(conn)
            self.enqueue_req(conn)

    def _ask(self, conn: Connection) -> None:
        """Has a thread ask the site whether the client may send that much."""
        self._pause(conn)
        asked = self.tpool.submit(self._may_send_much, conn)
        asked.add_done_callback(lambda answer: self.method_queue.defer(self._on_answer, conn, answer))

    def _may_send_much(self, conn: Connection) -> bool:
        request = conn.request
        assert request is not None  # noqa: S101  asked only after the headers
        expects, request._expected_100_continue = request._expected_100_continue, False
        _response, environ = wsgi.create(request, conn.sock, conn.client, conn.server, self.cfg)
        request._expected_100_continue = expects
        return bool(self.may_send_much(environ))

    def _on_answer(self, conn: Connection, answer: "Future[bool]") -> None:
        try:
            allowed = answer.result()
        except Exception:
            self.log.exception("Nobody could say who sends a large request.")
            allowed = False
        if not allowed:
            conn.refuse(Refusal.TOO_LARGE)
            self.enqueue_req(conn)
            return
        try:
            conn.open_body()
        except OSError:
            self.log.exception("The body of a request could not be kept.")
            self._drop(conn)
            return
        self._listen(conn)
        if conn.arrived:
            self._go_on(conn)

    def _pause(self, conn: Connection) -> None:
        if conn in self.reading:
            del self.reading[conn]
            self.poller.unregister(conn.sock)

    def _drop(self, conn: Connection) -> None:
        for group in (self.reading, self.sending, self.closing):
            if conn in group:
                del group[conn]
                self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    # Requests

    def handle(self, conn: Connection) -> bool:
        """Answers a request that has arrived; returns whether the connection stays open. Runs in a thread."""
        conn.sock.begin()
        try:
            if conn.error is not None:
                raise conn.error
            return bool(self.handle_request(conn.request, conn))
        except StopIteration as problem:
            self.log.debug("Closing connection. %s", problem)
        except OSError as problem:
            if problem.errno not in {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}:
                self.log.exception("Socket error processing request.")
        except Exception as problem:  # noqa: BLE001  gunicorn answers and logs it
            self.handle_error(conn.request, conn.sock, conn.client, problem)
        return False

    def answer(self, environ: Any, start_response: Any) -> Any:
        """Calls the site; the environment says why a body is missing."""
        environ[KEY] = environ["gunicorn.socket"].refused
        return self.site(environ, start_response)

    def finish_request(self, conn: Connection, fs: "Future[bool]") -> None:
        """Sends the rest of the response, on the main thread after `handle`."""
        conn.close_body()
        conn.keep = not fs.cancelled() and fs.exception() is None and fs.result()
        self._ask_for_reload()
        if conn.sock.pending:
            self.sending[conn] = None
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._on_writable, conn))
        else:
            self._after(conn)

    def _ask_for_reload(self) -> None:
        """Asks for a reload, which replaces all processes, once this one has answered its share of requests."""
        if self.nr < self.answers_before_reload or self.leave_by is not None:
            return
        # Another process may have asked already.
        if all(entry.state == handover.READY for entry in handover.entries()):
            self.answers_before_reload = sys.maxsize
            os.kill(self.ppid, signal.SIGHUP)

    def _on_writable(self, conn: Connection, _sock: Any) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self._drop(conn)
            return
        if not conn.sock.pending:
            del self.sending[conn]
            self.poller.unregister(conn.sock)
            self._after(conn)

    def _after(self, conn: Connection) -> None:
        """Waits for the next request, or closes once the client has read the response."""
        if not conn.keep:
            self._close(conn)
            return
        conn.begin()
        if conn.arrived:
            self._listen(conn)
            self._go_on(conn)
            return
        conn.timeout = time.monotonic() + self.cfg.keepalive
        if not self.alive:
            conn.timeout = min(conn.timeout, time.monotonic() + 2.0)
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))

    def on_client_socket_readable(self, conn: Connection, client: Any) -> None:
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        conn.begin()
        self._listen(conn)
        self._on_readable(conn, client)

    def _close(self, conn: Connection) -> None:
        """Closes in the way of RFC 9112 section 9.6: a reset would take the response from a client that still sends."""
        try:
            conn.sock.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        conn.deadline = time.monotonic() + CLOSING_SECONDS
        self.closing[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_rest, conn))

    def _on_rest(self, conn: Connection, _sock: Any) -> None:
        try:
            more = conn.sock.recv(PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            more = b""
        if not more:
            self._drop(conn)
