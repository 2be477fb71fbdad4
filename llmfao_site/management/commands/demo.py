"""`manage.py demo`: runs the whole arena on one machine and prints its links."""

import contextlib
import fcntl
import os
import secrets
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from annotation.sample_study import install_sample
from judges.judging.demo_judge import install_stand_in
from llmfao_site.demo.preflight import Taken, bound, command, port_in
from llmfao_site.demo.processes import Died, Processes
from llmfao_site.middleware.health import PATH as HEALTH

ADMINISTRATOR = "admin"
PATIENCE = 90.0
"""Seconds to wait for the web server's first response, on a slow machine with a cold disk."""
STAND_IN = "mock-llm"
"""The process that imitates a model, so that the test judge works without an API key."""
TAIL = 20
"""Lines of its log to show when a process has died."""


class Stopped(Exception):
    """A signal asked the demo to stop."""


class Command(BaseCommand):
    """Runs the server, a worker and a mock model with the sample study until a signal stops them."""

    help = (
        "Runs LLMFAO with a sample study on this machine: web server, background worker and a mock model, on SQLite "
        "or DATABASE_URL. HOST and PORT set its address. Press Ctrl-C to stop everything."
    )

    # Checked once the static files are collected, which is one of the checks.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        _stop_on_signals()
        with contextlib.suppress(Stopped), _only_one(settings.DATA_DIR / "demo.lock"):
            try:
                listener = bound(os.environ.get("HOST") or "127.0.0.1", port_in(os.environ.get("PORT") or "8000"))
            except Taken as taken:
                raise CommandError(str(taken)) from taken
            self._run(listener)

    def _run(self, listener: socket.socket) -> None:
        self.stderr.write("Preparing the database and the sample study ...")
        _collect_static_files()
        self.check()
        host, port = listener.getsockname()[:2]
        address = _address(host, port)
        with Processes(settings.DATA_DIR / "log") as processes:
            try:
                # What a process needs to be there is there when it starts; the rest is made while it starts.
                _start_stand_in(processes)
                call_command("migrate", verbosity=0)
                _start(processes, listener)
                listener.close()
                study = install_sample()
                password = administrators_password(settings.DATA_DIR / "admin-password")
                judge = install_stand_in(_endpoint(processes))
                _wait_for(f"{address}{HEALTH}", processes)
                known = f"username {ADMINISTRATOR}, " + (f"password {password}" if password else "your own password")
                self.stdout.write(f"ready: {address}/")
                self.stdout.write(f"  workers           {address}{reverse('join', args=[study.slug])}")
                self.stdout.write(f"  administrators    {address}{reverse('studies')}  {known}")
                self.stdout.write(f"  leaderboard       {address}{reverse('leaderboard', args=[study.slug])}")
                if judge is not None:
                    judges = f"{address}{reverse('study-judges', args=[study.slug])}"
                    self.stdout.write(f"  test judge        {judges}  choose Start run; {judge} needs no API key")
                for other in _other_addresses(host, port):
                    self.stdout.write(f"From other machines: {other}/")
                self.stdout.write(f"Data and logs: {settings.DATA_DIR}. Press Ctrl-C to stop.")
                self.stdout.flush()
                _watch(processes)
            except Died as died:
                raise CommandError(_died_message(died)) from died
            finally:
                _ignore_signals()
                self.stderr.write("Stopping ...")


def administrators_password(file: Path) -> str | None:
    """Returns the password of the account `admin`, creating the account with a random password if needed.

    `file` stores the password and is readable by its owner alone. Returns None if somebody changed the password.
    """
    user = User.objects.filter(username=ADMINISTRATOR).first()
    password = file.read_text(encoding="ascii").strip() if file.exists() else ""
    if user is not None:
        return password if password and user.check_password(password) else None
    if not password:
        password = secrets.token_urlsafe(12)
        file.touch()
        file.chmod(0o600)
        file.write_text(f"{password}\n", encoding="ascii")
    User.objects.create_superuser(ADMINISTRATOR, password=password)
    return password


def _collect_static_files() -> None:
    """Collects the static files of this version, where `make install` has not done so: in a site from a wheel."""
    if settings.STATIC_ROOT.is_relative_to(settings.DATA_DIR):
        call_command("collectstatic", interactive=False, verbosity=0)


