"""`manage.py answers`, also when the process is killed."""

import json
import math
import os
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db.models import Q

from annotation.models import LanguageModel, Pair, Result
from judges.llm.mock import Behaviour
from judges.models import AnswerCall, AnswerRun, AnswerSource
from tests.arena import Arena
from tests.judges.answering import NEW, talking_study
from tests.judges.conftest import running
from tests.waiting import PATIENCE, eventually

SETUP = """
import django; django.setup()
from tests.builders import build_study
from annotation.models import Prompt
build_study(models=2, prompts=40)
Prompt.objects.filter(type="code").update(turns=["And then?"])
"""

FIGURES = """
import django, json; django.setup()
from django.db.models import Count
from judges.models import *
from annotation.models import Result
run = AnswerRun.objects.get()
states = dict(AnswerCall.objects.values_list("state").annotate(n=Count("pk")).order_by())
print(json.dumps({
    "state": run.state, "lost": run.lost, "states": states, "replies": AnswerReply.objects.count(),
    "results": Result.objects.filter(model__name="Heronwood-9").count(),
    "reserved": AnswerSource.objects.get().reserved,
}))
"""

SWEEP = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from judges.answers.runs import answer_life
from judges.runs import lifecycle
print(answer_life.sweep(timezone.now() + 2 * lifecycle.SILENCE))
"""


def answers(*words: str, stderr: StringIO | None = None) -> str:
    out = StringIO()
    call_command("answers", "haiku", "--model", NEW, *words, stdout=out, stderr=stderr or StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_adds_the_model_asks_it_and_says_what_comes_next() -> None:
    talking_study()
    with running(Behaviour(latency=0.001)) as stand_in:
        where = ("--endpoint", stand_in.url, "--api-id", "heron", "--org", "Heronwood", "--price-out", "2")
        told = answers(*where, "--dry-run")
        assert "6 calls (6 new, 0 asked again; 0 already done)" in told
        assert not AnswerSource.objects.exists()
        assert not LanguageModel.objects.filter(name=NEW).exists()
        trouble = StringIO()
        told = answers(*where, "--budget", "1", stderr=trouble)
        assert "is done: 6 ok." in told
        assert "do not count towards the budget" not in trouble.getvalue()
        following = re.search(r"Next: make pairs of the new answers with manage\.py (pairs haiku .*)", told)
        assert following
        call_command(*following[1].split(), stdout=StringIO())
        assert Pair.objects.filter(Q(model_x__name=NEW) | Q(model_y__name=NEW)).exists()
        assert "nothing to do" in answers()
        assert "is done: 6 ok." in answers("--samples", "2", "--temperature", "none")
        answers("--endpoint", stand_in.url, "--price-out", "0", stderr=trouble)
        assert "calls do not count towards the budget" in trouble.getvalue()
    assert Result.objects.filter(model__name=NEW, model__org="Heronwood").count() == 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "To add it, use --endpoint and --api-id"),
        (("--model", "Quillfinch-0"), "No endpoint is set for Quillfinch-0"),
        (("--temperature", "3"), "from 0 to 2"),
        (("--category-temperature", "coding"), "such as coding=0.2"),
        (("--samples", "0"), "number of samples must be from 1"),
        (("--endpoint", "ftp://x", "--api-id", "x"), "http"),
        (("--endpoint", "http://127.0.0.1:9/v1", "--api-id", "x", "--key", "NOT_THERE_API_KEY"), "NOT_THERE_API_KEY"),
        (("--model", "A", "B", "--api-id", "x"), "one model"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(words: tuple[str, ...], told: str) -> None:
    talking_study()
    with pytest.raises(CommandError, match=told):
        answers(*words)
    assert not AnswerRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_failed_for_good_ends_the_command_with_the_words_of_the_endpoint() -> None:
    talking_study()
    with running(Behaviour(latency=0.001, key="another")) as stand_in:
        with pytest.raises(CommandError, match="Incorrect API key"):
            answers("--endpoint", stand_in.url, "--api-id", "heron")
        assert "failed" in set(AnswerCall.objects.values_list("state", flat=True))


@pytest.mark.once
def test_a_command_killed_in_the_middle_loses_nothing_and_asks_nothing_twice_but_what_was_in_flight(
    tmp_path: Path,
    migrated: Path,
) -> None:
    with running(Behaviour(latency=0.01), let=15) as stand_in:
        arena = Arena(tmp_path, migrated, DJANGO_SETTINGS_MODULE="llmfao_site.settings")
        arena.run("-c", SETUP)
        words = ["manage.py", "answers", "haiku", "--model", NEW, "--endpoint", stand_in.url, "--api-id", "heron"]
        words += ["--parallel", "5", "--price-out", "1", "--timeout", "3600"]

        def figures() -> dict[str, Any]:
            return dict(json.loads(arena.run("-c", FIGURES)))

        killed = subprocess.Popen([sys.executable, *words], cwd=settings.BASE_DIR, env=arena.environment)
        try:
            assert eventually(lambda: stand_in.ledger["in_flight"] == 5 and stand_in.ledger["answered"] == 15)
        finally:
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        stand_in.let(math.inf)
        before = figures()
        in_flight = before["states"].get("sent", 0)
        # Requests at the endpoint, and replies about to be stored.
        assert 0 < in_flight <= 10
        assert int(arena.run("-c", SWEEP)) == in_flight
        again = subprocess.run(
            [sys.executable, *words],
            cwd=settings.BASE_DIR,
            env=arena.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert again.returncode == 0, again.stderr
        found = figures()
    assert found["states"] == {"ok": 60}
    assert (found["state"], found["lost"], found["results"], found["reserved"]) == ("done", in_flight, 40, 0)
    assert found["replies"] == 60
    assert stand_in.ledger["requests"] <= 60 + in_flight
