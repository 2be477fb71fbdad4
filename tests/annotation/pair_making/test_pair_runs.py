"""Making pairs from the page, in the background."""

from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone, translation
from django.utils.translation import gettext

from annotation.models import Pair, PairRun, PairRunState, Result
from annotation.pair_making import background, make
from annotation.voting import coverage
from tests.annotation.study_pages import study_of, text_of

pytestmark = pytest.mark.django_db

OPTIONS = {"neighbours": 3, "per_prompt": None, "seed": 0}


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


@pytest.fixture
def study(owner):
    """A draft with results but without pairs."""
    study = study_of(owner, opened=False)
    study.pairs.all().delete()
    return study


@pytest.fixture
def sent(monkeypatch):
    """Collects the messages to the broker."""
    messages = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: messages.append((name, *args)))
    return messages


def ask(client, **fields):
    return client.post("/studies/haiku/pairs/", {"strategy": "all", "neighbours": 3, "seed": 0} | fields)


def test_a_run_waits_for_the_background(client, study, sent, django_capture_on_commit_callbacks, owner):
    with django_capture_on_commit_callbacks(execute=True):
        response = ask(client, seed=7)
    run = PairRun.objects.get()
    assert response.headers["Location"] == f"/studies/haiku/pairs/runs/{run.pk}/"
    assert (run.state, run.user, run.options["seed"]) == (PairRunState.WAITING, owner, 7)
    assert sent == [("annotation.make_pairs", run.pk)]
    assert not Pair.objects.exists()
    assert 'hx-trigger="every 1s"' in text_of(client.get(response.headers["Location"]))


def test_the_background_makes_the_pairs_and_the_page_counts_them(client, study):
    ask(client)
    run = PairRun.objects.get()
    background.run(run.pk, timezone.now())
    run.refresh_from_db()
    assert (run.state, run.report["added"], run.done, run.size) == (PairRunState.DONE, 12, 4, 4)
    assert Pair.objects.filter(study=study).count() == 12
    page = text_of(client.get(f"/studies/haiku/pairs/runs/{run.pk}/"))
    assert "12 pairs added. 0 already existed." in page
    assert "hx-trigger" not in page


def test_a_run_again_adds_nothing(client, study):
    for _again in range(2):
        ask(client)
        background.run(PairRun.objects.latest("pk").pk, timezone.now())
    assert PairRun.objects.latest("pk").report["added"] == 0
    assert Pair.objects.count() == 12


def test_what_cannot_be_done_is_said_on_the_run(client, study):
    study.prompt_set.results.all().delete()
    ask(client)
    run = PairRun.objects.get()
    background.run(run.pk, timezone.now())
    run.refresh_from_db()
    assert run.state == PairRunState.FAILED
    assert "Upload answers first." in text_of(client.get(f"/studies/haiku/pairs/runs/{run.pk}/"))


@pytest.mark.parametrize(("fields", "complaint"), [
    ({"strategy": "telepathy"}, "not one of the available choices"),
    ({"neighbours": 0}, "greater than or equal to 1"),
    ({"seed": -1}, "greater than or equal to 0"),
    ({"seed": 2**63}, "less than or equal to"),
    ({"per_prompt": 5}, "applies to “Random” only"),
])  # fmt: skip
def test_options_that_make_no_sense_are_faults_of_the_form(client, study, fields, complaint):
    assert complaint in text_of(ask(client, **fields))
    assert not PairRun.objects.exists()


def test_every_strategy_there_is_can_be_chosen(client, study):
    from annotation.pairing.registry import STRATEGIES

    form = client.get("/studies/haiku/pairs/").context["form"]
    assert {key for key, _label in form.fields["strategy"].choices} == set(STRATEGIES)


def test_a_message_that_comes_twice_runs_once(client, study, monkeypatch):
    calls = []
    made = make.make_pairs
    monkeypatch.setattr(make, "make_pairs", lambda *args, **more: calls.append(1) or made(*args, **more))
    ask(client)
    run = PairRun.objects.get()
    background.run(run.pk, timezone.now())
    background.run(run.pk, timezone.now())
    assert calls == [1]


def test_a_waiting_run_is_cancelled(client, study):
    ask(client)
    run = PairRun.objects.get()
    page = text_of(client.post(f"/studies/haiku/pairs/runs/{run.pk}/cancel/", follow=True))
    assert "No pairs were saved" in page
    background.run(run.pk, timezone.now())
    assert not Pair.objects.exists()


