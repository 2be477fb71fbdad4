"""Judging by real worker processes that share the work through Redis and are killed during it."""

import json
import math
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from judges.llm.mock import Behaviour
from tests.arena import Arena
from tests.judges.conftest import running
from tests.waiting import eventually

pytestmark = [pytest.mark.once, pytest.mark.redis]

KEY = "sk-unmistakable-4242424242"

SETUP = """
import django, json, sys; django.setup()
from django.core.management import call_command
from tests.builders import build_study
build_study(models=8, prompts=9)
call_command("judge-add", "j", *json.loads(sys.argv[1]))
call_command("judge", "haiku", "--judge", "j", "--detach", "--senders", "2")
"""

SWEEP = """
import django; django.setup()
from django.utils import timezone
from judges.judging.runs import judge_life
from judges.runs.lifecycle import SILENCE
print(judge_life.sweep(timezone.now() + 2 * SILENCE))
"""

FIGURES = {
    "state": "select state from judges_judgerun",
    "lost": "select lost from judges_judgerun",
    "planned": "select planned from judges_judgerun",
    "sent": "select count(*) from judges_judgecall where state = 'sent'",
    "free": "select count(*) from judges_judgecall where state = 'pending' and claim_id is null",
    "open": "select count(*) from judges_judgecall where state in ('pending', 'sent')",
    "ok": "select count(*) from judges_judgecall where state = 'ok'",
    "verdicts": "select count(*) from judges_verdict where superseded_at is null",
    "calls": "select count(distinct call_id) from judges_verdict where superseded_at is null",
    "comparisons": "select count(*) from annotation_comparison where not withdrawn and superseded_by_id is null",
    "senders": "select count(*) from judges_sender",
    "live": "select count(*) from judges_sender where finished_at is null",
    "reserved": "select reserved from judges_judge",
}


class JudgingArena(Arena):
    """An installation with a study of 252 pairs and a judge that two workers run."""

    def __init__(self, data: Path, like: Path, redis: str, endpoint: str, *options: str) -> None:
        super().__init__(
            data, like, REDIS_URL=redis, DJANGO_SETTINGS_MODULE="llmfao_site.settings", STAND_IN_API_KEY=KEY
        )
        self.data = data
        judge = ("--endpoint", endpoint, "--model", "m", "--key", "STAND_IN_API_KEY", "--price-out", "1", *options)
        # One process, because starting Python with Django takes seconds on a busy machine.
        self.run("-c", SETUP, json.dumps(judge))

    def figures(self) -> dict[str, Any]:
        """Reads the state of the run without Django: a process per query would take longer than the run."""
        with closing(sqlite3.connect(f"file:{self.data / 'llmfao.sqlite3'}?mode=ro", uri=True, timeout=30)) as database:
            return {name: database.execute(query).fetchone()[0] for name, query in FIGURES.items()}

    def start_worker(self, name: str) -> Any:
        self.log = self.data / f"{name}.log"
        return self.worker()

    def told(self) -> str:
        """Describes the run and the workers' output, for failure messages."""
        logs = [f"{path.name}:\n{path.read_text()[-4000:]}" for path in sorted(self.data.glob("*.log"))]
        return "\n".join([str(self.figures()), *logs])


def test_a_worker_killed_in_the_middle_loses_nothing_and_nothing_is_counted_twice(
    tmp_path: Path,
    migrated: Path,
    redis_server: str,
) -> None:
    # It replies only when allowed: otherwise the first worker would finish before the second has started.
    with running(Behaviour(latency=0.01, key=KEY), let=0) as stand_in:
        arena = JudgingArena(tmp_path, migrated, redis_server, stand_in.url, "--parallel", "20", "--timeout", "3600")
        workers = [arena.start_worker("one"), arena.start_worker("two")]
        try:
            # The first request of each goes alone.
            assert eventually(lambda: stand_in.ledger["in_flight"] == 2), arena.told()
            stand_in.let(2)
            assert eventually(lambda: stand_in.ledger["in_flight"] == 20), arena.told()
            assert arena.figures()["live"] == 2, "each has half of the requests that may be in flight"
            stand_in.let(100)
            assert eventually(lambda: (arena.figures()["ok"], stand_in.ledger["in_flight"]) == (100, 20)), arena.told()
            os.kill(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            stand_in.let(math.inf)
            # The other worker does all free calls; those claimed by the dead one stay claimed.
            assert eventually(lambda: (found := arena.figures())["live"] == 1 and not found["free"]), arena.told()
            in_flight = arena.figures()["sent"]
            assert in_flight == 10
            workers.append(arena.start_worker("three"))
            assert int(arena.run("-c", SWEEP)) == in_flight
            assert eventually(lambda: arena.figures()["state"] == "done"), arena.told()
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        found = arena.figures()
        assert found["lost"] == in_flight
        assert found["planned"] == found["ok"] == found["verdicts"] == found["comparisons"] == 504
        assert found["calls"] == 504
        assert (found["open"], found["live"], found["reserved"]) == (0, 0, 0)
        assert stand_in.ledger["answered_twice"] <= in_flight
        assert stand_in.ledger["requests"] <= 504 + in_flight
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Answer 0 to prompt" in kept
    assert KEY.encode() not in kept


def test_a_limit_holds_over_both_workers(tmp_path: Path, migrated: Path, redis_server: str) -> None:
    with running(Behaviour(latency=0.01, key=KEY), let=0) as stand_in:
        limits = ("--parallel", "20", "--requests-per-minute", "100", "--timeout", "3600")
        arena = JudgingArena(tmp_path, migrated, redis_server, stand_in.url, *limits)
        workers = [arena.start_worker("one"), arena.start_worker("two")]
        try:
            # The first request of each goes alone.
            assert eventually(lambda: stand_in.ledger["in_flight"] == 2), arena.told()
            stand_in.let(2)
            assert eventually(lambda: stand_in.ledger["in_flight"] == 20), arena.told()
            assert arena.figures()["live"] == 2
            stand_in.let(math.inf)
            assert eventually(lambda: stand_in.ledger["requests"] >= 100), arena.told()
            # After a minute there may be more.
            assert not eventually(lambda: stand_in.ledger["busiest_minute"] > 100, 5)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
