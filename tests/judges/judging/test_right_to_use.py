"""A judge's budget is spent by those who have the right to use the judge, and by nobody else."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges.judging import consistency_probes, judges, runs, schedules
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeRun, JudgeVersion, RunState, ScheduleKind
from tests.builders import NOW
from tests.judges.conftest import Running, make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

type SignIn = Callable[[User], Client]


@pytest.fixture
def owned(study: Study, owner: User, colleague: User, stand_in: Callable[..., Running]) -> Judge:
    """A judge of the administrator's, whom the study's people may not use."""
    study.owner = owner
    study.save()
    study.colleagues.add(colleague)
    judge = make_judge(stand_in().url)
    judges.share(judge, [], everyone=False)
    return judge


def start(study: Study, judge: Judge, user: User) -> JudgeRun:
    return runs.start(study, judge.current, Plan(limit=1), NOW, user=user, detach=False)


def test_nobody_starts_a_run_on_the_budget_of_a_judge_they_may_not_use(
    study: Study, owned: Judge, owner: User, colleague: User
) -> None:
    for user in (owner, colleague):
        with pytest.raises(NotPossible, match="right to use judge “stand-in”"):
            start(study, owned, user)
        with pytest.raises(NotPossible, match="right to use"):
            schedules.set_every(study, owned, ScheduleKind.NEW, 1, NOW, user=user)
    run_judge(study, owned, Plan(limit=2))
    with pytest.raises(NotPossible, match="right to use"):
        consistency_probes.retest(study, owned, 1, 0, NOW, user=owner, detach=False)
    assert JudgeRun.objects.count() == 1


@pytest.mark.parametrize("how", ["shared", "everyone", "own", "may-add", "superuser"])
def test_each_way_to_the_right_is_enough(
    study: Study, owned: Judge, owner: User, administrator: User, how: str
) -> None:
    user = owner
    match how:
        case "shared":
            judges.share(owned, [owner], everyone=False)
        case "everyone":
            judges.share(owned, [], everyone=True)
        case "own":
            Judge.objects.update(user=owner)
        case "may-add":
            owner.user_permissions.add(Permission.objects.get(codename="add_judge"))
            user = User.objects.get(pk=owner.pk)
        case _:
            user = administrator
    assert start(study, owned, user).version.judge == owned
    assert list(Judge.objects.usable_by(user)) == [owned]


def test_a_judge_is_its_maker_s_and_one_of_the_installation_everyone_s(owner: User, outsider: User) -> None:
    settings = {
        "endpoint": "http://127.0.0.1:9/v1",
        "model": "m",
        "reader": "bracketed",
        "template": judges.built_in("pairs"),
    }
    assert judges.add_judge("common", settings).may_be_used_by(outsider)
    own = judges.add_judge("own", settings, user=owner)
    assert own.may_be_used_by(owner)
    assert not own.may_be_used_by(outsider)


def test_the_page_offers_and_takes_only_judges_that_may_be_used(
    study: Study, owned: Judge, as_user: SignIn, owner: User, administrator: User
) -> None:
    page = reverse("study-judges", args=[study.slug])
    shown = as_user(owner).get(page).content.decode()
    assert "stand-in" not in shown
    assert "No judge is shared with you." in shown
    scheduled = as_user(owner).post(
        reverse("study-judge-schedule", args=[study.slug]), {"judge": owned.pk, "every": 1}, follow=True
    )
    assert "right to use judge" in scheduled.content.decode()
    assert not study.judge_schedules.exists()
    as_user(owner).post(page, {"judge": owned.pk, "start": ""})
    assert not JudgeRun.objects.exists()
    as_user(administrator).post(page, {"judge": owned.pk, "start": ""})
    run = JudgeRun.objects.get()
    judge_life.pause(run)
    as_user(owner).post(reverse("study-judge-run-resume", args=[study.slug, run.pk]))
    answered = as_user(owner).post(f"/api/studies/{study.slug}/judge-runs/{run.pk}/resume/")
    assert answered.status_code in {403, 409}
    run.refresh_from_db()
    assert run.state == RunState.PAUSED


def test_a_schedule_ends_with_the_right_of_who_set_it(study: Study, owned: Judge, owner: User) -> None:
    judges.share(owned, [owner], everyone=False)
    schedules.set_every(study, owned, ScheduleKind.NEW, 1, NOW, user=owner)
    judges.share(owned, [], everyone=False)
    assert schedules.keep(NOW) == []
    assert "may no longer use this judge" in study.judge_schedules.get().problem


def test_the_command_says_who_may_use_a_judge(owned: Judge, owner: User, outsider: User) -> None:
    call_command("judge-add", "stand-in", "--share", "olga", "--no-everyone", stdout=StringIO())
    assert owned.may_be_used_by(owner)
    assert not owned.may_be_used_by(outsider)
    assert owned.versions.count() == 1
    call_command("judge-add", "stand-in", "--everyone", stdout=StringIO())
    assert owned.may_be_used_by(outsider)
    with pytest.raises(CommandError, match="No user is named “nobody”"):
        call_command("judge-add", "stand-in", "--share", "nobody", stdout=StringIO())


def test_a_name_that_nobody_has_adds_no_judge() -> None:
    with pytest.raises(CommandError, match="No user is named “nobody”"):
        call_command("judge-add", "new", "--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--share", "nobody")
    assert not Judge.objects.exists()


def test_the_form_shares_a_judge_without_a_new_version(
    owned: Judge, as_user: SignIn, owner: User, administrator: User
) -> None:
    current = owned.current
    values = {name: getattr(current, name) for name in JudgeVersion.SETTINGS}
    form = {name: value for name, value in values.items() if value is not None and value is not False}
    form |= {"template": current.template_id, "name": owned.name}
    page = reverse("judge", args=[owned.pk])
    assert as_user(administrator).post(page, form | {"users": "olga, nobody"}).status_code == 200
    assert as_user(administrator).post(page, form | {"users": "olga"}).status_code == 302
    assert owned.may_be_used_by(owner)
    # A deactivated user in the list must not keep the other settings from being saved.
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert as_user(administrator).post(page, form | {"users": "olga", "budget": "5"}).status_code == 302
    assert owned.versions.count() == 1
    assert as_user(administrator).post(page, form).status_code == 302
    assert not owned.may_be_used_by(owner)
