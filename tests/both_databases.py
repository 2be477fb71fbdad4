"""What the pass on PostgreSQL leaves out: tests of what pages, the API and commands say.

What can differ there is SQL of our own, locks, constraints, order and aggregates. The tests of the rooms that hold
them run on both databases, and so does the table of who may see what, which opens every page as everybody. A test
in a new file runs on both unless it is in a folder of `SAID`; one that commits always does.
"""

from fnmatch import fnmatch
from typing import Final

import pytest
from django.conf import settings

SAID: Final = (
    "tests/annotation/views/test_*.py",
    "tests/annotation/studies/test_study_command.py",
    "tests/judges/*/test_*_pages.py",
    "tests/ranking/boards/test_leaderboard_command.py",
    "tests/ranking/pages/test_*.py",
    "tests/ranking/reports/test_side_by_side.py",
    "tests/site/test_*.py",
)
"""Files whose tests look at what is said, not at what is stored."""

STORED: Final = (
    "*race*",
    "*test_pair_pages*",
    "*test_background_work*",
    "*test_emptying*",
    "*test_health*",
    "*test_rows_from_before*",
    "*test_api_data*",
    "*test_who_may_see_what*",
)
"""Files among those that are about the database all the same, or open every page once."""


def is_about_words(item: pytest.Item) -> bool:
    """Whether what the test asserts cannot differ between the databases."""
    path = item.path.relative_to(settings.BASE_DIR).as_posix()
    mark = item.get_closest_marker("django_db")
    if (mark is not None and mark.kwargs.get("transaction")) or "transactional_db" in item.fixturenames:
        return False
    found = any(fnmatch(path, pattern) for pattern in SAID)
    return found and not any(fnmatch(path, pattern) for pattern in STORED)
