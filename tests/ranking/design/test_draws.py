"""Draws come with the probability that they have."""

from collections import Counter

import numpy as np
import pytest

from ranking.design import draws
from ranking.design.belief import Belief


def belief(size: int = 5) -> Belief:
    wins = np.random.default_rng(3).poisson(2, (size, size)).astype(float)
    np.fill_diagonal(wins, 0)
    return Belief.of(wins)


def room(size: int = 5, left: int = 100) -> np.ndarray:
    return np.triu(np.full((size, size), left), 1)


@pytest.mark.parametrize("mix", [draws.DEFAULT, {"uniform": 1.0}, {"uniform": 0.2, "newcomer": 0.8}])
def test_frequencies_are_the_probabilities(mix):
    rng, now, number = np.random.default_rng(0), belief(), 4000
    found = [draws.batch(now, room(), 1, rng, mix=mix, newcomers=frozenset({4}))[0] for _draw in range(number)]
    chance = {(draw.i, draw.j): draw.probability for draw in found}
    assert len(chance) == 10, "the uniform share reaches every pair"
    assert sum(chance.values()) == pytest.approx(1)
    for pair, times in Counter((draw.i, draw.j) for draw in found).items():
        error = np.sqrt(number * chance[pair] * (1 - chance[pair]))
        assert abs(times - number * chance[pair]) < 5 * error


def test_no_pair_is_drawn_more_often_than_it_has_room():
    space = room(left=2)
    space[0, 1] = 0
    found = draws.batch(belief(), space, 1000, np.random.default_rng(0))
    times = Counter((draw.i, draw.j) for draw in found)
    assert (0, 1) not in times
    assert set(times.values()) == {2}
    assert len(found) == 18


def test_a_batch_asks_for_different_pairs_because_each_draw_changes_what_is_known():
    found = draws.batch(belief(), room(), 50, np.random.default_rng(0), mix={"d-optimal": 1.0})
    assert len({(draw.i, draw.j) for draw in found}) > 5
    assert {draw.probability for draw in found} == {1.0}


def test_equal_gains_are_drawn_in_an_order_of_chance():
    empty = Belief.of(np.zeros((5, 5)))
    first = {
        (draw.i, draw.j)
        for seed in range(60)
        for draw in draws.batch(empty, room(), 1, np.random.default_rng(seed), mix={"d-optimal": 1.0})
    }
    assert len(first) > 7


@pytest.mark.parametrize("mix", [{"uniform": 0.5}, {"uniform": 1.5, "gap": -0.5}, {"uniform": 0.5, "best": 0.5}, {}])
def test_shares_that_are_none_are_refused(mix):
    with pytest.raises(ValueError, match=r"share|strategies"):
        draws.batch(belief(), room(), 1, np.random.default_rng(0), mix=mix)
