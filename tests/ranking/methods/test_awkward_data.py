"""Data that libraries of the field answer wrongly and silently: a clear result or a clear error."""

import contextlib
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trying
from scipy.optimize import linprog

from ranking.methods.board import rate
from ranking.methods.connectivity import components, has_finite_fit, has_finite_fit_with_ties
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import better, chance_of_best, ranks, standard_errors
from ranking.methods.registry import METHODS, method
from ranking.methods.settings import Contradiction, Settings
from ranking.methods.tally import BadVotes, Votes, tally
from ranking.statistics.separation import Verdict, verdict
from tests.ranking.drawn_votes import draw, make, seeds

BOTH = [(0, 1, 2), (0, 1, 0), (2, 3, 2), (2, 3, 2), (2, 3, 0)]
"""Two pairs of models, never compared across."""


def asked(name: str) -> Settings:
    extra = {"elo-bootstrap": {"redraw": "permute", "rounds": 20}, "baseline-win-rate": {"baseline": "model a"}}
    return Settings(method=name, **extra.get(name, {}))


@pytest.mark.parametrize("name", [name for name in METHODS if name != "baseline-win-rate"])
def test_groups_that_were_never_compared_are_ranked_apart_by_every_method(name):
    votes = make(BOTH * 4, left=[1] * 20, prompt=list(range(20)), rater=[0] * 20, style=np.ones((20, 4)) * 0)
    board = rate(votes, asked(name), "judge")
    assert [set(group.ratings.names) for group in board.groups] == [{"model a", "model b"}, {"model c", "model d"}]
    assert "groups" in board.notices
    for group in board.groups:
        assert ranks(group.ratings).min() == 1
        assert ranks(group.ratings).max() <= 2


def test_a_model_without_comparisons_is_in_no_group():
    board = rate(make([(0, 1, 2), (0, 1, 0)], models=3), Settings(clusters="none"), "people")
    assert board.unmet == ("model c",)
    assert len(board.groups) == 1


def test_a_board_of_no_comparisons_has_no_groups():
    for name in METHODS:
        empty = make([], models=2, style=np.empty((0, 4)))
        assert rate(empty, asked(name), "people").groups == ()


def test_a_model_that_always_wins_gets_a_stated_prior_instead_of_infinity():
    votes = make([(0, 1, 2), (0, 2, 2), (1, 2, 2), (1, 2, 0)] * 10, prompt=[0] * 40, rater=[0] * 40)
    assert not has_finite_fit(tally(votes))
    for name in ("bradley-terry", "davidson"):
        ratings = rate(votes, Settings(method=name, clusters="none"), "people").groups[0].ratings
        assert ratings.prior
        assert np.isfinite(ratings.scores).all()
        assert ratings.names[int(ratings.scores.argmax())] == "model a"
    with pytest.raises(NotConverged, match="add a stated assumption"):
        rate(votes, Settings(method="newman"), "people")


def test_the_prior_is_half_a_tie_of_each_model_against_the_mean():
    # With one comparison of two models, x winning: 1 - p(2t) = the prior's pull on both, each half of p(t) - 1/2.
    votes = make([(0, 1, 2)])
    ratings = rate(votes, Settings(clusters="none"), "people").groups[0].ratings
    away = ratings.scores[0]
    chance = lambda odds: 1 / (1 + np.exp(-odds))  # noqa: E731
    assert 1 - chance(2 * away) == pytest.approx(0.5 * (chance(away) - 0.5), abs=1e-12)


def test_a_finite_fit_exists_exactly_if_every_set_of_models_has_won_against_the_rest():
    cycle = [(0, 1, 2), (1, 2, 2), (2, 0, 2)]
    assert has_finite_fit(tally(make(cycle)))
    assert not has_finite_fit(tally(make(cycle[:2])))
    assert has_finite_fit(tally(make([(0, 1, 2), (1, 2, 1), (2, 0, 1)])))
    assert not rate(make(cycle), Settings(clusters="none"), "people").groups[0].ratings.prior


