"""Elo's K, start and scale are settings, and mean what they mean elsewhere."""

import numpy as np
import pytest

from ranking.methods.board import rate
from ranking.methods.settings import Contradiction, Settings
from tests.ranking.drawn_votes import draw, make


def elo(votes, **settings):
    return rate(votes, Settings(method="elo", **settings), "people").groups[0].ratings.scores


def test_one_win_between_equals_moves_half_of_k():
    assert elo(make([(0, 1, 2)]), k=32.0) == pytest.approx([1016, 984])
    assert elo(make([(0, 1, 2)])) == pytest.approx([1002, 998])


def test_another_start_shifts_every_rating():
    votes = draw(1)
    assert elo(votes, start=1500.0) == pytest.approx(elo(votes) + 500)


def test_another_scale_with_as_much_another_k_stretches_every_lead():
    votes = draw(1)
    assert elo(votes, scale=800.0, k=8.0) - 1000 == pytest.approx(2 * (elo(votes) - 1000))


def test_by_hand():
    votes = draw(2, models=3, rows=40)
    ratings = np.full(3, 1200.0)
    for x, y, outcome in zip(votes.x, votes.y, votes.outcome, strict=True):
        expected = 1 / (1 + 10 ** ((ratings[y] - ratings[x]) / 200))
        ratings[x] += 16 * (outcome / 2 - expected)
        ratings[y] -= 16 * (outcome / 2 - expected)
    assert elo(votes, k=16.0, start=1200.0, scale=200.0) == pytest.approx(ratings)


@pytest.mark.parametrize("settings", [{"k": 0.0}, {"scale": -1.0}, {"start": float("nan")}, {"k": float("inf")}])
def test_numbers_that_mean_nothing_are_refused(settings):
    with pytest.raises(Contradiction, match="cannot be"):
        Settings(method="elo", **settings)


@pytest.mark.parametrize("name", ["k", "start", "scale"])
def test_other_methods_refuse_them(name):
    with pytest.raises(Contradiction, match="Only the Elo methods"):
        Settings(**{name: 16.0})
    assert Settings(method="elo-bootstrap", redraw="permute", **{name: 16.0})
