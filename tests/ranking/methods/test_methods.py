"""What every method of the registry promises, and what each promises by itself."""

from dataclasses import replace

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from ranking.methods import style
from ranking.methods.board import rate
from ranking.methods.ratings import points, ranks
from ranking.methods.registry import METHODS
from ranking.methods.settings import Contradiction, Settings
from ranking.methods.tally import Votes, tally
from tests.ranking.drawn_votes import draw, make, relabelled, seeds, swapped

NAMES = list(METHODS)
ORDERLESS = [name for name in NAMES if not METHODS[name].in_order]


def asked(name: str, **options) -> Settings:
    extra = {
        "elo-bootstrap": {"redraw": "resample", "rounds": 200},
        "baseline-win-rate": {"baseline": "model 0"},
    }.get(name, {})
    return Settings(method=name, **extra, **options)


def with_style(votes: Votes, seed: int = 0) -> Votes:
    return replace(votes, style=np.random.default_rng(seed).normal(size=(len(votes), 4)))


def scores(votes: Votes, name: str, **options) -> dict[str, float]:
    board = rate(votes, asked(name, **options), "people")
    return {
        model: score
        for group in board.groups
        for model, score in zip(group.ratings.names, group.ratings.scores, strict=True)
    }


def rows_of(votes: Votes, index: np.ndarray) -> Votes:
    arrays = ("x", "y", "outcome", "left", "prompt", "rater", "style")
    return replace(votes, **{name: getattr(votes, name)[index] for name in arrays})


def assert_same(one: dict[str, float], other: dict[str, float]) -> None:
    assert one.keys() == other.keys()
    for name, score in one.items():
        assert score == pytest.approx(other[name], abs=1e-7, rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_wins_nine_of_ten_against_every_other_is_first(name):
    rows = [(0, other, 2) for other in range(1, 5) for _time in range(54)]
    rows += [(other, 0, 2) for other in range(1, 5) for _time in range(6)]
    rows += [(one, other, 2) for one in range(1, 5) for other in range(1, 5) if one != other for _time in range(30)]
    order = np.random.default_rng(0).permutation(len(rows))
    zeros = [0] * len(rows)
    votes = make(np.array(rows)[order], left=zeros, prompt=zeros, rater=zeros)
    votes = with_style(replace(votes, names=tuple(f"model {code}" for code in range(5))))
    found = scores(votes, name)
    if name == "baseline-win-rate":
        assert all(found["model 0"] > score for model, score in found.items() if model != "model 0")
    else:
        assert max(found, key=found.__getitem__) == "model 0"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5)
@given(seeds)
def test_what_models_are_called_does_not_matter(name, seed):
    votes = with_style(draw(seed))
    moved = relabelled(votes, np.random.default_rng(seed).permutation(6))
    assert_same(scores(votes, name), scores(moved, name))


@pytest.mark.parametrize("name", ORDERLESS)
@settings(max_examples=5)
@given(seeds)
def test_the_order_of_votes_does_not_matter_but_to_elo(name, seed):
    votes = with_style(draw(seed))
    assert_same(scores(votes, name), scores(rows_of(votes, np.random.default_rng(seed).permutation(len(votes))), name))


@pytest.mark.parametrize("name", ORDERLESS)
@settings(max_examples=5)
@given(seeds)
def test_equal_votes_may_be_counted_or_written_out(name, seed):
    votes = with_style(draw(seed))
    counts = np.random.default_rng(seed).integers(1, 4, size=len(votes))
    written = rows_of(votes, np.repeat(np.arange(len(votes)), counts))
    assert_same(scores(replace(votes, count=counts), name), scores(written, name))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=5)
@given(seeds)
def test_which_of_the_two_is_called_x_does_not_matter(name, seed):
    votes = with_style(draw(seed))
    rows = np.random.default_rng(seed).random(len(votes)) < 0.5
    turned = swapped(votes, rows)
    turned = replace(turned, style=np.where(rows[:, None], -votes.style, votes.style))
    assert_same(scores(votes, name), scores(turned, name))


@pytest.mark.parametrize("name", NAMES)
def test_a_result_echoes_its_settings(name):
    wanted = asked(name)
    board = rate(with_style(draw(0)), wanted, "people")
    assert all(group.ratings.settings == wanted for group in board.groups)


