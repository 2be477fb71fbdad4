"""A study's figures on its overview come from places and indexes, and are those that the votes themselves give."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Count
from django.test.utils import CaptureQueriesContext

from annotation import overview
from annotation.models import Comparison, Pair, Purpose, Rater, RaterKind, Study
from annotation.studies import lifecycle
from annotation.voting import assignments, coverage, exclusion, leaving, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


def votes_by(study: Study, number: int, seed: int) -> Rater:
    worker, random = build_worker(study), rng(seed)
    for _place in range(number):
        held = assignments.current(worker, NOW, random)
        assert held is not None
        votes.vote(worker, held.pk, Ballot(value=1), NOW, random)
    worker.refresh_from_db()
    return worker.rater


@pytest.fixture
def study():
    """A study in which everything happened that takes a place or a vote away."""
    study = build_study(models=3, prompts=5, overlap=3)
    add_golden_pairs(study, ["x", "y"], Purpose.CHECK)
    study = lifecycle.change_settings(study, {"check_rate": 0.5})
    raters = [votes_by(study, number, seed) for seed, number in enumerate((3, 4, 5, 6, 2))]
    exclusion.exclude(raters[0].worker, "a reason", NOW)
    leaving.withdraw(raters[1].worker, NOW)
    votes.undo(raters[2].worker, NOW)
    exclusion.exclude(raters[4].worker, "a reason", NOW)
    exclusion.include(raters[4].worker)
    judge = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="judge")
    panel = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="panel", derived=True)
    simulated = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="drawn", simulated=True)
    for pair in Pair.objects.filter(study=study).order_by("pk")[:4]:
        for rater in (judge, panel, simulated):
            Comparison.objects.create(study=study, pair=pair, rater=rater, left="x", winner="x", answered_at=NOW)
    # Smaller than what was reserved before: some pairs have more votes than are planned now.
    return lifecycle.change_settings(study, {"overlap": 1})


def test_the_coverage_is_that_of_the_votes(study):
    by_votes = coverage.totals(study, coverage.votes_of_people(study))
    assert coverage.totals(study) == by_votes == coverage.totals_by_study(Pair.objects.within(study))[study.pk]
    assert by_votes.received == coverage.coverage(study).received
    assert 0 < by_votes.received < coverage.votes_of_people(study).count()


def test_what_counts_of_each_rater_is_what_the_votes_say(study):
    found = {rater.rater: rater.number for rater in coverage.counts_by_rater(study.raters.all())}
    counted = Comparison.objects.counted().filter(study=study).order_by()
    assert found == dict(counted.values_list("rater").annotate(Count("pk")))
    assert 0 < coverage.votes_of_people(study).count() < sum(found.values())


def test_the_pace_counts_the_votes_of_people(study):
    at = NOW + timedelta(minutes=1)
    assert coverage.pace(study, at).last_day == coverage.votes_of_people(study).count()


def test_the_overview_reads_comparisons_only_through_their_indexes(study):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        overview.look(study, NOW)
    read = [each["sql"] for each in queries if 'FROM "annotation_comparison"' in each["sql"]]
    assert read
    assert not any('JOIN "annotation_pair"' in sql or 'JOIN "annotation_rater"' in sql for sql in read)
