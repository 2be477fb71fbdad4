"""Sandwich intervals: equal to the textbook without clusters, to leaving clusters out with them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, stdtrit

from ranking.methods import intervals
from ranking.methods.board import on_these_prompts, rate
from ranking.methods.intervals import Observations, Unidentified
from ranking.methods.logistic import Cells, fit
from ranking.methods.settings import Settings
from ranking.methods.tally import tally
from tests.ranking.drawn_votes import draw, make, relabelled, seeds, swapped


def dense(votes, theta):
    """Rows of the design, residuals and curvatures, without any of the shortcuts under test."""
    design = np.zeros((len(votes), len(votes.names)))
    design[np.arange(len(votes)), votes.x] += 1
    design[np.arange(len(votes)), votes.y] -= 1
    chance = expit(design @ theta)
    return design, votes.outcome / 2 - chance, chance * (1 - chance)


def at_optimum(votes):
    found = fit(Cells.of_tally(tally(votes)), prior=False)
    none = np.empty((len(votes), 0))
    return found, Observations.at(found, votes.x, votes.y, none, votes.weight(), votes.score())


@settings(max_examples=10)
@given(seeds)
def test_independent_votes_give_the_textbook_sandwich(seed):
    votes = draw(seed, rows=400)
    found, _observations = at_optimum(votes)
    design, residual, curvature = dense(votes, found.theta)
    bread = np.linalg.pinv(design.T * curvature @ design, rcond=1e-10)
    expected = bread @ (design.T * residual**2 @ design) @ bread
    low, high = found.theta - 1.959964 * np.sqrt(np.diag(expected)), found.theta + 1.959964 * np.sqrt(np.diag(expected))
    ratings = rate(votes, Settings(clusters="none"), "people").groups[0].ratings
    assert ratings.low == pytest.approx(low, rel=1e-8)
    assert ratings.high == pytest.approx(high, rel=1e-8)


@settings(max_examples=10)
@given(seeds)
@pytest.mark.parametrize("way", ["prompt", "rater", "cell", "row"])
def test_cr3_is_one_newton_step_without_each_cluster(way, seed):
    votes = draw(seed, rows=400, prompts=7, raters=40)
    codes = {
        "prompt": votes.prompt,
        "rater": votes.rater,
        "cell": votes.prompt * 1000 + votes.rater,
        "row": np.arange(len(votes)),
    }[way]
    labels = np.unique(codes, return_inverse=True)[1]
    found, observations = at_optimum(votes)
    design, residual, curvature = dense(votes, found.theta)
    number = labels.max() + 1
    expected = 0
    for cluster in range(number):
        rest = labels != cluster
        information = design[rest].T * curvature[rest] @ design[rest]
        step = np.linalg.pinv(information, rcond=1e-10) @ design[rest].T @ residual[rest]
        expected += (number - 1) / number * np.outer(step, step)
    assert intervals.one_way(found, observations, labels, "CR3") == pytest.approx(expected, rel=1e-6, abs=1e-10)


def test_cr1_is_cr0_times_clusters_over_clusters_less_one():
    votes = draw(3)
    found, observations = at_optimum(votes)
    plain = intervals.one_way(found, observations, votes.prompt, "CR0")
    assert intervals.one_way(found, observations, votes.prompt, "CR1") == pytest.approx(plain * 12 / 11)
    design, residual, curvature = dense(votes, found.theta)
    bread = np.linalg.pinv(design.T * curvature @ design, rcond=1e-10)
    scores = np.stack([residual[votes.prompt == k] @ design[votes.prompt == k] for k in range(12)])
    assert plain == pytest.approx(bread @ scores.T @ scores @ bread, rel=1e-6, abs=1e-12)


def test_two_ways_are_added_and_their_common_part_is_taken_off():
    votes = draw(4, rows=2000)
    found, observations = at_optimum(votes)
    cells = np.unique(votes.prompt * 1000 + votes.rater, return_inverse=True)[1]
    expected = (
        intervals.one_way(found, observations, votes.prompt, "CR3")
        + intervals.one_way(found, observations, votes.rater, "CR3")
        - intervals.one_way(found, observations, cells, "CR3")
    )
    both = intervals.clustered(found, observations, "both", "CR3", votes.prompt, votes.rater)
    # What is left has mean zero and no negative eigenvalue.
    center = np.eye(len(expected)) - 1 / len(expected)
    values, vectors = np.linalg.eigh(center @ expected @ center)
    assert both.covariance == pytest.approx((vectors * values.clip(0)) @ vectors.T, abs=1e-12)
    assert np.linalg.eigvalsh(both.covariance).min() > -1e-12
    # 12 prompts with about as many votes each are worth nearly 12.
    assert both.effective_prompts == pytest.approx(12, abs=0.1)
    assert both.degrees == both.effective_prompts - 1
    assert both.critical == pytest.approx(2.200985, rel=1e-3)
    assert both.covariance.sum(axis=0) == pytest.approx(0, abs=1e-12)


def test_votes_that_come_in_clusters_are_worth_less_than_they_are_many():
    votes = draw(6, rows=300)
    copies = 10
    index = np.repeat(np.arange(300), copies)
    repeated = make(
        np.stack([votes.x, votes.y, votes.outcome], axis=1)[index],
        prompt=np.repeat(np.arange(300), copies), rater=np.tile(np.arange(copies), 300),
    )  # fmt: skip
    once = rate(votes, Settings(clusters="none"), "people").groups[0].ratings
    naive = rate(repeated, Settings(clusters="none"), "people").groups[0].ratings
    honest = rate(repeated, Settings(clusters="prompt", correction="CR0"), "people").groups[0].ratings
    width = lambda ratings: ratings.high - ratings.low  # noqa: E731
    assert width(naive) == pytest.approx(width(once) / np.sqrt(copies), rel=1e-6)
    assert width(honest) == pytest.approx(width(once), rel=0.02)


def test_a_cluster_that_alone_carries_a_model_cannot_be_left_out_and_the_board_says_so():
    rows = [(0, 1, 2), (1, 0, 2), (0, 1, 1)] * 20 + [(2, 0, 2), (0, 2, 2)]
    prompt = [*(np.arange(60) % 12), 12, 12]
    votes = make(rows, prompt=prompt, rater=[0] * 62)
    found, observations = at_optimum(votes)
    with pytest.raises(Unidentified):
        intervals.one_way(found, observations, votes.prompt, "CR3")
    ratings = rate(votes, Settings(clusters="prompt"), "judge").groups[0].ratings
    assert "correction-fell-back" in ratings.notices
    assert ratings.uncertainty.correction == "CR1"


def test_the_question_is_about_prompts_and_raters_by_default_and_about_these_prompts_below_ten():
    asked = lambda votes, source, **options: rate(votes, Settings(**options), source).groups[0].ratings  # noqa: E731
    many, few = draw(1, rows=600), draw(1, rows=600, prompts=9)
    assert asked(many, "people").uncertainty.clusters == "both"
    assert asked(many, "judge").uncertainty.clusters == "prompt"
    assert asked(many, "people", clusters="none").uncertainty.clusters == "none"
    assert asked(few, "people").uncertainty.clusters == "worker"
    assert "few-prompts" in asked(few, "people").notices
    assert asked(few, "judge").uncertainty is None
    assert asked(few, "judge").low is None
    assert asked(many, "all").uncertainty is None
    assert "mixed-raters" in asked(many, "all").notices


def test_one_rater_says_nothing_of_raters():
    votes = draw(1, rows=600, raters=1)
    ratings = rate(votes, Settings(), "people").groups[0].ratings
    assert ratings.uncertainty.clusters == "prompt"
    assert "one-rater" in ratings.notices


def test_an_importance_enters_the_variance_squared():
    rng = np.random.default_rng(0)
    votes = draw(2, rows=400)
    importance = rng.uniform(0.2, 3, 400)
    weighted = make(np.stack([votes.x, votes.y, votes.outcome], axis=1), importance=importance)
    ratings = rate(weighted, Settings(clusters="none"), "people").groups[0].ratings
    design, residual, curvature = dense(weighted, ratings.scores)
    bread = np.linalg.pinv(design.T * (importance * curvature) @ design, rcond=1e-10)
    expected = bread @ (design.T * (importance * residual) ** 2 @ design) @ bread
    assert ratings.covariance == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", ["bradley-terry", "davidson", "style-controlled", "baseline-win-rate"])
@pytest.mark.parametrize("clusters", ["none", "prompt", "worker", "both"])
@settings(max_examples=4)
@given(seeds)
def test_names_order_and_sides_do_not_move_an_interval(name, clusters, seed):
    rng = np.random.default_rng(seed)
    votes = draw(seed)
    votes = replace(votes, style=rng.normal(size=(len(votes), 4)))
    asked = Settings(method=name, clusters=clusters, baseline="model 0" if name == "baseline-win-rate" else None)
    order, turned = rng.permutation(len(votes)), rng.random(len(votes)) < 0.5
    arrays = ("x", "y", "outcome", "left", "prompt", "rater", "style")
    mirrored = swapped(votes, turned)
    moved = (
        replace(votes, **{array: getattr(votes, array)[order] for array in arrays}),
        relabelled(votes, rng.permutation(6)),
        replace(mirrored, style=np.where(turned[:, None], -votes.style, votes.style)),
    )

    def ends(votes):
        ratings = rate(votes, asked, "people").groups[0].ratings
        return dict(zip(ratings.names, zip(ratings.low, ratings.high, strict=True), strict=True))

    expected = ends(votes)
    for each in moved:
        for model, found in ends(each).items():
            assert found == pytest.approx(expected[model], abs=1e-7)


@settings(max_examples=10)
@given(seeds, st.sampled_from(["none", "prompt", "worker", "both"]))
def test_showing_every_pair_the_other_way_round_flips_the_first_place_effect_alone(seed, clusters):
    votes = draw(seed)
    asked = Settings(clusters=clusters, first_place=True)
    one, other = (rate(each, asked, "people").groups[0].ratings for each in (votes, replace(votes, left=-votes.left)))
    assert other.scores == pytest.approx(one.scores, abs=1e-9)
    assert other.low == pytest.approx(one.low, abs=1e-8)
    (gain,), (loss,) = one.coefficients, other.coefficients
    assert loss.value == pytest.approx(-gain.value, abs=1e-9)
    assert (loss.low, loss.high) == pytest.approx((-gain.high, -gain.low), abs=1e-8)


def test_as_many_prompts_and_raters_as_votes_are_independent_votes():
    """A prompt and a rater of its own for every vote: far more combinations could be than there are."""
    number = 4000
    votes = replace(draw(8, rows=number), prompt=np.arange(number), rater=np.arange(number)[::-1].copy())
    both, none = (rate(votes, Settings(clusters=way), "people") for way in ("both", "none"))
    found = rate(votes, Settings(clusters="both", correction="CR0"), "people").groups[0].ratings.uncertainty
    assert found.covariance == pytest.approx(none.groups[0].ratings.covariance, rel=1e-9, abs=1e-14)
    assert (found.prompts, found.raters) == (number, number)
    # Verdicts between unequal models have a little less information than others.
    assert found.degrees == pytest.approx(number - 1, rel=0.02)
    assert both.groups[0].ratings.covariance == pytest.approx(found.covariance, rel=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"clusters": "none", "first_place": True},
        {"clusters": "worker", "first_place": True},
        {"clusters": "none", "method": "davidson"},
        {"clusters": "none", "method": "style-controlled"},
        {"clusters": "both", "method": "style-controlled"},
    ],
)
def test_rows_that_are_counted_are_as_sure_as_rows_written_out(options):
    rng = np.random.default_rng(1)
    count = rng.integers(1, 4, size=500)
    votes = replace(draw(9, rows=500), style=rng.normal(size=(500, 4)) * (1 + count[:, None]))
    index = np.repeat(np.arange(500), count)
    counted, written = (
        rate(each, Settings(**options), "people").groups[0].ratings
        for each in (replace(votes, count=count), votes.where(index))
    )
    # With the coefficients of covariates, whose size is that of what all rows, each as often as it counts, come to.
    assert counted.uncertainty.covariance == pytest.approx(written.uncertainty.covariance, rel=1e-8, abs=1e-12)
    values = [[found.value for found in ratings.coefficients] for ratings in (counted, written)]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


def test_an_effective_cluster_is_one_over_the_sum_of_squared_shares():
    assert intervals.effective(np.full(7, 3.0)) == pytest.approx(7)
    assert intervals.effective(np.array([5.0, 0.0, 0.0])) == pytest.approx(1)
    assert intervals.effective(np.array([0.6, *[0.4 / 59] * 59])) == pytest.approx(1 / (0.36 + 0.16 / 59))
    assert intervals.effective(np.zeros(4)) == 4


def test_a_rater_with_most_of_the_votes_costs_degrees_of_freedom_and_even_raters_cost_none():
    even = draw(6, rows=3000, prompts=40, raters=30)
    first = np.random.default_rng(1).random(len(even)) < 0.9
    uneven = replace(even, rater=np.where(first, 0, even.rater))
    one, other = (rate(each, Settings(clusters="worker"), "people").groups[0].ratings for each in (even, uneven))
    assert one.uncertainty.critical == pytest.approx(stdtrit(29, 0.975), rel=0.02)
    assert other.uncertainty.raters == 30
    assert other.uncertainty.effective_raters == pytest.approx(1.2, abs=0.1)
    # One degree is the least: below it the estimated standard error says nothing.
    assert other.uncertainty.degrees == 1
    assert other.uncertainty.critical == pytest.approx(12.706, abs=1e-3)


@pytest.mark.parametrize("clusters", ["prompt", "worker", "both"])
def test_win_rates_against_a_baseline_count_effective_clusters_too(clusters):
    votes = draw(6, rows=3000, prompts=40, raters=30)
    votes = replace(votes, prompt=np.where(votes.prompt < 30, 0, votes.prompt), rater=votes.rater % 29)
    found = rate(votes, Settings(method="baseline-win-rate", baseline="model 0", clusters=clusters), "people")
    uncertainty = found.groups[0].ratings.uncertainty
    worth = [each for each in (uncertainty.effective_prompts, uncertainty.effective_raters) if each is not None]
    assert uncertainty.degrees == max(1, min(worth) - 1)
    assert (uncertainty.effective_prompts is None) == (clusters == "worker")
    if clusters != "worker":
        assert uncertainty.effective_prompts < 2


@pytest.mark.parametrize("clusters", ["prompt", "worker"])
@pytest.mark.parametrize("covariates", [0, 2])
def test_large_clusters_solved_together_are_those_solved_one_by_one(clusters, covariates, monkeypatch):
    votes = draw(3, models=60, rows=4000, prompts=25, raters=60)
    z = np.random.default_rng(0).normal(size=(4000, covariates))
    weight = votes.weight()
    found = fit(Cells(60, votes.x, votes.y, weight, weight * votes.score(), z), prior=False)
    observations = Observations.at(found, votes.x, votes.y, z, weight, votes.score())
    codes = votes.prompt if clusters == "prompt" else votes.rater
    together = intervals.one_way(found, observations, codes, "CR3")
    monkeypatch.setattr(intervals, "DIRECT", 10**9)
    assert together == pytest.approx(intervals.one_way(found, observations, codes, "CR3"), rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("method", ["bradley-terry", "davidson"])
def test_intervals_on_exactly_these_prompts_come_with_those_for_prompts_like_these(method):
    votes = draw(4, rows=900)
    both, worker = (
        rate(votes, Settings(method=method, clusters=clusters), "people").groups[0].ratings
        for clusters in ("both", "worker")
    )
    here = on_these_prompts(both)
    assert here.clusters == worker.clusters == "worker"
    assert here.low == pytest.approx(worker.low, rel=1e-12)
    assert here.covariance == pytest.approx(worker.covariance, rel=1e-12)
    assert here.uncertainty.degrees == worker.uncertainty.degrees
    assert here.notices == worker.notices
    assert on_these_prompts(worker) is None
