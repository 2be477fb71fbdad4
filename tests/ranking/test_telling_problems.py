"""Why there is no board is stored in English and told in the reader's language."""

import pytest
from django.utils import translation

from ranking import wording


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (wording.NOBODY_VOTED % {"study": "haiku"}, "haiku"),
        (wording.NOTHING_COUNTS % {"study": "haiku"}, "haiku"),
        (wording.NO_SUCH_JUDGE % {"name": "otto", "known": "people, all"}, "people, all"),
        ("no optimum after 100 Newton steps", "100"),
    ],
)
def test_a_stored_problem_is_told_in_japanese_with_its_values(stored, kept):
    with translation.override("ja"):
        told = wording.problem(stored)
    assert not told.isascii()
    assert told != stored
    assert kept in told


def test_a_problem_that_is_not_known_stays_as_it_is():
    with translation.override("ja"):
        assert wording.problem("something else") == "something else"
