"""Ranks come from differences, redraws agree with sandwiches, and the same seed gives the same numbers."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.board_data import sheet
from ranking.methods.board import rate
from ranking.methods.ratings import (
    ELO,
    better,
    chance_of_best,
    critical,
    points,
    rank_ranges,
    ranks,
    simultaneous_critical,
)
from ranking.methods.settings import Settings
from ranking.statistics.separation import verdict
from tests.ranking.drawn_votes import draw, make


def ratings(votes, **options):
    return rate(votes, Settings(**options), "people").groups[0].ratings


@pytest.mark.parametrize("clusters", ["none", "prompt", "worker"])
def test_a_bootstrap_agrees_with_its_sandwich(clusters):
    votes = draw(11, rows=6000, prompts=60, raters=60)
    drawn = ratings(votes, intervals="bootstrap", clusters=clusters, rounds=600)
    exact = ratings(votes, clusters=clusters)
    assert drawn.clusters == exact.clusters == clusters
    assert drawn.scores == pytest.approx(exact.scores)
    assert (drawn.high - drawn.low) == pytest.approx(exact.high - exact.low, rel=0.25)
    assert (drawn.high - drawn.low).mean() == pytest.approx((exact.high - exact.low).mean(), rel=0.12)


def test_product_weights_are_right_where_clusters_matter_and_careful_where_they_do_not():
    """Redrawing prompts and raters counts independent noise three times over (Owen, 2007)."""
    votes = draw(11, rows=6000, prompts=60, raters=60)
    drawn, exact = (ratings(votes, clusters="both", **each) for each in ({"intervals": "bootstrap", "rounds": 400}, {}))
    assert 1.3 < (drawn.high - drawn.low).mean() / (exact.high - exact.low).mean() < 1.9
    rng = np.random.default_rng(0)
    effect = rng.normal(0, 2, (60, 6))[votes.prompt]
    row = np.arange(6000)
    chance = 1 / (1 + np.exp(effect[row, votes.y] - effect[row, votes.x]))
    strong = replace(votes, outcome=2 * (rng.random(6000) < chance))
    drawn, exact = (
        ratings(strong, clusters="both", **each) for each in ({"intervals": "bootstrap", "rounds": 400}, {})
    )
    assert (drawn.high - drawn.low).mean() == pytest.approx((exact.high - exact.low).mean(), rel=0.2)


def test_few_votes_and_many_are_redrawn_from_the_same_distribution():
    """One vote at a time for few votes a cell, cell by cell for many."""
    few = draw(12, rows=55)
    many = replace(few, count=np.full(55, 100))
    widths = []
    for votes in (few, many):
        drawn = ratings(votes, intervals="bootstrap", clusters="none", rounds=400)
        widths.append((drawn.high - drawn.low).mean())
    assert widths[0] > 5 * widths[1]


def test_a_bootstrap_counts_and_writes_out_alike():
    votes = draw(13, rows=900)
    counted = replace(votes, count=np.full(900, 2))
    written = make(np.repeat(np.stack([votes.x, votes.y, votes.outcome], axis=1), 2, axis=0),
                   prompt=np.repeat(votes.prompt, 2), rater=np.repeat(votes.rater, 2))  # fmt: skip
    for clusters in ("none", "worker", "both"):
        one, other = (ratings(each, intervals="bootstrap", clusters=clusters, rounds=50) for each in (counted, written))
        assert one.low == pytest.approx(other.low, abs=1e-8)


def test_replicates_without_a_finite_fit_get_the_prior_and_the_board_says_so():
    votes = make([(0, 1, 2)] * 12 + [(0, 1, 0)] + [(1, 2, 2), (1, 2, 0)] * 6)
    found = ratings(votes, intervals="bootstrap", clusters="none", rounds=300)
    assert "replicates-with-prior" in found.notices
    assert np.isfinite(found.draws).all()


@pytest.mark.parametrize("options", [{"intervals": "bootstrap"}, {"method": "elo-bootstrap", "redraw": "resample"}])
def test_a_seed_gives_the_same_numbers_and_another_seed_others(options):
    votes = draw(14, rows=600)
    one, again, other = (ratings(votes, rounds=50, seed=seed, **options) for seed in (1, 1, 2))
    assert (one.low == again.low).all()
    assert (one.low != other.low).any()


def test_ranks_are_places_and_equal_ratings_share_them():
    level = [(one, other, 2) for one in range(3) for other in range(3) if one != other]
    votes = make([*level, (0, 3, 2), (1, 3, 2), (2, 3, 2), (3, 0, 1), (3, 1, 1), (3, 2, 1)])
    found = ratings(votes, clusters="none")
    assert ranks(found).tolist() == [1, 1, 1, 4]


def test_a_rank_range_counts_who_is_better_for_sure():
    found = ratings(draw(15, rows=4000), clusters="none")
    above = better(found)
    best, worst = rank_ranges(above)
    place = ranks(found)
    assert (best <= place).all()
    assert (place <= worst).all()
    for model in range(6):
        assert best[model] == 1 + sum(above[other, model] for other in range(6))
        assert worst[model] == 6 - sum(above[model, other] for other in range(6))
    error = np.sqrt(found.covariance[0, 0] + found.covariance[1, 1] - 2 * found.covariance[0, 1])
    assert above[0, 1] == (found.scores[0] - found.scores[1] > 1.959964 * error)


@pytest.mark.parametrize("options", [{}, {"clusters": "none"}, {"intervals": "bootstrap", "rounds": 200}])
@pytest.mark.parametrize("seed", range(3))
def test_no_statement_about_all_differences_is_surer_than_one_about_a_single_one(seed, options):
    found = ratings(draw(seed, models=2, rows=200), **options)
    assert critical(found, simultaneous=True) >= critical(found, simultaneous=False)


def test_statements_about_the_whole_board_ask_for_more():
    votes = draw(16, rows=1500, models=12)
    found = ratings(votes, clusters="none")
    limit = simultaneous_critical(found)
    assert limit > 1.959964
    # Tukey's studentised range for twelve equally well known means, over the root of two: 3.27.
    assert limit == pytest.approx(3.27, abs=0.15)
    one = rank_ranges(better(found))
    all_at_once = rank_ranges(better(ratings(votes, clusters="none", simultaneous=True)))
    assert (all_at_once[0] <= one[0]).all()
    assert (all_at_once[1] >= one[1]).all()


def test_a_bootstrap_has_a_simultaneous_limit_as_well():
    votes = draw(17, rows=3000)
    drawn = ratings(votes, intervals="bootstrap", clusters="none")
    assert critical(drawn, simultaneous=True) == pytest.approx(
        critical(ratings(votes, clusters="none"), simultaneous=True), abs=0.25
    )


def test_the_chance_of_being_best_is_shared_out():
    found = chance_of_best(ratings(draw(18, rows=200), clusters="none"))
    assert found.sum() == pytest.approx(1)
    clear = chance_of_best(ratings(draw(18, rows=20_000), clusters="none"))
    assert clear.max() > 0.99


@pytest.mark.parametrize(("prompts", "told"), [(12, False), (13, True)])
def test_the_chance_of_being_best_is_told_where_prompts_outnumber_models(prompts, told):
    votes = draw(19, models=12, rows=2000, prompts=prompts)
    (group,) = sheet(rate(votes, Settings(clusters="both"), "people"))["groups"]
    assert {row["best"] is not None for row in group["rows"]} == {told}


def test_a_verdict_says_how_many_nothing_separates():
    level = [(one, other, 2) for one in range(6) for other in range(6) if one != other]
    close = verdict(ratings(make([*level, (0, 1, 2)]), clusters="none"))
    assert close.level == 6
    clear = verdict(ratings(draw(19, rows=100_000), clusters="none"))
    assert clear.level == 1
    assert clear.worst_place == 1
    assert clear.help is None
    assert verdict(ratings(draw(19), clusters=None, method="elo")) is None


def test_more_votes_help_only_where_votes_are_what_is_missing():
    rng = np.random.default_rng(3)
    size = 6000
    x, prompt = rng.integers(2, size=size), rng.integers(15, size=size)
    # On most prompts the models differ wildly one way or the other: only prompts can tell which is better.
    effect = rng.normal(0.3, 2, 15)[prompt]
    chance = 1 / (1 + np.exp(-np.where(x == 0, effect, -effect)))
    rater = rng.integers(40, size=size)
    votes = make(np.column_stack([x, 1 - x, 2 * (rng.random(size) < chance)]), prompt=prompt, rater=rater)
    told = verdict(ratings(votes, clusters="both"), ratings(votes, clusters="worker"))
    assert told.help == "prompts"
    # Without any effect of prompts, votes are all that is missing.
    plain = make(
        np.column_stack([x, 1 - x, 2 * (rng.random(size) < np.where(x == 0, 0.51, 0.49))])[:2000],
        prompt=prompt[:2000], rater=rng.integers(40, size=2000),
    )  # fmt: skip
    told = verdict(ratings(plain, clusters="worker"))
    assert told.help == "votes"
    limit = critical(ratings(plain, clusters="worker"), simultaneous=True)
    error = 2 * np.sqrt(ratings(plain, clusters="worker").covariance[0, 0])
    gap = np.ptp(ratings(plain, clusters="worker").scores)
    # In 80% of studies: the normal distribution is exceeded by 0.84 with that probability.
    assert told.factor == pytest.approx(((limit + 0.84) * error / gap) ** 2, rel=0.1)


def test_redraws_of_votes_that_differ_in_importance_are_as_wide_as_their_sandwich():
    rng = np.random.default_rng(2)
    votes = replace(draw(3, rows=600), count=rng.integers(1, 5, size=600), importance=rng.choice([0.5, 1.0, 4.0], 600))
    sandwich = ratings(votes, clusters="none")
    redrawn = ratings(votes, clusters="none", intervals="bootstrap", rounds=500)
    wanted = np.sqrt(np.diag(sandwich.covariance))
    assert redrawn.draws.std(axis=0) == pytest.approx(wanted, rel=0.2)
    assert redrawn.draws.mean(axis=0) == pytest.approx(sandwich.scores, abs=0.05)


def test_an_anchor_holds_in_every_redraw():
    votes = draw(3, rows=600)
    free, anchored = (
        ratings(votes, clusters="none", intervals="bootstrap", rounds=200, **more)
        for more in ({}, {"anchor": ("model 2", 1100.0)})
    )
    apart = 1100 + ELO * (free.draws - free.draws[:, [2]])
    shown = points(anchored)
    assert np.stack([shown.low, shown.high]) == pytest.approx(np.percentile(apart, [2.5, 97.5], axis=0))
    assert shown.error == pytest.approx(apart.std(axis=0, ddof=1))
    assert (shown.low[2], shown.rating[2], shown.high[2], shown.error[2]) == pytest.approx((1100, 1100, 1100, 0))
