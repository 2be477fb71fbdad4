"""A board says who compared, and what a judge's preference for a side may have done to its ratings."""

import random

import pytest
from django.urls import reverse

from annotation.models import Rater, RaterKind, Study
from ranking.boards import compute, snapshots
from ranking.methods.settings import Settings
from ranking.pages import leaderboard, trust
from ranking.votes import reader
from ranking.votes.evidence import facts
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db


def computed(study: Study, raters: str = "all", **settings):
    return compute.compute(study, Filters(raters=raters), Settings(**settings)).sheet


def counted(study: Study, raters: str = "all"):
    return facts(study, Filters(raters=raters), reader.cut(study))


def notices(sheet) -> set[str]:
    return {word for group in sheet["groups"] for word in group["notices"]}


def one_sided(study: Study, name: str = "gpt9", *, left: str = "x") -> None:
    """A judge that says left, whatever is there, on all pairs but a few."""
    rater, other = judge(study, name), {"x": "y", "y": "x"}
    sides = random.Random(2)  # noqa: S311  no secret
    for pair in study.pairs.order_by("pk"):
        shown = sides.choice("xy")
        preferred = shown if left == "x" else other[shown]
        vote(rater, pair, preferred if sides.random() < 0.85 else other[preferred], left=shown)


def test_a_mix_is_only_called_one_where_people_and_judges_compared():
    study = build_study(models=3, prompts=12)
    one_sided(study)
    assert notices(computed(study)) == {"only-judge"}
    one_sided(study, "owl")
    assert notices(computed(study)) == {"only-judges"}
    vote(person(study), study.pairs.first(), "x")
    assert notices(computed(study)) == {"mixed-raters"}
    study = voted_study("people-alone")
    assert notices(computed(study)) == {"only-people"}
    crowd = Rater.objects.create(study=study, kind=RaterKind.CROWD, name="crowd:arena")
    vote(crowd, study.pairs.first(), "x")
    assert notices(computed(study)) == {"only-people"}


def test_what_went_in_is_told_beside_what_was_said_and_by_whom():
    study = voted_study(people=2)
    rater = judge(study)
    for pair in study.pairs.all():
        for trial, left in enumerate(("x", "y")):
            vote(rater, pair, "x", left=left, trial=trial)
    found = counted(study)
    assert [found[name] for name in ("votes", "people", "people_votes", "judges", "judge_votes")] == [
        288,
        2,
        144,
        1,
        144,
    ]
    snapshots.recompute_changed(NOW)
    board = study.leaderboards.get(raters="all", method="bradley-terry")
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    told = {line.term: line for line in trust.lines(board)}
    assert told["People and judges"].value == "144 votes by 2 people, 144 verdicts by 1 judge"
    assert told["Comparisons used"].value == "216, from 288 votes"
    assert "become one comparison" in told["Comparisons used"].means


def test_the_votes_of_a_crowd_are_not_told_as_those_of_known_people():
    study = voted_study(people=2)
    crowd = Rater.objects.create(study=study, kind=RaterKind.CROWD, name="crowd:arena")
    for trial in range(3):
        vote(crowd, study.pairs.first(), "x", trial=trial)
    vote(judge(study), study.pairs.first(), "x")
    snapshots.recompute_changed(NOW)
    board = study.leaderboards.get(raters="all", method="bradley-terry")
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    told = {line.term: line.value for line in trust.lines(board)}
    assert told["People and judges"] == "144 votes by 2 people, 3 votes by 1 crowd, 1 verdicts by 1 judge"


def test_a_judge_that_stands_alone_is_told_how_often_it_keeps_its_verdict():
    study = build_study(models=3, prompts=12)
    rater = judge(study)
    for number, pair in enumerate(study.pairs.order_by("pk")):
        vote(rater, pair, "x", left="x")
        vote(rater, pair, "x" if number % 2 else "y", left="y", trial=1)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = study.leaderboards.get(raters="gpt9", method="bradley-terry")
    told = {line.term: line.value for line in trust.lines(board)}
    assert told["Agreement with people"] == "unknown"
    assert told["Same verdict in both orders"] == "50% of 36"


def test_models_that_met_few_prompts_are_told():
    study = voted_study()
    assert counted(study, "people")["prompts_per_model"] == [12, 12]
    first = study.prompt_set.models.order_by("number").first()
    few = study.prompt_set.prompts.order_by("pk")[:2]
    study.comparisons.filter(pair__model_x=first).exclude(pair__prompt__in=list(few)).delete()
    assert counted(study, "people")["prompts_per_model"] == [2, 12]


def test_the_sides_of_a_mix_are_not_tested():
    study = build_study(models=4, prompts=12)
    one_sided(study)
    one_sided(study, "owl", left="y")
    assert counted(study, "gpt9")["position"]["p"] < 0.01
    assert counted(study)["position"]["p"] is None


def test_a_judge_asked_in_one_order_is_told_what_its_side_changes(client):
    study = build_study(models=4, prompts=12)
    one_sided(study)
    sheet = computed(study, "gpt9")
    side = sheet["read"]["side"]
    assert side["value"] > 200
    assert side["low"] > 0
    assert computed(study, "gpt9", clusters="none")["read"]["side"]["value"] == pytest.approx(side["value"])
    assert computed(study, "gpt9", method="elo")["read"]["side"] is not None
    by_name = {row["model"]: row["rating"] for row in sheet["groups"][0]["rows"]}
    fitted = {row["model"]: row["rating"] for row in computed(study, "gpt9", first_place=True)["groups"][0]["rows"]}
    most = max(by_name, key=lambda name: abs(fitted[name] - by_name[name]))
    assert abs(side["change"]) == pytest.approx(abs(fitted[most] - by_name[most]))
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    html = client.get(reverse("leaderboard", args=[study.slug]), {"raters": "gpt9"}).content.decode()
    assert 'data-says="one-order-changes' in html
    assert "gpt9 saw every pair in one order only" in html


def test_a_judge_asked_in_both_orders_or_with_its_side_estimated_is_told_nothing_of_the_kind():
    study = build_study(models=4, prompts=12)
    one_sided(study)
    assert computed(study, "gpt9", first_place=True)["read"]["side"] is None
    study = voted_study("both-orders", people=2)
    assert computed(study, "people")["read"]["side"] is None
    rater = judge(study)
    for pair in study.pairs.all():
        for trial, left in enumerate(("x", "y")):
            vote(rater, pair, "x", left=left, trial=trial)
    assert computed(study, "gpt9")["read"]["side"] is None
    snapshots.recompute_changed(NOW)
    board = study.leaderboards.get(raters="gpt9", method="bradley-terry")
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    assert not [said.code for said in leaderboard.notices(board)]