@trying(max_examples=60, deadline=None)
@given(seeds)
def test_strengths_with_ties_exist_exactly_if_no_shift_makes_all_that_was_seen_ever_likelier(seed):
    """Against a linear program: no shift of strengths and of log nu may raise what was seen and lower nothing of it."""
    rng = np.random.default_rng(seed)
    models, rows = int(rng.integers(2, 6)), int(rng.integers(2, 12))
    x = rng.integers(models, size=rows)
    y = (x + rng.integers(1, models, size=rows)) % models
    outcome = rng.integers(3, size=rows)
    outcome[:2] = [1, 2]
    votes = make(np.column_stack([x, y, outcome]), models)
    counts = tally(votes)
    if len(components(counts)) > 1 or len(components(counts)[0]) < models:
        assert not has_finite_fit_with_ties(counts)
        return
    exponents = {2: [0.5, -0.5, 0], 1: [0, 0, 1], 0: [-0.5, 0.5, 0]}
    # A row: the exponent of what was seen, less that of another outcome, must not fall along the shift.
    rise = []
    for one, other, seen in zip(x, y, outcome, strict=True):
        for instead in {0, 1, 2} - {int(seen)}:
            row = np.zeros(models + 1)
            row[[one, other, models]] = np.subtract(exponents[int(seen)], exponents[instead])
            rise.append(row)
    rise = np.array(rise)
    level = np.append(np.ones(models), 0)[None, :]
    best = linprog(-rise.sum(axis=0), A_ub=-rise, b_ub=np.zeros(len(rise)), A_eq=level, b_eq=[0], bounds=(-1, 1))
    assert has_finite_fit_with_ties(counts) == (best.fun > -1e-9)


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 1, 2)] * 25 + [(0, 1, 1)] * 15,
        [(0, 1, 2), (1, 2, 2), (0, 2, 2), (0, 1, 1), (1, 2, 1)] * 8,
    ],
)
def test_ties_of_their_own_need_the_prior_where_nobody_lost_to_whom_it_beat(rows):
    counts = tally(make(rows))
    assert has_finite_fit(counts)
    assert not has_finite_fit_with_ties(counts)
    codes = {"prompt": np.arange(len(rows)) % 12, "rater": np.arange(len(rows)) % 7}
    votes = make(rows, **codes)
    for options in ({}, {"clusters": "none"}):
        ratings = rate(votes, Settings(method="davidson", **options), "people").groups[0].ratings
        assert ratings.prior
        assert ratings.names[int(ratings.scores.argmax())] == "model a"
        assert np.abs(ratings.scores).max() < 10
        assert ratings.gradient < 1e-9
    assert not rate(votes, Settings(clusters="none"), "people").groups[0].ratings.prior
    with pytest.raises(NotConverged, match="add a stated assumption"):
        rate(votes, Settings(method="newman"), "people")


def test_a_zero_weight_neither_connects_nor_counts():
    votes = make([*BOTH, (0, 2, 2)], count=[1, 1, 1, 1, 1, 0])
    assert len(components(tally(votes))) == 2
    assert rate(votes, Settings(clusters="none"), "people").comparisons == 5
    votes = make([*BOTH, (0, 2, 2)], importance=[1.0, 1, 1, 1, 1, 0])
    assert len(components(tally(votes))) == 2


@pytest.mark.parametrize("options", [{"clusters": "both"}, {"clusters": "prompt", "correction": "CR1"}])
def test_what_weighs_nothing_is_neither_a_prompt_nor_a_rater(options):
    votes = draw(6)
    more = replace(draw(7, rows=90), prompt=np.arange(90) + 12, rater=np.arange(90) + 15)
    fields = ("x", "y", "outcome", "left", "prompt", "rater")
    both = {name: np.concatenate([getattr(votes, name), getattr(more, name)]) for name in fields}
    weight = np.repeat([1, 0], [300, 90])
    wanted = rate(votes, Settings(**options), "people")
    for weights in ({"count": weight}, {"importance": weight.astype(float)}):
        board = rate(Votes(votes.names, **both, **weights), Settings(**options), "people")
        assert board.comparisons == 300
        assert board.groups[0].prompts == 12
        found, clean = board.groups[0].ratings.uncertainty, wanted.groups[0].ratings.uncertainty
        assert found.degrees == clean.degrees
        assert found.covariance == pytest.approx(clean.covariance, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("options", [{}, {"first_place": True}, {"method": "davidson"}, {"method": "style-controlled"}])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.uint64])
