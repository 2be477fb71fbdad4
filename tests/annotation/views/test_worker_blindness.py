"""Before a vote, nothing sent to the browser reveals who wrote an answer or which pairs are checks."""

import re

import pytest
from django.db import connection
from django.test import Client

from annotation.models import Assignment, LanguageModel, Pair, Prompt, Purpose, Result, TrainingAnswer
from annotation.views import worker
from tests.annotation.worker_pages import in_hand, join, vote
from tests.builders import MARK, add_golden_pairs, build_study, rng

pytestmark = pytest.mark.django_db

HTMX = {"hx-request": "true"}


@pytest.fixture(autouse=True)
def one_generator(monkeypatch):
    """Seeds the generator, so that every run of the test draws the same."""
    generator = rng(7)
    monkeypatch.setattr(worker, "_rng", lambda: generator)


def number_rows_from(first: int) -> None:
    """Starts the primary keys of rows that could reveal a model at numbers that no page contains by chance."""
    with connection.cursor() as cursor:
        for model in (LanguageModel, Prompt, Result, Pair):
            table = model._meta.db_table
            if connection.vendor == "postgresql":
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, first])
            else:
                cursor.execute("DELETE FROM sqlite_sequence WHERE name = %s", [table])
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, first])


class Watched(Client):
    """A client that searches every response, including headers and cookies."""

    def __init__(self, secrets: list[str], **options: object) -> None:
        super().__init__(**options)
        self.secrets = secrets
        self.seen = 0

    def request(self, **request: object) -> object:
        reply = super().request(**request)
        words = [reply.content.decode(), *(f"{name}: {value}" for name, value in reply.items())]
        words += [morsel.OutputString() for morsel in reply.cookies.values()]
        for word in words:
            for secret in self.secrets:
                assert secret.casefold() not in word.casefold(), (secret, request["PATH_INFO"])
            assert not re.search(r"9\d{8}", word), request["PATH_INFO"]
        self.seen += 1
        return reply


def secrets_of(study) -> list[str]:
    names = [word for model in study.prompt_set.models.all() for word in (model.name, model.org, model.api_id)]
    return [*names, "Quillfinch", "Ostrava", "golden"]


@pytest.fixture
def study():
    number_rows_from(MARK + 50_000_000)
    study = build_study(prompts=6, check_rate=0.5, check_least=100, least_votes=2, most_votes=12, training_size=2)
    add_golden_pairs(study, ["x", "y", "x", "y"])
    add_golden_pairs(study, ["x", "y", "x", "y"], Purpose.CHECK)
    return study


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["without-script", "htmx"])
def test_no_reply_on_the_whole_way_names_a_model_or_an_id(study, headers):
    client = Watched(secrets_of(study), headers=headers)
    client.get("/s/haiku/?PROLIFIC_PID=p1")
    join(client, study, "?PROLIFIC_PID=p1")
    for path in ("instructions/", "withdraw/"):
        client.get(f"/s/haiku/{path}")
    client.post("/s/haiku/begin/")
    for _pair in range(2):
        client.get("/s/haiku/training/")
        given = TrainingAnswer.objects.filter(seen_at=None).order_by("position")[0]
        value = {"left": 1, "right": 3}[given.golden]
        client.post("/s/haiku/training/answer/", {"pair": given.pk, "value": value})
        client.post("/s/haiku/training/proceed/", {"pair": given.pk})
    client.get("/s/haiku/vote/")
    client.get("/s/haiku/report/")
    client.post("/s/haiku/report/", {"pair": in_hand(), "kind": "other"})
    client.post("/s/haiku/skip/", {"pair": in_hand(), "reason": "other"})
    client.get("/s/haiku/vote/")
    vote(client, study)
    client.post("/s/haiku/undo/")
    client.get("/s/haiku/view/plain/")
    while Assignment.objects.filter(state="open").exists():
        client.get("/s/haiku/vote/")
        client.post("/s/haiku/extend/", {"pair": in_hand()})
        vote(client, study)
    client.get("/s/haiku/done/")
    assert Assignment.objects.filter(pair__purpose=Purpose.CHECK, pair_id__gt=MARK).exists()
    assert client.seen > 40


def skeleton(html: str) -> str:
    """Returns the page without texts, numbers and tokens; the rest is the same for every pair."""
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html)
    html = re.sub(r"(Own answer [xy]|Answer) \d( to prompt \d)?\.", "TEXT", html)
    html = re.sub(r"(A check prompt|Prompt) \d\?", "PROMPT", html)
    html = re.sub(r'(data-pair|value)="\d+"', "", html)
    return re.sub(r"\s+", " ", html)


def test_a_check_pair_looks_like_any_other(study):
    client = Client()
    join(client, study)
    client.post("/s/haiku/begin/")
    study.workers.update(stage="voting")
    looks: dict[str, set[str]] = {"vote": set(), "check": set()}
    for _vote in range(11):
        reply = client.get("/s/haiku/vote/")
        # The progress and the vote that can be undone change, in the same way for both kinds.
        text = re.sub(r'(?s)<div class="progress".*?<nav', "<nav", skeleton(reply.content.decode()))
        looks[Assignment.objects.get(state="open").pair.purpose].add(
            re.sub(r"Undo( “A is better”)?| disabled", "", text)
        )
        vote(client, study)
    assert looks["vote"] == looks["check"]
    assert len(looks["vote"]) == 1


def test_which_answer_stands_left_does_not_follow_the_pair(study):
    """Over many workers, each result of a pair appears on each side."""
    for number in range(24):
        client = Client()
        join(client, study, f"?PROLIFIC_PID=p{number}")
        client.post("/s/haiku/begin/")
        study.workers.update(stage="voting")
        client.get("/s/haiku/vote/")
    sides = set(Assignment.objects.values_list("left", flat=True))
    assert sides == {"x", "y"}
