"""After a kill, the same command says until when the run is held and goes on; a killed sender is replaced."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotation.models import Study
from judges.judging import runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.management import watching
from judges.models import JudgeRun, RunState, Sender
from judges.runs import lifecycle
from tests.judges.conftest import make_judge
from tests.judges.runs.endpoints import endpoint, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]


def killed(study: Study, judge: Any, ago: float, senders: int = 1) -> JudgeRun:
    """A run whose sender had its last heartbeat `ago` seconds ago and holds one call."""
    run = runs.start(study, judge.current, Plan(), timezone.now(), detach=False, senders=senders)
    JudgeRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    run.refresh_from_db()
    judge_life.plan(run)
    last = timezone.now() - timedelta(seconds=ago)
    dead = Sender.objects.create(run=run, started_at=last, beat_at=last)
    assert len(judge_life.books(run, dead).claim(1)) == 1
    return run


def test_the_same_command_says_until_when_the_run_is_held_and_then_goes_on(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    with endpoint(lambda body, number: said(number=number)) as server:
        run = killed(study, make_judge(server.url, "j"), lifecycle.SILENCE.total_seconds() - 2)
        call_command("judge", study.slug, "--judge", "j")
    run.refresh_from_db()
    assert (run.state, judge_life.progress(run, timezone.now()).states["ok"]) == (RunState.DONE, 24)
    said_so = capsys.readouterr().err
    assert re.search(rf"Run {run.pk} is held by a process that was last active at \d\d:\d\d:\d\d\..*until", said_so)
    assert f"Continuing run {run.pk}" in said_so


def test_a_process_that_lives_is_not_interfered_with(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    run = killed(study, make_judge("http://127.0.0.1:9/v1", "j"), 5)
    monkeypatch.setattr(
        watching.time, "sleep", lambda _seconds: Sender.objects.filter(run=run).update(beat_at=timezone.now())
    )
    with pytest.raises(CommandError, match="in progress in another process"):
        call_command("judge", study.slug, "--judge", "j")


def test_a_killed_sender_is_replaced_while_another_one_lives(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[int] = []
    monkeypatch.setattr(lifecycle, "enqueue", lambda run, count=1: queued.append(count))
    run = killed(study, make_judge("http://127.0.0.1:9/v1", "j"), 300, senders=2)
    now = timezone.now()
    Sender.objects.create(run=run, started_at=now, beat_at=now)
    assert judge_life.sweep(now) == 0
    assert queued == [1]
    Sender.objects.create(run=run, started_at=now, beat_at=now)
    judge_life.sweep(now)
    assert queued == [1]


def test_a_sender_that_ended_because_nothing_is_free_is_not_replaced(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued: list[int] = []
    monkeypatch.setattr(lifecycle, "enqueue", lambda run, count=1: queued.append(count))
    run = killed(study, make_judge("http://127.0.0.1:9/v1", "j"), 0, senders=2)
    run.calls.filter(claim=None).update(state="ok")
    judge_life.sweep(timezone.now())
    assert queued == []
