"""Which tests PostgreSQL is spared, by what they ask the database."""

import pytest

from tests.both_databases import to_leave_out

pytestmark = pytest.mark.once

ASKED = {
    "subject": frozenset({"a", "b"}),
    "page": frozenset({"a"}),
    "page with a line of its own": frozenset({"a", "c"}),
    "page with a part of that": frozenset({"c"}),
}
PAGES = {name for name in ASKED if name.startswith("page")}


def test_a_page_that_asks_what_others_ask_is_left_out_and_one_that_asks_more_is_run():
    assert to_leave_out(PAGES, {"subject"}, ASKED) == {"page", "page with a part of that"}


def test_a_line_that_was_only_asked_from_by_a_test_that_is_not_run_here_is_not_known():
    assert to_leave_out({"page"}, set(), ASKED) == set()


def test_a_test_that_nobody_has_seen_is_run():
    assert to_leave_out({"page", "new"}, {"subject"}, ASKED) == {"page"}
