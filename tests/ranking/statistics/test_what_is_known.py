"""The sentence on top of a board: what nothing separates, on which question, and what would help."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

from ranking.methods.board import rate
from ranking.methods.ratings import Ratings, critical, simultaneous_critical
from ranking.methods.settings import Settings
from ranking.pages import statements
from ranking.pages.statements import About
from ranking.statistics.separation import POWER, _times_as_many, errors_needed, verdict
from tests.places import needs_real_data
from tests.ranking.drawn_votes import draw, make
from tests.ranking.methods.test_published_board import crowd  # noqa: F401  a fixture


def ratings(votes, **options):
    return rate(votes, Settings(**options), "people").groups[0].ratings


def by_hand(found) -> tuple[int, int]:
    """How many of the first nothing separates, and the worst place of the first, pair by pair."""
    limit = critical(found, simultaneous=True)
    order = sorted(range(len(found.names)), key=lambda model: -found.scores[model])
    ahead = {}
    for one in order:
        for other in order:
            variance = found.covariance[one, one] + found.covariance[other, other] - 2 * found.covariance[one, other]
            gap = found.scores[one] - found.scores[other]
            ahead[one, other] = gap > 0 and gap * gap > limit * limit * variance
    level = 0
    while level < len(order) and not any(ahead[one, order[level]] for one in order[:level]):
        level += 1
    return level, len(order) - sum(ahead[order[0], other] for other in order)


@pytest.mark.parametrize("clusters", ["none", "worker", "prompt", "both"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_level_and_worst_place_are_what_a_loop_over_the_pairs_finds(seed, clusters):
    found = ratings(draw(seed, models=9, rows=1200, prompts=15, raters=20), clusters=clusters)
    told = verdict(found)
    assert (told.level, told.worst_place) == by_hand(found)


@pytest.mark.reference
@needs_real_data("llmfao")
def test_people_do_not_separate_the_first_49_of_59_for_prompts_like_these(crowd):  # noqa: F811
    both, worker = (ratings(crowd, clusters=clusters) for clusters in ("both", "worker"))
    told, here = verdict(both, worker), verdict(worker)
    assert (told.level, told.worst_place) == by_hand(both)
    assert (here.level, here.worst_place) == by_hand(worker)
    assert told.best == here.best == "GPT 4"
    assert told.level == pytest.approx(49, abs=1)
    assert here.worst_place == pytest.approx(34, abs=1)
    assert (told.help, here.help) == ("prompts", "votes")
    # What another draw of the largest |t| finds is not far away.
    other = replace(both, settings=replace(both.settings, seed=7))
    assert simultaneous_critical(other) == pytest.approx(simultaneous_critical(both), rel=0.03)


def test_with_more_prompts_a_difference_needs_fewer_standard_errors():
    found = ratings(draw(5, models=8, rows=2000, prompts=13, raters=60), clusters="both")
    limit = simultaneous_critical(found)
    signal = limit**2 / 6
    grown = _times_as_many(signal, limit, found.uncertainty)
    degrees = found.uncertainty.effective_prompts * grown - 1
    then = simultaneous_critical(replace(found, uncertainty=replace(found.uncertainty, degrees=degrees)))
    assert then < limit
    # So many prompts shrink the variance to what the limit of that many asks for.
    assert grown == pytest.approx(errors_needed(then, degrees) ** 2 / signal, rel=0.2)


@pytest.mark.parametrize("degrees", [None, 200.0, 12.0, 4.0])
@pytest.mark.parametrize("limit", [2.0, 3.5])
def test_so_many_standard_errors_are_found_in_four_of_five_studies(limit, degrees):
    rng = np.random.default_rng(3)
    errors = 1.0 if degrees is None else np.sqrt(rng.chisquare(degrees, 100_000) / degrees)
    found = rng.normal(errors_needed(limit, degrees), 1, 100_000) > limit * errors
    assert found.mean() == pytest.approx(POWER, abs=0.015)


def test_the_number_of_votes_named_separates_the_top_two_in_four_of_five_repeats():
    rows, gap = 1000, 0.12

    def study(seed: int, number: int) -> Ratings:
        rng = np.random.default_rng(seed)
        won = rng.random(number) < 1 / (1 + np.exp(-gap))
        return ratings(make(np.stack([0 * won, 0 * won + 1, 2 * won], axis=1)), clusters="none")

    # A first study in which the two differ as much as they do.
    first = next(
        found for found in (study(seed, rows) for seed in range(1000)) if abs(np.ptp(found.scores) - gap) < 1e-3
    )
    told = verdict(first)
    assert told.help == "votes"
    again = [verdict(study(2000 + seed, round(rows * told.factor))) for seed in range(200)]
    assert sum(each.worst_place == 1 for each in again) / len(again) == pytest.approx(POWER, abs=0.08)


def test_twice_the_votes_halve_only_what_votes_can_shrink():
    # Of a variance of 10 in the difference, 8 is what raters on exactly these prompts leave.
    whole, votes, gap = 10.0, 8.0, 6.0
    found = ratings(draw(5, models=2, rows=400, prompts=13, raters=60), clusters="both", simultaneous=True)

    def spread(variance: float) -> Ratings:
        covariance = variance / 4 * np.array([[1.0, -1.0], [-1.0, 1.0]])
        scores = np.array([gap / 2, -gap / 2])
        return replace(found, scores=scores, uncertainty=replace(found.uncertainty, covariance=covariance))

    limit = critical(spread(whole), simultaneous=True)
    told = verdict(spread(whole), spread(votes))
    allowed = (gap / errors_needed(limit, found.uncertainty.degrees)) ** 2
    assert whole - votes < allowed < whole, "the case is that of votes that help"
    assert told.help == "votes"
    assert told.factor == pytest.approx(votes / (allowed - (whole - votes)))
    assert votes / told.factor + (whole - votes) == pytest.approx(allowed)


def test_twice_the_prompts_are_one_less_than_twice_as_many_degrees_of_freedom():
    found = ratings(draw(5, models=2, rows=400, prompts=13, raters=60), clusters="both")
    limit, clusters = float(found.uncertainty.critical), found.uncertainty.effective_prompts
    grown = _times_as_many(1.5, limit, found.uncertainty)
    degrees = clusters * grown - 1
    assert grown == pytest.approx(errors_needed(float(stdtrit(degrees, 0.975)), degrees) ** 2 / 1.5, rel=1e-9)


def group(**changes: Any) -> dict[str, Any]:
    told = {"level": 17, "best": "GPT 4", "worst_place": 19, "help": "prompts", "factor": 3.1}
    here = {"level": 3, "best": "GPT 4", "worst_place": 4, "help": "votes", "factor": 2.0}
    rows = [{"model": f"model {index}", "rank": 1 + index} for index in range(59)]
    rest = {"clusters": "both", "prompts": 13, "prior": False, "notices": []}
    return {"rows": rows, **rest, "verdict": told, "verdict_here": here, **changes}


def sentence(about: dict[str, Any]) -> str:
    return statements.one("summary", About(group=about))


def advice(about: dict[str, Any], votes: int) -> str:
    return statements.one("advice", About(group=about, comparisons=votes))


def test_both_questions_are_answered_where_people_voted():
    assert sentence(group()) == (
        "The top 17 of 59 models cannot be told apart for prompts and raters like these. On exactly these "
        "prompts, GPT 4 is among the top 4."
    )
    first = {**group()["verdict"], "level": 1, "worst_place": 1, "help": None}
    assert sentence(group(verdict=first, verdict_here=first)) == (
        "GPT 4 ranks first for prompts and raters like these. The same holds for exactly these prompts."
    )
    assert sentence(group(verdict_here=first)).endswith("On exactly these prompts, GPT 4 ranks first.")
    anywhere = {**group()["verdict_here"], "level": 30, "worst_place": 59}
    assert sentence(group(verdict_here=anywhere)).endswith(
        "On exactly these prompts, GPT 4 could rank anywhere from first to last."
    )
    nothing = {**group()["verdict"], "level": 59, "worst_place": 59}
    assert sentence(group(verdict=nothing, verdict_here=nothing)) == (
        "These 59 models cannot be told apart for prompts and raters like these. On exactly these prompts, "
        "no two models can be told apart."
    )


def test_a_board_without_intervals_says_what_it_cannot():
    assert "no intervals" in sentence(group(clusters=None, verdict=None, verdict_here=None))
    assert advice(group(verdict=None), 100) == ""
    flat = sentence(group(verdict=None, notices=["no-width"]))
    assert (
        flat
        == "model 0 has the highest rating. This leaderboard cannot show how certain that is: some intervals have zero "
        "width."
    )
    level = [{"model": f"model {index}", "rank": 1} for index in range(3)]
    assert "share rank 1" in sentence(group(rows=level, verdict=None, verdict_here=None))
    alone = group(rows=[{"model": "GPT 4"}], verdict=None, verdict_here=None)
    assert "nothing to rank it against" in sentence(alone)


def test_what_is_known_by_an_assumption_alone_says_so():
    assert "assumption" not in sentence(group())
    assert sentence(group(prior=True)).endswith("This holds under the assumption stated below.")


def test_what_would_help_is_told_in_numbers_of_it():
    assert advice(group(), 8931) == (
        "More votes alone cannot separate the top two, but more prompts can. If they differ as much as "
        "they seem to, about 41 prompts would separate them in 80% of studies (13 so far)."
    )
    votes = {**group()["verdict"], "help": "votes", "factor": 4.67}
    told = advice(group(verdict=votes), 8931)
    assert "about 42,000 votes would separate them in 80% of studies (8,931 so far)" in told
    assert "about 41 prompts would separate them in 80% of studies" in advice(group(clusters="prompt"), 8931)
    never = {**group()["verdict"], "factor": 5000.0}
    assert "too close" in advice(group(verdict=never), 8931)
