"""Erasing a person: what tells who they are goes, their votes stay under a number, and they cannot vote twice."""

from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from annotation.exporting.export import export
from annotation.exporting.payments import payments, prolific_approvals
from annotation.models import (
    Assignment,
    Comparison,
    ErasedId,
    Erasure,
    Outcome,
    Pair,
    Report,
    Study,
    Worker,
)
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from annotation.voting import assignments, erasure, exclusion, joining, leaving, votes
from annotation.voting.votes import Ballot
from ranking.boards.compute import compute
from ranking.methods.settings import Settings
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, Filters
from tests.annotation.study_pages import study_of, text_of
from tests.annotation.worker_pages import join
from tests.annotation.worker_pages import vote as vote_on_page
from tests.builders import NOW, build_study, build_worker, rng
from tests.together import together

pytestmark = pytest.mark.django_db

MARKS = ("5f3aMARK", "sessionMARK", "phonMARK", "wordsMARK", "reasonMARK", "skipMARK")
"""Everything that tells who the worker of `known_worker` is, or that they wrote."""


def known_worker(study: Study, external_id: str = "5f3aMARK") -> Worker:
    """A worker who told all that a worker can tell: two votes, a skip, an undone vote and a report."""
    worker = build_worker(study, external_id)
    Worker.objects.filter(pk=worker.pk).update(platform={"SESSION_ID": "sessionMARK"}, device="phonMARK")
    for _place in range(3):
        held = assignments.current(worker, NOW, rng())
        assert held is not None
        ballot = Ballot(value=1, reasons=["reasonMARK"], device="phonMARK", input_method="touch")
        worker, _next = votes.vote(worker, held.pk, ballot, NOW, rng())
    votes.undo(worker, NOW)
    held = assignments.current(worker, NOW, rng())
    votes.report(worker, held.pk, Report.Kind.PERSONAL, "wordsMARK")
    votes.skip(worker, held.pk, "skipMARK", NOW)
    return Worker.objects.select_related("rater", "study").get(pk=worker.pk)


def everything_stored() -> str:
    """Returns every value of every row of every table of ours."""
    ours = [model for app in ("annotation", "ranking", "judges") for model in apps.get_app_config(app).get_models()]
    return repr([list(model.objects.values_list()) for model in ours])


@pytest.fixture
def study(db):
    return build_study()


def test_nothing_in_any_table_export_or_list_tells_who_it_was(study):
    worker = known_worker(study)
    exclusion.exclude(worker, "exclusionMARK", NOW)
    assert all(mark in everything_stored() for mark in (*MARKS, "exclusionMARK"))
    erasure.erase(worker, NOW)
    told = everything_stored()
    told += "".join([*export(study, "comparisons", full=True), *payments(study), *prolific_approvals(study)])
    assert "MARK" not in told


def test_votes_stay_and_count_as_before(study):
    worker, _other = known_worker(study), known_worker(study, "other")
    counted = Comparison.objects.counted().order_by("pk").values("pair", "rater", "winner", "value", "left")
    before = list(counted)
    plain = "".join(export(study, "comparisons"))
    erasure.erase(worker, NOW)
    assert list(counted.all()) == before
    assert "".join(export(study, "comparisons")) == plain
    assert "other" in "".join(payments(study))


def test_boards_computed_before_and_after_are_equal(study):
    def board():
        return compute(study, Filters(raters=PEOPLE), Settings(method="bradley-terry")).sheet

    workers = [known_worker(study, f"5f3aMARK{index}") for index in range(4)]
    first, state = board(), reader.state(study)
    for worker in workers:
        erasure.erase(worker, NOW)
    assert (board(), reader.state(study)) == (first, state)
    erasure.erase(workers[0], NOW, withdraw=True)
    assert board() != first


def test_votes_are_withdrawn_on_request_and_their_places_are_free(study):
    worker = known_worker(study)
    erased = erasure.erase(worker, NOW, withdraw=True)
    worker.refresh_from_db()
    assert worker.outcome == Outcome.WITHDRAWN
    assert not Comparison.objects.counted().exists()
    assert not Pair.objects.exclude(taken=0).exists()
    assert erased.counts["withdrawn"] == 2


def test_who_is_erased_already_can_still_withdraw_but_is_not_erased_twice(study):
    worker = known_worker(study)
    erasure.erase(worker, NOW)
    with pytest.raises(NotPossible, match="already been erased"):
        erasure.erase(worker, NOW)
    assert erasure.erase(worker, NOW, withdraw=True).counts["withdrawn"] == 2
    assert Erasure.objects.count() == 2


