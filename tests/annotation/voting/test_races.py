"""Many workers at the same time, with real threads."""

from collections import Counter

import pytest
from django.db.models import Count, F

from annotation.models import Assignment, Comparison, Pair, Worker
from annotation.voting import assignments, joining, leaving, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, build_study, build_worker, rng
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def test_32_workers_fill_40_pairs_with_overlap_3_exactly():
    study = build_study(models=2, prompts=40, overlap=3, most_votes=40)
    workers = [build_worker(study) for _index in range(32)]

    def work(index):
        worker, random, given = workers[index], rng(index), 0
        assignment = assignments.current(worker, NOW, random)
        while assignment is not None:
            _worker, assignment = votes.vote(worker, assignment.pk, Ballot(value=1), NOW, random)
            given += 1
        return given

    totals = together(32, work)
    assert sum(totals) == Comparison.objects.count() == 120
    assert set(Pair.objects.annotate(votes=Count("comparisons")).values_list("votes", flat=True)) == {3}
    assert not Pair.objects.exclude(taken=F("wanted")).exists()
    assert max(Counter(Comparison.objects.values_list("pair", "rater")).values()) == 1
    assert set(Assignment.objects.values_list("slot", flat=True)) == {0, 1, 2}


def test_two_tabs_of_one_worker_get_one_pair():
    study = build_study()
    worker = build_worker(study)
    found = together(8, lambda index: assignments.current(worker, NOW, rng(index)).pk)
    assert len(set(found)) == 1
    assert sum(Pair.objects.values_list("taken", flat=True)) == 1


def test_a_double_click_stores_one_vote():
    study = build_study()
    worker = build_worker(study)
    assignment = assignments.current(worker, NOW, rng())

    def click(index):
        try:
            votes.vote(worker, assignment.pk, Ballot(value=1), NOW, rng(index))
        except votes.Replayed:
            return "replayed"
        return "stored"

    assert Counter(together(8, click)) == {"stored": 1, "replayed": 7}
    worker.refresh_from_db()
    assert Comparison.objects.count() == worker.votes == 1


def test_two_tabs_agreeing_at_once_make_one_worker():
    study = build_study()
    together(8, lambda _index: build_worker(study, "platform-id"))
    assert Worker.objects.count() == 1


def test_many_joining_at_once_get_a_number_each():
    study = build_study()
    together(8, lambda index: build_worker(study, f"platform-id-{index}"))
    assert sorted(Worker.objects.values_list("number", flat=True)) == list(range(8))


def test_an_expiry_and_a_vote_at_once_leave_the_pair_counted_once():
    study = build_study(models=2, prompts=8, overlap=1)
    workers = [build_worker(study) for _index in range(8)]
    held = [assignments.current(worker, NOW, rng(index)) for index, worker in enumerate(workers)]
    late = NOW.replace(hour=13)

    def work(index):
        if index % 2:
            return assignments.expire(late)
        try:
            votes.vote(workers[index], held[index].pk, Ballot(value=2), late, rng(index))
        except votes.Gone:
            return "gone"
        return "voted"

    together(8, work)
    holding = Assignment.objects.filter(slot__isnull=False)
    assert dict(holding.values_list("pair").annotate(Count("pk"))) == dict(
        Pair.objects.filter(taken__gt=0).values_list("pk", "taken")
    )
    assert not Pair.objects.filter(taken__gt=1).exists()


def test_an_undo_and_a_vote_at_once_keep_the_books_straight():
    study = build_study(overlap=2)
    worker = build_worker(study)
    first = assignments.current(worker, NOW, rng())
    _worker, second = votes.vote(worker, first.pk, Ballot(value=1), NOW, rng())

    def work(index):
        try:
            if index % 2:
                votes.undo(worker, NOW)
            else:
                votes.vote(worker, second.pk, Ballot(value=3), NOW, rng(index))
        except (votes.NothingToUndo, votes.Replayed, votes.Gone):
            return

    together(4, work)
    worker.refresh_from_db()
    assert worker.votes == Comparison.objects.in_force().count()
    held = Assignment.objects.filter(slot__isnull=False).count()
    assert sum(Pair.objects.values_list("taken", flat=True)) == held


def test_withdrawing_while_others_vote_frees_the_places_for_them():
    study = build_study(models=2, prompts=6, overlap=1)
    leaver, others = build_worker(study), [build_worker(study) for _index in range(3)]
    assignment = assignments.current(leaver, NOW, rng())
    for _vote in range(3):
        _worker, assignment = votes.vote(leaver, assignment.pk, Ballot(value=1), NOW, rng(7))

    def work(index):
        if index == 0:
            leaving.withdraw(leaver, NOW)
            return
        worker, random = others[index - 1], rng(index)
        held = assignments.current(worker, NOW, random)
        while held is not None:
            _worker, held = votes.vote(worker, held.pk, Ballot(value=1), NOW, random)

    together(4, work)
    last = others[0]
    held = assignments.current(last, NOW, rng(99))
    while held is not None:
        _worker, held = votes.vote(last, held.pk, Ballot(value=1), NOW, rng(98))
    counted = Comparison.objects.counted()
    assert counted.count() == 6
    assert set(counted.values_list("pair").annotate(votes=Count("pk")).values_list("votes", flat=True)) == {1}


def test_workers_who_come_back_for_each_others_pairs_do_not_wait_for_each_other():
    study = build_study(models=2, prompts=6, overlap=2)
    workers = [build_worker(study) for _index in range(6)]
    late = NOW.replace(hour=13)
    held = [assignments.current(worker, NOW, rng(index)) for index, worker in enumerate(workers)]
    assignments.expire(late)
    for index, worker in enumerate(workers):
        for pair in Pair.objects.exclude(pk=held[index].pair_id).order_by("pk" if index % 2 else "-pk"):
            worker.refresh_from_db()
            worker.trials += 1
            worker.save()
            Assignment.objects.create(
                study=study,
                pair=pair,
                worker=worker,
                trial=worker.trials,
                left="x",
                state="expired",
                created_at=NOW,
                expires_at=NOW,
                shown_at=NOW,
            )

    def work(index):
        random, given = rng(index), 0
        assignment = assignments.current(workers[index], late, random)
        while assignment is not None:
            _worker, assignment = votes.vote(workers[index], assignment.pk, Ballot(value=1), late, random)
            given += 1
        return given

    assert sum(together(6, work)) == Comparison.objects.count() == 12
    assert not Pair.objects.exclude(taken=2).exists()


def test_joining_finds_the_worker_by_the_platforms_id_when_the_cookie_is_lost():
    study = build_study()
    worker = build_worker(study, "platform-id")
    assert joining.find(study, None, "platform-id") == worker
    assert joining.find(study, worker.pk, "another-id") is None
