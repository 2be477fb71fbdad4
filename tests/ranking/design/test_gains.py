"""Gains of one more vote, against what refitting the covariance with that vote says."""

import json
from itertools import pairwise

import numpy as np
import pytest

from ranking.design import d_optimal, gap, newcomer
from ranking.design.belief import Belief
from tests.places import REAL_DATA

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


def test_gains_do_not_depend_on_the_order_of_the_models(belief):
    order = np.random.default_rng(1).permutation(len(belief.theta))
    moved = Belief(belief.theta[order], belief.covariance[np.ix_(order, order)])
    for gains in (d_optimal.gains, gap.gains):
        assert np.allclose(gains(moved, NOBODY), gains(belief, NOBODY)[np.ix_(order, order)])


def test_the_fit_is_where_the_gradient_vanishes_whatever_the_votes():
    for wins in (np.zeros((3, 3)), np.array([[0, 500.0], [0, 0]]), np.array([[0, 1.0, 0], [0, 0, 0], [0, 0, 0]])):
        belief = Belief.of(wins, ridge=0.5)
        chance = 1 / (1 + np.exp(belief.theta - belief.theta[:, None]))
        gradient = (wins - (wins + wins.T) * chance).sum(axis=1) - 0.5 * belief.theta
        assert np.abs(gradient).max() < 1e-7


def test_the_case_that_was_checked_by_brute_force():
    case = json.loads((REAL_DATA / "mad" / "design-case.json").read_text())
    belief = Belief.of(np.array(case["wins"]), case["lambda"])
    assert belief.theta == pytest.approx(case["strength"], abs=1e-6)
    assert belief.covariance == pytest.approx(np.array(case["covariance"]), abs=1e-6)
    found = d_optimal.gains(belief, NOBODY)
    for row in case["gains"]:
        assert found[row["i"], row["j"]] == pytest.approx(row["D"], abs=1e-6)
