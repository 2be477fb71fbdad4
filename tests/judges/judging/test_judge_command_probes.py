"""`judge --every`, `--sentinels` and `--retest`."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from annotation.models import Comparison, Study
from judges.judging import consistency_probes
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeRun, RunKind, RunState, Schedule, ScheduleKind, SentinelSet
from tests.builders import NOW
from tests.judges.conftest import Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge(study: Study, stand_in: Callable[..., Running]) -> Judge:
    return make_judge(stand_in(tie_width=0.0).url)


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("judge", "haiku", "--judge", "stand-in", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_schedule_is_set_and_turned_off(judge: Judge) -> None:
    assert "judges new items every 6 hours" in said("--every", "6", "--limit", "5")
    schedule = Schedule.objects.get()
    assert (schedule.every, schedule.kind, schedule.options["limit"], schedule.user) == (6, "new", 5, None)
    assert "turned off" in said("--every", "off")
    assert "Schedule not found" in said("--every", "off")
    for hours in ("0", "-1", "often", "1.5", "100000"):
        with pytest.raises(CommandError, match="from 1 to"):
            said(f"--every={hours}")


def test_sentinels_are_chosen_once_and_asked(judge: Judge) -> None:
    assert "8 ok" in said("--sentinels", "4", "--seed", "7")
    assert SentinelSet.objects.get().seed == 7
    assert "8 ok" in said("--sentinels")
    with pytest.raises(CommandError, match="already exists"):
        said("--sentinels", "5")
    assert "runs a sentinel round every 24 hours" in said("--every", "24", "--sentinels")
    assert Schedule.objects.get().kind == ScheduleKind.SENTINELS
    assert JudgeRun.objects.filter(kind=RunKind.SENTINEL, state=RunState.DONE).count() == 2


def test_a_repetition_says_how_many_verdicts_flipped(study: Study, judge: Judge) -> None:
    with pytest.raises(CommandError, match="no verdicts in this study"):
        said("--retest", "5")
    run_judge(study, judge)
    told = said("--retest", "5")
    assert "0 of 10 verdicts flipped: 0.0% (0.0% to" in told
    assert "Kappa 1.00" in told
    assert Comparison.objects.count() == 24
    with pytest.raises(CommandError, match="from 1 to"):
        said("--retest", "0")


def test_a_round_that_was_interrupted_is_gone_on_with(study: Study, judge: Judge) -> None:
    run = consistency_probes.begin_round(consistency_probes.choose(study, judge, 4, 1, NOW), NOW, detach=False)
    judge_life.pause(run)
    assert f"Run {run.pk} is done: 8 ok" in said("--sentinels")
    assert JudgeRun.objects.count() == 1


def test_a_round_can_be_left_to_the_background(study: Study, judge: Judge) -> None:
    consistency_probes.choose(study, judge, 4, 1, NOW)
    assert "continues in the background" in said("--sentinels", "--detach")
    assert JudgeRun.objects.get().state == RunState.WAITING