def test_the_record_says_how_much_and_not_whose(study):
    erased = erasure.erase(known_worker(study), NOW)
    some = dict.fromkeys(("workers", "ids", "parameters", "devices", "skips", "reports"), 1) | {"reasons": 3}
    assert erased.counts == some | {"exclusions": 0, "withdrawn": 0}
    row = repr(Erasure.objects.values())
    assert "MARK" not in row
    fields = {field.name for field in Erasure._meta.get_fields()}
    assert fields == {"id", "study", "cause", "user", "counts", "created_at"}


def test_a_worker_who_is_still_voting_leaves_with_the_completion_code(study):
    worker = known_worker(study)
    held = assignments.current(worker, NOW, rng())
    erasure.erase(worker, NOW)
    worker.refresh_from_db()
    assert (worker.outcome, worker.erased_at) == (Outcome.COMPLETED, NOW)
    with pytest.raises(votes.Closed):
        votes.vote(worker, held.pk, Ballot(value=1), NOW, rng())
    with pytest.raises(votes.Closed):
        votes.report(worker, held.pk, Report.Kind.OTHER, "wordsMARK")
    assert leaving.resume(worker).outcome == Outcome.COMPLETED


def test_the_same_id_does_not_join_again_and_another_does(study):
    erasure.erase(known_worker(study), NOW)

    def consent(external_id):
        return joining.consent(study, version=1, external_id=external_id, platform={}, device="", at=NOW)

    with pytest.raises(joining.Erased):
        consent("5f3aMARK")
    assert consent("another").external_id == "another"
    other = build_study("other")
    assert joining.consent(other, version=1, external_id="5f3aMARK", platform={}, device="", at=NOW)


def test_an_id_is_known_under_an_earlier_secret(study, settings):
    erasure.erase(known_worker(study), NOW)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret"
    assert erasure.was_erased(study, "5f3aMARK")
    settings.SECRET_KEY_FALLBACKS = []
    assert not erasure.was_erased(study, "5f3aMARK")


class TestRetention:
    @pytest.fixture
    def workers(self, study):
        return [known_worker(study), known_worker(study, "other-id")]

    def closed(self, study, days=30):
        lifecycle.change_settings(study, {"erase_after_days": days})
        return lifecycle.close(study, NOW)

    def test_everybody_is_erased_so_many_days_after_the_study_closed(self, study, workers):
        self.closed(study)
        assert erasure.erase_due(NOW + timedelta(days=29)) == 0
        assert erasure.erase_due(NOW + timedelta(days=30)) == 2
        assert "MARK" not in everything_stored()
        (record,) = Erasure.objects.all()
        assert (record.cause, record.user, record.counts["ids"]) == ("retention", None, 2)
        assert erasure.erase_due(NOW + timedelta(days=31)) == 0
        assert Erasure.objects.count() == 1

    def test_an_open_study_and_one_without_the_setting_keep_everything(self, study, workers):
        lifecycle.change_settings(study, {"erase_after_days": 0})
        assert erasure.erase_due(NOW + timedelta(days=999)) == 0
        self.closed(study, None)
        assert erasure.erase_due(NOW + timedelta(days=999)) == 0

    def test_the_days_start_again_when_a_study_was_opened_and_closed_again(self, study, workers):
        self.closed(study)
        study = lifecycle.start(Study.objects.get(pk=study.pk))
        assert study.closed_at is None
        lifecycle.close(study, NOW + timedelta(days=20))
        assert erasure.erase_due(NOW + timedelta(days=31)) == 0
        assert erasure.erase_due(NOW + timedelta(days=50)) == 2

    def test_a_hidden_study_erases_too(self, study, workers):
        lifecycle.hide(self.closed(study, 0), NOW)
        assert erasure.erase_due(NOW) == 2


