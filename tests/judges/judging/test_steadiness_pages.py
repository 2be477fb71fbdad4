"""The pages of schedules and of a judge's stability."""

import csv
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from judges.judging import consistency_probes, schedules
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeReply, JudgeRun, RunKind, Schedule, ScheduleKind, SentinelSet
from tests.builders import NOW
from tests.judges.conftest import QUICK, Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

type SignIn = Callable[[User], Client]


@pytest.fixture
def judge(study: Study, owner: User, stand_in: Callable[..., Running]) -> Judge:
    study.owner = owner
    study.save()
    return make_judge(stand_in(lasting=0.1, lasting_kinds=("unreadable",)).url)


@pytest.fixture
def browser(owner: User, as_user: SignIn) -> Client:
    return as_user(owner)


def page_of(study: Study, judge: Judge) -> str:
    return reverse("study-judge-probes", args=[study.slug, judge.pk])


def work() -> None:
    for run in JudgeRun.objects.filter(state="waiting"):
        judge_life.work(run.pk, patience=QUICK)


def test_sentinels_are_chosen_asked_and_drawn(study: Study, judge: Judge, browser: Client) -> None:
    page = page_of(study, judge)
    assert "Create set and start first round" in browser.get(page).content.decode()
    assert browser.post(page, {"choose": "", "count": 5}).status_code == 302
    assert SentinelSet.objects.get().pairs.count() == 5
    work()
    browser.post(page, {"ask": ""})
    work()
    shown = browser.get(page).content.decode()
    assert shown.count('<circle class="mark"') == 1 + 2
    assert "first round" in shown
    assert "fp_00000000" in shown
    again = browser.post(page, {"choose": "", "count": 5}, follow=True).content.decode()
    assert "already exists" in again


def test_the_rounds_are_a_csv(study: Study, judge: Judge, browser: Client) -> None:
    sentinels = consistency_probes.choose(study, judge, 5, 1, NOW)
    for _round in range(3):
        judge_life.work(consistency_probes.begin_round(sentinels, NOW, detach=False).pk, patience=QUICK)
    response = browser.get(reverse("study-judge-rounds-csv", args=[study.slug, judge.pk]))
    rows = list(csv.DictReader(response.getvalue().decode().splitlines()))
    assert [row["round"] for row in rows] == ["1", "2", "3"]
    assert [row["same_as_first"] for row in rows] == ["", "1.0", "1.0"]
    assert all(float(row["same_as_before_low"]) < 1 for row in rows[1:])
    assert {row["models"] for row in rows} == {"stand-in"}


def test_a_judge_is_tested_by_repetition(study: Study, judge: Judge, browser: Client) -> None:
    run_judge(study, judge)
    page = page_of(study, judge)
    browser.post(page, {"retest": "", "count": 4})
    work()
    assert JudgeRun.objects.filter(kind=RunKind.RETEST, state="done").count() == 1
    assert '0% <span class="interval">' in browser.get(page).content.decode()


@pytest.mark.parametrize(
    "data", [{"choose": "", "count": "x"}, {"retest": ""}, {"ask": ""}, {}, {"set": "", "every": 0}]
)
def test_what_makes_no_sense_is_said_and_changes_nothing(
    study: Study, judge: Judge, browser: Client, data: dict[str, object]
) -> None:
    shown = browser.post(page_of(study, judge), data, follow=True)
    assert "A number is missing" in shown.content.decode()
    assert [model.objects.count() for model in (JudgeRun, SentinelSet, Schedule)] == [0, 0, 0]


def test_a_schedule_is_set_shown_and_turned_off(
    study: Study, judge: Judge, browser: Client, as_user: SignIn, owner: User, outsider: User
) -> None:
    page = reverse("study-judges", args=[study.slug])
    setting = reverse("study-judge-schedule", args=[study.slug])
    assert as_user(outsider).post(setting, {"judge": judge.pk, "every": 2}).status_code == 404
    browser.post(setting, {"judge": judge.pk, "every": 2})
    schedule = Schedule.objects.get()
    assert (schedule.every, schedule.user) == (2, owner)
    schedules.keep(schedule.next_at)
    shown = browser.get(page).content.decode()
    assert "every 2 hours" in shown
    assert reverse("study-judge-run", args=[study.slug, JudgeRun.objects.get().pk]) in shown
    Study.objects.update(status="paused")
    assert "The study is paused or closed." in browser.get(page).content.decode()
    assert "at least 1" in browser.post(setting, {"judge": judge.pk, "every": 0}, follow=True).content.decode()
    off = reverse("study-judge-schedule-off", args=[study.slug, schedule.pk])
    assert as_user(outsider).post(off).status_code == 404
    browser.post(off)
    assert not Schedule.objects.exists()


def test_a_schedule_of_another_study_cannot_be_turned_off(study: Study, judge: Judge, browser: Client) -> None:
    from tests.builders import build_study

    other = build_study("other")
    schedule = schedules.set_every(other, judge, ScheduleKind.NEW, 1, NOW)
    assert browser.post(reverse("study-judge-schedule-off", args=[study.slug, schedule.pk])).status_code == 404
    assert Schedule.objects.exists()


def test_sentinels_have_a_schedule_on_their_page(study: Study, judge: Judge, browser: Client) -> None:
    page = page_of(study, judge)
    consistency_probes.choose(study, judge, 4, 1, NOW)
    browser.post(page, {"set": "", "every": 24})
    assert Schedule.objects.get().kind == ScheduleKind.SENTINELS
    assert "every 24 hours" in browser.get(page).content.decode()
    browser.post(page, {"off": ""})
    assert not Schedule.objects.exists()


def test_what_an_endpoint_calls_itself_is_shown_as_text(study: Study, judge: Judge, browser: Client) -> None:
    judge_life.work(
        consistency_probes.begin_round(consistency_probes.choose(study, judge, 4, 1, NOW), NOW, detach=False).pk,
        patience=QUICK,
    )
    JudgeReply.objects.update(model="<img src=x>", fingerprint="<script>1</script>")
    shown = browser.get(page_of(study, judge)).content.decode()
    assert "<img src=x>" not in shown
    assert "&lt;script&gt;1" in shown


def test_a_grader_s_page_has_its_mean_score(study: Study, owner: User, browser: Client, judge: Judge) -> None:
    grader = make_judge(judge.current.endpoint, "grader", reader="rating")
    page = page_of(study, grader)
    browser.post(page, {"choose": "", "count": 6})
    work()
    browser.post(page, {"retest": "", "count": 6})
    run_judge(study, grader)
    browser.post(page, {"retest": "", "count": 6})
    work()
    shown = browser.get(page).content.decode()
    assert "Mean score" in shown
    assert "Mean difference (points)" in shown
