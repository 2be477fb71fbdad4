"""What stopped a run or a call is stored in English with its code, and told in the reader's language."""

import pytest
from django.urls import reverse
from django.utils import translation

from annotation.models import Study
from annotation.stored_problems import Counted
from judges import problems
from judges.judging import runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm import api_keys
from judges.llm.errors import Again
from judges.models import JudgeReply, JudgeRun, RunState, Schedule, ScheduleKind, Verdict
from tests.builders import NOW
from tests.judges.conftest import make_judge, run_judge
from tests.told_problems import assert_told_in_both_languages, kinds


@pytest.mark.parametrize("found", kinds(problems), ids=lambda found: found.code)
def test_every_problem_has_a_sentence_in_both_languages(found):
    assert_told_in_both_languages(found)


def test_what_an_exception_says_is_what_is_stored(tmp_path):
    with pytest.raises(api_keys.NoKey) as missing:
        api_keys.read_key("ANY_API_KEY", tmp_path)
    problem = missing.value.problem
    assert str(missing.value) == problem.text == "The environment variable ANY_API_KEY is not set."
    assert problem.data == {"code": "no-variable", "params": {"source": "ANY_API_KEY"}}
    assert str(Again("Too many requests.")) == Again("Too many requests.").problem.text


@pytest.fixture
def stopped(study: Study, monkeypatch) -> JudgeRun:
    """A run whose key was gone when it was to be sent, by a process that speaks Japanese."""
    monkeypatch.setenv("GONE_API_KEY", "sk-gone-1234567890")
    judge = make_judge("http://127.0.0.1:9/v1", key_source="GONE_API_KEY")
    run = runs.start(study, judge.current, Plan(), NOW, detach=False)
    monkeypatch.delenv("GONE_API_KEY")
    with translation.override("ja"), pytest.raises(api_keys.NoKey):
        judge_life.work(run.pk)
    run.refresh_from_db()
    return run


def test_what_stopped_a_run_is_told_to_everybody_in_their_language(stopped, study, owner, as_user):
    english = "The environment variable GONE_API_KEY is not set."
    assert (stopped.state, stopped.problem) == (RunState.STOPPED, english)
    assert stopped.problem_data == {"code": "no-variable", "params": {"source": "GONE_API_KEY"}}
    Study.objects.filter(pk=study.pk).update(owner=owner)
    page = reverse("study-judge-run", args=[study.slug, stopped.pk])
    assert english in as_user(owner).get(page).content.decode()
    japanese = as_user(owner).get(page, headers={"accept-language": "ja"}).content.decode()
    with translation.override("ja"):
        assert stopped.told_problem in japanese
    assert english not in japanese


def test_a_run_from_before_codes_is_told_by_its_text_and_forgets_it_when_it_goes_on(stopped):
    JudgeRun.objects.update(problem_data=None)
    stopped.refresh_from_db()
    with translation.override("ja"):
        assert stopped.told_problem == "The environment variable GONE_API_KEY is not set."
    JudgeRun.objects.update(problem_data={"code": "no-variable", "params": {"source": "GONE_API_KEY"}})
    assert judge_life.resume(stopped, detach=False)
    stopped.refresh_from_db()
    assert (stopped.problem, stopped.problem_data) == ("", None)


@pytest.mark.django_db(transaction=True)
def test_replies_and_verdicts_keep_the_code_and_the_page_of_their_run_counts_them(study, stand_in, owner, as_user):
    run = run_judge(study, make_judge(stand_in(lasting=1.0, lasting_kinds=("unreadable",)).url), Plan(limit=2))
    replies = JudgeReply.objects.filter(state="unreadable")
    assert replies.count() == 4
    for reply in replies:
        verdict = Verdict.objects.get(reply=reply)
        assert (verdict.problem, verdict.problem_data) == (reply.problem, reply.problem_data)
        assert reply.problem_data["code"] == "no-verdict"
        assert reply.problem_data["params"]["end"] in reply.problem
    # All four say the same, so it is told in full.
    told = replies[0].problem
    assert judge_life.problems(run) == [Counted(told, 4)]
    Study.objects.filter(pk=study.pk).update(owner=owner)
    page = as_user(owner).get(reverse("study-judge-run", args=[study.slug, run.pk])).content.decode()
    assert f"{told}</bdi> (4)" in page


def test_why_a_time_was_left_out_is_kept_with_its_code(study):
    judge = make_judge("http://127.0.0.1:9/v1")
    schedule = Schedule(study=study, judge=judge, kind=ScheduleKind.NEW, every=1, next_at=NOW, created_at=NOW)
    schedule.set_problem(problems.AT_WORK())
    schedule.save()
    schedule.refresh_from_db()
    assert schedule.found_problem.code == "at-work"
    with translation.override("ja"):
        assert not schedule.told_problem.isascii()
