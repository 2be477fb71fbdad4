"""A board of pairs that were chosen by earlier votes allows for that, or says that it does not."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.board_data import sheet
from ranking.methods import bradley_terry, logistic, shrinkage
from ranking.methods.board import rate
from ranking.methods.intervals import of_independent
from ranking.methods.logistic import Cells
from ranking.methods.ratings import ELO, standard_errors
from ranking.methods.registry import METHODS
from ranking.methods.settings import Settings
from ranking.methods.tally import BadVotes, Votes, tally
from tests.ranking.drawn_votes import draw, make

WITH_A_PRIOR = ("bradley-terry", "davidson", "style-controlled")


def drawn(votes: Votes, **changes) -> Votes:
    return replace(votes, **{"chance": np.full(len(votes), 0.5), **changes})


def settings(method: str) -> Settings:
    extra = {"elo-bootstrap": {"redraw": "permute"}, "baseline-win-rate": {"baseline": "model 0"}}
    return Settings(method=method, **extra.get(method, {}))


def styled(votes: Votes) -> Votes:
    return replace(votes, style=np.random.default_rng(0).normal(0, 1, (len(votes), 4)))


def only(votes: Votes, method: str = "bradley-terry", **changes):
    (group,) = rate(votes, replace(settings(method), **changes), "people").groups
    return group.ratings


def shrunk(votes: Votes):
    cells = Cells.of_tally(tally(votes))
    return bradley_terry.shrunk(drawn(votes), cells, np.empty((len(votes), 0)))


@pytest.mark.parametrize("method", WITH_A_PRIOR)
def test_ratings_are_pulled_to_the_mean_the_more_the_fewer_votes_there_are(method):
    pull = []
    for rows in (60, 3000):
        votes = styled(draw(5, rows=rows))
        free, shrunk = only(votes, method), only(drawn(votes), method)
        assert shrunk.deviation is not None
        assert free.deviation is None
        pull.append(float(np.linalg.norm(shrunk.scores) / np.linalg.norm(free.scores)))
    few, many = pull
    assert few < 0.9
    assert 0.97 < many < 1


@pytest.mark.parametrize("method", METHODS)
def test_every_method_allows_for_the_choice_or_says_that_it_does_not(method):
    ratings = only(drawn(styled(draw(5))), method)
    found = {"adaptive", "by-inverse-chance"} & {*ratings.notices}
    if method in WITH_A_PRIOR:
        assert not found
        assert ratings.deviation is not None
    else:
        assert found == {"by-inverse-chance" if method == "average-win-rate" else "adaptive"}
    assert not {"adaptive", "by-inverse-chance", "not-every-pair"} & {*only(styled(draw(5)), method).notices}


@pytest.mark.parametrize("method", METHODS)
def test_a_design_that_leaves_pairs_out_has_no_intervals_and_no_order(method):
    votes = drawn(styled(draw(5)), every_pair=False)
    (group,) = sheet(rate(votes, settings(method), "people"))["groups"]
    assert "not-every-pair" in group["notices"]
    assert group["clusters"] is None
    assert {row["rank_low"] for row in group["rows"]} == {None}
    assert {row["best"] for row in group["rows"]} == {None}


def test_the_estimated_deviation_is_about_that_of_the_strengths():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        strength = rng.normal(0, 0.7, 30)
        x = rng.integers(30, size=3000)
        y = (x + rng.integers(1, 30, size=3000)) % 30
        won = rng.random(3000) < 1 / (1 + np.exp(strength[y] - strength[x]))
        votes = make(np.stack([x, y, 2 * won], axis=1), 30)
        fitted = shrunk(votes)
        found.append(fitted.deviation / np.sqrt(np.square(strength - strength.mean()).sum() / 29))
    assert np.mean(found) == pytest.approx(1, abs=0.06)


def test_equal_models_keep_intervals_with_width():
    ratings = only(drawn(make([(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 0, 1)] * 30)), clusters="none")
    assert ratings.scores == pytest.approx(np.zeros(4))
    assert (ratings.high - ratings.low).min() > 0.01


def test_a_model_that_never_lost_has_a_finite_rating_without_half_a_tie():
    votes = drawn(make([(0, 1, 2)] * 5 + [(1, 2, 2), (2, 1, 2)] * 3))
    ratings = only(votes, clusters="none")
    assert not ratings.prior
    assert ratings.scores[0] < 5


def test_the_optimum_is_that_of_the_penalised_likelihood():
    votes = draw(7, rows=80)
    cells = Cells.of_tally(tally(votes))
    fitted = logistic.fit(cells, prior=False, deviation=0.6)

    def value(theta):
        return logistic._value(cells, theta, prior=False) - np.square(theta - theta.mean()).sum() / (2 * 0.6**2)

    best, step = value(fitted.theta), 1e-3
    for place in range(len(fitted.theta)):
        for sign in (-1, 1):
            assert value(fitted.theta + sign * step * np.eye(len(fitted.theta))[place]) < best


def test_ties_are_not_taken_for_noise():
    tied, split = make([(0, 1, 1), (1, 2, 1), (2, 0, 1)] * 20), make([(0, 1, 2), (1, 2, 2), (2, 0, 2)] * 20)
    assert shrunk(tied).dispersion < 0.1
    assert shrunk(split).dispersion == pytest.approx(1, abs=0.1)


def test_no_rating_is_surer_than_if_votes_of_one_rater_on_one_prompt_alone_depended_on_one_another():
    for seed in range(20):
        uncertainty = only(drawn(draw(seed, rows=200))).uncertainty
        assert (np.diag(uncertainty.covariance) >= np.diag(uncertainty.least) - 1e-12).all()


def test_with_independent_votes_the_covariance_is_that_of_the_posterior():
    cells = Cells.of_tally(tally(draw(7, rows=80)))
    fitted = logistic.fit(cells, prior=False, deviation=0.6)
    size = len(fitted.theta)
    likelihood = fitted.information - logistic.centering(size) / 0.6**2
    sandwich = of_independent(fitted.bread @ likelihood @ fitted.bread)
    assert shrinkage.with_prior_variance(sandwich, fitted).covariance == pytest.approx(fitted.bread, abs=1e-12)


def test_the_sheet_names_the_deviation_in_points():
    votes = drawn(draw(5))
    (group,) = sheet(rate(votes, Settings(), "people"))["groups"]
    assert group["prior_deviation"] == pytest.approx(ELO * only(votes).deviation)
    (group,) = sheet(rate(draw(5), Settings(), "people"))["groups"]
    assert group["prior_deviation"] is None


def test_two_models_have_no_spread_to_estimate():
    votes = drawn(draw(5, models=2))
    assert only(votes).deviation is None
    assert "adaptive" not in only(votes).notices


def test_both_kinds_of_intervals_hold_what_the_prior_adds():
    votes = drawn(draw(5, rows=60))
    ratings = only(votes)
    here, least = ratings.uncertainty.here, ratings.uncertainty.least
    pulled = shrinkage.pull(shrunk(votes))
    for covariance in (here.covariance, least):
        assert (np.linalg.eigvalsh(covariance - pulled) > -1e-9).all()
    assert (standard_errors(ratings) >= 0).all()


class TestAverageWinRate:
    def test_opponents_count_by_the_inverse_of_their_chance(self):
        # The first model met an easy opponent nine times as often, because that was nine times as likely.
        votes = make([(0, 1, 2)] * 90 + [(0, 2, 0)] * 10, chance=[0.9] * 90 + [0.1] * 10)
        assert only(votes, "average-win-rate").scores[0] == pytest.approx(0.5)

    def test_the_weight_is_capped(self):
        votes = make([(0, 1, 2)] * 99 + [(0, 2, 0)], chance=[0.9] * 99 + [0.0001])
        assert only(votes, "average-win-rate").scores[0] == pytest.approx(99 / (99 + 20))

    def test_comparisons_that_were_not_drawn_count_as_the_median(self):
        votes = make([(0, 1, 2), (0, 1, 0), (0, 1, 0)], chance=[0.5, np.nan, 0.5])
        assert only(votes, "average-win-rate").scores[0] == pytest.approx(1 / 3)
        votes = make([(0, 1, 2), (0, 1, 0)], chance=[np.nan, np.nan])
        assert only(votes, "average-win-rate").scores[0] == pytest.approx(1 / 2)


@pytest.mark.parametrize("chance", [0.0, -0.1, 1.1, np.inf])
def test_a_chance_lies_between_0_and_1(chance):
    with pytest.raises(BadVotes, match="chance"):
        make([(0, 1, 2)], chance=[chance])