def test_codes_may_be_held_in_any_type_of_integer(dtype, options):
    votes = replace(draw(7, models=40, rows=2000), style=np.random.default_rng(1).normal(size=(2000, 4)))
    narrow = {name: getattr(votes, name).astype(dtype) for name in ("x", "y", "prompt", "rater")}
    found, wanted = (
        rate(each, Settings(**options), "people").groups[0].ratings for each in (replace(votes, **narrow), votes)
    )
    assert found.scores == pytest.approx(wanted.scores, abs=1e-9)
    assert found.covariance == pytest.approx(wanted.covariance, abs=1e-9)


ALWAYS_THE_LEFT = [
    # x, y, outcome, and where x stood.
    [
        *[(0, 2, 2, 1), (2, 1, 0, 1), (1, 2, 2, 1), (0, 2, 2, 1), (2, 1, 0, 1), (1, 0, 2, 1), (2, 1, 2, 1)],
        *[(2, 0, 2, 1), (2, 0, 2, 1), (2, 0, 1, 1), (0, 2, 1, -1), (0, 2, 2, 1), (2, 1, 0, 1), (2, 0, 1, 1)],
    ],
    [(1, 0, 2, -1), (1, 2, 2, 1), (1, 0, 0, -1), (2, 1, 0, 1), (2, 1, 2, 1), (1, 2, 2, -1), (2, 1, 0, 1)],
]


@pytest.mark.parametrize("rows", ALWAYS_THE_LEFT)
def test_where_a_place_could_explain_everything_no_gain_is_made_up(rows):
    """The likelihood rises without end along some shift of strengths and gain: Newton's steps end in rounding."""
    table = np.array(rows)
    votes = make(table[:, :3], left=table[:, 3])
    assert has_finite_fit(tally(votes))
    with pytest.raises(NotConverged):
        rate(votes, Settings(first_place=True, clusters="none"), "people")


def test_davidson_keeps_its_intervals_where_one_of_a_million_lost():
    rows = [(0, 1, 2), (1, 0, 2), (0, 1, 1), (1, 2, 2), (2, 1, 2), (1, 2, 1)]
    votes = make(rows * 12, count=[10**6, 1, 1, 5, 4, 3] * 12, prompt=np.arange(72) // 6, rater=np.arange(72) % 5)
    for clusters in ("none", "prompt", "worker", "both"):
        board = rate(votes, Settings(method="davidson", clusters=clusters), "people")
        assert np.isfinite(board.groups[0].ratings.covariance).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"outcome": np.array([3])}, "outcome"),
        ({"outcome": np.array([-1])}, "outcome"),
        ({"x": np.array([5])}, "x holds"),
        ({"y": np.array([-1])}, "y holds"),
        ({"left": np.array([2])}, "left"),
        ({"count": np.array([-1])}, "count"),
        ({"importance": np.array([np.nan])}, "importance"),
        ({"importance": np.array([np.inf])}, "importance"),
        ({"soft": np.array([1.5])}, "soft"),
        ({"prompt": np.array([0, 1])}, "shape"),
        ({"count": np.array([0.5])}, "integer"),
        ({"names": ("same", "same")}, "same name"),
    ],
)
def test_arrays_that_are_no_comparisons_are_refused(wrong, said):
    good = {"names": ("a", "b"), "x": np.array([0]), "y": np.array([1]), "outcome": np.array([2])}
    with pytest.raises(BadVotes, match=said):
        Votes(**{**good, **wrong})


def test_a_model_compared_with_itself_is_refused():
    with pytest.raises(BadVotes, match="itself"):
        tally(make([(1, 1, 2), (0, 1, 2)]))