@settings(max_examples=10)
@given(seeds)
def test_davidson_is_newman_run_to_convergence(seed):
    votes = draw(seed, rows=600)
    ours = rate(votes, asked("davidson"), "people").groups[0].ratings
    words = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    theirs = evalica.newman(
        votes.x.tolist(), votes.y.tolist(), [words[outcome] for outcome in votes.outcome],
        index=pd.RangeIndex(6), tolerance=1e-13, limit=100_000,
    )  # fmt: skip
    log = np.log(theirs.scores.sort_index().to_numpy())
    assert ours.scores == pytest.approx(log - log.mean(), abs=1e-9)
    assert np.exp(ours.coefficients[0].value) == pytest.approx(2 * theirs.v, rel=1e-9)
    newman = rate(votes, asked("newman"), "people").groups[0].ratings
    assert newman.scores == pytest.approx(ours.scores, abs=1e-9)
    assert ours.gradient < 1e-9


@pytest.mark.parametrize("clusters", ["none", "prompt", "worker", "both"])
def test_davidson_intervals_are_those_of_its_scores(clusters):
    """Against the sandwich of dense scores, the information by differences of the likelihood's gradient."""
    votes = draw(9, rows=800)
    ratings = rate(votes, asked("davidson", clusters=clusters, correction="CR0"), "people").groups[0].ratings
    theta, log_nu = ratings.scores, ratings.coefficients[0].value

    def score(parameters):
        design = np.zeros((len(votes), 6))
        design[np.arange(len(votes)), votes.x] += 1
        design[np.arange(len(votes)), votes.y] -= 1
        difference = design @ parameters[:6]
        weights = np.exp(np.stack([difference / 2, np.full_like(difference, parameters[6]), -difference / 2]))
        win, tie, _loss = weights / weights.sum(axis=0)
        return np.column_stack([design * (votes.outcome / 2 - win - tie / 2)[:, None], (votes.outcome == 1) - tie])

    at = np.append(theta, log_nu)
    steps = np.eye(7) * 1e-6
    information = -np.stack([(score(at + step) - score(at - step)).sum(axis=0) / 2e-6 for step in steps])
    bread, rows = np.linalg.pinv(information, rcond=1e-6), score(at)

    def meat(codes):
        sums = np.stack([rows[codes == code].sum(axis=0) for code in np.unique(codes)])
        return bread @ sums.T @ sums @ bread

    cells = votes.prompt * 100 + votes.rater
    expected = {
        "none": lambda: meat(np.arange(len(votes))),
        "prompt": lambda: meat(votes.prompt),
        "worker": lambda: meat(votes.rater),
        "both": lambda: meat(votes.prompt) + meat(votes.rater) - meat(cells),
    }[clusters]()
    if np.linalg.eigvalsh(expected).min() > -1e-10:
        assert ratings.uncertainty.covariance == pytest.approx(expected, abs=1e-6)
    else:
        assert np.trace(ratings.uncertainty.covariance) > np.trace(expected)


def test_davidson_without_ties_is_bradley_terry_and_says_so():
    votes = draw(2, ties=0.0)
    ratings = rate(votes, asked("davidson"), "people").groups[0].ratings
    assert ratings.scores == pytest.approx(rate(votes, asked("bradley-terry"), "people").groups[0].ratings.scores)
    assert "no-ties" in ratings.notices


def test_elo_is_evalicas_in_the_order_of_the_votes():
    votes = draw(3)
    words = [evalica.Winner.Y, evalica.Winner.Draw, evalica.Winner.X]
    theirs = evalica.elo(
        votes.x.tolist(), votes.y.tolist(), [words[outcome] for outcome in votes.outcome], index=pd.RangeIndex(6)
    ).scores.sort_index()
    assert rate(votes, asked("elo"), "people").groups[0].ratings.scores == pytest.approx(theirs.to_numpy())
    backwards = rows_of(with_style(votes), np.arange(len(votes))[::-1])
    assert scores(backwards, "elo") != scores(votes, "elo")


