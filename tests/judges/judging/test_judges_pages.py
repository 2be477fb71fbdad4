from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from judges.judging import judges
from judges.judging.planning import Plan
from judges.models import Judge, JudgeCall, JudgeRun, JudgeVersion, RunState, Template
from tests.judges.conftest import Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

type SignIn = Callable[[User], Client]


@pytest.fixture
def judged(study: Study, owner: User, colleague: User, stand_in: Callable[..., Running]) -> JudgeRun:
    study.owner = owner
    study.save()
    study.colleagues.add(colleague)
    return run_judge(study, make_judge(stand_in(lasting=0.3).url), Plan(limit=6))


def study_pages(run: JudgeRun) -> list[str]:
    slug, call = run.study.slug, JudgeCall.objects.filter(run=run)[0]
    return [
        reverse("study-judges", args=[slug]),
        reverse("study-judge-run", args=[slug, run.pk]),
        reverse("study-judge-calls", args=[slug, run.pk]),
        reverse("study-judge-calls-csv", args=[slug, run.pk]),
        reverse("study-judge-call", args=[slug, call.pk]),
    ]


def site_pages(run: JudgeRun) -> list[str]:
    return [
        reverse("judges"),
        reverse("judge", args=[run.version.judge_id]),
        reverse("judge-templates"),
        reverse("judge-template", args=[run.version.template_id]),
    ]


def test_a_study_s_judging_is_for_those_who_see_the_study(
    judged: JudgeRun, as_user: SignIn, owner: User, colleague: User, outsider: User, administrator: User
) -> None:
    for page in study_pages(judged):
        assert Client().get(page).status_code == 302
        assert as_user(outsider).get(page).status_code == 404
        for user in (owner, colleague, administrator):
            assert as_user(user).get(page).status_code == 200


def test_judges_are_read_by_who_signed_in_and_made_by_who_may(
    judged: JudgeRun, as_user: SignIn, outsider: User, administrator: User
) -> None:
    new = [reverse("judge-new"), reverse("judge-template-new")]
    for page in site_pages(judged):
        assert Client().get(page).status_code == 302
        assert as_user(outsider).get(page).status_code == 200
    for page in new:
        assert as_user(outsider).get(page).status_code == 403
        assert as_user(administrator).get(page).status_code == 200
    anew = reverse("judge-anew", args=[judged.version.judge_id])
    assert as_user(outsider).post(anew).status_code == 403
    page = reverse("judge", args=[judged.version.judge_id])
    as_user(outsider).post(page, {"endpoint": "https://elsewhere.example/v1", "model": "x", "reader": "letter"})
    assert JudgeVersion.objects.count() == 1


def test_changing_a_run_needs_the_study_and_a_post(
    judged: JudgeRun, as_user: SignIn, owner: User, outsider: User
) -> None:
    JudgeRun.objects.filter(pk=judged.pk).update(state=RunState.RUNNING)
    pause = reverse("study-judge-run-pause", args=[judged.study.slug, judged.pk])
    assert as_user(owner).get(pause).status_code == 405
    assert as_user(outsider).post(pause).status_code == 404
    judged.refresh_from_db()
    assert judged.state == RunState.RUNNING
    assert as_user(owner).post(pause).status_code == 302
    judged.refresh_from_db()
    assert judged.state == RunState.PAUSED


def test_a_call_of_another_study_cannot_be_reached(judged: JudgeRun, as_user: SignIn, owner: User) -> None:
    from tests.builders import build_study

    other = build_study("other")
    other.owner = owner
    other.save()
    call = JudgeCall.objects.filter(run=judged)[0]
    assert as_user(owner).get(reverse("study-judge-call", args=["other", call.pk])).status_code == 404
    assert as_user(owner).get(reverse("study-judge-run", args=["other", judged.pk])).status_code == 404


