"""`make demo` starts the whole arena and leaves no process behind, however it ends."""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from llmfao_site.demo.preflight import bound
from tests.arena import Arena
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.once


class Demo:
    """`manage.py demo` as a separate process, with its output so far."""

    def __init__(self, data: Path, **environment: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        data.mkdir(exist_ok=True)
        self.output = data / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "demo"],
                cwd=settings.BASE_DIR,
                env={**inherited, "LLMFAO_DATA": str(data), "PORT": "0", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def until_ready(self) -> str:
        """Waits until the arena runs; returns its URL."""
        assert eventually(lambda: "Ctrl-C" in self.said or self.process.poll() is not None), self.said
        (address,) = re.findall(r"^ready: (http://\S+)/$", self.said, re.MULTILINE)
        return address

    def descendants(self) -> list[int]:
        """Returns the ids of its child processes and their descendants."""
        listing = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = dict(map(int, line.split()) for line in listing.splitlines())
        found = [self.process.pid]
        for known in found:
            found += [pid for pid, parent in parents.items() if parent == known]
        return found[1:]


def signs_in(address: str, name: str, password: str) -> bool:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = browser.open(f"{address}/sign-in/", timeout=PATIENCE).read().decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[0]
    data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, "username": name, "password": password})
    return browser.open(f"{address}/sign-in/", data.encode(), timeout=PATIENCE).url == f"{address}/studies/"


def command_of(pid: int, demo: Demo) -> str:
    """Returns the command line of a direct child of the demo, or an empty string."""
    listing = subprocess.run(["ps", "-ww", "-o", "ppid=,args=", "-p", str(pid)], capture_output=True, text=True)
    parent, _, command = listing.stdout.strip().partition(" ")
    return command if parent == str(demo.process.pid) else ""


def ended(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not state.strip() or state.startswith("Z")


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=PATIENCE) as reply:
        assert reply.status == 200
        return reply.read().decode()


def stand_in_of(data: Path) -> str:
    """Returns the URL of the demo's mock model."""
    return (data / "log" / "mock-llm.log").read_text(encoding="utf-8").strip()


def endpoints(data: Path) -> list[str]:
    """Returns the endpoints of a demo's judges."""
    with contextlib.closing(sqlite3.connect(data / "llmfao.sqlite3")) as database:
        return [row[0] for row in database.execute("SELECT endpoint FROM judges_judgeversion")]


@pytest.fixture(scope="session")
def collected() -> None:
    """Collects the static files once per session, as `make install` does."""
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    with (settings.STATIC_ROOT / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = {name: value for name, value in os.environ.items() if name in {"PATH", "LLMFAO_DATA"}}
        command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
        subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=PATIENCE)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    """Prepares the data of an installation with the sample study, which takes a first demo most of its time."""
    data = tmp_path_factory.mktemp("installed")
    sample = "from annotation.sample_study import install_sample; install_sample()"
    Arena(data, migrated).run("manage.py", "shell", "--no-imports", "--command", sample)
    return data


@pytest.fixture
def installed(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "installed")


@pytest.fixture
def demo(tmp_path: Path, collected: None) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(data: Path = tmp_path, **environment: str) -> Demo:
        started.append(Demo(data, **environment))
        return started[-1]

    yield start
    for one in started:
        one.process.terminate()
        one.process.wait(PATIENCE)


def test_from_nothing_to_links_that_work_and_again_with_the_same_data(demo, tmp_path):
    first = demo()
    address = first.until_ready()
    worker, administrator, board = re.findall(rf"{address}(/\S+)", first.said)[:3]
    for page in (worker, administrator, board):
        assert get(address + page)
    (password,) = re.findall(r"password (\S+)", first.said)
    assert signs_in(address, "admin", password)
    file = tmp_path / "admin-password"
    assert file.read_text().strip() == password
    assert file.stat().st_mode & 0o777 == 0o600

    # A test judge, which signed-in users can run at once.
    assert get(f"{address}/studies/sample/judges/")
    assert f"{address}/studies/sample/judges/" in first.said
    assert "stand-in" in get(stand_in_of(tmp_path) + "/models")

    children = first.descendants()
    assert len(children) >= 4, "web server, background worker, stand-in and the one that holds the leash"
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(PATIENCE) == 0
    assert all(ended(child) for child in children)
    assert "Traceback" not in first.said + (tmp_path / "log" / "worker.log").read_text()

    # On every address: any host name is accepted, and the printed link works.
    second = demo(HOST="0.0.0.0")  # noqa: S104
    address = second.until_ready()
    assert "stand-in" in get(stand_in_of(tmp_path) + "/models")
    (asked,) = endpoints(tmp_path)
    assert asked == stand_in_of(tmp_path), "one judge, which asks where the stand-in listens this time"
    assert address.startswith("http://127.0.0.1:")
    assert re.findall(r"password (\S+)", second.said) == [password]
    request = urllib.request.Request(f"{address}/", headers={"Host": "arena.example"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        assert reply.status == 200


def test_a_demo_that_is_killed_outright_takes_its_children_along(demo, installed):
    running = demo(installed)
    running.until_ready()
    children = running.descendants()
    running.process.kill()
    assert eventually(lambda: all(ended(child) for child in children))


def test_a_child_that_dies_ends_the_demo_with_the_end_of_its_log(demo, installed):
    running = demo(installed)
    running.until_ready()
    (worker,) = (pid for pid in running.descendants() if re.search(r"-m celery .* --beat", command_of(pid, running)))
    os.kill(worker, signal.SIGKILL)
    assert running.process.wait(PATIENCE) != 0
    assert f"Last lines of {installed}/log/worker.log:" in running.said
    assert "Traceback" not in running.said


def test_a_second_demo_on_the_same_data_is_refused_in_one_line(demo, installed):
    with (installed / "demo.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = demo(installed)
        assert second.process.wait(PATIENCE) != 0
    (line,) = second.said.strip().splitlines()
    assert "running" in line


def knock(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", settings.BASE_DIR / "llmfao_site" / "demo" / "preflight.py", "port"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_taken_port_is_one_line_that_names_another():
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        answer = knock(PORT=str(port))
    assert answer.returncode != 0
    (line,) = answer.stderr.strip().splitlines()
    assert f"Port {port} on 127.0.0.1" in line
    assert "PORT=" in line


@pytest.mark.parametrize("place", [{"PORT": "http"}, {"PORT": "70000"}, {"PORT": "-1"}, {"HOST": "192.0.2.1"}])
def test_a_place_that_is_none_is_one_line(place):
    answer = knock(**place)
    assert answer.returncode != 0
    (line,) = answer.stderr.strip().splitlines()
    assert next(iter(place.values())) in line


def test_a_free_port_is_let_go_again():
    with bound("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    assert knock(PORT=str(port)).returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_an_older_python_is_named_in_one_line_by_every_entrance(tmp_path):
    """The entry points may be run by any Python; this one reports an older version."""
    for door in ("llmfao_site/demo/preflight.py", "manage.py"):
        disguise = (
            f"import runpy, sys; sys.version_info = (3, 11, 7); sys.version = '3.11.7 (main)'; "
            f"sys.argv = ['{door}']; runpy.run_path('{door}', run_name='__main__')"
        )
        run = subprocess.run(
            [sys.executable, "-c", disguise],
            cwd=settings.BASE_DIR,
            env={"LLMFAO_DATA": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert run.returncode != 0
        (line,) = run.stderr.strip().splitlines()
        assert "3.12 or newer" in line
        assert "3.11.7" in line