def test_reordering_is_called_an_order_range_and_resampling_an_interval():
    votes = draw(4)
    permuted = rate(votes, Settings(method="elo-bootstrap", redraw="permute", rounds=300), "people").groups[0].ratings
    resampled = rate(votes, Settings(method="elo-bootstrap", redraw="resample", rounds=300), "people").groups[0].ratings
    assert permuted.order_range
    assert permuted.clusters is None
    assert not resampled.order_range
    assert resampled.clusters == "none"
    assert (resampled.high - resampled.low).mean() > (permuted.high - permuted.low).mean()
    with pytest.raises(Contradiction, match="permute or resample"):
        Settings(method="elo-bootstrap")


def test_pagerank_and_eigenvalues_warn_where_models_were_compared_unevenly():
    even = make([(one, other, outcome) for one in range(3) for other in range(3) if one != other for outcome in (0, 2)])
    uneven = make([(0, 1, 2), (0, 1, 0)] * 5 + [(1, 2, 2), (1, 2, 0)])
    for name in ("pagerank", "eigen"):
        assert rate(even, asked(name), "people").groups[0].ratings.notices == ()
        assert "uneven" in rate(uneven, asked(name), "people").groups[0].ratings.notices


def test_average_win_rate_counts_every_opponent_alike():
    votes = make([(0, 1, 2)] * 9 + [(0, 1, 0)] + [(0, 2, 0)] * 100 + [(2, 1, 1)])
    found = scores(votes, "average-win-rate")
    assert found["model a"] == pytest.approx((0.9 + 0) / 2)
    assert found["model b"] == pytest.approx((0.1 + 0.5) / 2)


def test_baseline_win_rate_has_the_standard_error_of_a_mean():
    rows = [(1, 0, 2)] * 6 + [(0, 1, 2)] * 3 + [(1, 0, 1)] * 1 + [(2, 0, 2)] * 2 + [(2, 1, 2)] * 50
    votes = replace(make(rows), names=("model 0", "model 1", "model 2"))
    (group,) = rate(votes, asked("baseline-win-rate", clusters="none"), "people").groups
    shares = np.array([1] * 6 + [0] * 3 + [0.5])
    place = group.ratings.names.index("model 1")
    assert group.ratings.scores[place] == pytest.approx(0.65)
    assert points(group.ratings).error[place] == pytest.approx(shares.std(ddof=1) / np.sqrt(10))
    assert group.comparisons[place] == 10


def test_soft_verdicts_are_shares_and_not_every_method_takes_them():
    rng = np.random.default_rng(0)
    soft = rng.random(40)
    votes = make([(1, 0, 2)] * 40, soft=soft)
    votes = replace(votes, names=("model 0", "model 1"))
    (group,) = rate(votes, asked("baseline-win-rate", clusters="none"), "people").groups
    place = group.ratings.names.index("model 1")
    assert group.ratings.scores[place] == pytest.approx(soft.mean())
    assert points(group.ratings).error[place] == pytest.approx(soft.std(ddof=1) / np.sqrt(40))
    with pytest.raises(Contradiction, match="soft verdicts"):
        rate(votes, asked("elo"), "people")


def test_clustered_baseline_win_rates_sum_within_clusters():
    votes = draw(5, rows=900, models=2)
    (group,) = rate(votes, asked("baseline-win-rate", clusters="prompt"), "judge").groups
    other = np.where(votes.x == 0, 2 - votes.outcome, votes.outcome) / 2
    sums = np.bincount(votes.prompt, weights=other - other.mean(), minlength=12)
    error = np.sqrt(12 / 11 * (sums**2).sum()) / 900
    assert points(group.ratings).error[group.ratings.names.index("model 1")] == pytest.approx(error)


def test_a_clustered_win_rate_is_corrected_for_the_clusters_of_its_own_model():
    """Whether many more prompts have been asked of another model makes this one's share no surer."""
    rows = [(1, 0, 2), (1, 0, 0), (1, 0, 2), (1, 0, 2)] + [(2, 0, 2), (2, 0, 0)] * 20
    votes = replace(
        make(rows, prompt=[0, 0, 1, 1, *[row % 20 for row in range(40)]], rater=[0] * 44),
        names=("model 0", "model 1", "model 2"),
    )
    (group,) = rate(votes, asked("baseline-win-rate", clusters="prompt"), "judge").groups
    sums = np.array([0.5 - 0.75, 1 - 0.75]) * 2 / 4
    error = np.sqrt(2 / (2 - 1) * (sums**2).sum())
    assert points(group.ratings).error[group.ratings.names.index("model 1")] == pytest.approx(error)


