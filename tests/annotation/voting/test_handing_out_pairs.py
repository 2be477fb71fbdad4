from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from annotation.models import Assignment, AssignmentState, Pair, Purpose
from annotation.studies import lifecycle
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def vote_all(study, worker, values=None):
    """Votes until no pair is left; returns the assignments in order."""
    random, given = rng(worker.number), []
    assignment = assignments.current(worker, NOW, random)
    while assignment is not None:
        given.append(assignment)
        _worker, assignment = votes.vote(worker, assignment.pk, Ballot(value=1), NOW, random)
    return given


def test_a_worker_meets_no_pair_twice():
    study = build_study()
    given = vote_all(study, build_worker(study))
    assert len({assignment.pair_id for assignment in given}) == len(given) == 12


def test_the_least_covered_pairs_come_first():
    study = build_study(most_votes=6)
    for _worker in range(4):
        vote_all(study, build_worker(study))
    assert set(Pair.objects.values_list("taken", flat=True)) == {2}


def test_every_pair_gets_its_overlap_and_not_more():
    study = build_study(overlap=3)
    for _worker in range(5):
        vote_all(study, build_worker(study))
    assert set(Pair.objects.values_list("taken", "wanted")) == {(3, 3)}
    assert sorted(Assignment.objects.filter(pair=Pair.objects.first()).values_list("slot", flat=True)) == [0, 1, 2]


def test_two_workers_meet_the_pairs_in_different_orders_and_sides():
    study = build_study(overlap=10)
    first, second = (vote_all(study, build_worker(study)) for _worker in range(2))
    assert [each.pair_id for each in first] != [each.pair_id for each in second]
    assert {each.left for each in first} == {"x", "y"}


def test_the_pair_in_hand_stays_in_hand_and_its_reservation_is_extended():
    study = build_study()
    worker = build_worker(study)
    first = assignments.current(worker, NOW, rng(1))
    later = NOW + timedelta(minutes=14)
    again = assignments.current(worker, later, rng(2))
    assert (again.pk, again.left) == (first.pk, first.left)
    assert again.expires_at == later + timedelta(minutes=15)


def test_a_reservation_that_ran_out_frees_its_place_for_others():
    study = build_study(models=2, prompts=1, overlap=1)
    waiting, other = build_worker(study), build_worker(study)
    assignments.current(waiting, NOW, rng())
    assert assignments.current(other, NOW, rng()) is None
    assert assignments.current(other, NOW + timedelta(minutes=16), rng()) is not None


def test_a_returning_worker_gets_their_expired_pair_again_where_a_place_is_free():
    study = build_study()
    worker = build_worker(study)
    first = assignments.current(worker, NOW, rng())
    assert assignments.expire(NOW + timedelta(minutes=16)) == 1
    assert not Pair.objects.filter(taken__gt=0).exists()
    again = assignments.current(worker, NOW + timedelta(minutes=20), rng(5))
    assert (again.pk, again.state, again.trial, again.slot) == (first.pk, AssignmentState.OPEN, 1, 0)
    assert Pair.objects.get(pk=first.pair_id).taken == 1


def test_an_expired_pair_that_others_have_filled_is_passed_over():
    study = build_study(models=2, prompts=2, overlap=1)
    slow, quick = build_worker(study), build_worker(study)
    first = assignments.current(slow, NOW, rng())
    assignments.expire(NOW + timedelta(minutes=16))
    assert len(vote_all(study, quick)) == 2
    assert assignments.current(slow, NOW + timedelta(minutes=17), rng()) is None
    assert Assignment.objects.get(pk=first.pk).state == AssignmentState.EXPIRED


def test_extending_a_reservation_keeps_it_from_running_out():
    study = build_study()
    worker = build_worker(study)
    assignment = assignments.current(worker, NOW, rng())
    assert assignments.extend(worker, assignment.pk, NOW + timedelta(minutes=10))
    assert assignments.expire(NOW + timedelta(minutes=16)) == 0


def test_nobody_extends_another_workers_reservation():
    study = build_study()
    assignment = assignments.current(build_worker(study), NOW, rng())
    assert not assignments.extend(build_worker(study), assignment.pk, NOW)


def test_a_paused_study_hands_out_nothing_new_but_leaves_what_is_in_hand():
    study = build_study()
    holding, new = build_worker(study), build_worker(study)
    held = assignments.current(holding, NOW, rng())
    lifecycle.pause(study)
    assert assignments.current(new, NOW, rng()) is None
    assert assignments.current(holding, NOW, rng()).pk == held.pk


def test_check_pairs_come_at_the_studys_rate_and_take_no_place():
    study = build_study(models=4, prompts=10, most_votes=60, check_rate=0.5, check_least=100)
    add_golden_pairs(study, ["x"] * 20, Purpose.CHECK)
    given = vote_all(study, build_worker(study))
    checks = [each for each in given if each.pair.purpose == Purpose.CHECK]
    assert 15 <= len(checks) <= 20
    assert {each.slot for each in checks} == {None}
    assert len({each.pair_id for each in checks}) == len(checks)


def test_pairs_outside_the_filters_are_not_offered():
    study = build_study(exclude_types=["code"])
    given = vote_all(study, build_worker(study))
    assert {each.pair.prompt.type for each in given} == {"prose"}
    assert len(given) == 6


def test_the_probabilities_of_the_offers_of_a_tier_add_up_to_one():
    study = build_study(models=3, prompts=2)
    worker = build_worker(study)
    total = 0.0
    for pair in Pair.objects.all():
        with transaction.atomic():
            _found, _slot, probability = assignments._take(worker, 0, pair.key, pair.key)
            assert _found == pair.pk
            total += probability
            transaction.set_rollback(True)
    assert total == pytest.approx(1.0)


def test_a_start_beyond_the_last_key_wraps_around_to_the_first():
    study = build_study(models=3, prompts=2)
    keys = sorted(Pair.objects.values_list("key", flat=True))
    found, _slot, probability = assignments._take(build_worker(study), 0, (1 + keys[-1]) / 2, 0.5)
    assert probability == pytest.approx(1 + keys[0] - keys[-1])
    assert Pair.objects.get(pk=found).taken == 1


def test_the_last_pair_left_is_offered_with_certainty():
    study = build_study(models=2, prompts=1)
    assert assignments.current(build_worker(study), NOW, rng()).offer_probability == 1.0


@pytest.mark.parametrize("change", [{"taken": 4}, {"taken": 2, "wanted": 1}])
def test_more_places_than_wanted_cannot_be_stored(change):
    build_study(overlap=3)
    with pytest.raises(IntegrityError, match="pair_taken_within_wanted"), transaction.atomic():
        Pair.objects.update(**change)


def test_raising_the_overlap_offers_full_pairs_again_and_lowering_it_keeps_what_is_taken():
    study = build_study(models=2, prompts=1, overlap=2)
    for _worker in range(2):
        vote_all(study, build_worker(study))
    study = lifecycle.change_settings(study, {"overlap": 3})
    assert assignments.current(build_worker(study), NOW, rng()) is not None
    study = lifecycle.change_settings(study, {"overlap": 1})
    assert Pair.objects.values_list("taken", "wanted").get() == (3, 3)
