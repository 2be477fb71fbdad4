"""Workers on the administrator's pages: statistics and exclusion."""

import csv
import io

import pytest

from annotation.models import Assignment, Comparison, Outcome, Pair, Worker
from annotation.models.voting import Stage
from annotation.voting import leaving
from tests.annotation.study_pages import counted, give_votes, study_of, text_of
from tests.builders import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


@pytest.fixture
def study(owner):
    return study_of(owner, overlap=2)


def csv_of(response):
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def exclude(client, worker, reason="Clicks left"):
    return client.post(f"/studies/haiku/workers/{worker.number}/exclude/", {"reason": reason}, follow=True)


def include(client, worker):
    return client.post(f"/studies/haiku/workers/{worker.number}/include/", follow=True)


def places():
    return sum(Pair.objects.values_list("taken", flat=True))


def test_a_study_without_workers_shows_the_links_to_send(client, study):
    page = text_of(client.get("/studies/haiku/workers/"))
    assert "No workers yet." in page
    assert "http://testserver/s/haiku/?PROLIFIC_PID={{%PROLIFIC_PID%}}&amp;STUDY_ID={{%STUDY_ID%}}" in page


def test_the_links_follow_the_id_parameter(client, study):
    study.id_parameter = "workerId"
    study.save()
    assert "http://testserver/s/haiku/?workerId=ID" in text_of(client.get("/studies/haiku/workers/"))


def test_workers_are_listed_with_what_they_did(client, study):
    worker = give_votes(study, 4, "PAT-1")
    Worker.objects.update(training_score=0.75, checks=3, checks_right=2)
    page = text_of(client.get("/studies/haiku/workers/"))
    for told in ("PAT-1", "75%", "2 of 3", "100%", ">0 s<"):
        assert told in page, told
    rows = csv_of(client.get("/studies/haiku/workers.csv"))
    assert [(row["number"], row["external_id"], row["votes"], row["left"], row["checks_right"]) for row in rows] == [
        (str(worker.number), "PAT-1", "4", "4", "2")
    ]


def test_workers_are_sorted_by_a_column_and_the_other_way_round(client, study):
    for number in (1, 3, 2):
        give_votes(study, number)

    def votes(sort):
        return [row.votes for row in client.get(f"/studies/haiku/workers/?sort={sort}").context["workers"]]

    assert votes("votes") == [1, 2, 3]
    assert votes("-votes") == [3, 2, 1]
    assert votes("nonsense") == [1, 3, 2], "by number"


def test_those_without_a_value_come_last_either_way(client, study):
    give_votes(study, 0)
    give_votes(study, 1)
    for sort in ("left", "-left"):
        rows = client.get(f"/studies/haiku/workers/?sort={sort}").context["workers"]
        assert [row.votes for row in rows] == [1, 0]


def test_an_excluded_worker_counts_no_longer_and_others_get_the_places(client, study):
    worker = give_votes(study, 3)
    give_votes(study, 2)
    page = text_of(exclude(client, worker))
    assert f"Worker {worker.number} excluded" in page
    assert counted(study) == 2
    assert Comparison.objects.filter(rater=worker.pk).count() == 3, "the rows stay"
    # Two votes and one reservation remain.
    assert places() == 3
    worker.rater.refresh_from_db()
    assert worker.rater.exclusion_reason == "Clicks left"


def test_an_excluded_worker_who_is_voting_is_let_go_with_the_completion_code(client, study):
    worker = give_votes(study, 1)
    exclude(client, worker)
    worker.refresh_from_db()
    assert (worker.stage, worker.outcome) == (Stage.DONE, Outcome.COMPLETED)
    assert not Assignment.objects.filter(worker=worker, state="open").exists()
    assert not leaving.may_resume(Worker.objects.select_related("study", "rater").get(pk=worker.pk))


def test_looking_at_the_question_excludes_nobody(client, study):
    worker = give_votes(study, 3)
    page = text_of(client.get(f"/studies/haiku/workers/{worker.number}/exclude/"))
    assert "Their 3 votes are kept but no longer counted" in page
    assert counted(study) == 3


def test_an_exclusion_needs_a_reason(client, study):
    worker = give_votes(study, 3)
    assert "This field is required." in text_of(exclude(client, worker, reason=" "))
    assert counted(study) == 3


def test_an_exclusion_is_taken_back(client, study):
    worker = give_votes(study, 3)
    before = places() - 1  # except the reservation, which the exclusion ended
    exclude(client, worker)
    page = text_of(include(client, worker))
    assert "count again" in page
    assert counted(study) == 3
    assert places() == before
    held = Assignment.objects.filter(worker=worker, state="voted").values_list("slot", flat=True)
    assert set(held) == {0}


def test_including_goes_beyond_what_is_wanted_where_others_have_voted_since(client, owner):
    study = study_of(owner, overlap=1, models=2, prompts=1)
    worker = give_votes(study, 1)
    exclude(client, worker)
    give_votes(study, 1)
    include(client, worker)
    pair = Pair.objects.get()
    assert (pair.taken, pair.wanted) == (2, 2)
    assert sorted(Assignment.objects.values_list("slot", flat=True)) == [0, 1]


def test_excluding_twice_is_calm_and_keeps_the_first_reason(client, study):
    worker = give_votes(study, 3)
    exclude(client, worker)
    taken = places()
    assert "already excluded" in text_of(exclude(client, worker, "Another reason"))
    worker.rater.refresh_from_db()
    assert worker.rater.exclusion_reason == "Clicks left"
    assert places() == taken


def test_what_a_worker_withdrew_cannot_be_included_again(client, study):
    worker = give_votes(study, 3)
    leaving.withdraw(worker, NOW)
    page = text_of(include(client, worker))
    assert "withdrew their votes" in page
    assert counted(study) == 0


def test_including_who_was_never_excluded_changes_nothing(client, study):
    worker = give_votes(study, 3)
    before = places()
    assert "is not excluded" in text_of(include(client, worker))
    assert places() == before


def test_the_page_shows_who_is_excluded_and_why(client, study):
    worker = give_votes(study, 3)
    exclude(client, worker)
    page = text_of(client.get("/studies/haiku/workers/"))
    assert "Clicks left" in page
    assert "1 excluded" in text_of(client.get("/studies/haiku/"))


def test_simulated_workers_are_listed_apart(client, study):
    worker = give_votes(study, 3)
    worker.rater.simulated = True
    worker.rater.save()
    give_votes(study, 1)
    assert [row.votes for row in client.get("/studies/haiku/workers/").context["workers"]] == [1]
    assert [row.votes for row in client.get("/studies/haiku/workers/?simulated=1").context["workers"]] == [3]
    assert {row["simulated"] for row in csv_of(client.get("/studies/haiku/workers.csv"))} == {"true", "false"}


@pytest.mark.parametrize("number", [-5, 2**63 - 1])
def test_a_worker_of_a_file_is_excluded_and_included_whatever_their_number(client, study, number):
    worker = give_votes(study, 3)
    Worker.objects.filter(pk=worker.pk).update(number=number)
    worker.refresh_from_db()
    assert f"/workers/{number}/exclude/" in client.get("/studies/haiku/workers/").content.decode()
    assert exclude(client, worker).status_code == 200
    assert f"/workers/{number}/include/" in client.get("/studies/haiku/workers/").content.decode()
    include(client, worker)
    assert counted(study) == 3