def test_votes_cannot_be_changed():
    votes = draw(0)
    with pytest.raises(ValueError, match="read-only"):
        votes.x[0] = 1
    with pytest.raises(FrozenInstanceError):
        votes.x = votes.y


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "bradley-tery"}, "No method is named"),
        ({"ties": "halve"}, "half, drop, model"),
        ({"clusters": "workers"}, "none, prompt, worker, both"),
        ({"correction": "HC3"}, "CR0, CR1, CR3"),
        ({"intervals": "bayes"}, "sandwich, bootstrap"),
        ({"ties": "model"}, "davidson"),
        ({"ties": "half", "method": "davidson"}, "davidson"),
        ({"method": "elo", "first_place": True}, "cannot estimate position bias"),
        ({"method": "elo", "clusters": "both"}, "cannot choose which prompts or raters"),
        ({"method": "davidson", "intervals": "bootstrap"}, "bootstrap"),
        ({"intervals": "bootstrap", "first_place": True}, "sandwich"),
        ({"redraw": "permute"}, "elo-bootstrap"),
        ({"baseline": "model 0"}, "baseline"),
        ({"method": "baseline-win-rate"}, "baseline"),
        ({"anchor": ("nobody", 1.0)}, "not on this leaderboard"),
        ({"method": "style-controlled"}, "needs the text"),
        ({"rounds": 0}, "round"),
        ({"seed": -1}, "seed"),
        ({"anchor": ("model 0", float("nan"))}, "finite"),
        ({"anchor": ("model 0", 1000.0), "method": "pagerank"}, "anchor"),
        ({"anchor": ("model 0", 1000.0), "method": "average-win-rate"}, "anchor"),
        ({"simultaneous": True, "method": "elo"}, "at once"),
        ({"simultaneous": True, "method": "elo-bootstrap", "redraw": "permute"}, "at once"),
        ({"intervals": "bootstrap", "correction": "CR1"}, "Corrections apply only to sandwich intervals"),
        ({"clusters": "none", "correction": "CR1"}, "use CR0. CR1 is for votes in clusters"),
        ({"method": "elo", "correction": "CR1"}, "has no correction setting"),
        ({"method": "baseline-win-rate", "baseline": "model 0", "correction": "CR0"}, "has no correction setting"),
        ({"method": "elo-bootstrap", "redraw": "resample", "intervals": "bootstrap"}, "has no bootstrap intervals"),
        ({"method": "newman", "ties": "drop"}, "probability of their own"),
        ({"method": "newman", "ties": "half"}, "probability of their own"),
        ({"method": "davidson", "ties": "drop"}, "probability of their own"),
        ({"method": "newman", "ties": "model"}, "davidson"),
        ({"rounds": 5}, "Rounds"),
    ],
)
def test_misspelt_and_contradictory_options_are_refused(options, said):
    with pytest.raises(Contradiction, match=said):
        rate(draw(0), Settings(**options), "people")


@pytest.mark.parametrize(
    "options",
    [{"clusters": "worker"}, {"simultaneous": True}, {"intervals": "bootstrap"}, {"correction": "CR1"}],
    ids=lambda options: next(iter(options)),
)
def test_what_is_asked_of_intervals_is_refused_where_people_and_judges_are_mixed(options):
    with pytest.raises(Contradiction, match="have no intervals"):
        rate(draw(0), Settings(**options), "all")


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ("correction", {"method": "elo"}),
        ("correction", {"clusters": "none"}),
        ("correction", {"intervals": "bootstrap"}),
        ("correction", {"method": "baseline-win-rate", "baseline": "model 0"}),
        ("intervals", {"method": "pagerank"}),
        ("rounds", {}),
    ],
)
def test_a_default_that_is_given_by_name_has_to_mean_something(told, options):
    settings = Settings(**options)
    assert method(settings, "people") is METHODS[settings.method]
    with pytest.raises(Contradiction):
        method(settings, "people", told=[told])


def test_ties_can_be_dropped():
    votes = draw(1, ties=0.5)
    dropped = rate(votes, Settings(ties="drop", clusters="none"), "people")
    without = rate(votes.where(votes.outcome != 1), Settings(clusters="none"), "people")
    assert dropped.groups[0].ratings.scores == pytest.approx(without.groups[0].ratings.scores)
    assert dropped.comparisons == without.comparisons < len(votes)


def test_all_ties_leave_models_level():
    votes = replace(draw(2), outcome=np.ones(300, dtype=int))
    ratings = rate(votes, Settings(clusters="none"), "people").groups[0].ratings
    assert ratings.scores == pytest.approx(0, abs=1e-12)
    assert ranks(ratings).tolist() == [1] * 6
    for name in ("davidson", "newman"):
        with pytest.raises(NotConverged, match="Every verdict is a tie"):
            rate(votes, Settings(method=name), "people")


def test_wins_that_lead_in_no_circle_have_no_eigenvector_and_the_method_says_so():
    votes = make([(0, 1, 2), (1, 2, 2), (0, 2, 2)] * 4)
    with pytest.raises(NotConverged, match="needs a cycle of wins"):
        rate(votes, asked("eigen"), "people")
    back = make([(0, 1, 2), (1, 2, 2), (0, 2, 2), (2, 0, 2)] * 4)
    assert np.isfinite(rate(back, asked("eigen"), "people").groups[0].ratings.scores).all()