def test_a_run_cancelled_half_way_stores_nothing(client, study, monkeypatch):
    ask(client)
    run = PairRun.objects.get()
    pulse = background._Progress.__call__

    def cancel_first(self, done, size):
        self.told = 0.0
        background.cancel(run, timezone.now())
        pulse(self, done, size)

    monkeypatch.setattr(background._Progress, "__call__", cancel_first)
    background.run(run.pk, timezone.now())
    run.refresh_from_db()
    assert run.state == PairRunState.CANCELLED
    assert not Pair.objects.exists()


def test_a_cancellation_that_comes_too_late_says_so(client, study):
    ask(client)
    run = PairRun.objects.get()
    background.run(run.pk, timezone.now())
    page = text_of(client.post(f"/studies/haiku/pairs/runs/{run.pk}/cancel/", follow=True))
    assert "finished before it could be cancelled" in page
    assert Pair.objects.count() == 12


def test_a_run_that_breaks_says_so_and_lets_the_error_through(client, study, monkeypatch):
    def broken(*args, **more):
        raise ZeroDivisionError

    monkeypatch.setattr(make, "make_pairs", broken)
    ask(client)
    run = PairRun.objects.get()
    with pytest.raises(ZeroDivisionError):
        background.run(run.pk, timezone.now())
    run.refresh_from_db()
    assert run.state == PairRunState.FAILED
    assert "See the log for details" in run.problem


def test_the_sweep_sends_a_lost_message_again(study, sent):
    now = timezone.now()
    run = PairRun.objects.create(study=study, strategy="all", options=OPTIONS)
    assert background.sweep(now) == 0, "not at once: it may be under way"
    assert background.sweep(now + timedelta(minutes=2)) == 1
    assert sent == [("annotation.make_pairs", run.pk)]


def test_the_sweep_takes_up_what_a_killed_worker_left(study, sent, client):
    now = timezone.now()
    run = PairRun.objects.create(
        study=study, strategy="all", options=OPTIONS, state=PairRunState.RUNNING, claimed_at=now
    )
    assert background.sweep(now + timedelta(minutes=1)) == 0
    assert background.sweep(now + timedelta(minutes=1.5)) == 1
    assert sent == [("annotation.make_pairs", run.pk)]
    assert "Interrupted. Starting again." in text_of(client.get(f"/studies/haiku/pairs/runs/{run.pk}/"))
    background.run(run.pk, now)
    run.refresh_from_db()
    assert run.state == PairRunState.DONE


def test_coverage_is_shown_beside_the_form(client, owner):
    study_of(owner, overlap=2)
    page = text_of(client.get("/studies/haiku/pairs/"))
    assert "0% covered" in page
    assert 'hx-trigger="every 30s, refresh"' in page
    part = text_of(client.get("/studies/haiku/pairs/", headers={"HX-Request": "true"}))
    assert part.lstrip().startswith('<section id="coverage"')


def test_the_page_of_many_votes_opens_before_they_are_counted(client, owner, monkeypatch):
    study_of(owner, overlap=2)
    monkeypatch.setattr(coverage, "MANY", -1)
    page = text_of(client.get("/studies/haiku/pairs/"))
    assert "Counting votes." in page
    assert 'hx-trigger="load"' in page
    assert "0% covered" not in page
    part = text_of(client.get("/studies/haiku/pairs/", headers={"HX-Request": "true"}))
    assert "0% covered" in part
    assert "0% covered" in text_of(client.get("/studies/haiku/pairs/?coverage=1"))


def test_coverage_as_csv(client, owner):
    study_of(owner, overlap=2)
    lines = client.get("/studies/haiku/pairs/coverage.csv").getvalue().decode().splitlines()
    assert lines[0] == "prompt,slug,type,pairs,wanted,votes"
    assert lines[1].endswith(",prompt-0,prose,3,6,0")
    assert len(lines) == 5


def test_what_stops_a_run_is_told_in_the_language_of_whoever_looks(client, study):
    Result.objects.all().delete()
    with translation.override("ja"):
        asked = background.submit(study, None, "all", OPTIONS)
        background.run(asked.pk, timezone.now())
    asked.refresh_from_db()
    english = "No prompt has answers from two models of this study. Upload answers first."
    assert (asked.state, asked.problem) == (PairRunState.FAILED, english)
    page = f"/studies/haiku/pairs/runs/{asked.pk}/"
    assert english in text_of(client.get(page))
    with translation.override("ja"):
        japanese = gettext(english)
    assert not japanese.isascii()
    assert japanese in text_of(client.get(page, headers={"accept-language": "ja"}))


def test_a_run_that_an_older_version_was_asked_for_is_made_whatever_language_it_names(study):
    run = PairRun.objects.create(study=study, strategy="all", options={**OPTIONS, "language": "ja"})
    background.run(run.pk, timezone.now())
    run.refresh_from_db()
    assert run.state == PairRunState.DONE
