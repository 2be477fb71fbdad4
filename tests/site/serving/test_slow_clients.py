"""Nobody who sends or reads slowly keeps others from an answer: gunicorn as the product runs it."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.arena import Arena
from tests.waiting import PATIENCE, eventually

pytestmark = [pytest.mark.process, pytest.mark.once]

SLOW = 40
"""Five times the threads of one process."""
HEAD = b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"


class Gunicorn:
    """gunicorn with the product's configuration on a port of its own."""

    def __init__(self, arena: Arena, folder: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log = folder / "gunicorn.log"
        self.environment = {**arena.environment, "PORT": str(self.port), "WEB_CONCURRENCY": "1", **environment}
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "llmfao_site.wsgi"],
                cwd=settings.BASE_DIR,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        assert eventually(self.is_well), self.log.read_text()

    def is_well(self) -> bool:
        try:
            return self.get("/healthz") == 200
        except OSError:
            return False

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def connect(self, first: bytes) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        sock.sendall(first)
        return sock

    def answer(self, request: bytes) -> bytes:
        """Returns all that comes back on `request` until the server closes."""
        with self.connect(request) as sock:
            parts = []
            while part := sock.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Gunicorn]:
    folder = tmp_path_factory.mktemp("gunicorn")
    server = Gunicorn(Arena(folder / "data", migrated), folder)
    yield server
    server.stop()


@pytest.mark.parametrize(
    "first",
    [HEAD[:30], HEAD + b"Content-Length: 4000\r\n\r\nusername=", b""],
    ids=["slow headers", "slow bodies", "nothing at all"],
)
def test_more_slow_connections_than_threads_hold_up_nobody(gunicorn: Gunicorn, first: bytes):
    slow = [gunicorn.connect(first) for _each in range(SLOW)]
    try:
        assert gunicorn.get("/sign-in/") == 200
        # Each of them was open all the while.
        for sock in slow:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)
    finally:
        for sock in slow:
            sock.close()


def test_who_does_not_read_holds_up_nobody(gunicorn: Gunicorn):
    def reader() -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        sock.connect(("127.0.0.1", gunicorn.port))
        sock.sendall(b"GET /help/reference/commands/ HTTP/1.1\r\nHost: localhost\r\n\r\n" * 40)
        return sock

    slow = [reader() for _each in range(SLOW // 2)]
    try:
        assert gunicorn.get("/sign-in/") == 200
    finally:
        for sock in slow:
            sock.close()


def test_headers_that_do_not_come_are_given_up(gunicorn: Gunicorn):
    with gunicorn.connect(HEAD[:30]) as sock:
        started = time.monotonic()
        assert sock.recv(100).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - started > 5


def test_a_body_that_comes_slowly_in_the_end_is_answered(gunicorn: Gunicorn):
    with gunicorn.connect(HEAD + b"Content-Length: 4\r\nConnection: close\r\n\r\n") as sock:
        for letter in b"a=12":
            time.sleep(0.2)
            sock.sendall(bytes([letter]))
        # Without a cookie the form is refused, but it was read.
        assert sock.recv(100).startswith(b"HTTP/1.1 403 ")


def test_two_requests_at_once_are_answered_one_after_the_other(gunicorn: Gunicorn):
    one, last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"Connection: close\r\n\r\n"
    assert gunicorn.answer(one + b"\r\n" + one + last).count(b"HTTP/1.1 200 OK") == 2


def test_a_stranger_may_not_send_much_and_hears_it_before_sending(gunicorn: Gunicorn):
    answer = gunicorn.answer(HEAD + b"Content-Length: 3000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"Sign in to send files or long texts" in answer


def test_a_body_without_a_length_is_refused_in_words(gunicorn: Gunicorn):
    answer = gunicorn.answer(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na=12\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")


def test_who_waits_for_leave_to_send_gets_it(gunicorn: Gunicorn):
    with gunicorn.connect(HEAD + b"Content-Length: 4\r\nExpect: 100-continue\r\n\r\n") as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue")
        sock.sendall(b"a=12")
        assert sock.recv(100).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("head", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"])
def test_what_is_no_http_is_refused(gunicorn: Gunicorn, head: bytes):
    assert gunicorn.answer(head).startswith(b"HTTP/1.1 400 ")


def test_headers_without_end_are_refused(gunicorn: Gunicorn):
    assert gunicorn.answer(b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000).startswith(b"HTTP/1.1 431 ")


def test_nobody_notices_a_reload_and_then_all_processes_are_new(gunicorn: Gunicorn):
    def workers() -> set[str]:
        found = Path(f"/proc/{gunicorn.process.pid}/task/{gunicorn.process.pid}/children")
        return set(found.read_text().split())

    if not Path("/proc/self/task").exists():
        pytest.skip("needs /proc")
    before, failed, over = workers(), [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                assert gunicorn.get("/healthz") == 200
            except (OSError, AssertionError, http.client.HTTPException) as problem:
                failed.append(problem)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        os.kill(gunicorn.process.pid, signal.SIGHUP)
        assert eventually(lambda: workers() and not workers() & before)
    finally:
        over.set()
        asking.join()
    assert failed == []


def test_a_new_gunicorn_waits_for_the_port_of_one_that_was_killed(tmp_path: Path, migrated: Path):
    server = Gunicorn(Arena(tmp_path / "data", migrated), tmp_path)
    # An unfinished request keeps its process, and would keep the port.
    with server.connect(HEAD + b"Content-Length: 4\r\n\r\n"):
        time.sleep(0.5)
        server.process.kill()
        server.process.wait()
        server.start()
    server.stop()
    assert "in use" not in server.log.read_text()


@pytest.mark.django_db
@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="needs a small file system")
def test_a_full_disk_is_told_to_who_sends_a_file(tmp_path: Path, migrated: Path):
    from tests.site.serving.small_disk import small_disk

    with small_disk(tmp_path / "data" / "tmp") as free:
        arena = Arena(tmp_path / "data", migrated)
        made = "import sys, django; django.setup(); from django.contrib.auth.models import User; "
        made += "from llmfao_site.api.tokens import make_token; print(make_token(User.objects.create_user('owner')))"
        arena.environment["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
        token = arena.run("-c", made).splitlines()[-1].encode()
        server = Gunicorn(arena, tmp_path)
        try:
            before = free()
            head = b"POST /studies/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Token " + token
            answer = server.answer(head + b"\r\nContent-Length: 6000000\r\n\r\n" + b"a" * 6_000_000)
            assert answer.startswith(b"HTTP/1.1 507 ")
            assert "The server’s disk is full".encode() in answer
            assert eventually(lambda: free() == before)
            assert server.get("/sign-in/") == 200
        finally:
            server.stop()