def test_style_is_told_from_strength():
    rng = np.random.default_rng(1)
    x = rng.integers(4, size=20_000)
    y = (x + rng.integers(1, 4, size=20_000)) % 4
    strength = np.array([0.6, 0.2, -0.2, -0.6])
    # Weak models write more, and more is liked.
    features = np.column_stack([(strength[y] - strength[x]) + rng.normal(size=20_000), np.zeros((20_000, 3))])
    size = np.sqrt((features[:, 0] ** 2).mean())
    chance = 1 / (1 + np.exp(-(strength[x] - strength[y] + 0.5 * features[:, 0] / size)))
    votes = make(np.column_stack([x, y, 2 * (rng.random(20_000) < chance)]), style=features, prompt=x * 0, rater=x * 0)
    plain = rate(votes, asked("bradley-terry", clusters="none"), "people").groups[0].ratings
    controlled = rate(votes, asked("style-controlled", clusters="none"), "people").groups[0].ratings
    assert controlled.scores == pytest.approx(strength, abs=0.06)
    assert np.abs(plain.scores - strength).max() > 0.1
    (words,) = controlled.coefficients
    assert words.name == "style: words"
    assert words.low < 0.5 < words.high


def test_features_of_style_are_counted_outside_code():
    text = "# Title\n\nTwo **bold** __words__ here.\n\n- one\n* two\n3. three\n\n```\n# comment\n- x **y**\n```\n"
    assert style.features(text)[1:] == (1, 3, 2)
    assert style.features("") == (0, 0, 0, 0)
    assert style.features("one two  three")[0] == 3
    assert style.differences(np.array([[3, 0, 1, 0]]), np.array([[1, 0, 0, 2]])) == pytest.approx(
        np.array([[0.5, 0, 1, -1]])
    )


def test_an_anchor_shifts_every_scale_of_points():
    votes = with_style(draw(6))
    for name in ("bradley-terry", "davidson", "elo", "newman", "style-controlled"):
        free = rate(votes, asked(name), "people").groups[0].ratings
        held = rate(votes, asked(name, anchor=("model 3", 1234.0)), "people").groups[0].ratings
        shift = points(held).rating - points(free).rating
        assert np.ptp(shift) < 1e-9
        assert points(held).rating[3] == pytest.approx(1234)
        assert (ranks(held) == ranks(free)).all()


def test_a_million_votes_are_counted_like_a_hundred():
    votes = draw(7, models=30, rows=200_000)
    expected = np.zeros((30, 30))
    np.add.at(expected, (votes.x[votes.outcome == 2], votes.y[votes.outcome == 2]), 1)
    np.add.at(expected, (votes.y[votes.outcome == 0], votes.x[votes.outcome == 0]), 1)
    found = tally(votes)
    assert (found.wins == expected).all()
    assert found.compared.sum() == 2 * 200_000


def test_one_verdict_against_the_baseline_is_no_share():
    votes = make([(0, 1, 2), (0, 1, 0), (0, 2, 2)])
    ratings = rate(votes, Settings(method="baseline-win-rate", baseline="model a", clusters="none"), "people")
    assert ratings.groups[0].ratings.names == ("model a", "model b")
    assert ratings.unmet == ("model c",)


@pytest.mark.parametrize("name", ["pagerank", "eigen"])
@pytest.mark.parametrize(("more", "told"), [(1, ()), (3, ("uneven",))])
def test_a_fifth_more_comparisons_are_uneven(name, more, told):
    # The third model has 20 comparisons, the others 20 + 2 * `more`, which above 24 is more than a fifth more.
    pair = [(0, 1, 2), (0, 1, 0)] * 5 + [(0, 1, 2)] * (2 * more)
    votes = make([*pair, *[(0, 2, 2), (2, 0, 2), (1, 2, 2), (2, 1, 2)] * 5])
    assert rate(votes, Settings(method=name), "people").groups[0].ratings.notices == told
