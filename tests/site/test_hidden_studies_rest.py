"""While a study is hidden nothing runs for it: no runs, schedules, boards or commands that change it."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from annotation.importing import undo
from annotation.models import Comparison, PairRun, PairRunState, RaterKind, Study, Upload, UploadState
from annotation.pair_making import background
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import batch_files, schedules
from judges.judging.planning import Plan
from judges.judging.runs import judge_life, start
from judges.models import JudgeRun, RunState, Schedule, ScheduleKind
from ranking.boards import requests, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.votes.reader import Filters
from tests.annotation.study_pages import give_votes
from tests.builders import NOW, build_study
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study():
    """A closed study with votes."""
    study = build_study()
    give_votes(study, 3)
    return lifecycle.close(study, NOW)


@pytest.fixture
def judge(study):
    return make_judge("http://127.0.0.1:9/v1")


def hide(study: Study) -> Study:
    return lifecycle.hide(study, NOW)


def test_a_run_at_work_is_paused_and_nobody_sends_or_resumes_it(study, judge):
    run = start(study, judge.current, Plan(), NOW)
    hide(study)
    run.refresh_from_db()
    assert run.state == RunState.PAUSED
    assert run not in judge_life.sendable()
    with pytest.raises(NotPossible, match="hidden"):
        judge_life.resume(run)
    with pytest.raises(NotPossible, match="hidden"):
        start(study, judge.current, Plan(), NOW)
    lifecycle.unhide(study)
    assert judge_life.resume(JudgeRun.objects.get())


def test_a_schedule_rests_and_says_why_and_none_is_set(study, judge):
    Study.objects.update(status="draft")
    schedule = schedules.set_every(study, judge, ScheduleKind.NEW, 1, NOW)
    Study.objects.update(hidden_at=NOW)
    assert schedules.keep(NOW) == []
    schedule.refresh_from_db()
    assert schedule.found_problem.code == problems.STUDY_HIDDEN.code
    with pytest.raises(NotPossible, match="hidden"):
        schedules.set_every(study, judge, ScheduleKind.NEW, 2, NOW)
    lifecycle.unhide(study)
    assert len(schedules.keep(NOW + timedelta(hours=2))) == 1
    assert Schedule.objects.count() == 1


def test_a_pair_run_that_waited_fails_with_words(study):
    run = background.submit(study, None, "all", {"seed": 0})
    hide(study)
    background.run(run.pk, NOW)
    run.refresh_from_db()
    assert run.state == PairRunState.FAILED
    assert "hidden" in str(run.found_problem)
    assert PairRun.objects.count() == 1


def test_boards_wait_until_it_is_shown_again(study):
    hide(study)
    assert snapshots.recompute_changed(NOW) == []
    requests.ask_for(study, Filters(), Settings(), NOW, runs_it=True)
    assert not Leaderboard.objects.exists()
    lifecycle.unhide(study)
    assert snapshots.recompute_changed(NOW)


@pytest.mark.parametrize(
    "words",
    [
        ["study", "haiku", "--set", "overlap=9"],
        ["study", "haiku", "--start"],
        ["pairs", "haiku", "--strategy", "all"],
        ["simulate", "haiku", "--votes", "3"],
        ["simulate", "haiku", "--remove"],
    ],
)
def test_commands_say_so_and_change_nothing(study, words):
    hide(study)
    before = (Comparison.objects.count(), Study.objects.values().get())
    with pytest.raises(CommandError, match="This study is hidden, so nothing runs for it"):
        call_command(*words, stdout=StringIO(), stderr=StringIO())
    assert (Comparison.objects.count(), Study.objects.values().get()) == before


def test_commands_that_only_read_go_on(study):
    hide(study)
    out = StringIO()
    call_command("study", "haiku", stdout=out)
    call_command("export", "comparisons", "haiku", stdout=out)
    assert "Quillfinch" in out.getvalue()


def test_files_are_neither_written_for_nor_read_from_a_judge(study, judge):
    hide(study)
    with pytest.raises(NotPossible, match="hidden"):
        batch_files.prepare(study, judge.current, Plan(), NOW)
    with pytest.raises(NotPossible, match="hidden"):
        batch_files.read_responses(study, judge.current, [], NOW)
    assert not JudgeRun.objects.exists()


def test_an_upload_is_not_undone(study):
    upload = Upload.objects.create(study=study, state=UploadState.STORED)
    hide(study)
    with pytest.raises(NotPossible, match="hidden"):
        undo.undo(upload)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED
    assert Comparison.objects.filter(rater__kind=RaterKind.WORKER).exists()
