"""manage.py plan says what a study can tell."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Comparison
from ranking.methods.ratings import ELO
from ranking.plans import sheet
from tests.builders import NOW, build_study
from tests.ranking.casting import voted_study

SMALL = ("--models", "6", "--prompts", "20", "--votes", "300")


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr("ranking.design.planner.plan.STUDIES", 100)
    defaults = sheet.plan.__kwdefaults__
    monkeypatch.setitem(defaults, "studies", 100)


def printed(capsys, *arguments: str) -> str:
    call_command("plan", *arguments)
    return capsys.readouterr().out


def data(capsys, *arguments: str):
    return json.loads(printed(capsys, *arguments, "--json"))


def test_a_plan_is_printed_with_its_assumptions(capsys):
    text = printed(capsys, *SMALL, "--pay", "12", "--goal", "tau=0.7", "--goal", "separated:1=0.3")
    assert "Kendall’s tau" in text
    assert "2.5 hours, 30.00 in pay" in text
    assert "Kendall’s tau is at least 0.70 on average: A" in text
    assert "The top model is told apart from every other in 30% of studies" in text
    assert "standard deviation of 116 points (default)" in text
    assert "6 models on 20 prompts, with 15 pairs of models on each. That is 1.0 votes per pair of answers" in text


def test_the_same_seed_prints_the_same_plan(capsys):
    assert data(capsys, *SMALL) == data(capsys, *SMALL)
    assert data(capsys, *SMALL) != data(capsys, *SMALL, "--seed", "1")


def test_assumptions_are_in_points_and_say_where_they_come_from(capsys):
    found = data(capsys, *SMALL, "--spread", "200", "--ties", "0.1")
    assert found["assumed"]["spread"] == {"value": pytest.approx(200), "from": "given"}
    assert found["assumed"]["ties"] == {"value": 0.1, "from": "given"}
    assert found["assumed"]["prompt_effect"] == {"value": pytest.approx(0.5 * ELO), "from": "default"}


def test_votes_follow_from_the_overlap(capsys):
    found = data(capsys, "--models", "5", "--prompts", "10", "--overlap", "3")
    assert found["votes"] == 300
    found = data(capsys, "--models", "5", "--prompts", "10", "--overlap", "3", "--pairs-per-prompt", "4")
    assert found["votes"] == 120


@pytest.mark.django_db
def test_a_study_gives_what_is_not_given(capsys):
    build_study(models=4, prompts=7, overlap=2)
    found = data(capsys, "--study", "haiku")
    assert (found["models"], found["prompts"], found["votes"]) == (4, 7, 84)
    assert data(capsys, "--study", "haiku", "--votes", "100", "--models", "9")["models"] == 9


@pytest.mark.django_db
def test_a_pilot_replaces_the_defaults(capsys):
    study = voted_study(people=4)
    found = data(capsys, *SMALL, "--pilot", "haiku")
    votes = Comparison.objects.filter(study=study)
    assert found["pilot"] == {"votes": votes.count(), "models": 4}
    assert found["assumed"]["ties"] == {"value": votes.filter(winner="tie").count() / votes.count(), "from": "pilot"}
    assert found["assumed"]["prompt_effect"]["from"] == found["assumed"]["worker_effect"]["from"] == "pilot"
    assert found["assumed"]["seconds"] == {"value": 30, "from": "default"}, "no times are stored"
    middle, low, high = found["spread"]
    assert low < middle < high
    assert "from the pilot’s 288 votes on 4 models" in printed(capsys, *SMALL, "--pilot", "haiku")


@pytest.mark.django_db
def test_the_time_of_a_vote_is_measured_and_a_long_break_hardly_counts(capsys):
    study = voted_study(people=4)
    Comparison.objects.filter(study=study).update(shown_at=NOW - timedelta(seconds=20))
    last = Comparison.objects.filter(study=study).latest("pk")
    Comparison.objects.filter(pk=last.pk).update(shown_at=NOW - timedelta(hours=9))
    assert data(capsys, *SMALL, "--pilot", "haiku")["assumed"]["seconds"] == {"value": 20, "from": "pilot"}
    assert data(capsys, *SMALL, "--pilot", "haiku", "--seconds", "45")["assumed"]["seconds"]["value"] == 45


@pytest.mark.django_db
def test_a_given_spread_stands_beside_a_pilot(capsys):
    voted_study(people=4)
    found = data(capsys, *SMALL, "--pilot", "haiku", "--spread", "90")
    assert found["spread"] == pytest.approx([90, 90, 90])


@pytest.mark.django_db
def test_the_models_of_the_pilot_can_be_those_of_the_study(capsys):
    voted_study(people=4)
    wide = data(capsys, "--models", "4", "--prompts", "20", "--votes", "300", "--pilot", "haiku")
    same = data(capsys, "--models", "4", "--prompts", "20", "--votes", "300", "--pilot", "haiku", "--same-models")
    assert same["same_models"]
    assert same["points"] != wide["points"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--models", "6", "--votes", "300"), "--prompts"),
        (("--models", "6", "--prompts", "5"), "not both"),
        ((*SMALL, "--ties", "0.8", "--spread", "400"), "ties"),
        ((*SMALL, "--goal", "best"), "no goal"),
        ((*SMALL, "--goal", "found:6=0.8"), "fewer than all 6"),
        ((*SMALL, "--same-models"), "requires --pilot"),
        ((*SMALL, "--pilot", "nowhere"), "nowhere"),
        ((*SMALL, "--pilot", "haiku"), "no votes from people"),
        ((*SMALL, "--seed", "-1"), "seed"),
        ((*SMALL, "--seconds", "-3"), "seconds"),
        (("--models", "1", "--prompts", "5", "--votes", "20"), "models is 1"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_a_reason(arguments, message):
    build_study()
    with pytest.raises(CommandError, match=message):
        call_command("plan", *arguments)


@pytest.mark.django_db
def test_models_of_another_number_are_not_the_same(capsys):
    voted_study(people=4)
    with pytest.raises(CommandError, match="exactly 6 models"):
        call_command("plan", *SMALL, "--pilot", "haiku", "--same-models")
