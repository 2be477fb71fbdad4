"""Bradley-Terry converges to the one optimum, whatever the order, names and sides of the votes."""

from dataclasses import replace

import choix
import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.optimize import approx_fprime

from ranking.methods import logistic
from ranking.methods.board import rate
from ranking.methods.connectivity import has_finite_fit
from ranking.methods.logistic import Cells, NotConverged, fit
from ranking.methods.ratings import ELO
from ranking.methods.settings import Settings
from ranking.methods.tally import tally
from tests.ranking.drawn_votes import draw, make, relabelled, seeds, swapped


def strengths(votes, **options) -> dict[str, float]:
    board = rate(votes, Settings(clusters="none", **options), "people")
    return {
        name: score
        for group in board.groups
        for name, score in zip(group.ratings.names, group.ratings.scores, strict=True)
    }


def assert_same(one: dict[str, float], other: dict[str, float], within: float = 1e-9) -> None:
    assert one.keys() == other.keys()
    for name, score in one.items():
        assert score == pytest.approx(other[name], abs=within)


def test_two_models_have_the_log_odds_of_their_votes():
    votes = make([(0, 1, 2)] * 30 + [(0, 1, 0)] * 10)
    assert strengths(votes)["model a"] - strengths(votes)["model b"] == pytest.approx(np.log(3), abs=1e-12)


def test_a_tie_is_half_a_win_for_either_side():
    tied = make([(0, 1, 2)] * 4 + [(0, 1, 1)] * 2 + [(1, 0, 2)] * 1)
    split = make([(0, 1, 2)] * 5 + [(1, 0, 2)] * 2)
    assert_same(strengths(tied), strengths(split))


@settings(max_examples=25)
@given(seeds)
def test_the_gradient_vanishes_at_the_optimum(seed):
    votes = draw(seed)
    found = fit(Cells.of_tally(tally(votes)), prior=False) if has_finite_fit(tally(votes)) else None
    if found is not None:
        assert found.gradient < 1e-10
        assert found.theta.mean() == pytest.approx(0, abs=1e-12)


@settings(max_examples=10)
@given(seeds)
def test_the_derivatives_are_those_of_the_likelihood(seed):
    rng = np.random.default_rng(seed)
    base = Cells.of_tally(tally(draw(seed)))
    cells = replace(base, z=rng.normal(size=(len(base.i), 2)))
    at = rng.normal(size=cells.size + 2)
    for prior in (False, True):
        gradient, information = logistic._derivatives(cells, at, prior=prior)
        value = lambda point, prior=prior: logistic._value(cells, point, prior=prior)  # noqa: E731
        assert gradient == pytest.approx(approx_fprime(at, value, 1e-6), abs=1e-3)
        for row in range(len(at)):
            part = lambda point, row=row, prior=prior: logistic._derivatives(cells, point, prior=prior)[0][row]  # noqa: E731
            assert -information[row] == pytest.approx(approx_fprime(at, part, 1e-7), abs=1e-3)


@settings(max_examples=15)
@given(seeds)
def test_names_order_and_sides_do_not_matter(seed):
    votes = draw(seed)
    rng = np.random.default_rng(seed)
    expected = strengths(votes)
    assert_same(strengths(relabelled(votes, rng.permutation(6))), expected)
    order = rng.permutation(len(votes))
    shuffled = votes.where(np.ones(len(votes), dtype=bool))
    shuffled = replace(
        shuffled, **{name: getattr(shuffled, name)[order] for name in ("x", "y", "outcome", "left", "prompt", "rater")}
    )
    assert_same(strengths(shuffled), expected)
    assert_same(strengths(swapped(votes, rng.random(len(votes)) < 0.5)), expected)


