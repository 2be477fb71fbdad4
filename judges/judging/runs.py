"""The lifecycle of judge runs: starting, sending and finishing them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible, check_askable
from judges import problems, verdicts
from judges.judging import judges, planning
from judges.judging.call_store import JudgeBooks
from judges.judging.planning import Plan
from judges.models import LIVE, JudgeCall, JudgeReply, JudgeRun, JudgeVersion, RunKind, Sender
from judges.panels import panels
from judges.runs.lifecycle import Connection, Lifecycle, check_key, enqueue, only_one, to_judge
from judges.runs.progress import Progress as Progress


def start(
    study: Study,
    version: JudgeVersion,
    plan: Plan,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
    senders: int = 1,
    offline: bool = False,
    schedule: int | None = None,
) -> JudgeRun:
    """Starts a run of `version` on `study`; with `detach`, a background task plans and sends it.

    `schedule` is the schedule that started it, if any.

    Raises:
        NotPossible: `user` may not use the judge, the judge already has a run in the study, its name is taken there,
            there is nothing to judge, the API key is not available, or the study is hidden or may not use its prompt
            set.
    """
    judges.check_use(version.judge, user)
    verdicts.check_name(study, version)
    targets = planning.results_of(study, plan) if version.grades else planning.pairs_of(study, plan)
    if not targets.exists():
        raise NotPossible(problems.NOTHING_TO_JUDGE())
    if not offline:
        check_key(version)
    options = {**plan.as_json(), "senders": senders} | ({} if schedule is None else {"schedule": schedule})
    return _begin(
        JudgeRun(study=study, version=version, user=user, options=options, offline=offline, created_at=at),
        senders if detach else 0,
    )


def start_probe(
    study: Study,
    version: JudgeVersion,
    kind: RunKind,
    options: Mapping[str, Any],
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> JudgeRun:
    """Starts a probe of the items in `options` or of the judge's sentinel set; see `start`.

    Raises:
        NotPossible: `user` may not use the judge, such a probe is already running, or the API key is not available.
    """
    judges.check_use(version.judge, user)
    check_key(version)
    run = JudgeRun(study=study, version=version, kind=kind, user=user, options=dict(options), created_at=at)
    return _begin(run, 1 if detach else 0)


def _begin(run: JudgeRun, senders: int) -> JudgeRun:
    """Stores `run`, and asks the background for `senders` of it."""
    check_askable(run.study)
    with only_one("judge_run_one_live", problems.ALREADY_AT_WORK()):
        run.save(force_insert=True)
        if senders:
            enqueue(run, senders)
    return run


class JudgeLife(Lifecycle[JudgeRun, Sender, JudgeCall]):
    """Lifecycle of judge runs."""

    runs = JudgeRun
    senders = Sender
    asked = JudgeCall
    replies = JudgeReply
    shortened = Q(cut=True)

    def sendable(self) -> QuerySet[JudgeRun]:
        allowed = JudgeRun.objects.filter(offline=False, study__in=Study.objects.at_work().values("pk"))
        return allowed.select_related("study", "version__judge", "version__template")

    def books(self, run: JudgeRun, sender: Sender) -> JudgeBooks:
        return JudgeBooks(run, sender)

    def plan_calls(self, run: JudgeRun, alive: Callable[[], None]) -> int:
        return planning.plan_calls(run, alive)

    def connect(self, run: JudgeRun) -> Connection:
        return to_judge(run.version)

    def resume(self, run: JudgeRun, *, detach: bool = True) -> bool:
        """Resumes the run; raises NotPossible if its study may no longer use the prompt set."""
        check_askable(run.study)
        return super().resume(run, detach=detach)

    def finish(self, run: JudgeRun, at: datetime) -> bool:
        """Finishes the run and queues the judge's panels, without waiting for the next sweep."""
        done = super().finish(run, at)
        if done and not run.probing:
            panels.follow(run.study_id)
        return done


judge_life: Final = JudgeLife()


def live(study: Study, version: JudgeVersion, kind: RunKind = RunKind.JUDGING) -> JudgeRun | None:
    """Returns the run of `version` on `study` that has not ended; there is at most one of a kind."""
    return study.judge_runs.filter(version=version, kind=kind, state__in=LIVE, offline=False).first()


def unfinished(study: Study, version: JudgeVersion, kind: RunKind = RunKind.JUDGING) -> JudgeRun | None:
    """Returns the run of `version` on `study` that can be resumed: paused, stopped, or interrupted by a crash."""
    return judge_life.unfinished(live(study, version, kind))


def halt(study: Study) -> None:
    """Pauses the judges at work on a study that was hidden or may no longer use its prompt set."""
    for run in study.judge_runs.filter(state__in=LIVE):
        judge_life.pause(run)
