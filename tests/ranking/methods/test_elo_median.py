"""Elo as MAD competitions report it: the median over orders of the votes, as a whole number."""

import io

import numpy as np
import pytest
from django.core.management import call_command

from ranking.methods import elo
from ranking.methods.board import rate
from ranking.methods.registry import METHODS, method
from ranking.methods.settings import Contradiction, Settings
from tests.ranking.casting import voted_study
from tests.ranking.drawn_votes import draw, make


def median(votes, **settings):
    return rate(votes, Settings(method="elo-median", **settings), "people").groups[0].ratings


def by_hand(votes, rounds, seed):
    """K 4, start 1,000, scale 400, ties half, in `rounds` orders drawn from `seed`."""
    rng = np.random.default_rng(seed)
    found = []
    for _round in range(rounds):
        ratings = [1000.0] * len(votes.names)
        for row in rng.permutation(len(votes)):
            x, y, outcome = votes.x[row], votes.y[row], votes.outcome[row] / 2
            expected = 1 / (1 + 10 ** ((ratings[y] - ratings[x]) / 400))
            ratings[x] += 4 * (outcome - expected)
            ratings[y] += 4 * (expected - outcome)
        found.append(ratings)
    return [int(value + 0.5) for value in np.median(found, axis=0)]


@pytest.mark.parametrize("seed", [0, 7])
def test_the_median_over_orders_as_int_of_x_plus_a_half(seed):
    votes = draw(seed, models=5, rows=120)
    assert median(votes, rounds=40, seed=seed).scores.tolist() == by_hand(votes, 40, seed)


def test_a_thousand_orders_by_default():
    assert Settings(method="elo-median").rounds == 1000
    assert len(median(make([(0, 1, 2), (1, 2, 1)])).draws) == 1000


@pytest.mark.parametrize(("value", "whole"), [(999.5, 1000), (999.49, 999), (1000.5, 1001), (-0.4, 0), (-3.2, -2)])
def test_halves_are_rounded_up_as_int_does_it(value, whole):
    assert elo._whole(np.array([value])).tolist() == [int(value + 0.5)] == [whole]


def test_the_range_is_that_of_the_order_and_in_whole_numbers():
    ratings = median(draw(3), rounds=50)
    assert ratings.order_range
    assert ratings.clusters is None
    assert (ratings.low <= ratings.scores).all()
    assert (ratings.scores <= ratings.high).all()
    assert (np.concatenate([ratings.low, ratings.high]) % 1 == 0).all()


@pytest.mark.django_db
def test_the_command_prints_a_table_of_whole_numbers():
    out = io.StringIO()
    call_command("leaderboard", voted_study().slug, "--method", "elo-median", "--rounds", "50", stdout=out)
    rows = [line.split() for line in out.getvalue().splitlines()[1:] if line and line[0].isdigit()]
    assert len(rows) > 1
    assert all(cell.isdecimal() for row in rows for cell in row[-4:-1])


def test_it_can_be_chosen_with_elos_settings_and_a_seed_and_needs_no_redraw():
    assert METHODS["elo-median"].label
    method(Settings(method="elo-median", k=16.0, rounds=50), "all", told={"seed", "rounds"})
    with pytest.raises(Contradiction):
        Settings(method="elo-median", redraw="permute")
