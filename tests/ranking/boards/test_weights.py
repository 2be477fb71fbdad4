"""Boards of comparisons with weights, of soft verdicts, and of a crowd whose members are not known."""

from itertools import product

import numpy as np
import pytest

from annotation.models import Comparison, Rater, RaterKind, Study
from ranking.boards import compute, counting
from ranking.methods.board import rate
from ranking.methods.settings import Contradiction, Settings
from ranking.reports import agreement
from ranking.votes import reader
from ranking.votes.evidence import facts
from ranking.votes.reader import Filters
from tests.builders import build_study
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db


def board(study: Study, raters: str = "people", **settings):
    return compute.compute(study, Filters(raters=raters), Settings(**settings))


def shown(study: Study, raters: str = "people", **settings) -> dict[str, float]:
    (group,) = board(study, raters, **settings).sheet["groups"]
    return {row["model"]: row["rating"] for row in group["rows"]}


def soft_study(models: int = 6) -> tuple[Study, dict[str, list[float]]]:
    """A judge's shares against the first model, on every prompt, and them by the name of the other model."""
    study = build_study(models=models, prompts=12)
    rater = judge(study, "gpt9")
    baseline, *_rest = study.prompt_set.models.order_by("number")
    rng = np.random.default_rng(3)
    shares: dict[str, list[float]] = {}
    for pair in study.pairs.order_by("pk").select_related("model_x", "model_y"):
        if baseline.pk not in {pair.model_x_id, pair.model_y_id}:
            continue
        other = pair.model_y if pair.model_x_id == baseline.pk else pair.model_x
        share = float(rng.random())
        shares.setdefault(other.name, []).append(1 - share if other == pair.model_y else share)
        vote(rater, pair, "x" if share > 0.5 else "y", share=share)
    return study, shares


def test_win_rates_of_soft_verdicts_are_the_means_of_their_shares():
    study, shares = soft_study()
    baseline = study.prompt_set.models.order_by("number").first().name
    found = shown(study, "gpt9", method="baseline-win-rate", baseline=baseline)
    for name, values in shares.items():
        assert found[name] == pytest.approx(np.mean(values), abs=1e-15)
    # As the mean of winners they would be other numbers.
    Comparison.objects.update(share=None)
    hard = shown(study, "gpt9", method="baseline-win-rate", baseline=baseline)
    assert max(abs(hard[name] - found[name]) for name in shares) > 0.02


def test_weights_count_as_many_times():
    """A weight of three is three equal comparisons, for ratings."""
    one, other = voted_study("one", people=2), voted_study("other", people=2)
    chosen = [row for number, row in enumerate(Comparison.objects.filter(study=one).order_by("pk")) if number % 3 == 0]
    Comparison.objects.filter(pk__in=[row.pk for row in chosen]).update(weight=3.0)
    places = {pair.number: pair for pair in other.pairs.all()}
    for _round in range(2):
        extra = {row.rater_id: None for row in chosen}
        extra = {key: person(other) for key in extra}
        for row in chosen:
            vote(extra[row.rater_id], places[row.pair.number], row.winner, left=row.left)
    for settings in (
        {},
        {"method": "average-win-rate"},
        {"clusters": "none"},
        {"first_place": True},
        {"ties": "drop"},
        {"method": "style-controlled"},
    ):
        assert shown(one, **settings) == pytest.approx(shown(other, **settings), abs=1e-6)


def test_the_database_sums_weights_where_counts_are_enough():
    study = voted_study(people=3)
    rng = np.random.default_rng(1)
    for row in list(Comparison.objects.all()):
        share = {"x": 0.9, "y": 0.2, "tie": None}[row.winner]
        Comparison.objects.filter(pk=row.pk).update(
            weight=None if rng.random() < 0.3 else rng.random() + 0.1, share=share
        )
    line = reader.cut(study)
    counted, read = counting.read(study, Filters(), line), reader.read(study, Filters(), line)
    assert len(counted.votes) < len(read.votes)
    assert counted.votes.weight().sum() == pytest.approx(read.votes.weight().sum())
    settings = Settings(method="average-win-rate")
    one, other = (rate(each.votes, settings, "people").groups[0].ratings for each in (counted, read))
    assert one.scores == pytest.approx(other.scores, abs=1e-12)
    # The page computes it from the sums.
    assert board(study, method="average-win-rate").read.votes.prompt is None
    assert board(study, clusters="none").read.votes.prompt is not None


