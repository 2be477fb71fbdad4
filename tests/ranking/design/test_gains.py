"""Gains of one more vote, against what refitting the covariance with that vote says."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.design import clusters, d_optimal, gap, newcomer
from ranking.design.belief import Belief
from tests.places import REAL_DATA, needs_real_data

NOBODY = frozenset[int]()


@pytest.fixture(params=range(5))
def belief(request):
    rng = np.random.default_rng(request.param)
    size = int(rng.integers(2, 8))
    wins = rng.poisson(3, (size, size)).astype(float)
    np.fill_diagonal(wins, 0)
    return Belief.of(wins, ridge=float(rng.uniform(0.1, 2)))


def after(belief: Belief, i: int, j: int) -> np.ndarray:
    """The covariance with one more vote on i and j, by inverting the information."""
    x = np.zeros(len(belief.theta))
    x[i], x[j] = 1, -1
    chance = 1 / (1 + np.exp(belief.theta[j] - belief.theta[i]))
    return np.linalg.inv(np.linalg.inv(belief.covariance) + chance * (1 - chance) * np.outer(x, x))


def pairs(belief: Belief) -> list[tuple[int, int]]:
    size = len(belief.theta)
    return [(i, j) for i in range(size) for j in range(size) if i != j]


def test_the_update_is_the_inverse_with_one_more_vote(belief):
    for i, j in pairs(belief):
        assert np.allclose(belief.expecting(i, j).covariance, after(belief, i, j), rtol=1e-9, atol=1e-12)


def test_d_optimal_lowers_the_log_determinant_by_its_gain(belief):
    found = d_optimal.gains(belief, NOBODY)
    before = np.linalg.slogdet(belief.covariance)[1]
    for i, j in pairs(belief):
        assert found[i, j] == pytest.approx(before - np.linalg.slogdet(after(belief, i, j))[1])


def test_gap_counts_the_drops_of_neighbours_where_their_order_is_open(belief):
    found = gap.gains(belief, NOBODY)
    order = np.argsort(-belief.theta, kind="stable")
    for i, j in pairs(belief):
        later, expected = after(belief, i, j), 0.0
        for a, b in pairwise(order):
            c = np.zeros(len(order))
            c[a], c[b] = 1, -1
            v = c @ belief.covariance @ c
            away = c @ belief.theta
            expected += np.exp(-(away**2) / (2 * v)) / np.sqrt(v) * (v - c @ later @ c)
        assert found[i, j] == pytest.approx(expected)


def test_newcomer_counts_the_drop_of_its_own_rating_and_nothing_else(belief):
    found = newcomer.gains(belief, frozenset({1}))
    c = -np.ones(len(belief.theta)) / len(belief.theta)
    c[1] += 1
    for i, j in pairs(belief):
        if 1 in (i, j):
            assert found[i, j] == pytest.approx(c @ (belief.covariance - after(belief, i, j)) @ c)
        else:
            assert found[i, j] == 0


def test_of_two_newcomers_the_drops_add_up(belief):
    both, size = newcomer.gains(belief, frozenset({0, 1})), len(belief.theta)
    for i, j in pairs(belief):
        expected = 0.0
        for model in {0, 1} & {i, j}:
            c = -np.ones(size) / size
            c[model] += 1
            expected += c @ (belief.covariance - after(belief, i, j)) @ c
        assert both[i, j] == pytest.approx(expected, abs=1e-12)


def test_the_distance_from_the_mean_is_that_of_the_contrast(belief):
    size = len(belief.theta)
    contrasts = np.eye(size) - 1 / size
    expected = [c @ belief.covariance @ c for c in contrasts]
    assert newcomer.distance_variance(belief) == pytest.approx(np.array(expected))


def test_a_newcomer_is_one_until_it_is_as_sure_as_the_others():
    games = np.full((4, 4), 10.0)
    games[3] = games[:, 3] = 1.0
    np.fill_diagonal(games, 0)
    wins = games / 2
    assert newcomer.still_new(Belief.of(wins), [3]) == {3}
    assert newcomer.still_new(Belief.of(wins), []) == frozenset()
    wins[3, :3] = wins[:3, 3] = 20
    assert newcomer.still_new(Belief.of(wins), [3]) == frozenset()
    assert newcomer.still_new(Belief.of(wins), [0, 1, 2, 3]) == frozenset(), "there is nobody to be measured by"


@given(st.data())
def test_gains_of_any_votes_are_what_refitting_the_covariance_says(data):
    size = data.draw(st.integers(2, 6))
    numbers = st.lists(st.integers(0, 40), min_size=size * size, max_size=size * size)
    wins = np.array(data.draw(numbers), dtype=float).reshape(size, size)
    np.fill_diagonal(wins, 0)
    belief = Belief.of(wins, ridge=data.draw(st.floats(0.05, 3)))
    i, j = data.draw(st.permutations(range(size)))[:2]
    later, c = after(belief, i, j), np.full(size, -1 / size)
    c[i] += 1
    before = np.linalg.slogdet(belief.covariance)[1]
    assert d_optimal.gains(belief, NOBODY)[i, j] == pytest.approx(before - np.linalg.slogdet(later)[1], abs=1e-9)
    alone = newcomer.gains(belief, frozenset({i}))
    assert alone[i, j] == pytest.approx(c @ (belief.covariance - later) @ c, abs=1e-9)
    order, expected = np.argsort(-belief.theta, kind="stable"), 0.0
    for a, b in pairwise(order):
        c = np.zeros(size)
        c[a], c[b] = 1, -1
        v, away = c @ belief.covariance @ c, c @ belief.theta
        expected += np.exp(-(away**2) / (2 * v)) / np.sqrt(v) * (v - c @ later @ c)
    assert gap.gains(belief, NOBODY)[i, j] == pytest.approx(expected, abs=1e-9)


def test_votes_that_are_still_to_come_count_in_the_covariance_alone(belief):
    size = len(belief.theta)
    wins = np.random.default_rng(9).poisson(2, (size, size)).astype(float)
    np.fill_diagonal(wins, 0)
    pending = np.zeros((size, size))
    pending[0, 1] = pending[1, 0] = 2
    now, with_them = Belief.of(wins), Belief.of(wins, pending=pending)
    assert with_them.theta == pytest.approx(now.theta)
    assert np.allclose(with_them.covariance, now.expecting(0, 1).expecting(0, 1).covariance)


def test_a_discount_makes_a_vote_worth_less():
    belief = Belief.of(np.full((3, 3), 2.0) - 2 * np.eye(3))
    worth = np.ones((3, 3))
    worth[0, 1] = worth[1, 0] = 0.5
    found = d_optimal.gains(belief.discounted(worth), NOBODY)
    assert found[0, 1] == pytest.approx(np.log1p(belief.weight[0, 1] / 2 * belief.variance[0, 1]))
    assert found[0, 2] > found[0, 1]


@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.5])
def test_a_prompts_next_vote_adds_what_the_effective_number_grows_by(correlation):
    def effective(number):
        return number / (1 + (number - 1) * correlation)

    for number in range(1, 30):
        expected = effective(number + 1) - effective(number)
        assert clusters.next_vote(np.array(number), correlation) == pytest.approx(expected)
    assert clusters.next_vote(np.array(0), correlation) == pytest.approx(1)


def test_only_the_difference_between_prompts_counts():
    votes = np.full((3, 3), 50)
    there = ~np.eye(3, dtype=bool)
    assert clusters.worth(votes, there) == pytest.approx(np.ones((3, 3)))
    votes[0, 1] = votes[1, 0] = 10
    found = clusters.worth(votes, there)
    assert found[0, 1] == 1
    assert found[0, 2] == pytest.approx(clusters.next_vote(np.array(50)) / clusters.next_vote(np.array(10)))
    assert clusters.worth(votes, np.zeros((3, 3), dtype=bool)).tolist() == np.ones((3, 3)).tolist()


def test_gains_do_not_depend_on_the_order_of_the_models(belief):
    order = np.random.default_rng(1).permutation(len(belief.theta))
    both = np.ix_(order, order)
    moved = Belief(belief.theta[order], belief.covariance[both], belief.weight[both])
    for gains in (d_optimal.gains, gap.gains):
        assert np.allclose(gains(moved, NOBODY), gains(belief, NOBODY)[np.ix_(order, order)])


def test_the_fit_is_where_the_gradient_vanishes_whatever_the_votes():
    for wins in (np.zeros((3, 3)), np.array([[0, 500.0], [0, 0]]), np.array([[0, 1.0, 0], [0, 0, 0], [0, 0, 0]])):
        belief = Belief.of(wins, ridge=0.5)
        chance = 1 / (1 + np.exp(belief.theta - belief.theta[:, None]))
        gradient = (wins - (wins + wins.T) * chance).sum(axis=1) - 0.5 * belief.theta
        assert np.abs(gradient).max() < 1e-7


@needs_real_data("mad")
def test_the_case_that_was_checked_by_brute_force():
    case = json.loads((REAL_DATA / "mad" / "design-case.json").read_text())
    belief = Belief.of(np.array(case["wins"]), case["lambda"])
    assert belief.theta == pytest.approx(case["strength"], abs=1e-6)
    assert belief.covariance == pytest.approx(np.array(case["covariance"]), abs=1e-6)
    found = d_optimal.gains(belief, NOBODY)
    for row in case["gains"]:
        assert found[row["i"], row["j"]] == pytest.approx(row["D"], abs=1e-6)
