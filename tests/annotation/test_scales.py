import pytest

from annotation.scales import SCALES, answer_of, winner_of


@pytest.mark.parametrize(
    ("scale", "answers"),
    [
        ("three", ["left", "tie", "right"]),
        ("two", ["left", "right"]),
        ("five", ["left", "left", "tie", "right", "right"]),
        ("eight", ["left"] * 4 + ["right"] * 4),
    ],
)
def test_every_value_says_a_side(scale, answers):
    assert [SCALES[scale].answer(value) for value in SCALES[scale].values] == answers


@pytest.mark.parametrize("value", [0, 4, -1])
def test_a_value_off_the_scale_is_refused(value):
    with pytest.raises(ValueError, match="not on the scale"):
        SCALES["three"].answer(value)


def test_the_middle_of_eight_agrees_with_a_golden_tie():
    assert [value for value in SCALES["eight"].values if SCALES["eight"].agrees(value, "tie")] == [4, 5]


def test_two_has_no_answer_to_a_golden_tie():
    assert not any(SCALES["two"].agrees(value, "tie") for value in SCALES["two"].values)


@pytest.mark.parametrize("left", ["x", "y"])
@pytest.mark.parametrize("answer", ["left", "right", "tie"])
def test_a_winner_says_the_answer_again(left, answer):
    assert answer_of(winner_of(answer, left), left) == answer
