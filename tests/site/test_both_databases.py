"""What the pass on PostgreSQL leaves out exists, and what commits or is about the database is never among it."""

from fnmatch import fnmatch

import pytest

from tests.both_databases import SAID, STORED, is_about_words
from tests.places import ROOT

pytestmark = pytest.mark.once


@pytest.mark.parametrize("pattern", SAID)
def test_every_folder_of_pages_holds_tests(pattern: str) -> None:
    assert list(ROOT.glob(pattern))


@pytest.mark.parametrize("pattern", STORED)
def test_every_exception_is_a_file_of_those_folders(pattern: str) -> None:
    files = {path for said in SAID for path in ROOT.glob(said)}
    assert any(fnmatch(path.relative_to(ROOT).as_posix(), pattern) for path in files)


def test_a_test_that_commits_runs_on_both_databases(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        mark = item.get_closest_marker("django_db")
        if mark is not None and mark.kwargs.get("transaction"):
            assert not is_about_words(item)
            assert item.get_closest_marker("words") is None


def test_the_table_of_who_may_see_what_runs_on_both_databases() -> None:
    """It opens every page as everybody, and so asks each page's questions of PostgreSQL too."""
    assert any(fnmatch("tests/site/test_who_may_see_what.py", pattern) for pattern in STORED)
