"""Agreement of two passes and its interval, checked against known values, simulation and other formulas."""

import math

import numpy as np
import pytest
from scipy import stats

from judges.statistics import consistency


def test_independent_verdicts_have_wilson_s_interval() -> None:
    hits = [True] * 37 + [False] * 13
    found = consistency.share(hits, range(50))
    wanted = stats.binomtest(37, 50).proportion_ci(method="wilson")
    assert found is not None
    assert (found.value, found.of) == (0.74, 50)
    # Its variance is that of draws: Wilson's with a part in fifty less.
    assert found.low == pytest.approx(wanted.low, abs=0.002)
    assert found.high == pytest.approx(wanted.high, abs=0.002)


def test_verdicts_that_repeat_each_other_tell_no_more_than_one() -> None:
    hits = [True] * 30 + [False] * 20
    alone = consistency.share(hits, range(50))
    doubled = consistency.share(
        [hit for hit in hits for _order in "xy"], [pair for pair in range(50) for _order in "xy"]
    )
    assert alone is not None
    assert doubled is not None
    assert doubled.of == 100
    assert (doubled.low, doubled.high) == pytest.approx((alone.low, alone.high), abs=1e-9)


def test_where_all_agree_the_clusters_are_counted() -> None:
    found = consistency.share([True] * 40, [pair for pair in range(20) for _order in "xy"])
    wanted = stats.binomtest(20, 20).proportion_ci(method="wilson")
    assert found is not None
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wanted.low, abs=1e-6)


@pytest.mark.parametrize("together", [0.0, 0.6])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(together: float) -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _study in range(400):
        # Both orders of a pair share an outcome with probability `together`.
        shared, own = rng.random(60) < 0.8, rng.random((60, 2)) < 0.8
        hits = np.where(rng.random((60, 1)) < together, shared[:, None], own)
        found = consistency.share(list(hits.ravel()), [pair for pair in range(60) for _order in "xy"])
        assert found is not None
        held += found.low <= 0.8 <= found.high
    assert 0.92 <= held / 400 <= 0.985


def test_a_mean_has_student_s_interval() -> None:
    scores = [7.0, 8.0, 6.0, 9.0, 8.0]
    found = consistency.mean(scores, range(5))
    wanted = stats.ttest_1samp(scores, 0).confidence_interval()
    assert found is not None
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high))
    one = consistency.mean([7.0], [1])
    assert one is not None
    assert (one.low, one.high) == (-math.inf, math.inf)


def test_of_nothing_nothing_is_said() -> None:
    assert consistency.share([], []) is None
    assert consistency.mean([], []) is None
    assert consistency.kappa([], []) is None
    assert consistency.weighted_kappa([], []) is None


def test_kappa_is_cohen_s() -> None:
    # Cohen's example (1960), in hundredths.
    table = {"aa": 25, "ab": 13, "ac": 12, "ba": 12, "bb": 2, "bc": 16, "ca": 3, "cb": 15, "cc": 2}
    first = [cell[0] for cell, count in table.items() for _each in range(count)]
    second = [cell[1] for cell, count in table.items() for _each in range(count)]
    expected = (0.5 * 0.4) + (0.3 * 0.3) + (0.2 * 0.3)
    assert consistency.kappa(first, second) == pytest.approx((0.29 - expected) / (1 - expected))
    assert consistency.kappa("aaaa", "aaaa") is None
    assert consistency.kappa("abab", "abab") == 1
    assert consistency.kappa("aabb", "abab") == 0


def test_kappa_of_scores_weighs_how_far_they_are_apart() -> None:
    first, second = [1.0, 5.0, 9.0, 5.0], [2.0, 5.0, 8.0, 5.0]
    found = consistency.weighted_kappa(first, second)
    chance = np.mean([(one - other) ** 2 for one in first for other in second])
    assert found == pytest.approx(1 - 0.5 / chance)
    assert consistency.weighted_kappa(first, first) == 1
    assert consistency.weighted_kappa([5.0, 5.0], [5.0, 5.0]) is None


def test_every_category_has_its_share_of_what_is_drawn() -> None:
    categories = ["code"] * 600 + ["prose"] * 300 + ["maths"] * 100
    drawn = consistency.drawn(categories, 25, np.random.default_rng(1))
    found = [categories[place] for place in drawn]
    assert len(set(drawn)) == 25
    assert drawn == sorted(drawn)
    assert (found.count("code"), found.count("prose")) == (15, 7) or (found.count("code"), found.count("prose")) == (
        15,
        8,
    )
    assert found.count("maths") in {2, 3}


def test_the_same_seed_draws_the_same_and_another_one_others() -> None:
    categories = ["a", "b"] * 50
    draws = [consistency.drawn(categories, 10, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("count", [0, 1, 6, 7, 100])
def test_no_more_is_drawn_than_there_is_nor_less_than_is_asked_for(count: int) -> None:
    assert len(consistency.drawn(["a", "b", "b", "c", "c", "c", "c"], count, np.random.default_rng(1))) == min(7, count)
