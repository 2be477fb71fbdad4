"""API of judges, their runs and calls. Only runs can be changed through the API."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ApiView, StudyView
from annotation.api.paging import PageQuery, page, page_of
from annotation.studies.lifecycle import NotPossible
from judges.api import rows
from judges.judging import judges, runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import CallState, Judge, JudgeCall, JudgeRun, JudgeVersion, RunKind, Verdict


class Judges(ApiView):
    """Lists judges. Endpoints are shown only to users who may add judges."""

    query = PageQuery

    @extend_schema(
        operation_id="judges",
        summary="List judges with their settings and spending",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(rows.JudgeRow),
    )
    def get(self, request: Request) -> Response:
        endpoints = request.user.has_perm("judges.add_judge")

        def tell(some: Sequence[Judge]) -> list[dict[str, Any]]:
            return [rows.judge_told(judge, endpoints=endpoints) for judge in some]

        return page(request, self.asked(), Judge.objects.prefetch_related(_versions()), tell)


def _versions() -> "Prefetch[Any]":
    return Prefetch("versions", JudgeVersion.objects.select_related("template").order_by("-number"))


class OneJudge(ApiView):
    """Returns a judge with its settings and spending."""

    @extend_schema(operation_id="judge", summary="Get a judge", tags=["judges"], responses=rows.JudgeRow)
    def get(self, request: Request, number: int) -> Response:
        self.asked()
        found = get_object_or_404(Judge.objects.prefetch_related(_versions()), pk=number)
        return Response(rows.judge_told(found, endpoints=request.user.has_perm("judges.add_judge")))


class RunView(StudyView):
    """A view of a study's judge runs."""

    @property
    def known(self) -> QuerySet[JudgeRun]:
        return self.study.judge_runs.select_related("version__judge", "user")

    def found(self, number: int) -> JudgeRun:
        return get_object_or_404(self.known, pk=number)

    def told(self, run: JudgeRun, code: int = status.HTTP_200_OK, **headers: str) -> Response:
        return Response(rows.run_told(run, judge_life.progress(run, timezone.now())), code, headers=headers)


class RunsQuery(PageQuery):
    """Query parameters of a study's judge runs."""

    kind = serializers.ChoiceField(RunKind.choices, required=False)


class Runs(RunView):
    """Lists a study's judge runs, and starts new ones in the background."""

    query = RunsQuery

    @extend_schema(
        operation_id="judge-runs",
        summary="List a study's judge runs, newest first",
        tags=["judges"],
        parameters=[RunsQuery],
        responses=page_of(rows.RunRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked()
        known = self.known
        if "kind" in asked:
            known = known.filter(kind=asked["kind"])
        return page(request, asked, known, rows.runs_told, newest_first=True)

    @extend_schema(
        operation_id="start-judge-run",
        summary="Start a judge run",
        description="Runs in the background. Returns 409 if you may not use the judge, it already has a run in the "
        "study, nothing is left to judge, or the API key is not available.",
        tags=["judges"],
        request=rows.NewRun,
        responses={201: rows.RunDetail},
    )
    def post(self, request: Request, slug: str) -> Response:
        study = self.study
        self.need_to_read_it()
        options = self.sent(rows.NewRun)
        judge = Judge.objects.filter(name=options["judge"]).first()
        if judge is None:
            raise serializers.ValidationError({"judge": _("No judge has this name.")})
        if options["baseline"] and not study.models_compared().filter(name=options["baseline"]).exists():
            raise serializers.ValidationError({"baseline": _("No model in this study has this name.")})
        plan = Plan(options["limit"], options["orders"], options["baseline"], options["everything"])
        run = runs.start(study, judge.current, plan, timezone.now(), user=cast(User, request.user))
        return self.told(run, status.HTTP_201_CREATED, Location=reverse("api-judge-run", args=[slug, run.pk]))


class OneRun(RunView):
    """Returns a judge run with its progress and cost."""

    @extend_schema(
        operation_id="judge-run",
        summary="Get a judge run with its progress and cost",
        tags=["judges"],
        responses=rows.RunDetail,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return self.told(self.found(number))


class ChangeRun(RunView):
    """A view that changes a run's state. Raises NotPossible if the run no longer allows the change."""

    def change_run(self, number: int, change: Callable[[JudgeRun], bool]) -> Response:
        self.sent()
        if not change(self.found(number)):
            raise NotPossible(_("This run has already ended, or someone else changed it first."))
        return self.told(self.found(number))


class Pause(ChangeRun):
    """Pauses a judge run. Replies to requests in progress are still stored."""

    @extend_schema(
        operation_id="pause-judge-run",
        summary="Pause a judge run",
        description="Sends no more requests. Replies to requests in progress are still stored.",
        tags=["judges"],
        request=None,
        responses=rows.RunDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        return self.change_run(number, judge_life.pause)


class Resume(ChangeRun):
    """Resumes a paused or stopped judge run."""

    @extend_schema(
        operation_id="resume-judge-run",
        summary="Resume a paused or stopped judge run",
        tags=["judges"],
        request=None,
        responses=rows.RunDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        found = self.found(number)
        self.need_to_read_it()
        judges.check_use(found.version.judge, cast(User, request.user))
        return self.change_run(number, judge_life.resume)


class Cancel(ChangeRun):
    """Cancels a judge run. Replies are kept and open calls are dropped."""

    @extend_schema(
        operation_id="cancel-judge-run",
        summary="Cancel a judge run; replies are kept and open calls are dropped",
        tags=["judges"],
        request=None,
        responses=rows.RunDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        return self.change_run(number, lambda run: judge_life.cancel(run, timezone.now()))


class CallsQuery(PageQuery):
    """Query parameters of a judge run's calls."""

    state = serializers.ChoiceField(CallState.choices, required=False)


class Calls(RunView):
    """Lists the calls of a judge run with their verdicts in force, optionally those in one state."""

    with_texts = True
    query = CallsQuery

    @extend_schema(
        operation_id="judge-calls",
        summary="List the calls of a judge run with their states and verdicts",
        tags=["judges"],
        parameters=[CallsQuery],
        responses=page_of(rows.CallRow),
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        asked = self.asked()
        known = self.found(number).calls.select_related("pair", "result").defer(*_TEXTS)
        known = known.prefetch_related(Prefetch("verdicts", Verdict.objects.in_force(), to_attr="in_force"))
        if "state" in asked:
            known = known.filter(state=asked["state"])
        return page(request, asked, known, lambda some: [rows.call_told(call, call.in_force) for call in some])


_TEXTS = ("pair__own_text", "pair__own_x", "pair__own_y", "pair__reason", "result__text", "result__turns")


class OneCall(StudyView):
    """Returns a call to a judge with its requests, replies and verdicts."""

    with_texts = True

    @extend_schema(
        operation_id="judge-call",
        summary="Get a call with its requests, replies and verdicts",
        tags=["judges"],
        responses=rows.CallDetail,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        known = JudgeCall.objects.select_related("pair", "result").defer(*_TEXTS).filter(run__study=self.study)
        call = get_object_or_404(known, pk=number)
        replies = call.replies.select_related("answered_as__judge").prefetch_related("verdicts")
        told = rows.call_told(call, call.verdicts.in_force())
        return Response(told | {"replies": [rows.reply_told(reply) for reply in replies]})
