"""Judging by real worker processes that share the work over Redis, and die in the middle of it."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from judges.stand_in import Behaviour
from tests.judges.conftest import running
from tests.site.test_background_work import Arena, eventually, redis_server  # noqa: F401  a fixture

pytestmark = [pytest.mark.once, pytest.mark.redis, pytest.mark.timeout(300)]

KEY = "sk-unmistakable-4242424242"

SETUP = """
import django; django.setup()
from tests.builders import build_study
build_study(models=8, prompts=9)
"""

FIGURES = """
import django, json; django.setup()
from django.db.models import Count
from annotation.models import Comparison
from judges.models import *
run = JudgeRun.objects.get()
print(json.dumps({
    "state": run.state, "lost": run.lost, "planned": run.planned,
    "sent": JudgeCall.objects.filter(state="sent").count(),
    "free": JudgeCall.objects.filter(state="pending", claim=None).count(),
    "open": JudgeCall.objects.filter(state__in=["pending", "sent"]).count(),
    "ok": JudgeCall.objects.filter(state="ok").count(),
    "verdicts": Verdict.objects.in_force().count(),
    "most_verdicts": Verdict.objects.in_force().values("call").annotate(n=Count("pk")).order_by("-n")[0]["n"]
        if Verdict.objects.exists() else 0,
    "comparisons": Comparison.objects.counted().count(),
    "senders": Sender.objects.count(), "live": Sender.objects.filter(finished_at=None).count(),
    "reserved": Judge.objects.get().reserved,
}))
"""

SWEEP = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from judges.services import lifecycle, runs
print(runs.sweep(timezone.now() + 2 * lifecycle.SILENCE))
"""


class JudgingArena(Arena):
    """An installation with a study of 252 pairs and a judge."""

    def __init__(self, data: Path, redis: str, endpoint: str, *options: str) -> None:
        super().__init__(data, REDIS_URL=redis, DJANGO_SETTINGS_MODULE="llmfao_site.settings", STAND_IN_API_KEY=KEY)
        self.data = data
        self.run("manage.py", "migrate", "--verbosity", "0")
        self.run("-c", SETUP)
        judge = ("manage.py", "judge-add", "j", "--endpoint", endpoint, "--model", "m", "--key", "STAND_IN_API_KEY")
        self.run(*judge, "--price-out", "1", *options)

    def figures(self) -> dict[str, Any]:
        return dict(json.loads(self.run("-c", FIGURES)))

    def start_worker(self, name: str) -> Any:
        self.log = self.data / f"{name}.log"
        return self.worker()


def test_a_worker_killed_in_the_middle_loses_nothing_and_nothing_is_counted_twice(
    tmp_path: Path,
    redis_server: str,  # noqa: F811
) -> None:
    with running(Behaviour(latency=1.0, key=KEY)) as stand_in:
        arena = JudgingArena(tmp_path, redis_server, stand_in.url, "--parallel", "20")
        workers = [arena.start_worker("one"), arena.start_worker("two")]
        try:
            arena.run("manage.py", "judge", "haiku", "--judge", "j", "--detach", "--senders", "2")
            assert eventually(lambda: stand_in.ledger["answered"] > 100 and arena.figures()["senders"] == 2, 60)
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            # The other one does all that is free; what the dead one held stays in its hand.
            assert eventually(lambda: (found := arena.figures())["live"] == 1 and not found["free"], 90), (
                arena.figures()
            )
            in_flight = arena.figures()["sent"]
            assert 0 < in_flight <= 20
            workers.append(arena.start_worker("three"))
            assert int(arena.run("-c", SWEEP)) == in_flight
            assert eventually(lambda: arena.figures()["state"] == "done", 60), arena.figures()
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        found = arena.figures()
        assert found["lost"] == in_flight
        assert found["planned"] == found["ok"] == found["verdicts"] == found["comparisons"] == 504
        assert found["most_verdicts"] == 1
        assert (found["open"], found["live"], found["reserved"]) == (0, 0, 0)
        assert stand_in.ledger["answered_twice"] <= in_flight
        assert stand_in.ledger["requests"] <= 504 + in_flight
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Answer 0 to prompt" in kept
    assert KEY.encode() not in kept


def test_a_limit_holds_over_both_workers(tmp_path: Path, redis_server: str) -> None:  # noqa: F811
    with running(Behaviour(latency=0.01, key=KEY)) as stand_in:
        arena = JudgingArena(tmp_path, redis_server, stand_in.url, "--parallel", "20", "--requests-per-minute", "100")
        workers = [arena.start_worker("one"), arena.start_worker("two")]
        try:
            arena.run("manage.py", "judge", "haiku", "--judge", "j", "--detach", "--senders", "2")
            assert eventually(lambda: stand_in.ledger["requests"] >= 95 and arena.figures()["senders"] == 2, 60)
            assert not eventually(lambda: stand_in.ledger["requests"] > 100, 5)
            assert stand_in.ledger["requests"] == 100
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