class TestPages:
    @pytest.fixture
    def mine(self, owner, colleague):
        return study_of(owner, colleague)

    def test_the_owner_erases_from_the_workers_page(self, mine, owner, as_user):
        worker, client = known_worker(mine), as_user(owner)
        assert f"/workers/{worker.number}/erase/" in text_of(client.get("/studies/haiku/workers/"))
        asked = text_of(client.get(f"/studies/haiku/workers/{worker.number}/erase/"))
        assert "Kept: 2 answers under the worker’s number" in asked
        page = text_of(client.post(f"/studies/haiku/workers/{worker.number}/erase/", follow=True))
        assert f"The personal data of worker {worker.number} was erased." in page
        assert "participant IDs 1" in page
        assert "5f3aMARK" not in page
        csv = client.get("/studies/haiku/workers.csv").getvalue().decode()
        assert "MARK" not in csv
        assert client.get(f"/studies/haiku/workers/{worker.number}/link/").status_code == 404

    def test_a_colleague_does_not_erase(self, mine, colleague, as_user):
        worker, client = known_worker(mine), as_user(colleague)
        assert client.post(f"/studies/haiku/workers/{worker.number}/erase/").status_code == 403
        assert "/erase/" not in text_of(client.get("/studies/haiku/workers/"))
        worker.refresh_from_db()
        assert worker.erased_at is None

    def test_the_api_tells_nothing_of_an_erased_worker(self, mine, owner, as_user):
        erasure.erase(known_worker(mine), NOW)
        client = as_user(owner)
        for what in ("workers", "comparisons?full=true", "comparisons"):
            body = text_of(client.get(f"/api/studies/haiku/{what.replace('?', '/?')}"))
            assert "MARK" not in body, what

    def test_a_returning_worker_is_told_calmly_and_their_own_browser_may_withdraw(self, mine):
        own, elsewhere = Client(), Client()
        join(own, mine, "?PROLIFIC_PID=5f3aMARK")
        own.post("/s/haiku/begin/")
        own.get("/s/haiku/vote/")
        vote_on_page(own, mine)
        erasure.erase(Worker.objects.get(external_id="5f3aMARK"), NOW)
        told = elsewhere.get("/s/haiku/?PROLIFIC_PID=5f3aMARK")
        assert (told.status_code, "already taken part" in text_of(told)) == (403, True)
        assert join(elsewhere, mine, "?PROLIFIC_PID=5f3aMARK").status_code == 403
        page = text_of(own.get("/s/haiku/?PROLIFIC_PID=5f3aMARK", follow=True))
        assert "Your answers are kept under a number." in page
        own.post("/s/haiku/withdraw/")
        assert Worker.objects.get().outcome == Outcome.WITHDRAWN


class TestCommand:
    def run(self, *words):
        out = StringIO()
        call_command("erase", *words, stdout=out)
        return out.getvalue()

    def test_it_erases_by_id_and_says_how_much(self, study):
        known_worker(study)
        assert "participant IDs: 1" in self.run("haiku", "--id", "5f3aMARK")
        assert ErasedId.objects.count() == 1
        with pytest.raises(CommandError, match="already been erased"):
            self.run("haiku", "--id", "5f3aMARK")

    def test_it_erases_by_number_and_withdraws(self, study):
        worker = known_worker(study)
        assert "votes withdrawn: 2" in self.run("haiku", "--worker", str(worker.number), "--withdraw")
        with pytest.raises(CommandError, match="no worker 99"):
            self.run("haiku", "--worker", "99")


@pytest.mark.django_db(transaction=True)
def test_erasing_while_the_worker_votes_leaves_nothing_behind():
    study = build_study(models=4, prompts=10)
    worker = build_worker(study, "5f3aMARK")
    held = assignments.current(worker, NOW, rng())

    def act(index):
        if index == 0:
            erasure.erase(worker, NOW)
            return 0
        given, random, pair = 0, rng(index), held
        while pair is not None:
            ballot = Ballot(value=1, reasons=["reasonMARK"], device="phonMARK", input_method="touch")
            try:
                votes.report(worker, pair.pk, Report.Kind.OTHER, "wordsMARK")
                _worker, pair = votes.vote(worker, pair.pk, ballot, NOW, random)
            except votes.Replayed:
                pair = Assignment.objects.filter(worker=worker, state="open").first()
            except votes.Closed:
                break
            else:
                given += 1
        return given

    given = sum(together(4, act))
    assert "MARK" not in everything_stored()
    assert Comparison.objects.counted().count() == given == Worker.objects.get().votes
    assert not Assignment.objects.filter(state="open").exists()


@pytest.mark.django_db(transaction=True)
def test_erasing_while_the_same_person_joins_makes_no_second_worker():
    study = build_study()
    first = build_worker(study, "5f3aMARK")

    def act(index):
        if index == 0:
            erasure.erase(first, NOW)
            return None
        try:
            joined = joining.consent(study, version=1, external_id="5f3aMARK", platform={}, device="", at=NOW)
        except joining.Erased:
            return None
        return joined.pk

    assert set(together(6, act)) <= {None, first.pk}
    assert Worker.objects.count() == 1


def test_the_account_that_erased_is_kept_until_it_is_deleted(study):
    user = User.objects.create_user("someone")
    record = erasure.erase(known_worker(study), NOW, user=user)
    user.delete()
    record.refresh_from_db()
    assert record.user is None
