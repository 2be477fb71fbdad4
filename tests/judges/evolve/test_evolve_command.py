"""`manage.py evolve`, also when the process is killed, and on real seed prompts."""

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

from annotation.models import LanguageModel, Prompt, PromptSet
from judges.llm.mock import Behaviour
from judges.models import AnswerSource, EvolvedPrompt, EvolveRun
from tests.arena import Arena
from tests.judges.conftest import running
from tests.judges.evolving import WRITER, prompt_set
from tests.places import REAL_DATA, needs_real_data
from tests.waiting import PATIENCE, eventually

SEEDS = REAL_DATA / "mad" / "seeds-reasoning-gsm8k-60.jsonl"

SETUP = """
import django; django.setup()
from tests.judges.evolving import prompt_set
prompt_set(20)
"""

FIGURES = """
import django, json; django.setup()
from django.db.models import Count
from judges.models import *
run = EvolveRun.objects.get()
states = dict(EvolveCall.objects.values_list("state").annotate(n=Count("pk")).order_by())
print(json.dumps({
    "state": run.state, "lost": run.lost, "states": states, "replies": EvolveReply.objects.count(),
    "written": EvolvedPrompt.objects.count(), "compared": EvolvedPrompt.objects.exclude(similarity=None).count(),
    "reserved": AnswerSource.objects.get().reserved,
}))
"""

