"""What starting, resuming and changing an adaptive study does to the places of its pairs."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db.models import F

from annotation.drawing import batches
from annotation.models import Assignment, Draw, Pair, Study
from annotation.studies import lifecycle, settings
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, leaving, votes
from annotation.voting.votes import Ballot
from tests.annotation.adaptive import adaptive_study, books_balance, draw, vote
from tests.builders import NOW, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def places(study) -> list[tuple[int, int, int]]:
    return list(Pair.objects.filter(study=study).order_by("pk").values_list("pk", "wanted", "taken"))


@pytest.fixture
def study() -> Study:
    """Some votes, one pair in hand, some places open."""
    found = adaptive_study(overlap=3, models=3, prompts=4)
    workers = [build_worker(found) for _index in range(3)]
    for _round in range(3):
        draw(found)
        for worker in workers:
            vote(worker)
    draw(found)
    assert Pair.objects.wanting().exists()
    assert Pair.objects.filter(wanted__gt=0, wanted__lt=3).exists()
    return found


def test_resuming_offers_what_was_drawn_or_taken_and_not_the_overlap(study):
    before = places(study)
    lifecycle.start(lifecycle.pause(study))
    assert places(study) == before
    books_balance(study)


def test_filters_close_the_places_of_what_they_exclude_and_open_them_again(study):
    before = places(study)
    changed = lifecycle.change_settings(study, {"only_types": ["code"]})
    outside = Pair.objects.filter(study=study, prompt__type="prose")
    assert outside.exists()
    assert not outside.exclude(wanted=F("taken")).exists()
    lifecycle.change_settings(changed, {"only_types": []})
    assert places(study) == before


def test_fewer_votes_per_pair_close_places_and_more_open_what_was_drawn(study):
    before = places(study)
    lower = lifecycle.change_settings(study, {"overlap": 1})
    assert not Pair.objects.filter(taken__lt=F("wanted"), wanted__gt=1).exists()
    lifecycle.change_settings(lower, {"overlap": 3})
    assert places(study) == before


def test_a_reservation_that_runs_out_leaves_its_place_open(study):
    before = places(study)
    assert assignments.expire(NOW + timedelta(hours=1)) == 3
    assert [(pk, wanted) for pk, wanted, _taken in places(study)] == [(pk, wanted) for pk, wanted, _taken in before]
    books_balance(study)


def test_the_votes_of_somebody_who_withdraws_can_be_given_by_others(study):
    worker = Assignment.objects.filter(state="voted").first().worker
    before = places(study)
    leaving.withdraw(worker, NOW)
    assert [(pk, wanted) for pk, wanted, _taken in places(study)] == [(pk, wanted) for pk, wanted, _taken in before]
    books_balance(study)


def test_a_draft_offers_nothing_and_its_start_draws_nothing_twice():
    study = adaptive_study(opened=False)
    assert draw(study) == 0
    lifecycle.start(study)
    assert places(study) == []


def test_a_study_that_becomes_adaptive_keeps_votes_and_closes_places():
    study = build_study(models=3, prompts=4, overlap=3)
    worker = build_worker(study)
    first = assignments.current(worker, NOW, rng())
    votes.vote(worker, first.pk, Ballot(value=1), NOW, rng())
    study = lifecycle.change_settings(study, {"offering": "adaptive"})
    assert not Pair.objects.exclude(wanted=F("taken")).exists()
    assert Pair.objects.count() == 12
    assert draw(study) == 4
    assert Pair.objects.count() == 12, "the rows are there"
    assert Pair.objects.wanting().count() == 4
    back = lifecycle.change_settings(study, {"offering": "fixed"})
    assert set(Pair.objects.values_list("wanted", flat=True)) == {3}
    assert batches.draw(back.pk, NOW) == 0


def test_a_study_without_two_answers_to_a_prompt_cannot_start():
    study = adaptive_study(models=1, opened=False)
    with pytest.raises(NotPossible, match="no pairs to draw"):
        lifecycle.start(study)


@pytest.mark.parametrize(
    "mix",
    [{"uniform": 0.5}, {"uniform": 1.2, "gap": -0.2}, {"best": 1.0}, {"floor": 1.0}, {"uniform": True}, [1], "gap"],
)
def test_shares_that_cannot_be_are_refused(mix):
    study = adaptive_study(opened=False)
    with pytest.raises(ValidationError):
        lifecycle.change_settings(study, {"mix": mix})
    study.refresh_from_db()
    assert study.mix == {}


def test_the_command_reads_and_shows_the_shares():
    study = adaptive_study(opened=False)
    changed = settings.apply(study, {"mix": "uniform=20%, d-optimal=0.8", "floor": "5", "draw_seed": "7"})
    assert changed.mix == {"uniform": 0.2, "d-optimal": 0.8}
    shown = dict(settings.shown(changed))
    assert (shown["offering"], shown["mix"], shown["floor"]) == ("adaptive", "uniform=0.2, d-optimal=0.8", "5")
    assert settings.apply(changed, {"mix": ""}).mix == {}
    with pytest.raises(NotPossible, match="NAME=SHARE"):
        settings.apply(changed, {"mix": "uniform"})


def test_visitors_see_no_pair_of_an_adaptive_study_while_people_vote(study):
    """Any prompt may be drawn again, even if none of its pairs is open at the moment."""
    from annotation.studies.prompt_sets import public_pairs

    later = NOW + timedelta(hours=2)
    assignments.expire(later)
    Pair.objects.filter(study=study).update(wanted=F("taken"))
    assert not public_pairs(study, later).exists()
    assert public_pairs(lifecycle.change_settings(study, {"only_types": ["code"]}), later).exists()
    assert public_pairs(lifecycle.close(study), later).count() == Pair.objects.count()


def test_each_draw_is_opened_once_whatever_happens(study):
    lifecycle.start(lifecycle.pause(study))
    for _round in range(12):
        draw(study)
        for worker in study.workers.all():
            if assignments.current(worker, NOW, rng()) is not None:
                vote(worker)
    books_balance(study)
    assert Draw.objects.count() == 36
