"""Benchmarks of judges: how far each is, what it has cost, and how often the judge was right."""

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ApiView
from annotation.api.paging import BIGGEST, PageQuery, page, page_of
from judges.api import rows
from judges.models import BenchmarkReply, BenchmarkRun, Judge, Protocol
from judges.services import benchmarking


class BenchmarkRow(rows.AnyRunRow):
    judge = serializers.CharField()
    version = serializers.IntegerField()
    rater = serializers.CharField()
    sets = serializers.ListField(child=serializers.CharField(), help_text="The sets of preferences, by name.")
    protocol = serializers.ChoiceField(Protocol.choices, help_text="How the judge is asked.")
    both_orders = serializers.BooleanField()
    seed = serializers.IntegerField()
    limit = serializers.IntegerField(allow_null=True, help_text="Rows of each set at the most.")


class AccuracyRow(serializers.Serializer[Any]):
    """A line of the report, as the CSV has it."""

    set = serializers.CharField(help_text="Or its subset; “mean over sets” and “all rows” are the last two.")
    rows = serializers.IntegerField()
    right = serializers.IntegerField()
    wrong = serializers.IntegerField()
    ties = serializers.IntegerField()
    inconsistent = serializers.IntegerField(help_text="Verdicts that the other order turned round.")
    unread = serializers.IntegerField(help_text="Rows without a readable answer; no accuracy counts them.")
    prompts = serializers.IntegerField()
    accuracy_ties_half = serializers.FloatField(allow_null=True)
    low_ties_half = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high_ties_half = serializers.FloatField(allow_null=True)
    accuracy_ties_wrong = serializers.FloatField(allow_null=True)
    low_ties_wrong = serializers.FloatField(allow_null=True)
    high_ties_wrong = serializers.FloatField(allow_null=True)


class BenchmarkDetail(BenchmarkRow):
    progress = rows.AnyProgressRow()
    returned_models = serializers.ListField(child=serializers.CharField(), help_text="What the endpoint answered as.")
    accuracy = AccuracyRow(many=True)


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
    query = PageQuery

    @extend_schema(
        operation_id="judge-benchmarks",
        summary="Benchmarks of a judge, the newest first",
        description="A question that an earlier benchmark paid for is not asked again: its cost stands there.",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(BenchmarkRow),
    )
    def get(self, request: Request, number: int) -> Response:
        asked = self.asked()
        judge = Judge.objects.filter(pk=number).first() if number <= BIGGEST else None
        if judge is None:
            raise NotFound
        return page(request, asked, benchmarking.runs_of(judge), _runs_told, newest_first=True)


class OneBenchmark(ApiView):
    @extend_schema(
        operation_id="judge-benchmark",
        summary="One benchmark: how far it is, what it has cost, and the accuracy on each set",
        tags=["judges"],
        responses=BenchmarkDetail,
    )
    def get(self, request: Request, number: int, run: int) -> Response:
        self.asked()
        known = BenchmarkRun.objects.filter(version__judge=number).select_related("version__judge", "user")
        found = known.filter(pk=run).first() if max(number, run) <= BIGGEST else None
        if found is None:
            raise NotFound
        progress = benchmarking.progress(found, timezone.now())
        report = benchmarking.report(found)
        return Response(
            _run_told(found, progress.cost, progress.unsure)
            | {
                "progress": rows.any_progress_told(progress),
                "returned_models": report.models,
                "accuracy": [dict(zip(benchmarking.COLUMNS, line, strict=True)) for line in benchmarking.lines(report)],
            }
        )
