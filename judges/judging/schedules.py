"""Schedules on which judges judge new items or run their sentinel sets."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.models.study import Status
from annotation.problems import NO_PROBLEM, Problem
from annotation.stored_problems import columns
from annotation.studies.lifecycle import NotPossible, check_shown
from judges import problems
from judges.judging import consistency_probes, judges, planning, runs
from judges.judging.planning import Plan
from judges.models import LIVE, Judge, JudgeRun, RunKind, RunState, Schedule, ScheduleKind


def set_every(
    study: Study,
    judge: Judge,
    kind: ScheduleKind,
    hours: int,
    at: datetime,
    *,
    plan: Plan = Plan(),  # noqa: B008  frozen
    user: User | None = None,
) -> Schedule:
    """Sets a schedule that runs `judge` on `study` every `hours` hours on behalf of `user`.

    The first run is due at once; if the schedule has run before, the next one is due `hours` after the last.

    Raises:
        NotPossible: `user` may not use the judge, there is no sentinel set, or the study is hidden.
        ValidationError: the hours are out of range.
    """
    check_shown(study)
    judges.check_use(judge, user)
    if kind == ScheduleKind.SENTINELS and consistency_probes.sentinels_of(study, judge) is None:
        raise NotPossible(_("This judge has no sentinel set in this study yet. Create one first."))
    # Failed calls are not repeated automatically: people decide after seeing why.
    options = replace(plan, again=()).as_json()
    while True:
        known = Schedule.objects.filter(study=study, judge=judge, kind=kind).first()
        schedule = known or Schedule(study=study, judge=judge, kind=kind, created_at=at)
        schedule.every, schedule.user, schedule.options = hours, user, options
        schedule.set_problem(NO_PROBLEM)
        schedule.next_at = at
        schedule.clean_fields(exclude={"user", "last_at"})
        if schedule.last_at is not None:
            schedule.next_at = max(at, schedule.last_at + timedelta(hours=hours))
        try:
            with transaction.atomic():
                schedule.save()
        except IntegrityError:
            continue  # another request created it at the same time: update that one
        return schedule


def turn_off(study: Study, judge: Judge, kind: ScheduleKind) -> bool:
    """Deletes the schedule; returns False if there was none."""
    return bool(Schedule.objects.filter(study=study, judge=judge, kind=kind).delete()[0])


def latest(schedule: Schedule, number: int = 3) -> list[JudgeRun]:
    """Returns the last `number` runs that `schedule` started, newest first."""
    return list(schedule.study.judge_runs.filter(options__schedule=schedule.pk)[:number])


def keep(at: datetime) -> list[JudgeRun]:
    """Starts the runs due at `at` and returns them.

    Safe to call from several processes at once: each due run is claimed by one of them.
    """
    due = Schedule.objects.filter(next_at__lte=at).select_related("study__prompt_set", "judge", "user")
    return [run for schedule in due.order_by("next_at", "pk") if (run := _do(schedule, at)) is not None]


def _do(schedule: Schedule, at: datetime) -> JudgeRun | None:
    problem = hindrance(schedule)
    try:
        if problem or not _anything(schedule):
            raise _Left
        with transaction.atomic():
            # Claiming the time and starting the run are one transaction, so a crash cannot separate them.
            return _begin(schedule, at) if _take(schedule, at, NO_PROBLEM) else None
    except _Left:
        _take(schedule, at, problem)
    except NotPossible as refusal:
        _take(schedule, at, refusal.problem)
    return None


class _Left(Exception):
    """No run is started."""


def _take(schedule: Schedule, at: datetime, problem: Problem) -> bool:
    """Claims the due time of `schedule`; returns False if another process did."""
    mine = Schedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at)
    last = schedule.last_at if problem else at
    return bool(mine.update(next_at=schedule.following(at), last_at=last, **columns(problem)))


def hindrance(schedule: Schedule) -> Problem:
    """Returns what prevents a run of `schedule`, whatever there is to do; no problem if nothing does."""
    study, judge, user = schedule.study, schedule.judge, schedule.user
    if study.hidden_at:
        return problems.STUDY_HIDDEN()
    if study.status in {Status.PAUSED, Status.CLOSED}:
        return problems.STUDY_RESTS()
    if not Study.objects.with_leave().filter(pk=study.pk).exists():
        return problems.MAY_NOT()
    if user is not None and not (user.is_active and Study.objects.readable_by(user).filter(pk=study.pk).exists()):
        return problems.MAY_NOT()
    if not judge.may_be_used_by(user):
        return problems.MAY_NOT_USE_ANY_MORE()
    live = study.judge_runs.filter(version__judge=judge, kind=_KINDS[ScheduleKind(schedule.kind)], state__in=LIVE)
    halted = live.filter(state__in=[RunState.PAUSED, RunState.STOPPED]).first()
    if halted is None and live.exists():
        return problems.AT_WORK()
    stopped_by = halted.found_problem.code if halted else ""
    if (judge.budget is not None and judge.bound >= judge.budget) or stopped_by == problems.NO_MONEY.code:
        return problems.NO_MONEY()
    return NO_PROBLEM if halted is None else problems.HALTED()


_KINDS = {ScheduleKind.NEW: RunKind.JUDGING, ScheduleKind.SENTINELS: RunKind.SENTINEL}


def _anything(schedule: Schedule) -> bool:
    if schedule.kind == ScheduleKind.SENTINELS:
        return True
    plan = Plan.from_json(schedule.options)
    return planning.anything_new(schedule.study, schedule.judge.current, plan)


def _begin(schedule: Schedule, at: datetime) -> JudgeRun:
    study, judge, user = schedule.study, schedule.judge, schedule.user
    if schedule.kind == ScheduleKind.SENTINELS:
        sentinels = consistency_probes.sentinels_of(study, judge)
        assert sentinels is not None  # noqa: S101  set_every checks it, and sentinel sets are never deleted
        return consistency_probes.begin_round(sentinels, at, user=user, schedule=schedule.pk)
    plan = Plan.from_json(schedule.options)
    return runs.start(study, judge.current, plan, at, user=user, schedule=schedule.pk)
