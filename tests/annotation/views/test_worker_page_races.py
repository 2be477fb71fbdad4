"""Simultaneous requests through the pages, with real threads."""

from collections.abc import Callable

import pytest
from django.http import HttpResponse
from django.test import Client

from annotation.models import Assignment, Comparison, Pair, Worker
from tests.annotation.worker_pages import in_hand, join, vote
from tests.builders import build_study
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


@pytest.fixture
def study():
    return build_study(least_votes=1, most_votes=8)


def at_once(press: Callable[[int], HttpResponse]) -> list[HttpResponse]:
    """Returns the responses to `THREADS` simultaneous requests."""
    return together(THREADS, press)


def copy_of(client: Client) -> Client:
    """Another tab of the same browser."""
    tab = Client()
    tab.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return tab


@pytest.fixture
def voter(study):
    client = Client()
    join(client, study, "?PROLIFIC_PID=p1")
    client.post("/s/haiku/begin/")
    client.get("/s/haiku/vote/")
    return client


def test_consent_given_in_many_tabs_at_once_makes_one_worker(study):
    replies = at_once(lambda _number: join(Client(), study, "?PROLIFIC_PID=p1"))
    assert {reply.redirect_chain[-1][0] for reply in replies} == {"/s/haiku/instructions/"}
    assert Worker.objects.count() == 1


def test_a_vote_pressed_in_many_tabs_at_once_is_one_vote(voter, study):
    pair, tabs = in_hand(), [copy_of(voter) for _tab in range(THREADS)]
    replies = at_once(lambda number: vote(tabs[number], study, 1 + number % 3, pair))
    assert {reply.status_code for reply in replies} == {303}
    assert Comparison.objects.count() == 1
    assert Worker.objects.get().votes == 1
    assert Assignment.objects.filter(state="open").count() == 1


def test_votes_skips_and_undos_at_once_leave_one_pair_in_hand_and_every_place_counted(voter, study):
    vote(voter, study)
    pair, tabs = in_hand(), [copy_of(voter) for _tab in range(THREADS)]
    presses = [
        lambda tab: vote(tab, study, 2, pair),
        lambda tab: tab.post("/s/haiku/skip/", {"pair": pair, "reason": "other"}),
        lambda tab: tab.post("/s/haiku/undo/"),
        lambda tab: tab.get("/s/haiku/vote/"),
    ]
    replies = at_once(lambda number: presses[number % 4](tabs[number]))
    assert {reply.status_code for reply in replies} <= {200, 303}
    voter.get("/s/haiku/vote/")
    worker = Worker.objects.get()
    assert Assignment.objects.filter(state="open").count() == 1
    assert Comparison.objects.in_force().count() == worker.votes
    taken = sum(Pair.objects.values_list("taken", flat=True))
    assert taken == Assignment.objects.filter(slot__isnull=False).count() == worker.votes + 1
