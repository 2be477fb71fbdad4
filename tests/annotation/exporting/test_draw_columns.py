"""The full export says with which probability, and by which strategy, each vote's place was drawn."""

import csv
import io

import pytest

from annotation.exporting import export
from annotation.models import Draw, Study
from annotation.studies import lifecycle
from annotation.voting import leaving, votes
from tests.annotation.adaptive import adaptive_study, draw, vote
from tests.annotation.study_pages import give_votes
from tests.builders import NOW, build_study, build_worker

pytestmark = pytest.mark.django_db


def rows(study: Study) -> dict[str, dict[str, str]]:
    text = "".join(export.export(study, "comparisons", full=True))
    return {row["row"]: row for row in csv.DictReader(io.StringIO(text))}


def test_each_vote_has_the_draw_of_its_place():
    study = adaptive_study(models=3, prompts=2, overlap=3)
    workers = [build_worker(study) for _index in range(3)]
    stored = []
    for _round in range(6):
        for worker in workers:
            draw(study)
            stored.append(vote(worker))
    told = rows(study)
    assert len(told) == 18
    assert {draw.strategy for draw in Draw.objects.all()} >= {"uniform", "floor"}
    for comparison in stored:
        drawn = Draw.objects.get(pair=comparison.pair, slot=comparison.assignment.slot)
        row = told[f"c{comparison.pk}"]
        assert float(row["draw_probability"]) == drawn.probability
        assert row["draw_strategy"] == f"{drawn.strategy}:1"


def test_a_fixed_study_has_none():
    study = build_study()
    give_votes(study, 2)
    assert {(row["draw_probability"], row["draw_strategy"]) for row in rows(study).values()} == {("", "")}


def test_a_deterministic_choice_has_its_strategy_and_no_probability():
    study = adaptive_study()
    comparison = vote(build_worker(study))
    Draw.objects.update(strategy="mad", version=2, probability=None)
    row = rows(study)[f"c{comparison.pk}"]
    assert (row["draw_strategy"], row["draw_probability"]) == ("mad:2", "")


def test_votes_from_before_a_study_became_adaptive_have_none():
    study = build_study()
    give_votes(study, 2)
    study = lifecycle.change_settings(study, {"offering": "adaptive"})
    vote(build_worker(study))
    assert sorted(row["draw_strategy"] for row in rows(study).values()) == ["", "", "uniform:1"]


def test_an_undone_vote_and_the_one_that_follows_share_their_draw():
    study = adaptive_study()
    worker = build_worker(study)
    vote(worker)
    votes.undo(worker, NOW)
    vote(worker)
    probabilities = {row["draw_probability"] for row in rows(study).values()}
    assert len(rows(study)) == 3
    assert len(probabilities) == 1
    assert probabilities != {""}


def test_a_vote_that_no_longer_holds_its_place_has_none():
    study = adaptive_study()
    worker = build_worker(study)
    vote(worker)
    leaving.withdraw(worker, NOW)
    assert [row["draw_strategy"] for row in rows(study).values()] == [""]
