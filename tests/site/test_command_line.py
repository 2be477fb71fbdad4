"""Arguments of manage.py before a command reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

MANAGE = ROOT / "manage.py"


def manage(folder: Path, *words: bytes) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(MANAGE), *words]
    environment = {**os.environ, "LLMFAO_DATA": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=100)


@pytest.mark.once
@pytest.mark.parametrize("words", [[b"study", b"caf\xe9"], [b"export", b"comparisons", b"x", b"--raters=\xff"]])
def test_an_argument_that_is_no_text_is_refused_in_one_line(tmp_path: Path, words: list[bytes]) -> None:
    done = manage(tmp_path, *words)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("This argument is not valid UTF-8")


@pytest.mark.once
def test_a_file_whose_name_is_no_text_can_be_named(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(path)).touch()
    assert "Unknown command" in manage(tmp_path, path).stderr
