"""One click is one request: the response to a vote has the next pair and needs few queries."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotation.models import Comparison
from annotation.studies import lifecycle
from tests.annotation.worker_pages import in_hand, join, text_of, vote
from tests.builders import add_golden_pairs, build_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return build_study(prompts=6, least_votes=2, most_votes=12)


@pytest.fixture
def voter(study):
    client = Client(headers={"hx-request": "true"})
    join(client, study)
    client.post("/s/haiku/begin/")
    client.get("/s/haiku/vote/")
    return client


def test_the_reply_holds_the_next_pair_its_progress_and_what_undo_would_undo(voter, study):
    before = in_hand()
    reply = text_of(vote(voter, study, 2))
    assert reply.lstrip().startswith('<main id="content"')
    assert "<html" not in reply
    assert in_hand() != before
    assert f'name="pair" value="{in_hand()}"' in reply
    assert "1 of 12" in reply
    assert "Undo “Tie”" in reply
    assert 'id="announce" hx-swap-oob' in reply
    assert 'id="progress" hx-swap-oob' in reply


def test_the_next_page_load_brings_the_same_pair(voter, study):
    vote(voter, study)
    pair = in_hand()
    assert f'value="{pair}"' in text_of(Client.get(voter, "/s/haiku/vote/"))
    assert in_hand() == pair


def test_the_last_vote_leads_to_the_end_as_a_whole_page(voter, study):
    lifecycle.change_settings(study, {"most_votes": 2})
    vote(voter, study)
    reply = vote(voter, study)
    assert (reply.status_code, reply["HX-Redirect"]) == (200, "/s/haiku/done/")


def test_a_replay_leads_to_the_pair_in_hand_as_a_whole_page(voter, study):
    pair = in_hand()
    vote(voter, study, 1, pair)
    assert vote(voter, study, 1, pair)["HX-Redirect"] == "/s/haiku/vote/?notice=again"
    assert Comparison.objects.count() == 1


def test_undo_and_skip_bring_their_pair_in_the_reply_too(voter, study):
    first = in_hand()
    vote(voter, study)
    reply = text_of(voter.post("/s/haiku/undo/"))
    assert "Undone. Here is that pair again" in reply
    assert f'name="pair" value="{first}"' in reply
    assert "0 of 12" in reply
    reply = text_of(voter.post("/s/haiku/skip/", {"pair": first, "reason": "other"}))
    assert "Skipped. Here is another pair" in reply
    assert f'name="pair" value="{in_hand()}"' in reply


def test_training_goes_from_pair_to_explanation_to_pair_in_the_reply(study):
    add_golden_pairs(study, ["x", "x", "x", "x"])
    client = Client(headers={"hx-request": "true"})
    join(client, study)
    client.post("/s/haiku/begin/")
    page = client.get("/s/haiku/training/")
    first = page.context["token"]
    reply = text_of(client.post("/s/haiku/training/answer/", {"pair": first, "value": 1}))
    assert reply.lstrip().startswith('<main id="content"')
    assert "Because" in reply
    reply = client.post("/s/haiku/training/proceed/", {"pair": first})
    assert reply.context["token"] != first
    assert "Training pair 2 of 2" in text_of(reply)


def test_a_vote_asks_the_database_a_few_times_and_never_for_a_session_or_an_account(voter, study):
    for _vote in range(6):
        pair = in_hand()
        with CaptureQueriesContext(connection) as queries:
            vote(voter, study, pair=pair)
        statements = [query["sql"] for query in queries]
        assert not [sql for sql in statements if "session" in sql or "auth_user" in sql]
        # The draw queries once more if it starts after the last free pair and wraps around.
        assert len([sql for sql in statements if sql.lstrip().startswith(("SELECT", "INSERT", "UPDATE"))]) <= 14
