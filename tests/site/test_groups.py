"""What `make test-fast` leaves out is what starts processes and what is slow, and nothing that has gone since."""

import re

import pytest

from tests.groups import PROCESS, SLOW, TESTS

pytestmark = pytest.mark.once

STARTS = re.compile(r"subprocess\.(?:run|Popen)\(|\bArena\(|import multiprocessing")


def test_every_file_that_starts_processes_is_in_their_group():
    starting = {
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("test_*.py")
        if STARTS.search(path.read_text(encoding="utf-8"))
    }
    assert starting - {"site/test_groups.py"} <= set(PROCESS)


@pytest.mark.parametrize("name", [*PROCESS, *SLOW])
def test_every_file_in_a_group_is_there(name):
    assert (TESTS / name).is_file()
