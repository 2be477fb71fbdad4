"""Looking at every vote separates equal models in at most one of twenty studies, and goals say what they need."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.design import stopping
from ranking.design.forecast import forecast
from ranking.design.stopping import Evidence, Goal

UNSURE = np.full((4, 4), False)


def test_the_boundary_is_that_of_the_formula():
    error, alpha = np.array([0.1, 0.5, 2.0]), 0.01
    information = 1 / error**2
    expected = np.sqrt((1 + 4 / information) * np.log((1 + information / 4) / alpha**2)) * error
    assert stopping.boundary(error, alpha) == pytest.approx(expected)


@given(st.floats(0.01, 10), st.floats(0.0001, 0.5), st.floats(1.01, 3))
def test_the_boundary_grows_with_the_error_and_with_confidence_and_is_wider_than_a_single_test(error, alpha, times):
    here = float(stopping.boundary(np.array(error), alpha))
    assert here < float(stopping.boundary(np.array(error), alpha / times))
    assert here < float(stopping.boundary(np.array(error * times), alpha))
    # A single test of both sides at alpha asks for at most sqrt(2 log(1 / alpha)) standard errors.
    assert here > error * np.sqrt(2 * np.log(1 / alpha))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1])
def test_an_error_rate_must_lie_between_0_and_1(alpha):
    with pytest.raises(ValueError, match="alpha"):
        stopping.boundary(np.array(0.1), alpha)


def test_equal_models_are_rarely_separated_however_often_one_looks():
    rng, studies, looks = np.random.default_rng(0), 1000, np.arange(30, 5001)
    ever = 0
    for _study in range(studies):
        mean = np.cumsum(rng.normal(0, 2, 5000))[looks - 1] / looks
        ever += bool((np.abs(mean) > stopping.boundary(2 / np.sqrt(looks), 0.05)).any())
    assert ever / studies < 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


def test_models_far_apart_are_separated_in_their_order_and_nothing_is_without_variance():
    scores, variance = np.array([3.0, 0.0, -3.0]), stopping.differences(np.eye(3) * 0.01)
    found = stopping.separated(scores, variance)
    assert found.tolist() == [[False, True, True], [False, False, True], [False, False, False]]
    assert not stopping.separated(scores, np.zeros((3, 3))).any()


def test_many_studies_are_asked_at_once_as_one_by_one():
    rng = np.random.default_rng(1)
    scores = rng.normal(0, 1, (6, 5))
    variance = stopping.differences(np.stack([np.eye(5) * size for size in rng.uniform(0.001, 0.2, 6)]))
    together = stopping.separated(scores, variance)
    alone = [stopping.separated(*parts) for parts in zip(scores, variance, strict=True)]
    assert (together == np.stack(alone)).all()
    assert together.any()
    assert not together.all(axis=(0, 1, 2))


def test_a_variance_that_vanished_by_chance_counts_as_that_of_independent_votes():
    nearly_none, independent = np.eye(3) * 1e-6, np.eye(3) * 0.5
    scores = np.array([0.3, 0.0, -0.3])
    assert stopping.separated(scores, stopping.differences(nearly_none)).any()
    assert not stopping.separated(scores, stopping.differences(nearly_none, independent)).any()
    assert stopping.differences(independent, nearly_none) == pytest.approx(stopping.differences(independent))


def test_the_top_is_reached_when_each_of_it_is_ahead_of_each_other_model():
    scores, goal = np.array([0.0, 2.0, 3.0, 1.0]), Goal("top", 2)
    above = UNSURE.copy()
    above[2, [0, 3]] = above[1, 0] = True
    assert goal.share(scores, above) == 0.75
    assert goal.open_pairs(scores, above) == [(1, 3)]
    above[1, 3] = True
    assert goal.share(scores, above) == 1
    assert goal.open_pairs(scores, above) == []
    assert not above[2, 1], "the order within the top is not asked for"


def test_ranks_are_within_reach_when_no_model_can_be_further_from_the_rank_shown():
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    above = np.triu(np.full((4, 4), True), 1)
    above[0, 1] = False
    assert Goal("ranks", 0).share(scores, above) == 0.5
    assert Goal("ranks", 1).share(scores, above) == 1
    assert Goal("ranks", 1).share(scores, UNSURE) == 0
    assert Goal("ranks", 3).share(scores, UNSURE) == 1


@pytest.mark.parametrize(("kind", "number"), [("top", 0), ("budget", 0), ("ranks", -1), ("best", 1)])
def test_goals_that_are_none_are_refused(kind, number):
    with pytest.raises(ValueError, match="goal"):
        Goal(kind, number)


def test_a_budget_claims_nothing_about_ratings():
    with pytest.raises(ValueError, match="claims nothing"):
        Goal("budget", 5).share(np.arange(4.0), UNSURE)


def test_all_models_cannot_be_the_top():
    assert Goal("top", 3).fits(4)
    assert not Goal("top", 4).fits(4)


@pytest.mark.parametrize(
    ("prompts", "raters", "fewest", "scope"),
    [(30, 30, 10, "both"), (13, 30, 10, "worker"), (30, 29, 10, None), (30, 30, 9, None), (0, 0, 0, None)],
)
def test_a_statement_needs_30_clusters_of_each_kind_and_10_votes_a_model(prompts, raters, fewest, scope):
    assert Evidence(prompts, raters, fewest, prompts, raters).scope == scope


def test_clusters_must_be_worth_25_equal_ones():
    assert Evidence(60, 60, 10, 25.0, 25.0).scope == "both"
    assert Evidence(60, 60, 10, 24.9, 25.0).scope == "worker"
    assert Evidence(60, 60, 10, 25.0, 24.9).scope is None


class TestForecast:
    def needed(self, gap, *, by_votes=0.02, by_prompts=0.0, votes=1000):
        scores = np.array([gap, 0.0, 0.0])
        parts = (np.eye(3) * by_votes, np.eye(3) * by_prompts, None)
        return forecast(Goal("top", 1), scores, *parts, votes, np.random.default_rng(0))

    def test_closer_models_need_more_votes(self):
        near, far = self.needed(0.5), self.needed(0.9)
        assert far.median < near.median
        assert far.low <= far.median <= far.high

    def test_what_prompts_leave_open_is_out_of_reach_for_votes(self):
        assert not self.needed(0.5).out_of_reach
        found = self.needed(0.5, by_prompts=0.1)
        assert found.out_of_reach
        assert found.median is None

    def test_its_median_is_about_where_studies_like_it_stop(self):
        rng, gap, each = np.random.default_rng(2), 0.6, 40.0
        votes, stops = np.arange(50, 20001, 50), []
        for _study in range(200):
            noise = np.cumsum(rng.normal(0, np.sqrt(each * 50), (len(votes), 3)), axis=0) / votes[:, None]
            scores = np.array([gap, 0.0, 0.0]) + noise
            variance = stopping.differences(np.eye(3) * each / votes[:, None, None])
            done = Goal("top", 1).share(scores, stopping.separated(scores, variance)) >= 1
            stops.append(votes[done.argmax()] if done.any() else np.inf)
        found = self.needed(gap, by_votes=each / 1000)
        assert 1000 + found.low < np.median(stops)
        assert np.median(stops) < (np.inf if found.high is None else 1000 + found.high)
        assert found.median == pytest.approx(np.median(stops) - 1000, rel=0.5)

    def test_the_same_seed_gives_the_same_forecast(self):
        assert self.needed(0.5) == self.needed(0.5)
