"""A sender and the database: no money is counted twice, and what cannot be stored is not asked for again."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from annotation.models import Study
from judges.judging import runs
from judges.judging.call_store import JudgeBooks
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import CallState, JudgeCall, RunState, Sender
from judges.runs import lifecycle
from judges.runs.call_store import Outcome
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge
from tests.judges.runs.endpoints import endpoint, said

pytestmark = [pytest.mark.socket, pytest.mark.django_db(transaction=True)]


def while_it_commits(before: Callable[[], object], then: Callable[[], object]) -> None:
    """Runs `then` in another thread while the transaction of `before` has not been committed."""
    done, commit = threading.Event(), threading.Event()

    def slowly() -> None:
        with transaction.atomic():
            before()
            done.set()
            commit.wait(10)

    def alone(work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(alone, slowly)
        assert done.wait(10)
        second = pool.submit(alone, then)
        time.sleep(0.3)
        commit.set()
        first.result(30)
        second.result(30)


@pytest.fixture
def books(study: Study) -> JudgeBooks:
    judge = make_judge("http://127.0.0.1:9/v1", price_out=Decimal(1))
    run = runs.start(study, judge.current, Plan(), NOW, detach=False)
    run = type(run).objects.select_related("study", "version__judge", "version__template").get(pk=run.pk)
    judge_life.plan(run)
    type(run).objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    return judge_life.books(run, Sender.objects.create(run=run, started_at=NOW, beat_at=NOW))


def test_a_sender_that_stores_while_it_is_presumed_dead_frees_its_money_once(books: JudgeBooks) -> None:
    prepared = books.claim(1)
    books.admit(prepared, NOW)
    while_it_commits(lambda: books.store([Outcome(prepared[0])], NOW), lambda: books.bury(NOW))
    judge = books.purse.get()
    assert (judge.reserved, judge.unsure) == (0, 0)
    assert JudgeCall.objects.filter(state=CallState.FAILED).count() == 1


def test_a_sender_that_sends_while_it_is_presumed_dead_leaves_no_call_that_nobody_asks(books: JudgeBooks) -> None:
    prepared = books.claim(1)
    while_it_commits(lambda: books.admit(prepared, NOW), lambda: books.bury(NOW))
    assert books.purse.get().reserved == 0
    assert not JudgeCall.objects.filter(state=CallState.SENT).exists()


def test_a_run_has_no_more_senders_than_it_asked_for(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[object] = []
    counted = threading.Barrier(4)

    def senders_of(_run: object) -> int:
        # Lets all of them count the senders before any is added, if nothing keeps them from it.
        with suppress(threading.BrokenBarrierError):
            counted.wait(0.5)
        return 1

    def send(_life: object, _run: object, sender: Sender, *_rest: object, **_more: object) -> str:
        at_work.append(sender)
        time.sleep(0.5)
        return "paused"

    def work(_number: int) -> None:
        try:
            judge_life.work(run.pk)
        finally:
            connection.close()

    monkeypatch.setattr(type(judge_life), "_send", send)
    monkeypatch.setattr(lifecycle, "senders_of", senders_of)
    run = runs.start(study, make_judge("http://127.0.0.1:9/v1").current, Plan(), NOW, detach=False)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert len(at_work) == 1


def test_what_the_database_does_not_take_is_not_asked_for_again(
    study: Study, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: object) -> int:
        raise DatabaseError("value too long")

    monkeypatch.setattr(JudgeBooks, "keep", refuse)
    with endpoint(lambda body, number: said(number=number)) as server:
        run = runs.start(study, make_judge(server.url, parallel=1).current, Plan(), NOW, detach=False)
        assert judge_life.work(run.pk, patience=QUICK) == "fault"
        asked = len(server.bodies)
        judge_life.sweep(NOW)
        judge_life.work(run.pk, patience=QUICK)
        assert len(server.bodies) == asked
    run.refresh_from_db()
    assert (run.state, run.problem) == (RunState.STOPPED, "A database operation failed. See the log.")
    assert "value too long" in caplog.text