@settings(max_examples=15)
@given(seeds)
def test_a_count_of_two_is_the_row_twice(seed):
    votes = draw(seed, rows=120)
    twice = np.random.default_rng(seed).random(len(votes)) < 0.3
    counted = replace(votes, count=np.where(twice, 2, 1))
    index = np.repeat(np.arange(len(votes)), np.where(twice, 2, 1))
    repeated = replace(
        votes, **{name: getattr(votes, name)[index] for name in ("x", "y", "outcome", "left", "prompt", "rater")}
    )
    for clusters in ("none", "prompt", "worker", "both"):
        settings = Settings(clusters=clusters, correction="CR0" if clusters == "none" else "CR1")
        for asked in (settings, replace(settings, first_place=True)):
            one, other = (rate(each, asked, "people").groups[0] for each in (counted, repeated))
            assert one.ratings.scores == pytest.approx(other.ratings.scores, abs=1e-9)
            assert one.ratings.low == pytest.approx(other.ratings.low, abs=1e-9)
            assert (one.comparisons == other.comparisons).all()


def test_an_importance_of_two_weighs_twice_but_is_one_observation():
    votes = draw(1)
    weighted = replace(votes, importance=np.full(len(votes), 2.0))
    one, two = (rate(each, Settings(clusters="none"), "people").groups[0] for each in (votes, weighted))
    assert two.ratings.scores == pytest.approx(one.ratings.scores, abs=1e-9)
    assert two.ratings.low == pytest.approx(one.ratings.low, abs=1e-9)
    assert (two.comparisons == one.comparisons).all()


@settings(max_examples=25)
@given(seeds)
def test_one_more_win_never_lowers_a_rating(seed):
    votes = draw(seed, rows=60)
    rng = np.random.default_rng(seed)
    winner, loser = rng.choice(6, 2, replace=False)
    more = make(np.vstack([np.stack([votes.x, votes.y, votes.outcome], axis=1), [[winner, loser, 2]]]), models=6)
    for prior in (False, True):
        before, after = tally(votes), tally(more)
        if prior or (has_finite_fit(before) and has_finite_fit(after)):
            was, now = (fit(Cells.of_tally(each), prior=prior).theta for each in (before, after))
            assert now[winner] >= was[winner] - 1e-10


@settings(max_examples=10)
@given(seeds)
def test_evalica_run_to_convergence_agrees(seed):
    votes = draw(seed, rows=500)
    words = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    theirs = evalica.bradley_terry(
        votes.x.tolist(), votes.y.tolist(), [words[outcome] for outcome in votes.outcome],
        index=pd.Index(range(6)), tolerance=1e-13, limit=100_000,
    ).scores.sort_index().to_numpy()  # fmt: skip
    ours = rate(votes, Settings(clusters="none"), "people").groups[0].ratings.scores
    log = np.log(theirs)
    assert ELO * ours == pytest.approx(ELO * (log - log.mean()), abs=1e-8)


@settings(max_examples=10)
@given(seeds)
def test_choix_agrees(seed):
    votes = draw(seed, rows=500, ties=0.0)
    won = [(x, y) if outcome == 2 else (y, x) for x, y, outcome in zip(votes.x, votes.y, votes.outcome, strict=True)]
    theirs = choix.opt_pairwise(6, won, method="Newton-CG", tol=1e-12)
    ours = rate(votes, Settings(clusters="none"), "people").groups[0].ratings.scores
    assert ours == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_strengths_that_have_no_optimum_raise():
    votes = make([(0, 1, 2)] * 5)
    with pytest.raises(NotConverged):
        fit(Cells.of_tally(tally(votes)), prior=False)


def test_the_gain_of_the_left_is_found_and_changes_sign_with_the_sides():
    rng = np.random.default_rng(5)
    x, left = rng.integers(4, size=4000), rng.choice([-1, 1], size=4000)
    y = (x + rng.integers(1, 4, size=4000)) % 4
    chance = 1 / (1 + np.exp(-0.3 * (y - x) - 0.5 * left))
    votes = make(np.stack([x, y, 2 * (rng.random(4000) < chance)], axis=1), left=left, prompt=x * 0, rater=x * 0)
    found = rate(votes, Settings(clusters="none", first_place=True), "people").groups[0].ratings
    (gain,) = found.coefficients
    assert gain.low < 0.5 < gain.high
    mirrored = rate(replace(votes, left=-left), Settings(clusters="none", first_place=True), "people").groups[0].ratings
    assert mirrored.coefficients[0].value == pytest.approx(-gain.value, abs=1e-9)
    assert mirrored.scores == pytest.approx(found.scores, abs=1e-9)
