"""A study whose scale changes while people vote."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client

from annotation.models import Comparison, Pair, Purpose, Study, TrainingAnswer, Worker
from tests.annotation.worker_pages import in_hand, join, text_of, vote
from tests.builders import add_golden_pairs, build_study

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def voter_of(study: Study) -> Client:
    client = Client()
    join(client, study)
    client.post(f"/s/{study.slug}/begin/")
    return client


def asked_on(page: HttpResponse) -> str:
    """Returns the scale in a page's ballot."""
    (scale,) = re.findall(r'name="scale" value="(\w+)"', text_of(page))
    return str(scale)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_an_answer_is_never_read_on_another_scale_than_it_was_given_on(headers: dict[str, str]) -> None:
    study = build_study(scale_name="eight")
    client = voter_of(study)
    scale = asked_on(client.get("/s/haiku/vote/"))
    Study.objects.update(scale_name="three")
    # Value 3 of eight means that A is better, value 3 of three that B is.
    reply = client.post(
        "/s/haiku/vote/send/", {"pair": in_hand(), "value": 3, "scale": scale}, headers=headers, follow=not headers
    )
    if headers:
        reply = client.get(reply.headers["HX-Redirect"])
    assert "The answer choices changed" in text_of(reply)
    assert not Comparison.objects.exists()
    assert asked_on(reply) == "three"
    vote(client, study, 3, scale="three")
    assert (Comparison.objects.get().answer, Comparison.objects.get().scale_name) == ("right", "three")


@pytest.mark.parametrize(("before", "value", "after"), [("eight", 8, "three"), ("five", 4, "two")])
def test_a_check_answered_on_the_scale_before_can_be_taken_back(before: str, value: int, after: str) -> None:
    study = build_study(scale_name=before, check_least=50)
    Study.objects.update(check_rate=1.0)
    add_golden_pairs(study, ["x"], Purpose.CHECK)
    client = voter_of(study)
    client.get("/s/haiku/vote/")
    assert Pair.objects.get(purpose=Purpose.CHECK).assignments.count() == 1
    vote(client, study, value, scale=before)
    counted = Worker.objects.get()
    assert counted.checks == 1
    Study.objects.update(scale_name=after)
    assert client.post("/s/haiku/undo/", follow=True).status_code == 200
    worker = Worker.objects.get()
    assert (worker.votes, worker.checks, worker.checks_right) == (0, 0, 0)


def test_who_is_in_training_goes_on_after_the_scale_has_changed() -> None:
    study = build_study(scale_name="eight", training_pass=0.0)
    add_golden_pairs(study, ["x", "y"])
    client = voter_of(study)
    scale = asked_on(client.get("/s/haiku/training/"))
    pair = TrainingAnswer.objects.exclude(shown_at=None).get().pk
    answered = client.post("/s/haiku/training/answer/", {"pair": pair, "value": 8, "scale": scale}, follow=True)
    assert "You chose: B is far better." in text_of(answered)
    Study.objects.update(scale_name="three")
    explained = client.get("/s/haiku/training/")
    assert "You chose" not in text_of(explained)
    assert client.post("/s/haiku/training/proceed/", {"pair": pair}, follow=True).status_code == 200


def test_a_training_answer_on_the_scale_before_is_not_counted() -> None:
    study = build_study(scale_name="eight")
    add_golden_pairs(study, ["x", "y"])
    client = voter_of(study)
    scale = asked_on(client.get("/s/haiku/training/"))
    Study.objects.update(scale_name="three")
    given = TrainingAnswer.objects.exclude(shown_at=None).get()
    reply = client.post("/s/haiku/training/answer/", {"pair": given.pk, "value": 3, "scale": scale}, follow=True)
    assert "The answer choices changed" in text_of(reply)
    assert not TrainingAnswer.objects.exclude(value=None).exists()
