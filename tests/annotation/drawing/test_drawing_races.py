"""Workers and the background at the same time, with real threads."""

from collections import Counter

import pytest
from django.db.models import F

from annotation.drawing import batches
from annotation.models import Comparison, Draw, DrawBatch, Pair
from annotation.studies import lifecycle
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from tests.annotation.adaptive import adaptive_study, books_balance
from tests.builders import NOW, build_worker, rng
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


def vote_all(worker, index) -> int:
    random, given = rng(index), 0
    assignment = assignments.current(worker, NOW, random)
    while assignment is not None:
        _worker, assignment = votes.vote(worker, assignment.pk, Ballot(value=1 + index % 3), NOW, random)
        given += 1
    return given


def test_two_drawers_and_voters_fill_every_pair_to_its_cap_and_nobody_starves():
    study = adaptive_study(models=4, prompts=5, overlap=2, most_votes=1000)
    workers = [build_worker(study) for _index in range(6)]
    left = set(range(6))

    def work(index):
        if index < 2:
            drawn = 0
            while left:
                drawn += batches.draw(study.pk, NOW)
            return drawn
        given = 0
        try:
            given = vote_all(workers[index - 2], index)
        finally:
            left.discard(index - 2)
        return given

    totals = together(8, work)
    assert sum(totals[2:]) == Comparison.objects.count() == 60
    assert all(given > 0 for given in totals[2:])
    assert not Pair.objects.exclude(taken=F("wanted")).exists()
    assert Draw.objects.count() == 60
    assert max(Counter(Comparison.objects.values_list("pair", "rater")).values()) == 1
    numbers = list(DrawBatch.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    books_balance(study)


def test_the_same_message_twice_draws_once():
    study = adaptive_study(models=5)
    drawn = together(6, lambda _index: batches.draw(study.pk, NOW))
    assert sorted(drawn) == [0, 0, 0, 0, 0, 2]
    assert DrawBatch.objects.count() == 1


def test_many_who_find_nothing_open_get_a_pair_each():
    study = adaptive_study(models=4, prompts=4, overlap=1)
    workers = [build_worker(study) for _index in range(16)]
    held = together(16, lambda index: assignments.current(workers[index], NOW, rng(index)))
    assert len({each.pair_id for each in held}) == 16
    books_balance(study)


def test_settings_that_change_under_the_votes_keep_the_books():
    study = adaptive_study(models=4, prompts=6, overlap=3, most_votes=30)
    workers = [build_worker(study) for _index in range(4)]

    def work(index):
        if index == 0:
            return sum(batches.draw(study.pk, NOW) for _batch in range(25))
        if index == 1:
            for words in (["code"], [], ["prose"], []):
                lifecycle.change_settings(study, {"only_types": words})
            return 0
        return vote_all(workers[index - 2], index)

    together(6, work)
    books_balance(study)
