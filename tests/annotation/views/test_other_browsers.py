"""Whoever knows a participant's ID may vote as them, but neither see nor withdraw what they answered before."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, Study, Worker
from annotation.studies import lifecycle, signed_ids
from annotation.views import worker_session
from tests.annotation.study_pages import study_of
from tests.annotation.worker_pages import join, text_of, vote
from tests.builders import NOW, add_golden_pairs, build_study

pytestmark = pytest.mark.django_db

ID = "?PROLIFIC_PID=worker-17"


@pytest.fixture
def study() -> Study:
    return build_study()


def started(study: Study, query: str = ID) -> Client:
    """Returns the browser of a worker who has agreed and votes."""
    client = Client()
    join(client, study, query)
    client.post(f"/s/{study.slug}/begin/", follow=True)
    return client


def by_id(study: Study, query: str = ID) -> Client:
    """Returns another browser that came by the ID alone."""
    client = Client()
    client.get(f"/s/{study.slug}/{query}", follow=True)
    return client


def test_a_second_browser_goes_on_voting(study):
    vote(started(study), study)
    second = by_id(study)
    assert second.get("/s/haiku/vote/").status_code == 200
    assert vote(second, study).status_code == 303
    worker = Worker.objects.get()
    assert (worker.votes, Comparison.objects.count()) == (2, 2)


def test_it_does_not_withdraw_them(study):
    first = started(study)
    vote(first, study)
    second = by_id(study)
    for answer in (second.get("/s/haiku/withdraw/"), second.post("/s/haiku/withdraw/")):
        assert answer.status_code == 403
        assert "personal link" in text_of(answer)
    assert Worker.objects.get().outcome == ""
    # Nor after it has agreed to the consent, or come again.
    join(second, study, ID)
    second.get(f"/s/haiku/{ID}")
    assert second.post("/s/haiku/withdraw/").status_code == 403
    assert first.post("/s/haiku/withdraw/").status_code == 303
    assert Worker.objects.get().outcome == "withdrawn"


def test_it_sees_and_undoes_only_what_it_answered_itself(study):
    with time_machine.travel(NOW, tick=False) as clock:
        first = started(study)
        vote(first, study)
        clock.shift(timedelta(seconds=5))
        second = by_id(study)
        assert first.get("/s/haiku/vote/").context["undo"]
        assert not second.get("/s/haiku/vote/").context["undo"]
        second.post("/s/haiku/undo/")
        assert Worker.objects.get().votes == 1
        clock.shift(timedelta(seconds=5))
        vote(second, study)
        assert second.get("/s/haiku/vote/").context["undo"]
        second.post("/s/haiku/undo/")
        assert Worker.objects.get().votes == 1
        second.post("/s/haiku/undo/")
        assert Worker.objects.get().votes == 1


def test_it_is_not_told_what_was_answered_in_training():
    study = build_study(training_size=1)
    (pair,) = add_golden_pairs(study, ["x"])
    with time_machine.travel(NOW, tick=False) as clock:
        first = started(study)
        given = pair.training_answers.get()
        first.post("/s/haiku/training/answer/", {"pair": given.pk, "value": 1})
        assert "You chose" in text_of(first.get("/s/haiku/training/"))
        clock.shift(timedelta(seconds=5))
        page = text_of(by_id(study).get("/s/haiku/training/"))
    assert "answered in another browser" in page
    for words in ("You chose", "That’s right", "not the expected answer"):
        assert words not in page


def test_two_people_share_a_browser_and_both_keep_their_own(study):
    shared = started(study)
    join(shared, study, "?PROLIFIC_PID=worker-18")
    shared.post("/s/haiku/begin/")
    shared.get(f"/s/haiku/{ID}")
    assert shared.get("/s/haiku/withdraw/").status_code == 200
    shared.get("/s/haiku/?PROLIFIC_PID=worker-18")
    assert shared.get("/s/haiku/withdraw/").status_code == 200


def test_a_cookie_of_an_earlier_version_is_the_workers_own(study):
    first = started(study)
    worker = Worker.objects.get()
    plain = worker_session.Remembered.read(str(worker.pk))
    assert plain == worker_session.Remembered(worker.pk, None, (worker.pk,))
    assert first.get("/s/haiku/withdraw/").status_code == 200
    assert worker_session.Remembered.read("7:5:3,4") == worker_session.Remembered(7, 5, (3, 4))
    assert worker_session.Remembered.read("7:five:") is None


class TestAPersonalLink:
    def test_it_makes_a_browser_the_workers_own(self, owner, colleague, as_user):
        study = study_of(owner, colleague)
        vote(started(study), study)
        worker = Worker.objects.get()
        page = as_user(colleague).get(f"/studies/haiku/workers/{worker.number}/link/")
        link = page.context["link"]
        second = by_id(study)
        assert second.post("/s/haiku/withdraw/").status_code == 403
        assert second.get(link.removeprefix("http://testserver")).status_code == 303
        assert second.get(f"/s/haiku/{ID}").status_code == 303
        assert second.post("/s/haiku/withdraw/").status_code == 303
        assert Worker.objects.get().outcome == "withdrawn"

    def test_it_expires_and_is_of_one_study(self, study):
        started(study)
        other = build_study("other")
        with time_machine.travel(NOW, tick=False) as clock:
            token = worker_session.personal_token(Worker.objects.get())
            assert Client().get(reverse("worker-personal", args=["haiku", token])).status_code == 303
            assert Client().get(reverse("worker-personal", args=[other.slug, token])).status_code == 403
            assert Client().get(reverse("worker-personal", args=["haiku", token + "x"])).status_code == 403
            clock.shift(worker_session.PERSONAL + timedelta(seconds=1))
            assert Client().get(reverse("worker-personal", args=["haiku", token])).status_code == 403


class TestSignedIds:
    @pytest.fixture
    def study(self) -> Study:
        return lifecycle.change_settings(build_study(), {"id_signed": True})

    def query(self, study: Study, name: str = "worker-17") -> str:
        return f"?PROLIFIC_PID={name}&signature={signed_ids.sign(study, name)}"

    def test_only_a_signed_id_is_admitted(self, study):
        for query in (
            "",
            ID,
            f"{ID}&signature=",
            f"{ID}&signature={'0' * 64}",
            self.query(study, "x") + "&PROLIFIC_PID=y",
        ):
            assert Client().get(f"/s/haiku/{query}").status_code == 403, query
            join(Client(), study, query)
        assert not Worker.objects.exists()
        join(Client(), study, self.query(study))
        worker = Worker.objects.get()
        assert (worker.external_id, worker.platform) == ("worker-17", {})

    def test_a_signed_link_makes_any_browser_the_workers_own(self, study):
        vote(started(study, self.query(study)), study)
        assert by_id(study).get("/s/haiku/withdraw/").status_code == 403
        assert by_id(study, self.query(study)).get("/s/haiku/withdraw/").status_code == 200

    def test_the_key_is_kept_until_signatures_are_turned_off(self, study):
        key = study.id_secret
        assert len(key) == 64
        study = lifecycle.change_settings(study, {"overlap": 4})
        assert study.id_secret == key
        assert lifecycle.change_settings(study, {"id_signed": False}).id_secret == ""
        assert lifecycle.change_settings(study, {"id_signed": True}).id_secret not in {"", key}

    def test_the_settings_show_key_and_link_to_the_studys_people(self, owner, as_user):
        study = lifecycle.change_settings(study_of(owner, slug="mine"), {"id_signed": True})
        page = text_of(as_user(owner).get("/studies/mine/settings/platform/"))
        assert study.id_secret in page
        assert "PROLIFIC_PID=ID&amp;signature=SIGNATURE" in page

    def test_without_a_key_nothing_is_signed(self, study):
        study.id_secret = ""
        assert not signed_ids.is_signed(study, "worker-17", signed_ids.sign(study, "worker-17"))
