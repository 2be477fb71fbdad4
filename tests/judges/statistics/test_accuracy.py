"""Accuracy on preferences, and the coverage of its intervals."""

import numpy as np
import pytest
from scipy import stats

from judges.statistics import accuracy
from judges.statistics.accuracy import Accuracy, Row

OUTCOMES = {"r": "right", "w": "wrong", "t": "tie", "i": "inconsistent", "u": "unread"}


def rows(letters: str, prompts: list[int] | None = None) -> list[Row]:
    return [
        Row(OUTCOMES[letter], str(index if prompts is None else prompts[index]))  # type: ignore[arg-type]
        for index, letter in enumerate(letters)
    ]


def test_ties_are_half_in_one_reading_and_wrong_in_the_other_and_errors_are_in_neither() -> None:
    found = accuracy.result("set", rows("rrrwtiuu"))
    assert found.outcomes == {"right": 3, "wrong": 1, "tie": 1, "inconsistent": 1, "unread": 2}
    assert (found.rows, found.read) == (8, 6)
    assert found.half.value == pytest.approx(4 / 6)
    assert found.wrong.value == pytest.approx(3 / 6)


@pytest.mark.parametrize("right", [0, 1, 7, 20])
def test_the_interval_of_distinct_prompts_is_wilsons(right: int) -> None:
    found = accuracy.result("set", rows("r" * right + "w" * (20 - right)))
    expected = stats.binomtest(right, 20).proportion_ci(method="wilson")
    assert found.half.low == pytest.approx(expected.low, abs=1e-12)
    assert found.half.high == pytest.approx(expected.high, abs=1e-12)


def test_rows_about_the_same_prompts_widen_the_interval() -> None:
    # Ten prompts of ten rows each; all rows of a prompt have the same outcome.
    letters = "".join(letter * 10 for letter in "rrrrrrrwww")
    apart = accuracy.result("set", rows(letters)).half
    together = accuracy.result("set", rows(letters, [index // 10 for index in range(100)])).half
    assert together.value == apart.value
    assert together.low < apart.low
    assert together.high > apart.high
    of_ten = accuracy.result("set", rows("rrrrrrrwww")).half
    assert together.high - together.low >= of_ten.high - of_ten.low


def test_one_prompt_alone_says_little_and_no_row_says_nothing() -> None:
    found = accuracy.result("set", rows("rrrrr", [0] * 5)).half
    assert found.high - found.low > 0.7
    assert accuracy.result("set", rows("uu")).half == Accuracy(None)
    assert accuracy.result("set", []).wrong == Accuracy(None)


def test_an_interval_stays_between_0_and_1_and_around_its_value() -> None:
    rng = np.random.default_rng(5)
    for _trial in range(200):
        size = int(rng.integers(1, 40))
        scores = rng.choice([0.0, 0.5, 1.0], size)
        found = accuracy.accuracy(scores, rng.integers(0, max(1, size // 3), size))
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_holds_the_truth_about_as_often_as_it_says_with_repeated_prompts() -> None:
    rng = np.random.default_rng(11)
    held, trials = 0, 400
    for _trial in range(trials):
        # 40 prompts of 5 rows; each prompt has its own probability around 0.7.
        chance = rng.beta(3.5, 1.5, 40)
        prompt = np.repeat(np.arange(40), 5)
        scores = (rng.random(200) < chance[prompt]).astype(float)
        found = accuracy.accuracy(scores, prompt)
        held += found.low <= 0.7 <= found.high
    assert 0.91 <= held / trials <= 0.985


def test_the_mean_over_sets_weighs_them_the_same() -> None:
    parts = [accuracy.result("a", rows("r" * 90 + "w" * 10)).half, accuracy.result("b", rows("rw")).half]
    found = accuracy.mean(parts)
    assert found.value == pytest.approx((0.9 + 0.5) / 2)
    assert found.low < found.value < found.high
    assert found.high - found.low < parts[1].high - parts[1].low


def test_a_set_without_a_readable_row_is_left_out_of_the_mean() -> None:
    part = accuracy.result("a", rows("rrw")).half
    assert accuracy.mean([part, Accuracy(None)]) == part
    assert accuracy.mean([Accuracy(None)]) == Accuracy(None)


def test_the_mean_of_perfect_sets_still_has_an_interval() -> None:
    found = accuracy.mean([accuracy.result("a", rows("r" * 10)).half] * 2)
    assert (found.value, found.high) == (1, 1)
    assert 0.7 < found.low < 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["chosen"], "right"),
        (["rejected"], "wrong"),
        (["tie"], "tie"),
        (["chosen", "chosen"], "right"),
        (["chosen", "rejected"], "inconsistent"),
        (["chosen", "tie"], "inconsistent"),
        (["tie", "tie"], "tie"),
        (["chosen", None], "unread"),
        ([], "unread"),
    ],
)
def test_what_answers_on_a_row_come_to(said: list, expected: str) -> None:
    assert accuracy.outcome(said) == expected


def test_the_higher_score_is_the_better_answer_and_equal_ones_are_a_tie() -> None:
    assert accuracy.higher(7.0, 3.0) == ["chosen"]
    assert accuracy.higher(-2.0, -1.0) == ["rejected"]
    assert accuracy.higher(5.0, 5.0) == ["tie"]
    assert accuracy.higher(None, 5.0) == [None]