def test_a_judge_is_added_changed_and_previewed(study: Study, as_user: SignIn, administrator: User) -> None:
    browser = as_user(administrator)
    form = {
        "name": "mine",
        "endpoint": "http://127.0.0.1:9/v1",
        "model": "m",
        "reader": "letter",
        "orders": "both",
        "samples": 1,
        "max_tokens": 5,
        "longest_answer": 1000,
        "timeout": 10,
        "parallel": 2,
        "price_in": "0.15",
        "price_out": "0.6",
        "budget": "2.5",
    }
    assert browser.post(reverse("judge-new"), form).status_code == 302
    judge = Judge.objects.get()
    assert (judge.budget, judge.current.template.name) == (2_500_000_000, "pairs-letter")
    assert (
        b"Enter NAME_API_KEY or file:NAME"
        in browser.post(reverse("judge-new"), {**form, "name": "b", "key_source": "sk-1"}).content
    )
    page = reverse("judge", args=[judge.pk])
    assert browser.post(page, {**form, "template": judge.current.template.pk}).status_code == 302
    assert judge.versions.count() == 1
    browser.post(page, {**form, "model": "m2", "template": judge.current.template.pk})
    assert [version.model for version in judge.versions.all()] == ["m2", "m"]
    shown = browser.get(page, {"study": study.pk}).content.decode()
    assert "Answer 0 to prompt" in shown
    assert "one word and nothing else" in shown
    assert "calls do not count towards the budget" not in shown
    free = {**form, "name": "free", "price_in": "0", "price_out": "0"}
    assert b"calls do not count towards the budget" in browser.post(reverse("judge-new"), free, follow=True).content


def test_a_budget_without_a_price_is_warned_of(study: Study) -> None:
    where = ("--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--budget", "2")
    for name, price, warned in (("free", (), True), ("paid", ("--price-out", "0.5"), False)):
        told = StringIO()
        call_command("judge-add", name, *where, *price, stdout=StringIO(), stderr=told)
        assert ("calls do not count towards the budget" in told.getvalue()) is warned
    told = StringIO()
    call_command("judge-add", "paid", "--price-out", "0", stdout=StringIO(), stderr=told)
    assert "calls do not count towards the budget" in told.getvalue()


def test_no_study_s_answers_are_previewed_to_who_may_not_see_them(
    judged: JudgeRun, as_user: SignIn, outsider: User
) -> None:
    page = reverse("judge", args=[judged.version.judge_id])
    shown = as_user(outsider).get(page, {"study": judged.study.pk}).content.decode()
    assert "to prompt" not in shown
    assert judged.study.name not in shown


def test_a_set_of_one_s_own_is_checked_before_it_is_kept(db: None, as_user: SignIn, administrator: User) -> None:
    browser = as_user(administrator)
    origin = judges.built_in("pairs")
    page = reverse("judge-template-new")
    assert "[[parts]]" in browser.get(page, {"from": origin.pk}).content.decode()
    wrong = browser.post(page, {"name": "mine", "text": "kind = 'pair'\n[[parts]]\nuser = '$answer_a'"})
    assert "does not show both answers" in wrong.content.decode()
    assert not Template.objects.filter(name="mine").exists()
    right = "kind = 'pair'\r\n[[parts]]\r\nuser = '''A: $answer_a\r\nB: $answer_b'''"
    assert browser.post(page, {"name": "mine", "text": right}).status_code == 302
    assert Template.objects.get(name="mine").templates.parts[0].user == "A: $answer_a\nB: $answer_b"


def test_the_page_says_what_a_run_would_be_before_it_starts_one(
    study: Study, as_user: SignIn, administrator: User, stand_in: Callable[..., Running]
) -> None:
    judge = make_judge(stand_in().url)
    page = reverse("study-judges", args=[study.slug])
    shown = as_user(administrator).post(page, {"judge": judge.pk, "estimate": ""}).content.decode()
    assert "<dt>Calls</dt><dd>24</dd>" in shown
    assert not JudgeRun.objects.exists()
    assert as_user(administrator).post(page, {"judge": judge.pk, "limit": 3, "start": ""}).status_code == 302
    run = JudgeRun.objects.get()
    assert (run.state, run.options["limit"], run.user) == (RunState.WAITING, 3, administrator)
    again = as_user(administrator).post(page, {"judge": judge.pk, "start": ""}, follow=True).content.decode()
    assert "already running on this study" in again


def test_hostile_replies_are_shown_as_text(judged: JudgeRun, as_user: SignIn, owner: User) -> None:
    call = JudgeCall.objects.filter(run=judged)[0]
    call.replies.update(raw="<script>alert(1)</script>", model="<img src=x>")
    shown = as_user(owner).get(reverse("study-judge-call", args=[judged.study.slug, call.pk])).content.decode()
    assert "<script>alert(1)</script>" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_the_study_s_page_says_how_judging_stands(judged: JudgeRun, as_user: SignIn, owner: User) -> None:
    page = reverse("study", args=[judged.study.slug])
    ok = JudgeCall.objects.filter(state="ok").count()
    assert f"1 judge, {ok} comparison" in as_user(owner).get(page).content.decode()
    JudgeRun.objects.update(state=RunState.STOPPED, problem="No such model.")
    assert "No such model." in as_user(owner).get(page).content.decode()
