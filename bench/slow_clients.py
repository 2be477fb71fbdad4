"""Whether slow clients stop the site: `make bench-slow-clients`.

Two hundred connections that send headers or bodies a byte at a time, or read as slowly, for two minutes; meanwhile
eight workers vote, a probe asks /healthz, and an administrator uploads 200 MB at 1 MB/s. Directly against gunicorn as
the product runs it, and through the proxies as docs/guides/operate.md sets them up, where nginx and caddy are
installed. Loopback only.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.load import CSRF, ROOT, Crowd, free_port, prepare, serve

HEALTH_P95: Final = 1.0
"""Seconds."""
VOTERS: Final = 8
DRIP: Final = 3.0
"""Seconds between two bytes."""
GUIDE: Final = ROOT / "docs" / "guides" / "operate.md"

HEADERS: Final = b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY: Final = (
    b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 4000\r\n\r\nusername="
)
READER: Final = b"GET /help/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def attack(port: int, count: int, until: float) -> int:
    """Keeps `count` slow connections open until `until`; returns how many were made anew after the server's end."""
    slow: list[tuple[socket.socket, bytes]] = []
    again = -count
    while time.monotonic() < until:
        alive = []
        for sock, kind in slow:
            try:
                if kind is READER:
                    sock.recv(1)
                else:
                    sock.send(b"a")
                # A server that gave up has said so.
                if kind is not READER and sock.recv(4096) == b"":
                    raise ConnectionError
            except BlockingIOError:
                alive.append((sock, kind))
            except OSError:
                sock.close()
            else:
                if kind is READER:
                    alive.append((sock, kind))
                else:
                    sock.close()
        slow = alive
        while len(slow) < count and time.monotonic() < until:
            again += 1
            kind = (HEADERS, BODY, READER, BODY)[len(slow) % 4]
            sock = socket.socket()
            # A small window, or the kernel takes the response in the reader's place.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            try:
                sock.settimeout(5)
                sock.connect(("127.0.0.1", port))
                sock.sendall(kind)
            except OSError:
                sock.close()
                break
            sock.setblocking(False)
            slow.append((sock, kind))
        time.sleep(max(0.0, min(DRIP, until - time.monotonic())))
    for sock, _kind in slow:
        sock.close()
    return again


def probe(port: int, until: float) -> list[float]:
    """Returns the seconds each answer of /healthz took, asked ten times a second; a failure counts as 30."""
    times = []
    while time.monotonic() < until:
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            fine = connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            fine = False
        finally:
            connection.close()
        times.append(time.perf_counter() - started if fine else 30.0)
        time.sleep(0.1)
    return times


def upload(port: int, path: str, cookies: str, megabytes: int) -> tuple[int, float]:
    """Uploads a file of that size at 1 MB/s; returns the status and the seconds it took."""
    line = json.dumps({"id": 1, "name": "x" * 1000}).encode() + b"\n"
    piece = (line * (1_000_000 // len(line) + 1))[:1_000_000]
    fields = {"csrfmiddlewaretoken": CSRF}
    before = b"".join(
        f'--limit\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    before += b'--limit\r\nContent-Disposition: form-data; name="exchange_files"; filename="models.jsonl"\r\n\r\n'
    after = b"\r\n--limit--\r\n"
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", "multipart/form-data; boundary=limit")
    connection.putheader("Content-Length", str(len(before) + megabytes * len(piece) + len(after)))
    connection.putheader("Cookie", cookies)
    connection.endheaders()
    connection.send(before)
    for index in range(megabytes):
        connection.send(piece)
        time.sleep(max(0.0, started + index + 1 - time.monotonic()))
    connection.send(after)
    status = connection.getresponse().status
    connection.close()
    return status, time.monotonic() - started


def block(language: str) -> str:
    """Returns the documented configuration of a proxy."""
    found = re.search(rf"```{language}\n(.*?)\n *```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"{GUIDE} has no block {language}"
    return re.sub("^   ", "", found[1], flags=re.MULTILINE)


@contextmanager
def nginx(to: int, folder: Path) -> Iterator[int]:
    """nginx with the documented lines, without TLS."""
    port = free_port()
    lines = block("nginx").replace("127.0.0.1:8000", f"127.0.0.1:{to}")
    lines = re.sub(r"listen [^;]*;", f"listen 127.0.0.1:{port};", lines, count=1)
    lines = re.sub(r"\n *(listen \[::\]|ssl_)[^;]*;", "", lines)
    # Started by root, its workers would be another user, who may not write into the folder.
    user = "user root; " if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 2;\n"
        "events { worker_connections 2048; }\n"
        f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{lines}\n}}\n"
    )
    with _running(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], port):
        yield port