def _start(processes: Processes, listener: socket.socket) -> None:
    """Starts the web server on the open socket, and the background worker with its scheduler."""
    environment = _environment()
    host = listener.getsockname()[0]
    if not os.environ.get("LLMFAO_HOSTS"):
        # A server on every address is reached under any name of the machine.
        anywhere = host in {"0.0.0.0", "::"}  # noqa: S104
        named = {*settings.ALLOWED_HOSTS, os.environ.get("HOST") or "127.0.0.1", host}
        environment["LLMFAO_HOSTS"] = "*" if anywhere else ",".join(sorted(named))
    processes.start(
        "web",
        [
            *(
                sys.executable,
                "-m",
                "gunicorn",
                "llmfao_site.wsgi",
                "--config",
                str(settings.BASE_DIR / "gunicorn.conf.py"),
            ),
            *("--chdir", str(settings.BASE_DIR), "--bind", f"fd://{listener.fileno()}"),
        ],
        environment=environment,
        files=[listener.fileno()],
    )
    # The demo may run as root on a development machine; Celery's warning would be noise.
    quiet = "ignore:You're running the worker with superuser"
    processes.start(
        "worker",
        [
            *(sys.executable, "-m", "celery", "--app", "llmfao_site", "--workdir", str(settings.BASE_DIR)),
            *("worker", "--beat", "--pool", "threads", "--concurrency", "2", "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        environment={**environment, "PYTHONWARNINGS": quiet},
    )


def _start_stand_in(processes: Processes) -> None:
    """Starts the mock model: slow enough to watch, and as unreliable as real endpoints."""
    processes.start(
        STAND_IN,
        [
            *(sys.executable, str(settings.BASE_DIR / "manage.py"), "mock-llm", "--port", "0"),
            *("--latency", "300", "--jitter", "150", "--position-bias", "0.3"),
            *("--errors", "0.03", "--error-kinds", "429", "500"),
            *("--oddities", "0.02", "--oddity-kinds", "unreadable", "refusal"),
        ],
        environment=_environment(),
    )


def _environment() -> dict[str, str]:
    """Returns what every process of the demo has in its environment."""
    return {"PYTHONUNBUFFERED": "1", "LLMFAO_DATA": str(settings.DATA_DIR)}


def _endpoint(processes: Processes) -> str:
    """Returns the address that the mock model prints when it listens.

    Raises:
        Died: a process ended first.
        CommandError: it printed no address in time.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        processes.check()
        first, newline, _more = processes.log(STAND_IN).read_text(encoding="utf-8", errors="replace").partition("\n")
        if newline and first.startswith("http://"):
            return first
        time.sleep(0.1)
    raise CommandError(f"The mock model has not started after {PATIENCE:.0f} seconds. See {processes.log(STAND_IN)}")


def _address(host: str, port: int) -> str:
    """Returns the web server's URL as seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _other_addresses(host: str, port: int) -> list[str]:
    """Returns the web server's URLs as seen from other machines; none unless it listens on every address."""
    if host not in {"0.0.0.0", "::"}:  # noqa: S104
        return []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a UDP socket sends nothing; it selects the local address of the route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [f"http://{probe.getsockname()[0]}:{port}"]


def _wait_for(address: str, processes: Processes) -> None:
    """Waits until `address` responds.

    Raises:
        Died: a process ended first.
        CommandError: nothing responded in time.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        processes.check()
        try:
            with urllib.request.urlopen(address, timeout=10):  # noqa: S310  our own address
                return
        except OSError:
            time.sleep(0.1)
    raise CommandError(f"{address} does not respond after {PATIENCE:.0f} seconds. See {processes.log('web')}")


def _watch(processes: Processes) -> NoReturn:
    """Waits for a signal, a dead child process, or the end of the `make` that started the demo."""
    parent = os.getppid() if "MAKELEVEL" in os.environ else None
    while True:
        processes.check()
        if parent not in {None, os.getppid()}:
            raise Stopped
        time.sleep(0.2)


def _died_message(died: Died) -> str:
    lines = died.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    return "\n".join([f"The {died.name} process ended with code {died.code}. Last lines of {died.log}:", *lines])


@contextlib.contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Holds `lock`, which the kernel releases however the process ends.

    Raises:
        CommandError: another demo holds it.
    """
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise CommandError(
                f"A demo is already running on {lock.parent}. Stop it, or use another folder and port: "
                f"LLMFAO_DATA=/tmp/another PORT=8001 {command()}"
            ) from problem
        yield


def _stop_on_signals() -> None:
    """Raises Stopped on SIGINT, SIGTERM and SIGHUP."""

    def stop(_number: int, _frame: object) -> None:
        raise Stopped

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # An ignored SIGHUP comes from nohup and stays ignored. An ignored SIGINT only means a background job.
        if name != signal.SIGHUP or signal.getsignal(name) != signal.SIG_IGN:
            signal.signal(name, stop)


def _ignore_signals() -> None:
    """Ignores further signals, so that a second Ctrl-C cannot leave processes behind."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