def test_a_first_place_effect_needs_to_know_a_place():
    with pytest.raises(Contradiction, match="Position bias cannot be estimated"):
        rate(replace(draw(0), left=None), Settings(first_place=True), "people")
    with pytest.raises(Contradiction, match="Position bias cannot be estimated"):
        rate(replace(draw(0), left=np.zeros(300, dtype=int)), Settings(first_place=True), "people")


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("rows", "arrays"),
    [
        ([(0, 1, 2)], {}),
        ([(0, 1, 1)], {}),
        ([(0, 1, 2), (1, 2, 2), (2, 3, 2)], {}),
        ([(0, 1, 2), (1, 0, 2), (0, 1, 1)], {"count": [0, 5, 1]}),
        ([(0, 1, 2), (1, 0, 2), (0, 1, 1)], {"importance": [0.0, 1e-9, 1e9]}),
        ([(0, 1, 2), (0, 1, 0)] * 30, {}),
    ],
    ids=["one win", "one tie", "a chain", "zero counts", "extreme importance", "one pair"],
)
def test_whatever_is_rated_is_finite_or_refused_in_words(name, rows, arrays):
    size = len(rows)
    plain = {"left": [1, -1] * size, "prompt": list(range(size)), "rater": [0, 1, 2] * size}
    votes = make(rows, **{key: array[:size] for key, array in plain.items()}, **arrays)
    votes = replace(votes, style=np.random.default_rng(0).normal(size=(size, 4)))
    refused = contextlib.suppress(NotConverged, Contradiction)
    with refused:
        for group in rate(votes, asked(name), "people").groups:
            for values in (group.ratings.scores, group.ratings.low, group.ratings.high):
                assert values is None or np.isfinite(values).all()


def test_an_eigenvector_is_found_where_models_only_meet_across_two_camps():
    # Of a star the wins lead back and forth: the shares are those of the largest eigenvalue all the same.
    rows = [(0, 1, 2), (0, 1, 0), (0, 2, 2), (0, 2, 0), (0, 3, 2), (0, 3, 0), (0, 3, 0)] * 8
    found = rate(make(rows), asked("eigen"), "people").groups[0].ratings.scores
    assert found == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 3], abs=1e-9)
    two = rate(make([(0, 1, 2)] * 30 + [(0, 1, 0)] * 10), asked("eigen"), "people").groups[0].ratings
    assert two.scores == pytest.approx(np.sqrt([30, 10]) / np.sqrt([30, 10]).sum(), abs=1e-9)


@pytest.mark.parametrize(("won", "lost", "noted"), [(30, 10, True), (10, 30, True), (40, 0, False)])
def test_two_models_have_equal_pageranks_whoever_won_more_and_the_board_says_so(won, lost, noted):
    votes = make([(0, 1, 2)] * won + [(0, 1, 0)] * lost)
    ratings = rate(votes, asked("pagerank"), "people").groups[0].ratings
    assert (ratings.notices == ("two-models",)) == noted
    assert (ratings.scores[0] == pytest.approx(ratings.scores[1])) == noted


BALANCED = {"prompt": [row % 12 for row in range(40)], "rater": [row % 11 for row in range(40)]}
LIKE = [(0, 1, 1)] * 40


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (LIKE, {}),
        (LIKE, {"clusters": "none"}),
        (LIKE, {"intervals": "bootstrap", "rounds": 20}),
        ([(0, 1, 2)] * 40, {"method": "elo-bootstrap", "redraw": "resample", "rounds": 20}),
        ([(0, 1, 2)] * 30 + [(0, 1, 0)] * 10, {"clusters": "both"}),
    ],
    ids=["all ties", "all ties, independent", "all ties, redrawn", "all wins, redrawn", "balanced to the last"],
)
def test_verdicts_without_spread_are_no_certainty_and_the_board_says_so(rows, options):
    ratings = rate(make(rows, **BALANCED), Settings(**options), "people").groups[0].ratings
    assert (ratings.high - ratings.low).min() < 1e-9
    assert "no-width" in ratings.notices
    assert verdict(ratings) is None


