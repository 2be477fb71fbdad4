"""Looking at every vote separates equal models no more often than once in twenty studies."""

import numpy as np
import pytest

from ranking.design import stopping


def test_the_boundary_is_that_of_the_formula():
    error, alpha = np.array([0.1, 0.5, 2.0]), 0.01
    information = 1 / error**2
    expected = np.sqrt((1 + 4 / information) * np.log((1 + information / 4) / alpha**2)) * error
    assert stopping.boundary(error, alpha) == pytest.approx(expected)


def test_equal_models_are_rarely_separated_however_often_one_looks():
    rng, studies, looks = np.random.default_rng(0), 1000, np.arange(30, 5001)
    ever = 0
    for _study in range(studies):
        mean = np.cumsum(rng.normal(0, 2, 5000))[looks - 1] / looks
        ever += bool((np.abs(mean) > stopping.boundary(2 / np.sqrt(looks), 0.05)).any())
    assert ever / studies < 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


def test_models_far_apart_are_separated_in_their_order_and_nothing_is_without_variance():
    scores, covariance = np.array([3.0, 0.0, -3.0]), np.eye(3) * 0.01
    found = stopping.separated(scores, covariance)
    assert found.tolist() == [[False, True, True], [False, False, True], [False, False, False]]
    assert not stopping.separated(scores, np.zeros((3, 3))).any()