SWEEP = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from judges.evolve.runs import evolve_life
from judges.runs import lifecycle
print(evolve_life.sweep(timezone.now() + 2 * lifecycle.SILENCE))
"""


def evolve(*words: str, stderr: StringIO | None = None) -> str:
    out = StringIO()
    call_command("evolve", "seeds", *words, stdout=out, stderr=stderr or StringIO())
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_adds_the_model_has_it_write_and_says_what_comes_next() -> None:
    prompt_set()
    words = ("--model", WRITER, "--scenario", "reasoning", "--iterations", "2")
    with running(Behaviour(latency=0.001)) as stand_in:
        where = ("--endpoint", stand_in.url, "--api-id", "heron", "--org", "Heronwood", "--price-out", "2")
        told = evolve(*words, *where, "--dry-run")
        assert "3 seed prompts: 6 calls (6 new, 0 asked again; 0 already done)" in told
        assert not AnswerSource.objects.exists()
        assert not LanguageModel.objects.exists()
        told = evolve(*words, *where, "--budget", "1")
        assert "is done: 6 ok." in told
        assert "review 6 new prompts (0 exact duplicates) at /prompt-sets/seeds/evolve/review/" in told
        assert "nothing to do" in evolve(*words)
        assert "3 seed prompts: 3 calls (3 new, 0 asked again; 6 already done)" in evolve(*words[:-1], "3", "--dry-run")
    rows = [json.loads(line) for line in evolve("--lineage").splitlines()]
    assert [row["iteration"] for row in rows] == [1, 1, 1, 2, 2, 2]
    parents = {row["number"]: row["seed"] for row in rows[:3]}
    assert all(parents[row["parent"]] == row["seed"] for row in rows[3:])


@pytest.mark.django_db(transaction=True)
def test_an_own_template_is_read_from_a_file(tmp_path: Path) -> None:
    prompt_set()
    file = tmp_path / "template.txt"
    file.write_text("Make it about cats: $prompt", encoding="utf-8")
    with running(Behaviour(latency=0.001)) as stand_in:
        where = ("--endpoint", stand_in.url, "--api-id", "heron")
        evolve("--model", WRITER, "--scenario", "own", "--template", str(file), "--form", "prompt-answer", *where)
    row = json.loads(evolve("--lineage").splitlines()[0])
    assert (row["scenario"], row["template_version"]) == ("own", 0)
    assert row["reference"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--model and the scenario with --scenario"),
        (("--model", "X", "--scenario", "writing"), "To add it, use --endpoint and --api-id"),
        (("--model", "X", "--scenario", "singing"), "invalid choice"),
        (("--model", "X", "--scenario", "writing", "--iterations", "0"), "iterations must be from 1"),
        (("--model", "X", "--scenario", "writing", "--temperature", "3"), "from 0 to 2"),
        (("--model", "X", "--scenario", "own", "--template", "/not/there"), "No such file"),
        (
            ("--model", "X", "--scenario", "own", "--endpoint", "http://127.0.0.1:9/v1", "--api-id", "x"),
            r"Add \$prompt",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(words: tuple[str, ...], told: str) -> None:
    prompt_set()
    with pytest.raises(CommandError, match=told):
        evolve(*words)
    assert not EvolveRun.objects.exists()


@pytest.mark.django_db
def test_a_set_that_is_not_there_is_refused_with_those_that_are() -> None:
    prompt_set()
    with pytest.raises(CommandError, match=r"Prompt set “nowhere” was not found\. Available prompt sets: seeds"):
        call_command("evolve", "nowhere", "--lineage")


@pytest.mark.django_db(transaction=True)
def test_an_unfinished_run_with_other_settings_is_not_continued() -> None:
    prompt_set()
    with running(Behaviour(latency=0.001, key="another")) as stand_in:
        where = ("--endpoint", stand_in.url, "--api-id", "heron")
        with pytest.raises(CommandError, match="Incorrect API key"):
            evolve("--model", WRITER, "--scenario", "writing", *where)
        with pytest.raises(CommandError, match="unfinished run with other settings"):
            evolve("--model", WRITER, "--scenario", "coding")
    assert EvolveRun.objects.count() == 1


@pytest.mark.once
def test_a_command_killed_in_the_middle_loses_nothing_and_asks_nothing_twice_but_what_was_in_flight(
    tmp_path: Path,
    migrated: Path,
) -> None:
    with running(Behaviour(latency=0.01), let=15) as stand_in:
        arena = Arena(tmp_path, migrated, DJANGO_SETTINGS_MODULE="llmfao_site.settings")
        arena.run("-c", SETUP)
        words = ["manage.py", "evolve", "seeds", "--model", WRITER, "--scenario", "reasoning", "--iterations", "3"]
        words += ["--endpoint", stand_in.url, "--api-id", "heron", "--parallel", "5", "--price-out", "1"]
        words += ["--timeout", "3600"]

        def figures() -> dict[str, Any]:
            return dict(json.loads(arena.run("-c", FIGURES)))

        killed = subprocess.Popen([sys.executable, *words], cwd=settings.BASE_DIR, env=arena.environment)
        try:
            assert eventually(lambda: stand_in.ledger["in_flight"] == 5 and stand_in.ledger["answered"] == 15)
        finally:
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
        stand_in.let(math.inf)
        in_flight = figures()["states"].get("sent", 0)
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
    written, ended = found["states"]["ok"], found["states"].get("ended", 0)
    assert written + ended == 60
    assert (found["state"], found["lost"], found["reserved"]) == ("done", in_flight, 0)
    assert found["replies"] == found["written"] == found["compared"] == written
    assert stand_in.ledger["requests"] <= written + in_flight


@pytest.mark.reference
@needs_real_data("mad")
@pytest.mark.django_db(transaction=True)
def test_sixty_real_problems_are_evolved_twice_over_and_keep_their_format() -> None:
    made = PromptSet.objects.create(slug="seeds", name="GSM8K")
    rows = [json.loads(line) for line in SEEDS.read_text(encoding="utf-8").splitlines()]
    Prompt.objects.bulk_create(
        Prompt(prompt_set=made, number=place, text=row["question"], references=[row["answer"]], type="math", lang="en")
        for place, row in enumerate(rows)
    )
    with running(Behaviour(latency=0.001)) as stand_in:
        where = ("--endpoint", stand_in.url, "--api-id", "heron")
        evolve("--model", WRITER, "--scenario", "reasoning", "--iterations", "2", *where)
        asked = stand_in.ledger["requests"]
        evolve("--model", WRITER, "--scenario", "reasoning", "--iterations", "2")
        assert stand_in.ledger["requests"] == asked
    children = list(EvolvedPrompt.objects.select_related("call__prompt", "call__parent", "reply"))
    assert len(children) == asked
    assert len({child.call.prompt_id for child in children}) == 60
    for child in children:
        sent = json.loads(child.reply.request)["messages"][0]["content"]
        parent = child.call.parent.written if child.call.parent else child.call.prompt.text
        assert " ".join(parent.split()) in " ".join(sent.split())
        assert re.search(r"\n#### \d+\Z", child.written_reference)
    assert not EvolvedPrompt.objects.filter(duplicate="", similarity__gte=0.9).exists()
