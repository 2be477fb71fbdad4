"""manage.py board by itself: no database is asked, and nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tests.waiting import PATIENCE

pytestmark = pytest.mark.once

VOTES = "model_a,model_b,winner\nash,birch,model_a\nbirch,cedar,tie\ncedar,ash,model_b\n"


def board(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs the command in `folder`, where a database is named that nobody can reach."""
    temporary = folder / "tmp"
    temporary.mkdir()
    (folder / "votes.csv").write_text(VOTES, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "board", *words],
        cwd=folder,
        env={
            **inherited,
            "TMPDIR": str(temporary),
            "LLMFAO_DATA": str(folder / "data"),
            "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/nowhere",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_board_needs_no_database_and_leaves_nothing_behind(tmp_path):
    run = board(tmp_path, "votes.csv", "--html", "page.html")
    assert run.returncode == 0, run.stderr
    assert "ash" in run.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"votes.csv", "page.html", "tmp"}
    assert not list((tmp_path / "tmp").iterdir())


def test_an_error_leaves_no_half_page(tmp_path):
    run = board(tmp_path, "votes.csv", "missing.csv", "--html", "page.html")
    assert run.returncode == 1
    assert "missing.csv" in run.stderr
    assert "Traceback" not in run.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"votes.csv", "tmp"}


def test_a_page_that_cannot_be_written_is_named(tmp_path):
    run = board(tmp_path, "votes.csv", "--html", "nowhere/page.html")
    assert run.returncode == 1
    assert "nowhere/page.html cannot be written" in run.stderr
