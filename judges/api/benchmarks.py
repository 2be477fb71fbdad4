"""Benchmarks of judges: progress, cost and accuracy."""

from collections.abc import Sequence
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ApiView
from annotation.api.paging import PageQuery, page, page_of
from judges.api import rows
from judges.benchmarks import calls as benchmark_calls
from judges.benchmarks import reports, runs
from judges.benchmarks.calls import FOUND, CallFilter
from judges.benchmarks.runs import benchmark_life
from judges.models import BenchmarkReply, BenchmarkRun, CallState, Judge, Protocol, Shown


class BenchmarkRow(rows.AnyRunRow):
    """A benchmark run of a judge."""

    judge = serializers.CharField()
    version = serializers.IntegerField()
    rater = serializers.CharField()
    sets = serializers.ListField(child=serializers.CharField(), help_text="Names of the preference sets.")
    protocol = serializers.ChoiceField(
        Protocol.choices, help_text="How the judge is asked: as a chat model or as a reward model."
    )
    both_orders = serializers.BooleanField()
    seed = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="Maximum rows per set.")


class AccuracyRow(serializers.Serializer[Any]):
    """A line of the report, with the columns of its CSV."""

    set = serializers.CharField(
        help_text="Name of the set or its subset. The last two rows are “mean over sets” and “all rows”."
    )
    rows = serializers.IntegerField()
    right = serializers.IntegerField()
    wrong = serializers.IntegerField()
    ties = serializers.IntegerField()
    inconsistent = serializers.IntegerField(
        help_text="Contradictory verdicts: swapping the answers changes the verdict."
    )
    unread = serializers.IntegerField(help_text="Rows without a readable reply; not counted in the accuracy.")
    prompts = serializers.IntegerField()
    accuracy_ties_half = serializers.FloatField(allow_null=True)
    low_ties_half = serializers.FloatField(allow_null=True, help_text="Lower end of the 95% interval.")
    high_ties_half = serializers.FloatField(allow_null=True)
    accuracy_ties_wrong = serializers.FloatField(allow_null=True)
    low_ties_wrong = serializers.FloatField(allow_null=True)
    high_ties_wrong = serializers.FloatField(allow_null=True)


class BenchmarkDetail(BenchmarkRow):
    """A benchmark with its progress and the judge's accuracy."""

    progress = rows.AnyProgressRow()
    returned_models = serializers.ListField(
        child=serializers.CharField(), help_text="Model names that the endpoint returned."
    )
    accuracy = AccuracyRow(many=True)


class BenchmarkCallRow(serializers.Serializer[Any]):
    """A call that counts for a benchmark, and whether the judge chose the better answer."""

    number = serializers.IntegerField(help_text="ID in the address of its page.")
    benchmark = serializers.IntegerField(help_text="ID of the benchmark that sent the call; may be an earlier one.")
    preference = serializers.CharField(help_text="SHA-256 of the preference: prompt, chosen and rejected answer.")
    shown = serializers.ChoiceField(Shown.choices)
    state = serializers.ChoiceField(CallState.choices)
    says = serializers.CharField(help_text="chosen, rejected or tie if both answers were shown; otherwise empty.")
    score = serializers.FloatField(allow_null=True, help_text="Score of the answer if it was shown alone.")
    found = serializers.ChoiceField(
        FOUND, allow_null=True, help_text="Whether the judge chose the better answer: right, wrong or tie."
    )
    cost = rows.Money(help_text="Total cost of the call's replies.")
    sent_at = serializers.DateTimeField(allow_null=True)


class BenchmarkReplyRow(rows.ExchangeRow):
    """A reply of a judge to a benchmark call, with the request."""

    state = serializers.ChoiceField(CallState.choices)
    says = serializers.CharField()
    score = serializers.FloatField(allow_null=True)


class BenchmarkCallDetail(BenchmarkCallRow):
    """A benchmark call with its preference and replies."""

    prompt = serializers.JSONField(help_text="Messages; the last one is the user's.")
    chosen = serializers.CharField()
    rejected = serializers.CharField()
    replies = BenchmarkReplyRow(many=True)


def _call_told(run: BenchmarkRun, call: Any) -> dict[str, Any]:
    return {
        "number": call.pk,
        "benchmark": call.run_id,
        "preference": call.preference.sha256,
        "shown": call.shown,
        "state": call.state,
        "says": call.reply.says if call.reply else "",
        "score": call.reply.score if call.reply else None,
        "found": benchmark_calls.found(run, call),
        "cost": rows.money(call.cost or 0),
        "sent_at": call.sent_at,
    }


