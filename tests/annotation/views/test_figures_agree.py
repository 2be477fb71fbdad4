"""A figure is the same wherever it is told, and a notice is told once."""

import csv
import io
from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from annotation import overview
from annotation.exporting import export, payments
from annotation.importing import load, undo
from annotation.models import Assignment, Comparison, Outcome, Pair, Rater, RaterKind, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from annotation.templatetags import overview as filters
from annotation.views import worker_session
from annotation.voting import coverage, exclusion, simulated_votes
from ranking.votes import evidence, reader
from ranking.votes.reader import Filters
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
    assert "<td>excluded <span" in page
    assert "<td>completed" not in page


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
    # As loading them does.
    Pair.objects.filter(study=study).votable().update(taken=1)
    found = coverage.totals(study)
    assert found.received == found.pairs
    assert coverage.totals_by_study(Pair.objects.within(study)) == {study.pk: found}


def test_payments_and_the_workers_page_tell_the_same_votes(client, study):
    worker = give_votes(study, 6)
    Worker.objects.filter(pk=worker.pk).update(votes=8, checks=2, checks_right=2)
    (paid,) = csv.DictReader(io.StringIO("".join(payments.payments(study))))
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


@pytest.mark.parametrize(
    ("received", "planned", "shown"),
    [(0, 480, "0%"), (1, 480, "< 1%"), (67, 480, "13%"), (29, 100, "29%"), (479, 480, "99%")],
)
def test_coverage_is_rounded_by_one_rule(received, planned, shown):
    share = received / planned
    assert filters.coverage_percent(share) == shown
    words = overview.covered(share)
    assert words == ("less than 1% covered" if shown == "< 1%" else f"{shown} covered")


def test_all_votes_cover_everything():
    assert filters.coverage_percent(480 / 480) == "100%"


def test_checks_are_no_votes_where_a_change_of_the_question_warns(client, study):
    worker = give_votes(study, 3)
    first = Comparison.objects.filter(rater=worker.rater).order_by("pk").first()
    Pair.objects.filter(pk=first.pair_id).update(purpose="check", golden="left", own_x="", own_y="", wanted=0, taken=0)
    assert "has 2 votes" in lifecycle.warning_before(study)
    page = text_of(client.get(f"/studies/haiku/workers/{worker.number}/exclude/"))
    assert "Their 2 votes are kept" in page
    Rater.objects.filter(pk=worker.rater_id).update(excluded_at=NOW)
    assert "Their 2 votes will count again" in text_of(client.get(f"/studies/haiku/workers/{worker.number}/include/"))
    assert lifecycle.warning_before(study) == ""


def test_a_board_with_simulated_votes_covers_what_the_studys_page_says(study):
    give_votes(study, 3)
    real = coverage.totals(study)
    simulated_votes.simulate(study, 5, 1)
    facts = evidence.facts(study, Filters(), reader.cut(study))
    assert (facts["received"], facts["planned"]) == (real.received, real.planned)


def test_nobody_takes_part_in_a_closed_study(client, study):
    give_votes(study, 3)
    assert "1 still taking part" in text_of(client.get("/studies/haiku/workers/"))
    lifecycle.close(study)
    page = text_of(client.get("/studies/haiku/workers/"))
    assert "still taking part" not in page
    assert "1 had not finished when the study closed" in page
    assert "It works once the study is open" not in text_of(client.get("/studies/haiku/"))
