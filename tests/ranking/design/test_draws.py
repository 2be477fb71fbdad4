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


def test_the_first_pairs_are_random_until_every_model_has_its_floor():
    places, mix = np.zeros(5, dtype=int), {"uniform": 0.2, "gap": 0.8}
    found = draws.batch(belief(), room(), 60, np.random.default_rng(2), mix=mix, places=places, floor=4)
    counts = np.zeros(5, dtype=int)
    for draw in found:
        if (counts < 4).any():
            assert draw.strategy in {"uniform", "floor"}
        else:
            assert draw.strategy in {"uniform", "gap"}
        counts[[draw.i, draw.j]] += 1
    assert {"uniform", "floor", "gap"} == {draw.strategy for draw in found}


def test_frequencies_are_the_probabilities_while_a_model_is_below_its_floor():
    rng, now, number = np.random.default_rng(0), belief(), 4000
    places = np.array([9, 9, 9, 9, 2])
    found = [draws.batch(now, room(), 1, rng, places=places, floor=5)[0] for _draw in range(number)]
    chance = {(draw.i, draw.j): draw.probability for draw in found}
    assert sum(chance.values()) == pytest.approx(1)
    assert {pair for pair, share in chance.items() if share > 0.1} == {(model, 4) for model in range(4)}
    for pair, times in Counter((draw.i, draw.j) for draw in found).items():
        assert abs(times - number * chance[pair]) < 5 * np.sqrt(number * chance[pair] * (1 - chance[pair]))


def test_a_model_without_room_does_not_hold_the_others_at_the_floor():
    space = room()
    space[:, 4] = 0
    found = draws.batch(belief(), space, 10, np.random.default_rng(0), mix={"gap": 1.0}, places=np.zeros(5), floor=2)
    assert found[-1].strategy == "gap"


def test_newcomers_get_half_of_what_is_not_uniform_and_nothing_once_they_are_none():
    assert draws.shares(draws.DEFAULT, frozenset({4})) == pytest.approx(
        {"uniform": 0.2, "gap": 0.25, "d-optimal": 0.15, "newcomer": 0.4}
    )
    assert draws.shares(draws.DEFAULT, frozenset()) == draws.DEFAULT
    mix = {"uniform": 0.2, "gap": 0.4, "newcomer": 0.4}
    assert draws.shares(mix, frozenset({4})) == mix
    assert draws.shares(mix, frozenset()) == pytest.approx({"uniform": 0.2, "gap": 0.8})
    assert draws.shares({"uniform": 0.2, "newcomer": 0.8}, frozenset()) == pytest.approx({"uniform": 1.0})
    assert draws.shares({"uniform": 1.0}, frozenset({4})) == {"uniform": 1.0}


def test_a_newcomer_is_in_most_pairs_for_a_time():
    found = draws.batch(belief(), room(), 200, np.random.default_rng(1), newcomers=frozenset({4}))
    own = sum(4 in (draw.i, draw.j) for draw in found)
    assert 0.4 < own / len(found) < 0.75


def test_rounding_does_not_break_ties():
    """Models that are alike have gains that differ in the last digits only; which comes first is up to the seed."""
    even = Belief.of(np.full((6, 6), 1 / 3) - np.eye(6) / 3).expecting(0, 1).expecting(2, 3)
    first = {
        (draw.i, draw.j)
        for seed in range(40)
        for draw in draws.batch(even, room(6), 1, np.random.default_rng(seed), mix={"d-optimal": 1.0})
    }
    assert {(0, 4), (4, 5)} & first == {(4, 5)}
    crossed = even.expecting(4, 5)
    first = {
        (draw.i, draw.j)
        for seed in range(80)
        for draw in draws.batch(crossed, room(6), 1, np.random.default_rng(seed), mix={"d-optimal": 1.0})
    }
    assert len(first) == 12, "every pair across the three"


def test_the_same_seed_draws_the_same_batch():
    one, again = (draws.batch(belief(), room(), 30, np.random.default_rng(5)) for _time in range(2))
    assert one == again


def test_two_models_or_none_are_enough():
    assert draws.batch(Belief.of(np.zeros((1, 1))), np.zeros((1, 1)), 5, np.random.default_rng(0)) == []
    (only,) = draws.batch(Belief.of(np.zeros((2, 2))), np.triu(np.ones((2, 2)), 1), 5, np.random.default_rng(0))
    assert (only.i, only.j, only.probability) == (0, 1, 1.0)


@pytest.mark.parametrize("mix", [{"uniform": 0.5}, {"uniform": 1.5, "gap": -0.5}, {"uniform": 0.5, "best": 0.5}, {}])
def test_shares_that_are_none_are_refused(mix):
    with pytest.raises(ValueError, match=r"share|strategies"):
        draws.batch(belief(), room(), 1, np.random.default_rng(0), mix=mix)
