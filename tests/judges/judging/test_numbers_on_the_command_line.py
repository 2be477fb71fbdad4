"""Invalid numbers are refused by option name before anything is done."""

import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Study
from judges.models import Judge, JudgeRun
from tests.places import ROOT
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

JUDGE = ("judge-add", "other", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("judge", "haiku", "--judge", "stand-in", "--limit=-1"), "--limit: -1: expected a whole number of 1 or more"),
        (("judge", "haiku", "--judge", "stand-in", "--limit=0"), "--limit: 0: expected a whole number of 1 or more"),
        (("judge", "haiku", "--judge", "stand-in", "--limit=1" + 30 * "0"), "expected a whole number of 1 or more"),
        (
            ("judge", "haiku", "--judge", "stand-in", "--senders=0"),
            "--senders: 0: expected a whole number of 1 or more",
        ),
        (
            ("judge-requests", "haiku", "--judge", "stand-in", "--limit=-1"),
            "--limit: -1: expected a whole number of 1 or more",
        ),
        ((*JUDGE, "--temperature=nan"), "--temperature: nan: expected a number"),
        ((*JUDGE, "--top-p=inf"), "--top-p: inf: expected a number"),
        ((*JUDGE, "--budget=-1"), "--budget: -1: expected an amount in dollars, 0 or more"),
        ((*JUDGE, "--budget=Infinity"), "--budget: Infinity: expected an amount in dollars, 0 or more"),
        ((*JUDGE, "--price-in=nan"), "--price-in: nan: expected an amount in dollars, 0 or more"),
        (("mock-llm", "--port=99999"), "--port: 99999: expected a port from 0 to 65535"),
        (("mock-llm", "--port=-1"), "--port: -1: expected a port from 0 to 65535"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_name(study: Study, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command(*words)
    assert not JudgeRun.objects.exists()
    assert not Judge.objects.exists()


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "manage.py", "help"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (0, b"")
