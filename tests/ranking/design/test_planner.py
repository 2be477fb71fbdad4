"""What the planner says of studies that have not run yet."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import scipy

from ranking.design.planner import fitting
from ranking.design.planner.assumptions import Assumptions, Unplannable
from ranking.design.planner.goals import Goal, crossing
from ranking.design.planner.link import Link, tie_chance
from ranking.design.planner.pilot import Spread, normal
from ranking.design.planner.plan import plan
from ranking.design.planner.ranges import Range
from ranking.design.planner.simulation import simulate
from ranking.methods import logistic
from ranking.methods.logistic import Cells, NotConverged

SMALL = Assumptions(models=6, prompts=20, votes=300)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def found(assumptions: Assumptions, studies: int = 400, seed: int = 0):
    (outcomes,) = simulate(
        assumptions, normal(assumptions.models, assumptions.spread), [assumptions.votes], studies, rng(seed)
    )
    return outcomes


def test_the_same_seed_gives_the_same_plan():
    one, other = (plan(SMALL, rng(), studies=50) for _time in range(2))
    assert one == other
    assert one != plan(SMALL, rng(1), studies=50)


@pytest.mark.parametrize("ties", [0.0, 0.1, 0.3, 0.4])
def test_as_many_votes_are_ties_as_assumed(ties):
    assumptions = replace(SMALL, ties=ties, spread=1.0)
    link = Link.of(assumptions)
    ratings = rng().normal(0, 1.0, (2, 200_000))
    odds = link.lead(ratings[0] - ratings[1]) + rng(1).normal(
        0, np.sqrt(2) * np.hypot(assumptions.prompt_effect, assumptions.worker_effect), 200_000
    )
    points = link.half_points(odds.astype(np.float32), rng(2).random(len(odds), dtype=np.float32))
    assert (points == 1).mean() == pytest.approx(ties, abs=0.006)


def test_more_ties_than_such_models_can_have_are_refused():
    with pytest.raises(Unplannable, match="at most"):
        Link.of(replace(SMALL, ties=0.8, spread=2.0))


def test_shares_average_to_what_the_ratings_say_whatever_the_effects():
    assumptions = replace(SMALL, prompt_effect=1.0, worker_effect=0.6)
    link = Link.of(assumptions)
    for lead in (0.0, 0.5, 1.5):
        odds = link.lead(np.array(lead)) + rng().normal(0, np.sqrt(2) * np.hypot(1.0, 0.6), 400_000)
        points = link.half_points(odds.astype(np.float32), rng(1).random(len(odds), dtype=np.float32))
        assert points.mean() / 2 == pytest.approx(scipy.special.expit(lead), abs=0.003)


def test_ties_follow_davidson():
    nu, d = 0.7, np.linspace(-4, 4, 17)
    total = np.exp(d / 2) + nu + np.exp(-d / 2)
    assert tie_chance((np.exp(d / 2) + nu / 2) / total, nu) == pytest.approx(nu / total)
    assert tie_chance(np.array([0.0, 0.3, 1.0]), 0.0) == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("votes", [20, 400])
def test_fits_are_those_of_the_leaderboard(votes):
    """With few votes some models won or lost all of theirs, which takes the prior."""
    i, j = np.triu_indices(7, 1)
    games = rng(3).multinomial(votes, np.full(len(i), 1 / len(i))).astype(float)
    points = rng(4).binomial(games.astype(int), 0.6, (30, len(i))) + 0.0
    theta, bread = fitting.fit(i, j, games, points, np.zeros((30, 7)))
    for row in range(30):
        fit = logistic.fit(Cells(7, i, j, games, points[row], np.empty((len(i), 0))), prior=True)
        assert theta[row] == pytest.approx(fit.theta, abs=1e-6)
        variance = np.diag(bread[row])[:, None] + np.diag(bread[row]) - 2 * bread[row]
        right = np.diag(fit.bread)[:, None] + np.diag(fit.bread) - 2 * fit.bread
        assert variance == pytest.approx(right, rel=0.01, abs=1e-6)


def test_a_fit_that_does_not_converge_says_so(monkeypatch):
    monkeypatch.setattr(fitting, "LIMIT", 1)
    i, j = np.triu_indices(3, 1)
    with pytest.raises(NotConverged):
        fitting.fit(i, j, np.full(3, 9.0), np.full((1, 3), 8.0), np.zeros((1, 3)))


def test_tau_is_kendalls():
    """Against scipy, on studies of so few votes that ratings are tied."""
    kept = []

    def strengths(generator: np.random.Generator, studies: int) -> np.ndarray:
        kept.append(generator.normal(0, 0.3, (studies, 4)))
        return kept[-1]

    thetas = []
    whole = fitting.fit

    def spy(*args):
        theta, bread = whole(*args)
        thetas.append(theta)
        return theta, bread

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "fit", spy)
        (outcomes,) = simulate(replace(SMALL, models=4, votes=12), strengths, [12], 100, rng())
    rated, true = np.concatenate(thetas), np.concatenate(kept)
    assert len(rated) == 100
    for tau, one, other in zip(outcomes.tau, rated, true, strict=True):
        expected = scipy.stats.kendalltau(np.round(one, 5), other).statistic
        assert tau == pytest.approx(0 if np.isnan(expected) else expected)


def test_more_of_anything_tells_more():
    few = replace(SMALL, prompts=12, prompt_effect=0.9, votes=400, workers=8)
    least = found(few, 1500)
    for more in (
        replace(few, votes=2000),
        replace(few, spread=1.2),
        replace(few, prompt_effect=0.0),
        replace(few, prompts=200),
        replace(few, worker_effect=0.0),
        replace(few, workers=200),
    ):
        most = found(more, 1500)
        assert most.tau.mean() > least.tau.mean()
        assert most.apart.mean() > least.apart.mean()


def test_few_workers_tell_less_than_many():
    wide = replace(SMALL, worker_effect=1.5, votes=1000)
    assert found(replace(wide, workers=3)).tau.mean() < found(replace(wide, workers=200)).tau.mean() - 0.05


def test_prompts_set_a_limit_that_votes_do_not_pass():
    few = replace(SMALL, models=10, prompts=3, prompt_effect=1.0, worker_effect=0.0)
    many, more = found(replace(few, votes=10_000)), found(replace(few, votes=20_000))
    assert more.tau.mean() < 0.85
    assert more.tau.mean() - many.tau.mean() < 0.03


def test_rank_ranges_hold_the_place_and_are_whole_without_votes_to_tell():
    outcomes = found(replace(SMALL, votes=6))
    assert (outcomes.low.mean(axis=0) < 1.3).all()
    outcomes = found(replace(SMALL, votes=3000, spread=2.0, ties=0.1))
    place = np.arange(1, 7)
    assert (outcomes.low <= place).all()
    assert (outcomes.high >= place).all()
    assert (outcomes.high - outcomes.low).mean() < 1.5


def test_models_that_are_nearly_equal_are_hardly_told_apart():
    outcomes = found(replace(SMALL, spread=1e-6, votes=2000, prompts=100), studies=800)
    # Each pair at the 5 % level, both ways.
    assert outcomes.apart.mean() / 15 == pytest.approx(0.05, abs=0.02)
    assert abs(outcomes.tau.mean()) < 0.05


def test_separated_is_what_the_rank_ranges_say():
    outcomes = found(replace(SMALL, votes=2000, spread=1.2))
    for top in range(1, 6):
        closed = (outcomes.low[:, top:].min(axis=1) > top) & (outcomes.high[:, :top].max(axis=1) <= top)
        assert (outcomes.separated[:, top - 1] <= closed).all()
    assert 0.05 < outcomes.separated[:, 0].mean() < 0.95


def test_the_spread_of_a_pilot_is_that_of_the_strengths_and_not_of_the_ratings():
    """Eighty models, whose ratings are mostly error: their own deviation is 1.12."""
    points = scipy.special.ndtri((np.arange(80) + 0.5) / 80)
    spread = Spread.after(np.hypot(0.5, 1) * points, np.eye(80))
    assert spread.quantile(0.1) < 0.5 < spread.quantile(0.9)
    assert spread.quantile(0.5) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("models", "error"), [(5, 0.4), (12, 0.1), (30, 0.6)])
def test_the_range_of_the_spread_holds_it_in_eighty_per_cent_of_pilots(models, error):
    held = []
    for seed in range(400):
        generator = rng(seed)
        root = error * generator.normal(0, 1, (models, 2 * models)) / np.sqrt(2 * models)
        covariance = root @ root.T
        seen = generator.normal(0, 0.6, models) + generator.multivariate_normal(np.zeros(models), covariance)
        spread = Spread.after(seen - seen.mean(), covariance)
        held.append(spread.quantile(0.1) <= 0.6 <= spread.quantile(0.9))
    assert np.mean(held) == pytest.approx(0.8, abs=0.06)


def test_draws_of_the_spread_follow_its_posterior():
    spread = Spread.after(rng(1).normal(0, 1, 9), 0.1 * np.eye(9))
    drawn = spread.draw(rng(), 40_000)
    for share in (0.1, 0.5, 0.9):
        assert np.quantile(drawn, share) == pytest.approx(spread.quantile(share), rel=0.02)


def test_the_same_models_are_as_far_apart_as_the_pilot_tells():
    scores = np.array([2.0, 0.5, 0.0, -0.5, -2.0])
    drawn = Spread.after(scores, 1e-4 * np.eye(5)).same_models()(rng(), 300)
    assert np.sort(drawn, axis=1).mean(axis=0) == pytest.approx(np.sort(scores), abs=0.02)
    assert len(np.unique(drawn.argmax(axis=1))) == 5, "the order of the models is one of chance"
    noisy = Spread.after(scores, 4 * np.eye(5)).same_models()(rng(), 300)
    assert noisy.std(axis=1).mean() < scores.std()


def test_a_pilot_of_two_models_or_without_errors_is_refused():
    with pytest.raises(Unplannable):
        Spread.after(np.array([1.0, -1.0]), np.eye(2))
    with pytest.raises(Unplannable):
        Spread.after(np.array([1.0, 0.0, -1.0]), np.full((3, 3), np.nan))


def test_what_a_pilot_leaves_open_makes_the_range_wider():
    assumptions = replace(SMALL, models=12, votes=800)
    known = plan(replace(assumptions, spread=0.6), rng(), studies=1000).planned.tau
    scores = 0.6 * scipy.special.ndtri((np.arange(5) + 0.5) / 5)
    spread = Spread.after(scores, 0.2 * np.eye(5))
    guessed = plan(assumptions, rng(), pilot=spread, studies=1000).planned.tau
    assert guessed.high - guessed.low > 1.2 * (known.high - known.low)


@pytest.mark.parametrize(
    "values",
    [
        rng().normal(0, 1, 3000),
        np.round(rng().normal(0, 3, 3000)),
        rng().binomial(190, 0.95, 3000),
    ],
)
def test_a_range_holds_about_eighty_per_cent_of_many_values(values):
    kept = Range.closest(values)
    assert 0.78 <= ((values >= kept.low) & (values <= kept.high)).mean() <= 0.86
    assert {kept.low, kept.high} <= set(values)


@pytest.mark.parametrize("values", [rng().random(500) < 0.85, rng().binomial(3, 0.9, 500), np.ones(50)])
def test_a_range_of_few_values_holds_at_least_eighty_per_cent(values):
    kept = Range.of(values)
    assert ((values >= kept.low) & (values <= kept.high)).mean() >= 0.8


def test_the_votes_of_a_goal_are_enough_for_it_and_fewer_are_not():
    wanted = plan(replace(SMALL, prompts=200), rng(), goals=[Goal("tau", 0.8), Goal("first", 0.9)], studies=1000)
    tau, first = wanted.needs
    assert tau.votes
    assert tau.surely
    assert tau.surely > tau.votes
    assert found(replace(SMALL, prompts=200, votes=tau.votes), 2000, 5).tau.mean() == pytest.approx(0.8, abs=0.025)
    assert first.votes
    again = found(replace(SMALL, prompts=200, votes=first.votes), 2000, 5)
    assert (again.truth[:, 0] == 1).mean() == pytest.approx(0.9, abs=0.035)


def test_a_goal_out_of_reach_has_no_votes(monkeypatch):
    monkeypatch.setattr("ranking.design.planner.plan.FURTHEST", 3000)
    (need,) = plan(
        replace(SMALL, prompts=2, prompt_effect=2.0), rng(), goals=[Goal("found", 0.99, 3)], studies=100
    ).needs
    assert need.votes is None
    assert need.tried == 3000
    assert need.reached < 0.99


def test_a_goal_is_read_as_it_is_written():
    for text in ("tau=0.9", "first=0.8", "found:5=0.8", "separated:3=0.75"):
        assert str(Goal.parsed(text)) == text
    for text in (
        "tau",
        "tau=1",
        "first=0",
        "best=0.8",
        "found=0.8",
        "tau:3=0.9",
        "found:0=0.8",
        "found:x=0.8",
        "tau=nan",
    ):
        with pytest.raises(Unplannable):
            Goal.parsed(text)


def test_a_goal_about_all_models_is_refused():
    with pytest.raises(Unplannable):
        plan(SMALL, rng(), goals=[Goal("found", 0.8, 6)], studies=20)


def test_a_crossing_lies_between_the_points_around_it():
    assert crossing([100, 200, 400], [0.5, 0.7, 0.9], 0.8) == 283
    assert crossing([100, 200, 400], [0.5, 0.7, 0.9], 0.3) == 100
    assert crossing([100, 200, 400], [0.5, 0.7, 0.9], 0.95) is None
    # A dip by chance does not count.
    assert crossing([100, 200, 400, 800], [0.5, 0.81, 0.79, 0.9], 0.8) <= 400


@pytest.mark.parametrize(
    "change",
    [
        {"models": 1},
        {"models": 201},
        {"prompts": 0},
        {"votes": 5},
        {"votes": 10_000_000},
        {"workers": 0},
        {"workers": 301},
        {"pairs_per_prompt": 0},
        {"spread": 0.0},
        {"spread": -1.0},
        {"spread": float("nan")},
        {"ties": 1.0},
        {"prompt_effect": -0.1},
        {"worker_effect": float("inf")},
    ],
)
def test_an_assumption_out_of_range_is_refused(change):
    with pytest.raises(Unplannable):
        replace(SMALL, **change)


@pytest.mark.parametrize(
    "assumptions",
    [
        Assumptions(models=2, prompts=1, votes=2),
        Assumptions(models=2, prompts=1, votes=500, workers=1),
        Assumptions(models=3, prompts=4, votes=60, pairs_per_prompt=1),
        Assumptions(models=5, prompts=1, votes=5, spread=4.0, ties=0.1, prompt_effect=4.0, worker_effect=4.0),
        Assumptions(models=40, prompts=5000, votes=100, pairs_per_prompt=2),
    ],
)
def test_the_ends_of_what_may_be_assumed_give_a_plan(assumptions):
    done = plan(assumptions, rng(), studies=30)
    for point in done.points:
        assert -1 <= point.tau.low <= point.tau.high <= 1
        assert -1 <= point.tau.mean <= 1
        assert 0 <= point.first <= 1
    assert len(done.places) == assumptions.models
    assert done.planned.votes == assumptions.votes


def test_a_plan_tells_how_far_it_is():
    told = []
    plan(SMALL, rng(), goals=[Goal("tau", 0.99)], studies=60, progress=lambda done, size: told.append(done / size))
    assert told[-1] == 1
    assert all(before <= now for before, now in itertools.pairwise(told))
    assert len(told) > 5


def test_a_plan_of_twenty_models_takes_seconds():
    began = time.process_time()
    plan(Assumptions(models=20, prompts=100, votes=1200), rng())
    assert time.process_time() - began < 20


def test_the_spread_of_a_small_pilot_is_right_although_its_ratings_are_too_far_apart():
    """And although ratings far from the mean have larger errors."""
    i, j = np.triu_indices(15, 1)
    games = np.zeros((15, 15))
    games[i, j] = games[j, i] = 3
    spreads, ratings = [], []
    for seed in range(60):
        strength = rng(seed).normal(0, 0.8, 15)
        points = rng(1000 + seed).binomial(3, scipy.special.expit(strength[i] - strength[j])).astype(float)
        fit = logistic.fit(Cells(15, i, j, np.full(len(i), 3.0), points, np.empty((len(i), 0))), prior=False)
        spreads.append(Spread.of_board(fit.theta, fit.bread, games).quantile(0.5))
        ratings.append(fit.theta.std())
    assert np.mean(spreads) == pytest.approx(0.8, abs=0.05)
    assert np.mean(ratings) > np.mean(spreads) + 0.05