@pytest.mark.parametrize("clusters", ["none", "prompt", "worker", "both"])
def test_a_share_without_spread_is_not_certain(clusters):
    """Model b won all of its 12 comparisons with the baseline; model c's came from one prompt, or one rater."""
    rows = [(1, 0, 2)] * 12 + [(2, 0, 2), (2, 0, 0), (2, 0, 2), (2, 0, 2)] + [(3, 0, 2), (3, 0, 0)] * 20
    one = [3] * 4 if clusters == "prompt" else [0, 1, 2, 3]
    votes = make(
        rows, prompt=[*range(12), *one, *[row % 13 for row in range(40)]], rater=[*range(12), *[5] * 4, *range(40)]
    )
    settings = Settings(method="baseline-win-rate", baseline="model a", clusters=clusters)
    ratings = rate(votes, settings, "people").groups[0].ratings
    place = {name: at for at, name in enumerate(ratings.names)}
    low, high = ratings.low, ratings.high
    assert "no-spread" in ratings.notices
    assert ratings.scores[place["model b"]] == high[place["model b"]] == 1
    assert 0.6 < low[place["model b"]] < 0.9
    assert high[place["model c"]] - low[place["model c"]] > 0.4
    assert low[place["model a"]] == high[place["model a"]] == 0.5
    assert low.min() >= 0
    assert high.max() <= 1
    errors = standard_errors(ratings)
    assert (errors[~np.eye(len(errors), dtype=bool)] > 0).all()


@pytest.mark.parametrize("number", [2, 3, 5, 12, 100])
def test_a_share_of_all_or_nothing_is_as_unsure_as_with_four_verdicts_more(number):
    """Agresti and Coull's interval is not about the share itself, so its lower end is what is held on to."""
    rows = [(1, 0, 2)] * number + [(2, 0, 0)] * number
    settings = Settings(method="baseline-win-rate", baseline="model a", clusters="none")
    ratings = rate(make(rows), settings, "people").groups[0].ratings
    share = (number + 2) / (number + 4)
    low = share - 1.959964 * np.sqrt(share * (1 - share) / (number + 4))
    assert ratings.low.tolist() == pytest.approx([0.5, low, 0])
    assert ratings.high.tolist() == pytest.approx([0.5, 1, 1 - low])
    # A fair coin falls the same way twice in a row every other time, and hardly ever a dozen times.
    apart = better(ratings)
    assert apart[1, 0] == (number >= 5)


@pytest.mark.parametrize("options", [{"clusters": "none"}, {"clusters": "worker"}, {"method": "davidson"}])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_few_verdicts_one_way_tell_no_two_models_apart_and_the_board_says_so(options, number):
    rows = [(0, 1, 2)] * number + [(1, 2, 2), (1, 2, 0), (1, 2, 1)] * 40
    votes = make(rows, prompt=[row % 20 for row in range(len(rows))], rater=[row % 30 for row in range(len(rows))])
    ratings = rate(votes, Settings(**options), "people").groups[0].ratings
    assert ratings.prior
    assert "few-one-way" in ratings.notices
    above = better(ratings)
    assert not above[0].any()
    assert not above[:, 0].any()
    told = verdict(ratings)
    assert (told.level, told.worst_place) == (3, 3)
    assert chance_of_best(ratings) is None


def test_one_vote_tells_nothing_of_two_models():
    ratings = rate(make([(0, 1, 2)]), Settings(clusters="none"), "people").groups[0].ratings
    assert ratings.scores[0] > ratings.scores[1]
    assert ratings.low[0] > ratings.high[1]
    assert verdict(ratings) == Verdict(level=2, best="model a", worst_place=2)


def test_many_verdicts_one_way_tell_a_model_apart():
    rows = [(0, 1, 2)] * 6 + [(1, 2, 2), (1, 2, 0)] * 40
    ratings = rate(make(rows), Settings(clusters="none"), "people").groups[0].ratings
    assert ratings.prior
    assert "few-one-way" not in ratings.notices
    assert better(ratings)[0].tolist() == [False, True, True]


def test_circles_of_models_are_told_apart_within_and_not_across_few_verdicts():
    """a and b beat one another, c and d too; a pair of verdicts joins the two circles."""
    inner = [(0, 1, 2)] * 60 + [(0, 1, 0)] * 20 + [(2, 3, 2)] * 60 + [(2, 3, 0)] * 20
    ratings = rate(make([*inner, (0, 2, 2), (1, 3, 2)]), Settings(clusters="none"), "people").groups[0].ratings
    above = better(ratings)
    assert above[0, 1]
    assert above[2, 3]
    assert above.sum() == 2
