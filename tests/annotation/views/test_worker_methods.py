"""Workers' pages take GET, HEAD and POST; any other method is refused and changes nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Comparison, Worker
from annotation.urls import worker_urls
from annotation.views import worker_session
from tests.builders import build_study

pytestmark = pytest.mark.django_db

NAMES = [str(pattern.name) for pattern in worker_urls]


def test_there_are_such_pages():
    assert {"join", "worker-consent", "worker-vote", "worker-vote-send", "worker-withdraw", "worker-done"} <= {*NAMES}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
@pytest.mark.parametrize("name", NAMES)
def test_other_methods_are_refused(client: Client, name: str, method: str):
    study = build_study()
    client.get("/s/haiku/")
    client.post("/s/haiku/consent/", {"answer": "agree", "version": study.consent_version})
    client.post("/s/haiku/begin/")
    client.get("/s/haiku/vote/")
    before = [list(model.objects.order_by("pk").values()) for model in (Worker, Assignment, Comparison)]
    assert before[0]
    more = {"worker-view": ["plain"], "worker-personal": ["forged"]}.get(name, [])
    reply = getattr(client, method)(reverse(name, args=["haiku", *more]))
    assert reply.status_code == 405
    assert worker_session.COOKIE not in reply.cookies
    assert [list(model.objects.order_by("pk").values()) for model in (Worker, Assignment, Comparison)] == before
