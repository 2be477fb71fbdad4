"""What the pass on PostgreSQL leaves out: tests of pages whose every question to the database others ask there.

The pass on SQLite writes down from which lines of the site each test asked the database (`TEST_ASKED` names the
file). The pass on PostgreSQL reads it: of the tests in `PAGES`, which look at what is said and not at what is stored,
it leaves out those that ask from no line but such as the other tests there ask from. A test that asks from a line of
its own is run, as is one that is not in the file; without a file everything is.
"""

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.db.backends.utils import CursorWrapper

PAGES: Final = (
    "tests/annotation/views/test_*.py",
    "tests/annotation/studies/test_study_command.py",
    "tests/judges/*/test_*_pages.py",
    "tests/ranking/boards/test_leaderboard_command.py",
    "tests/ranking/pages/test_*.py",
    "tests/ranking/reports/test_side_by_side.py",
    "tests/site/test_*.py",
)
"""Files of tests that look at pages, at the API or at what commands say."""

NEVER: Final = ("*race*", "*test_background_work*", "*test_emptying*", "*test_health*")
"""Files among those whose tests are about the database itself."""

ROOT: Final = f"{settings.BASE_DIR}{os.sep}"
ROOMS: Final = tuple(f"{ROOT}{app}{os.sep}" for app in ("annotation", "judges", "llmfao_site", "ranking"))

type Lines = frozenset[str]


def to_leave_out(pages: Collection[str], others: Collection[str], asked: Mapping[str, Lines]) -> set[str]:
    """Those of `pages` that ask from no line but what `others`, and the pages that are run, ask from.

    Tests go by their names; `asked` has the lines of each that was seen.
    """
    covered = set[str]().union(*(asked.get(name, ()) for name in others))
    left_out = set()
    # Whoever asks from most lines goes first, so that few are needed.
    for name in sorted(pages, key=lambda name: (-len(asked.get(name, ())), name)):
        if name in asked and asked[name] <= covered:
            left_out.add(name)
        covered |= asked.get(name, frozenset())
    return left_out


def is_page(item: pytest.Item) -> bool:
    path = item.path.relative_to(settings.BASE_DIR).as_posix()
    if any(fnmatch(path, pattern) for pattern in NEVER):
        return False
    mark = item.get_closest_marker("django_db")
    committing = (mark is not None and mark.kwargs.get("transaction")) or "transactional_db" in item.fixturenames
    return not committing and any(fnmatch(path, pattern) for pattern in PAGES)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    file = os.environ.get("TEST_ASKED", "")
    if os.environ.get("TEST_DATABASE") != "postgresql" or not file or not Path(file).exists():
        return
    asked = {name: frozenset(lines) for name, lines in json.loads(Path(file).read_text() or "{}").items()}
    # What `-m` leaves out is no longer among the items: this runs last.
    pages = {item.nodeid for item in items if is_page(item)}
    left_out = to_leave_out(pages, {item.nodeid for item in items} - pages, asked)
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


class Writer:
    """Writes down from which lines of the site the test that is running asks the database."""

    def __init__(self) -> None:
        self.asked: dict[str, set[str]] = {}
        self.running: set[str] | None = None

    def begin(self, name: str) -> None:
        self.running = self.asked.setdefault(name, set())

    def end(self) -> None:
        self.running = None

    def note(self) -> None:
        if (running := self.running) is None:
            return
        frame = sys._getframe(2)
        while frame is not None and not frame.f_code.co_filename.startswith(ROOMS):
            frame = frame.f_back
        if frame is not None:
            running.add(f"{frame.f_code.co_filename[len(ROOT) :]}:{frame.f_lineno}")


@pytest.fixture(autouse=True, scope="session")
def _written_down(request: pytest.FixtureRequest) -> Iterator[Writer | None]:
    if not os.environ.get("TEST_ASKED") or os.environ.get("TEST_DATABASE") == "postgresql":
        yield None
        return
    writer = Writer()
    execute, executemany = CursorWrapper.execute, CursorWrapper.executemany

    def noting(self: CursorWrapper, *args: Any, **named: Any) -> Any:
        writer.note()
        return execute(self, *args, **named)

    def noting_many(self: CursorWrapper, *args: Any, **named: Any) -> Any:
        writer.note()
        return executemany(self, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", noting)
        patch.setattr(CursorWrapper, "executemany", noting_many)
        yield writer
    asked = {name: sorted(lines) for name, lines in writer.asked.items()}
    if (output := getattr(request.config, "workeroutput", None)) is not None:
        output["asked"] = json.dumps(asked)
    else:
        Path(os.environ["TEST_ASKED"]).write_text(json.dumps(asked))


@pytest.fixture(autouse=True)
def _of_this_test(request: pytest.FixtureRequest, _written_down: Writer | None) -> Iterator[None]:
    if _written_down is None:
        yield
        return
    _written_down.begin(request.node.nodeid)
    yield
    _written_down.end()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """In the process that the workers of xdist report to: what each of them wrote down goes into one file."""
    if told := getattr(node, "workeroutput", {}).get("asked"):
        file = Path(os.environ["TEST_ASKED"])
        before = json.loads(file.read_text() or "{}") if file.exists() else {}
        file.write_text(json.dumps(before | json.loads(told)))
