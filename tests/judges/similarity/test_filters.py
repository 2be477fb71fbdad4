"""Filters drop what they say, in their units, and each is counted by itself."""

import numpy as np
import pytest

from judges.similarity.filters import FILTERS, BadFilter, Chosen

FOUR, LONG = "abcd", "word " * 21


def dropped(limits, left, right):
    chosen = Chosen.of(limits)
    return chosen.dropped(chosen.sizes([left, right]), np.array([0]), np.array([1])).tolist()[0]


def test_no_filter_drops_nothing():
    assert dropped({}, "", "x" * 1000) == 0


@pytest.mark.parametrize(("left", "right", "out"), [("", "a", 1), (" \n", "a", 1), ("", "", 1), ("a", "b", 0)])
def test_both_must_have_text(left, right, out):
    assert dropped({"not-empty": None}, left, right) == out
    assert dropped({"not-empty": None}, right, left) == out


@pytest.mark.parametrize(
    ("left", "right", "out"),
    [("a" * 3, "b", 0), ("a" * 4, "b", 1), (FOUR, "b" * 15, 0), (FOUR, "b" * 16, 1), ("", "a", 1)],
)
def test_the_length_ratio_is_below_four_in_characters(left, right, out):
    assert dropped({"length-ratio": 4}, left, right) == out
    assert dropped({"length-ratio": 4}, right, left) == out


def test_a_character_is_a_code_point_not_a_byte():
    assert dropped({"length-ratio": 4}, "ああああああ", "ab") == 0


@pytest.mark.parametrize(("left", "right", "out"), [(LONG, LONG, 0), (LONG, "word " * 20, 1), ("あ" * 21, LONG, 0)])
def test_each_needs_more_than_twenty_words(left, right, out):
    assert dropped({"words": 20}, left, right) == out


def test_each_filter_is_asked_about_every_pair():
    limits = {"words": 20, "not-empty": None, "length-ratio": 4}
    assert list(Chosen.of(limits).limits) == list(FILTERS)
    assert dropped(limits, "", LONG) == 0b111
    assert dropped(limits, FOUR, LONG) == 0b110


@pytest.mark.parametrize(
    "limits", [{"shortness": 1}, {"words": -1}, {"words": None}, {"words": float("nan")}, {"words": True}]
)
def test_what_is_no_filter_is_refused(limits):
    with pytest.raises(BadFilter):
        Chosen.of(limits)
