"""A figure is the same wherever it is told, and a notice is told once."""

import csv
import io
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from annotation import overview
from annotation.exporting import export
from annotation.importing import load, undo
from annotation.models import Assignment, Comparison, Outcome, Pair, Rater, RaterKind, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from annotation.views import worker_session
from annotation.voting import coverage, exclusion
from tests.annotation import exchange
from tests.annotation.study_pages import give_votes, study_of, text_of
from tests.builders import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(owner):
    return study_of(owner)


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


def phrase(study, key):
    return next(state.phrase for section, state in overview.look(study, timezone.now()).sections if section.key == key)


def test_workers_are_counted_once_each_and_nobody_votes_in_a_closed_study(study):
    worker = give_votes(study, 5)
    assert Assignment.objects.filter(worker=worker).count() > 1
    counts = coverage.worker_counts(study, NOW)
    assert counts.all == 1
    assert phrase(study, "workers").startswith("1 worker")
    Assignment.objects.filter(worker=worker, state="open").update(expires_at=timezone.now() + timedelta(hours=1))
    assert coverage.worker_counts(study, timezone.now()).voting == 1
    study = lifecycle.close(study)
    assert coverage.worker_counts(study, timezone.now()).voting == 0
    assert "voting now" not in phrase(study, "workers")


def test_an_excluded_worker_has_not_just_completed(client, study):
    worker = give_votes(study, 3)
    exclusion.exclude(Worker.objects.get(pk=worker.pk), "spam", NOW)
    assert Worker.objects.get(pk=worker.pk).outcome == Outcome.COMPLETED
    page = text_of(client.get("/studies/haiku/workers/"))
    assert "<td>excluded</td>" in page
    assert "<td>completed</td>" not in page


def test_votes_beyond_the_plan_do_not_make_up_for_others(study):
    first, *_rest = Pair.objects.filter(study=study).votable().order_by("pk")
    overlap = study.overlap
    for number in range(overlap + 2):
        rater = Rater.objects.create(study=study, kind="worker")
        Worker.objects.create(rater=rater, study=study, number=100 + number, stage=Stage.VOTING)
        Comparison.objects.create(study=study, pair=first, rater=rater, left="x", winner="x", answered_at=NOW)
    Pair.objects.filter(pk=first.pk).update(taken=overlap + 2, wanted=overlap + 2)
    found = coverage.coverage(study)
    assert found.wanted == overlap * found.pairs, "an import plans no more votes"
    assert (found.votes, found.received, found.beyond) == (overlap + 2, overlap, 2)
    assert found.share == coverage.totals(study).share
    assert overview.facts(study, NOW).totals == coverage.totals(study)
    assert coverage.totals_by_study(Pair.objects.within(study)) == {study.pk: coverage.totals(study)}
    (row,) = overview.rows([study])
    assert overview.covered(found.share) in row.phrase
    assert overview.covered(found.share) in phrase(study, "pairs")


def test_votes_of_a_crowd_cover_pairs_in_the_list_of_studies_too(study):
    crowd = Rater.objects.create(study=study, kind=RaterKind.CROWD, name="crowd:arena")
    for pair in Pair.objects.filter(study=study).votable():
        Comparison.objects.create(study=study, pair=pair, rater=crowd, left="x", winner="x")
    found = coverage.totals(study)
    assert found.received == found.pairs
    assert coverage.totals_by_study(Pair.objects.within(study)) == {study.pk: found}


def test_payments_and_the_workers_page_tell_the_same_votes(client, study):
    worker = give_votes(study, 6)
    Worker.objects.filter(pk=worker.pk).update(votes=8, checks=2, checks_right=2)
    (paid,) = csv.DictReader(io.StringIO("".join(export.payments(study))))
    (row,) = coverage.workers(study)
    assert int(paid["votes"]) == row.votes == 6
    assert row.compared == 8


def test_what_keeps_an_upload_is_counted_once(tmp_path):
    folder = exchange.write(tmp_path)
    corpus = load.load([folder / name for name in exchange.CORPUS], study_slug="trees").upload
    load.load([folder / "pairs.jsonl"], study_slug="trees")
    with pytest.raises(NotPossible) as refusal:
        undo.undo(corpus)
    assert str(refusal.value).count("3 pairs") == 1
    assert "3 pairs, 3 pairs" not in str(refusal.value)


def test_a_notice_is_told_once_and_again_only_when_it_happens_again(client, study):
    worker = give_votes(study, 1)
    kept = worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE]
    client.cookies[worker_session.COOKIE] = kept.value
    address = reverse("worker-vote", args=["haiku"]) + "?notice=passed"
    assert "You passed the training" in text_of(client.get(address))
    assert "You passed the training" not in text_of(client.get(address))
    assert "Your time for that pair ran out" in text_of(client.get(address.replace("passed", "expired")))


def test_a_change_of_the_question_or_scale_is_a_version_of_its_votes(client, study):
    give_votes(study, 2)
    page = text_of(client.get("/studies/haiku/settings/screen/"))
    assert "This study has 2 votes." in page
    first = Study.objects.get(pk=study.pk)
    lifecycle.change_settings(study, {"question": "Which one is funnier?", "scale_name": "two"})
    changed = Study.objects.get(pk=study.pk)
    assert changed.question_version == first.question_version + 1
    assert changed.scale_version == first.scale_version + 1
    assert "2 votes were given on the old version" in lifecycle.warning_of(first, {"question": "Which one is funnier?"})
    assert lifecycle.warning_of(first, {"question": first.question, "overlap": 9}) == ""
    give_votes(changed, 1)
    rows = list(csv.DictReader(io.StringIO("".join(export.export(changed, "comparisons", full=True)))))
    told = [(row["question_version"], row["question"], row["scale_version"], row["scale"]) for row in rows]
    assert told == [("1", "", "1", "three")] * 2 + [("2", "Which one is funnier?", "2", "two")]
