"""A built wheel is the whole site: in an empty environment and an empty folder, `llmfao` serves and computes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.site.test_installation import (
    asked,
    copied,
    done,
    environment,
    files_of_the_checkout,
    speaks_japanese_and_has_its_help,
)
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.once

UV = str(Path(sys.executable).with_name("uv"))

VOTES = "model_a,model_b,winner\nash,birch,model_a\nbirch,cedar,tie\ncedar,ash,model_b\n"


class Installed:
    """An environment that holds what the wheel brings, and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.llmfao = str(folder / "bin" / "llmfao")
        (self.packages,) = folder.glob("lib/python*/site-packages")

    def files(self) -> set[Path]:
        """Its files; Python keeps compiled modules beside them."""
        return {path for path in self.packages.rglob("*") if path.suffix != ".pyc" and path.name != "__pycache__"}

    def run(self, *words: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [self.llmfao, *words],
            cwd=folder,
            env=environment(**variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel of a clone, built and installed as a stranger does it."""
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    copied(files_of_the_checkout(), clone)
    # By way of the source distribution, so that it is known to hold all that the wheel needs.
    python = ["--quiet", "--python", sys.executable]
    done([UV, "build", *python, "--out-dir", str(folder / "dist"), str(clone)], folder, environment())
    (wheel,) = (folder / "dist").glob("*.whl")
    done([UV, "venv", *python, str(folder / "env")], folder, environment())
    locked = ["--constraint", str(clone / "requirements.lock")]
    install = [UV, "pip", "install", "--quiet", "--python", str(folder / "env" / "bin" / "python")]
    done([*install, *locked, str(wheel)], folder, environment())
    return Installed(folder / "env")


@contextmanager
def demo(installed: Installed, folder: Path) -> Iterator[str]:
    """The address of a demo in `folder`."""
    output = folder.parent / f"{folder.name}.log"
    with output.open("wb") as log:
        process = subprocess.Popen(
            [installed.llmfao, "demo"],
            cwd=folder,
            env=environment(PORT="0"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        assert eventually(lambda: "Ctrl-C" in output.read_text() or process.poll() is not None), output.read_text()
        (address,) = re.findall(r"^ready: (http://\S+)/$", output.read_text(), re.MULTILINE)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def test_the_demo_serves_and_keeps_its_data_in_the_folder(installed, tmp_path):
    before, folder = installed.files(), tmp_path / "empty"
    folder.mkdir()
    with demo(installed, folder) as address:
        speaks_japanese_and_has_its_help(address)
        assert re.search(r'src="/static/docs/screenshots/[^"]+\.png"', asked(f"{address}/help/guides/run-a-study/"))
        assert asked(f"{address}/leaderboard/sample/")
    assert [path.name for path in folder.iterdir()] == ["llmfao-data"]
    assert installed.files() == before


def test_data_go_where_llmfao_data_says(installed, tmp_path):
    folder, data = tmp_path / "empty", tmp_path / "elsewhere"
    folder.mkdir()
    run = installed.run("migrate", "--verbosity", "0", folder=folder, LLMFAO_DATA=str(data))
    assert run.returncode == 0, run.stderr
    assert (data / "llmfao.sqlite3").stat().st_size
    assert not list(folder.iterdir())


@pytest.mark.parametrize("words", [["--help"], ["board", "--help"], ["board", "votes.csv", "--csv"]])
def test_what_stores_nothing_leaves_nothing_behind(installed, tmp_path, words):
    folder, temporary = tmp_path / "empty", tmp_path / "tmp"
    for each in (folder, temporary):
        each.mkdir()
    (folder / "votes.csv").write_text(VOTES, encoding="utf-8")
    run = installed.run(*words, folder=folder, TMPDIR=str(temporary))
    assert run.returncode == 0, run.stderr
    assert run.stdout
    assert [path.name for path in folder.iterdir()] == ["votes.csv"]
    assert not list(temporary.iterdir())


def test_the_wheel_carries_content_and_no_tests_or_tools(installed):
    data = installed.packages / "llmfao_site" / "data"
    assert {path.name for path in data.iterdir()} - {"__pycache__"} == {
        *("docs", "gunicorn.conf.py", "locale", "manage.py", "sample", "static", "templates"),
    }
    assert list(data.glob("locale/*/LC_MESSAGES/*.mo"))
    assert not list(data.rglob("*.po"))
    assert {path.name for path in data.rglob("*.py")} == {"gunicorn.conf.py", "manage.py"}
    assert not list(installed.packages.glob("tests"))
    assert os.access(installed.llmfao, os.X_OK)