@pytest.mark.parametrize("method", ["elo", "davidson", "newman", "pagerank", "eigen"])
@pytest.mark.parametrize("column", ["weight", "share"])
def test_a_method_that_cannot_use_weights_says_so(method, column):
    study = voted_study(people=1)
    first = Comparison.objects.filter(winner="x").first()
    Comparison.objects.filter(pk=first.pk).update(**{column: 0.8})
    with pytest.raises(Contradiction, match="weight"):
        board(study, method=method)
    Comparison.objects.filter(pk=first.pk).update(**{column: None})
    assert board(study, method="elo").sheet["groups"]


def test_weights_and_shares_are_part_of_the_digest():
    study, _shares = soft_study()
    first = Comparison.objects.first()
    digests = {board(study, "gpt9").read.digest}
    for changes in ({"weight": 2.0}, {"weight": 3.0}, {"share": 0.123}):
        Comparison.objects.filter(pk=first.pk).update(**changes)
        digests.add(board(study, "gpt9").read.digest)
    assert len(digests) == 4


def test_a_judges_soft_verdicts_in_two_orders_are_one_with_their_mean_share():
    study = build_study(models=3, prompts=12)
    rater = judge(study)
    for pair, (trial, left) in product(study.pairs.all(), enumerate(("x", "y"))):
        vote(rater, pair, "x" if trial else "y", left=left, trial=trial, share=0.9 if trial else 0.3)
    read = board(study, "gpt9").read
    assert read.inconsistent == 0
    assert len(read.votes) == 36
    assert read.votes.soft == pytest.approx(0.6)


def test_the_boards_side_by_side_use_weights_and_shares_as_a_leaderboard_does():
    study = voted_study(people=2)
    rater, rng = judge(study), np.random.default_rng(4)
    for pair, (trial, left) in product(study.pairs.all(), enumerate(("x", "y"))):
        share = float(rng.random())
        vote(rater, pair, "x" if share > 0.5 else "y", left=left, trial=trial, share=share, weight=rng.random() + 0.1)
    told = agreement.report(study, reader.cut(study))["judges"]["gpt9"]["boards"]
    rows = {row["model"]: row for row in board(study, "gpt9").sheet["groups"][0]["rows"]}
    assert told["models"] == sorted(rows)
    for name, (rating, low, high) in zip(told["models"], told["judge"], strict=True):
        assert (rating, low, high) == pytest.approx([rows[name][end] for end in ("rating", "low", "high")])


def test_the_boards_side_by_side_do_not_take_a_crowd_for_one_rater():
    study = crowd_study()
    rater = judge(study)
    for pair in study.pairs.all():
        vote(rater, pair, "x")
    told = agreement.report(study, reader.cut(study))["judges"]["gpt9"]["boards"]
    rows = {row["model"]: row for row in board(study).sheet["groups"][0]["rows"]}
    for name, (rating, low, high) in zip(told["models"], told["people"], strict=True):
        assert (rating, low, high) == pytest.approx([rows[name][end] for end in ("rating", "low", "high")])


def crowd_study() -> Study:
    study = voted_study(people=3)
    crowd = Rater.objects.create(study=study, kind=RaterKind.CROWD, name="crowd:arena")
    for pair in study.pairs.all():
        for trial, winner in enumerate(("x", "y", "x")):
            vote(crowd, pair, winner, trial=trial)
    return study


def test_a_crowd_counts_as_people_and_as_nobody_in_particular():
    study = crowd_study()
    found = facts(study, Filters(), reader.cut(study))
    assert (found["votes"], found["people"], found["people_votes"], found["crowds"]) == (432, 3, 432, 1)
    alone = facts(voted_study("alone", people=3), Filters(), reader.cut(study))
    # Its votes on one pair may be by one person.
    assert found["agreement"] == alone["agreement"]
    (group,) = board(study).sheet["groups"]
    assert group["clusters"] == "prompt"
    assert "unknown-raters" in group["notices"]
    assert board(study, clusters="worker").sheet["groups"][0]["clusters"] is None
    report = agreement.report(study, reader.cut(study))
    assert report["people"]["votes"] == 216
    assert len(report["people"]["workers"]) == 3


@pytest.mark.parametrize(
    ("method", "soft"), [("elo", False), ("pagerank", False), ("style-controlled", False), ("style-controlled", True)]
)
def test_every_vote_of_a_crowd_counts_beside_the_verdicts_of_judges(method, soft):
    study = crowd_study()
    if soft:
        Comparison.objects.filter(rater__kind=RaterKind.CROWD, trial=0).update(share=0.9)
    vote(judge(study), study.pairs.first(), "x")
    found = board(study, "all", method=method)
    assert found.sheet["comparisons"] == study.comparisons.count() == 2 * 216 + 1
    assert found.read.inconsistent == 0


def test_without_a_crowd_raters_are_known():
    study = voted_study(people=3)
    (group,) = board(study).sheet["groups"]
    assert group["clusters"] == "both"
    assert "unknown-raters" not in group["notices"]
