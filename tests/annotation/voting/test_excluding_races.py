"""Excluding a worker while others vote, with real threads."""

from collections import Counter

import pytest
from django.db.models import Count, F, Q

from annotation.models import Assignment, Comparison, Pair
from annotation.pair_making import background
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, exclusion, votes
from annotation.voting.votes import Ballot
from tests.annotation.voting.test_races import together
from tests.builders import NOW, build_study, build_worker, rng

pytestmark = pytest.mark.django_db(transaction=True)


def every_place_is_somebody_s():
    """Returns whether `taken` of each pair equals its assignments, in different slots, within `wanted`."""
    held = Count("assignments", filter=Q(assignments__slot__isnull=False))
    assert not Pair.objects.annotate(held=held).exclude(taken=F("held")).exists()
    assert not Pair.objects.filter(taken__gt=F("wanted")).exists()
    slots = Assignment.objects.filter(slot__isnull=False).values_list("pair", "slot")
    return len(slots) == len(set(slots))


def vote_on(worker, random):
    """Votes until the worker has left; returns how many votes were stored."""
    stored = 0
    assignment = assignments.current(worker, NOW, random)
    while assignment is not None:
        try:
            _worker, assignment = votes.vote(worker, assignment.pk, Ballot(value=1), NOW, random)
            stored += 1
        except (votes.Gone, votes.Closed, votes.Replayed, assignments.NotYours):
            break
    return stored


def test_workers_who_are_excluded_while_they_vote_leave_no_place_behind():
    study = build_study(models=3, prompts=6, overlap=3, most_votes=40)
    workers = [build_worker(study) for _index in range(6)]

    def work(index):
        if index < 6:
            return vote_on(workers[index], rng(index))
        return exclusion.exclude(workers[index - 6], "Careless", NOW)

    together(9, work)
    assert every_place_is_somebody_s()
    for excluded in workers[:3]:
        assert not excluded.assignments.filter(slot__isnull=False).exists()
        excluded.refresh_from_db()
        assert excluded.stage == "done"
    assert Comparison.objects.counted().count() == sum(Pair.objects.values_list("taken", flat=True))


def test_two_administrators_excluding_one_worker_free_the_places_once():
    study = build_study(overlap=2)
    worker = build_worker(study)
    vote_on(worker, rng())

    def click(index):
        try:
            exclusion.exclude(worker, f"Reason {index}", NOW)
        except NotPossible:
            return "refused"
        return "excluded"

    assert Counter(together(4, click)) == {"excluded": 1, "refused": 3}
    assert every_place_is_somebody_s()
    assert not Pair.objects.filter(taken__gt=0).exists()


def test_an_inclusion_while_others_vote_takes_every_place_again():
    study = build_study(overlap=1, most_votes=40)
    excluded, *others = [build_worker(study) for _index in range(4)]
    vote_on(excluded, rng())
    given = Comparison.objects.count()
    exclusion.exclude(excluded, "Careless", NOW)
    together(4, lambda index: vote_on(others[index], rng(index)) if index < 3 else exclusion.include(excluded))
    assert every_place_is_somebody_s()
    assert excluded.assignments.filter(slot__isnull=False).count() == given
    assert Comparison.objects.counted().count() == sum(Pair.objects.values_list("taken", flat=True))


def test_a_run_whose_message_comes_twice_makes_its_pairs_once():
    study = build_study(opened=False)
    study.pairs.all().delete()
    run = study.pair_runs.create(strategy="all", options={"neighbours": 3, "per_prompt": None, "seed": 0})
    together(4, lambda index: background.run(run.pk, NOW))
    run.refresh_from_db()
    assert (run.state, run.report["added"]) == ("done", 12)
    assert Pair.objects.count() == 12
