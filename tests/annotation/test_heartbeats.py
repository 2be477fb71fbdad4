"""Work whose worker is alive is left to it, however long it says nothing, and work of a dead one is not."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from annotation import heartbeats
from annotation.heartbeats import SILENCE, beating, silent
from annotation.models import PairRun, PairRunState
from tests.builders import build_study
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> PairRun:
    monkeypatch.setattr(heartbeats, "EVERY", 0.02)
    long_ago = timezone.now() - 2 * SILENCE
    return PairRun.objects.create(
        study=build_study(), strategy="all", state=PairRunState.RUNNING, claimed_at=long_ago, beat_at=long_ago
    )


def is_silent(run: PairRun) -> bool:
    return PairRun.objects.filter(silent(timezone.now()), pk=run.pk).exists()


def test_a_worker_that_computes_without_a_word_gives_signs_of_life(run: PairRun):
    assert is_silent(run)
    with beating(PairRun.objects.filter(pk=run.pk, claimed_at=run.claimed_at)):
        assert eventually(lambda: not is_silent(run))


def test_a_connection_that_is_lost_is_replaced(run: PairRun, monkeypatch: pytest.MonkeyPatch):
    update, lost = QuerySet.update, []

    def lose_one(rows: QuerySet[PairRun], **values: object) -> int:
        if not lost and threading.current_thread().name == "heartbeat":
            lost.append(True)
            connection.ensure_connection()
            connection.connection.close()
        return update(rows, **values)

    monkeypatch.setattr(QuerySet, "update", lose_one)
    with beating(PairRun.objects.filter(pk=run.pk)):
        assert eventually(lambda: not is_silent(run))
    assert lost


def test_the_signs_end_with_the_work(run: PairRun):
    with beating(PairRun.objects.filter(pk=run.pk)):
        assert eventually(lambda: not is_silent(run))
    last = PairRun.objects.get(pk=run.pk).beat_at
    assert not eventually(lambda: PairRun.objects.get(pk=run.pk).beat_at != last, seconds=0.3)


def test_who_lost_the_claim_keeps_nobody_alive(run: PairRun):
    ours = PairRun.objects.filter(pk=run.pk, claimed_at=run.claimed_at)
    PairRun.objects.filter(pk=run.pk).update(claimed_at=run.claimed_at + timedelta(seconds=1))
    with beating(ours):
        assert not eventually(lambda: not is_silent(run), seconds=0.3)


def test_a_claim_of_an_older_version_has_no_sign_but_its_time(run: PairRun):
    PairRun.objects.update(beat_at=None)
    assert is_silent(run)
    PairRun.objects.update(claimed_at=timezone.now())
    assert not is_silent(run)