@contextmanager
def caddy(to: int, folder: Path) -> Iterator[int]:
    """Caddy with the documented lines, without TLS."""
    port = free_port()
    lines = block("caddy").replace("127.0.0.1:8000", f"127.0.0.1:{to}")
    lines = lines.replace("arena.example.org", f"http://127.0.0.1:{port}")
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout.lstrip("v")
    if tuple(int(part) for part in version.split(".")[:2]) < (2, 7):
        # As the guide says of older versions.
        lines = lines.replace("request_buffers 4MiB", "buffer_requests\n        max_buffer_size 4MiB")
    (folder / "Caddyfile").write_text("{\n    admin off\n}\n" + lines + "\n")
    with _running(["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")], port):
        yield port


@contextmanager
def direct(to: int, _folder: Path) -> Iterator[int]:
    """No proxy."""
    yield to


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    proxy = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _try in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise RuntimeError(f"{command[0]} did not start")
        yield
    finally:
        proxy.terminate()
        proxy.wait(timeout=30)


WAYS: Final[dict[str, Callable[[int, Path], Any]]] = {"direct": direct, "nginx": nginx, "caddy": caddy}


def inside(options: argparse.Namespace) -> int:
    """Runs in the prepared environment; returns how many ways failed."""
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.db import connections

    from annotation.models import Study
    from bench import population

    call_command("migrate", verbosity=0)
    owner = User.objects.create_superuser("owner", password="a long password")  # noqa: S106
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(owner.pk), owner.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.save()
    cookies = f"sessionid={session.session_key}; csrftoken={CSRF}"
    failed = 0
    crowds = {
        way: Crowd(population.make_study(f"slow-{way}", 20_000, overlap=5, most_votes=100_000), VOTERS)
        for way in options.ways
    }
    Study.objects.update(owner=owner)
    connections.close_all()
    port = free_port()
    server = serve(port)
    try:
        for way, crowd in crowds.items():
            with (
                tempfile.TemporaryDirectory(prefix="llmfao-proxy-") as folder,
                WAYS[way](port, Path(folder)) as reached,
            ):
                crowd.vote(reached, VOTERS, 2.0, 100_000)
                failed += not judged(way, reached, crowd, cookies, options)
    finally:
        server.terminate()
        server.wait(timeout=60)
    return failed


def judged(way: str, port: int, crowd: Crowd, cookies: str, options: argparse.Namespace) -> bool:
    """Attacks and measures; prints a line and returns whether everything held."""
    until = time.monotonic() + options.seconds
    with ThreadPoolExecutor(4) as pool:
        slow = pool.submit(attack, port, options.connections, until)
        sent = pool.submit(upload, port, f"/studies/{crowd.study.slug}/data/", cookies, options.megabytes)
        time.sleep(1)
        health = pool.submit(probe, port, until)
        votes = crowd.vote(port, VOTERS, options.seconds - 2, 1_000_000)
        status, took = sent.result()
        times = health.result()
        again = slow.result()
    p95, rate = statistics.quantiles(times, n=20)[-1], len(votes["times"]) / votes["seconds"]
    print(
        f"{way:>8}: {options.connections} slow connections for {options.seconds:g} s ({again} made again): /healthz "
        f"p95 {p95 * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms; {rate:.0f} votes/s, "
        f"p95 {statistics.quantiles(votes['times'], n=20)[-1] * 1000:.0f} ms, longest {max(votes['times']):.1f} s; "
        f"{options.megabytes} MB at 1 MB/s: {status} after {took:.0f} s",
        flush=True,
    )
    print(f"          {crowd.audit()}", flush=True)
    return p95 < HEALTH_P95 and rate > 1 and status == 302


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=200, help="of the upload, at 1 MB/s")
    parser.add_argument("--way", choices=[*WAYS], action="append", dest="ways")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.exit(inside(argparse.Namespace(**json.loads(options.inside))))
    options.ways = options.ways or [*WAYS]
    for way in [way for way in options.ways if way != "direct" and shutil.which(way) is None]:
        print(f"{way}: not installed here, left out.")
        options.ways.remove(way)
    with tempfile.TemporaryDirectory(prefix="llmfao-bench-") as name:
        keeping = prepare(options.database, Path(name))
        os.environ["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
        run = [sys.executable, "-m", "bench.slow_clients", "--inside", json.dumps(vars(options))]
        failed = subprocess.run(run, cwd=ROOT, check=False).returncode
        del keeping
    sys.exit(failed)


if __name__ == "__main__":
    main()