def _run_told(run: BenchmarkRun, cost: int, unsure: int) -> dict[str, Any]:
    return {
        **rows.any_run_told(run, cost, unsure),
        "judge": run.version.judge.name,
        "version": run.version.number,
        "rater": run.version.rater_name,
        "sets": [each.name for each in run.sets.all()],
        **{name: getattr(run, name) for name in ("protocol", "both_orders", "seed", "limit")},
    }


def _runs_told(runs: Sequence[BenchmarkRun]) -> list[dict[str, Any]]:
    costs = rows.costs_of(BenchmarkReply.objects.all(), runs)
    return [_run_told(run, *costs[run.pk]) for run in runs]


class Benchmarks(ApiView):
    """Lists a judge's benchmarks."""

    query = PageQuery

    @extend_schema(
        operation_id="judge-benchmarks",
        summary="List a judge's benchmarks, newest first",
        description="Calls of earlier benchmarks are reused. Their cost is listed with the earlier benchmark.",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(BenchmarkRow),
    )
    def get(self, request: Request, number: int) -> Response:
        asked = self.asked()
        judge = get_object_or_404(Judge, pk=number)
        return page(request, asked, runs.runs_of(judge), _runs_told, newest_first=True)


def _found(number: int, run: int) -> BenchmarkRun:
    # Look up the judge first: Django handles primary keys of any size, but a foreign key of 30 digits overflows.
    return get_object_or_404(runs.runs_of(get_object_or_404(Judge, pk=number)), pk=run)


class OneBenchmark(ApiView):
    """Returns a benchmark with its progress, cost and accuracy per set."""

    @extend_schema(
        operation_id="judge-benchmark",
        summary="Get a benchmark with its progress, cost and accuracy per set",
        tags=["judges"],
        responses=BenchmarkDetail,
    )
    def get(self, request: Request, number: int, run: int) -> Response:
        self.asked()
        found = _found(number, run)
        progress = benchmark_life.progress(found, timezone.now())
        report = reports.report(found)
        return Response(
            _run_told(found, progress.cost, progress.unsure)
            | {
                "progress": rows.any_progress_told(progress),
                "returned_models": report.models,
                "accuracy": [dict(zip(reports.COLUMNS, line, strict=True)) for line in reports.lines(report)],
            }
        )


class CallsQuery(PageQuery):
    """Query parameters of a benchmark's calls."""

    state = serializers.ChoiceField(CallState.choices, required=False, default="")
    set = serializers.CharField(required=False, help_text="Name of a set: only calls about its rows.")
    found = serializers.ChoiceField(
        FOUND, required=False, default=None, help_text="Whether the judge chose the better answer: right, wrong or tie."
    )


class BenchmarkCalls(ApiView):
    """Lists the calls that count for a benchmark, including reused ones of earlier benchmarks."""

    query = CallsQuery

    @extend_schema(
        operation_id="judge-benchmark-calls",
        summary="List the calls that count for a benchmark, with the judge's choices",
        tags=["judges"],
        parameters=[CallsQuery],
        responses=page_of(BenchmarkCallRow),
    )
    def get(self, request: Request, number: int, run: int) -> Response:
        asked = self.asked()
        found = _found(number, run)
        sets = None
        if "set" in asked:
            sets = tuple(found.sets.filter(name=asked["set"]).values_list("pk", flat=True))
        calls = benchmark_calls.chosen(found, CallFilter(asked["state"], sets, asked["found"]))
        return page(request, asked, calls, lambda some: [_call_told(found, call) for call in some])


class OneBenchmarkCall(ApiView):
    """Returns a benchmark call with its preference, requests and replies."""

    @extend_schema(
        operation_id="judge-benchmark-call",
        summary="Get a benchmark call with its preference, requests and replies",
        tags=["judges"],
        responses=BenchmarkCallDetail,
    )
    def get(self, request: Request, number: int, run: int, call: int) -> Response:
        self.asked()
        found = _found(number, run)
        one = get_object_or_404(benchmark_calls.chosen(found, CallFilter()), pk=call)
        known = one.preference
        replies = [
            rows.exchange_told(reply) | {"state": reply.state, "says": reply.says, "score": reply.score}
            for reply in one.replies.order_by("pk")
        ]
        told = {"prompt": known.turns, "chosen": known.chosen, "rejected": known.rejected, "replies": replies}
        return Response(_call_told(found, one) | told)
