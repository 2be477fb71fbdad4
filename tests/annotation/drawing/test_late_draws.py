"""A worker who finds no open place gets a pair drawn by the request: nobody is sent away because a process slept."""

from collections import Counter

import numpy as np
import pytest

from annotation.models import Assignment, Draw, DrawBatch, Pair
from annotation.studies import lifecycle
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from tests.annotation.adaptive import adaptive_study, books_balance, draw, vote
from tests.builders import NOW, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def vote_all(worker) -> int:
    random, given = rng(worker.pk), 0
    assignment = assignments.current(worker, NOW, random)
    while assignment is not None:
        _worker, assignment = votes.vote(worker, assignment.pk, Ballot(value=1), NOW, random)
        given += 1
    return given


def test_the_request_draws_and_says_so():
    study = adaptive_study()
    held = assignments.current(build_worker(study), NOW, rng())
    drawn = Draw.objects.select_related("batch").get()
    assert (drawn.pair_id, drawn.slot, drawn.strategy) == (held.pair_id, held.slot, "uniform")
    assert (drawn.batch.late, drawn.batch.fit, drawn.batch.mix) == (True, "", {"uniform": 1.0})
    # Six pairs of models, and each prompt is as good as another.
    assert drawn.probability == pytest.approx(1 / 36) == held.offer_probability
    books_balance(study)


def test_without_the_background_a_worker_can_compare_every_pair_once():
    study = adaptive_study(most_votes=1000)
    first, second, third = (vote_all(build_worker(study)) for _index in range(3))
    assert (first, second) == (36, 36)
    assert third == 0, "two votes a pair are all there is"
    assert set(Pair.objects.values_list("wanted", "taken")) == {(2, 2)}
    assert Counter(Draw.objects.values_list("batch__late", flat=True)) == {True: 72}
    books_balance(study)


def test_late_draws_are_as_frequent_as_they_say():
    study = adaptive_study(models=3, prompts=2, overlap=1000)
    times = Counter()
    for number in range(300):
        held = assignments.current(build_worker(study), NOW, rng(number))
        times[held.pair.model_x_id, held.pair.model_y_id] += 1
        Assignment.objects.all().delete()
        Draw.objects.all().delete()
        Pair.objects.all().delete()
    per_pair = Counter()
    for ends, number in times.items():
        per_pair[frozenset(ends)] += number
    assert len(per_pair) == 3
    assert all(abs(number - 100) < 5 * np.sqrt(300 * 2 / 9) for number in per_pair.values())


def test_where_places_are_open_the_request_draws_nothing():
    study = adaptive_study()
    draw(study)
    assignments.current(build_worker(study), NOW, rng())
    assert not DrawBatch.objects.filter(late=True).exists()


def test_a_worker_who_has_seen_what_is_open_gets_something_else():
    study = adaptive_study()
    draw(study)
    worker = build_worker(study)
    seen = {vote(worker).pair_id for _vote in range(5)}
    assert len(seen) == 5
    assert DrawBatch.objects.filter(late=True).count() >= 3


def test_the_vote_that_empties_the_study_is_answered_with_the_next_pair():
    study = adaptive_study()
    worker = build_worker(study)
    held = assignments.current(worker, NOW, rng())
    _worker, following = votes.vote(worker, held.pk, Ballot(value=1), NOW, rng())
    assert following is not None
    assert following.pair_id != held.pair_id


def test_a_fixed_study_draws_nothing():
    study = build_study(models=2, prompts=1, overlap=1)
    assert vote_all(build_worker(study)) == 1
    assert assignments.current(build_worker(study), NOW, rng()) is None
    assert not DrawBatch.objects.exists()


def test_a_paused_study_draws_nothing():
    study = adaptive_study()
    worker = build_worker(study)
    lifecycle.pause(study)
    assert assignments.current(worker, NOW, rng()) is None
    assert not Draw.objects.exists()


def test_a_vote_with_open_places_asks_the_database_no_more_than_in_a_fixed_study(django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for study in (build_study("fixed", models=4, prompts=6), adaptive_study()):
        draw(study)
        for _batch in range(4):
            assignments.current(build_worker(study), NOW, rng())
            draw(study)
        worker = build_worker(study)
        held = assignments.current(worker, NOW, rng(1))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            _worker, following = votes.vote(worker, held.pk, Ballot(value=1), NOW, rng(1))
        assert following is not None
        counts.append(len(queries))
    assert counts[0] == counts[1]
