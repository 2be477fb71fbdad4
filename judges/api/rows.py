"""What the API says of judges, their runs and their calls. Money is in US dollars, exact to a billionth."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from rest_framework import serializers

from annotation.api.paging import Query
from annotation.models.voting import SideChoice, WinnerChoice
from judges.judging.runs import Progress
from judges.models import (
    NANOS,
    CallState,
    Judge,
    JudgeCall,
    JudgeReply,
    JudgeRun,
    JudgeVersion,
    Orders,
    RunKind,
    RunState,
    Verdict,
)
from judges.models.work import Exchange, Run


def money(nanos: int | None) -> str | None:
    """In dollars."""
    return None if nanos is None else f"{Decimal(nanos) / NANOS:.9f}"


class Money(serializers.DecimalField):
    """An amount, for the schema."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=9, **options)


class VersionRow(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    rater = serializers.CharField(help_text="What boards and files call it.")
    of_drift = serializers.BooleanField(
        help_text="Whether it was opened because the endpoint named another model than before."
    )
    stand_in = serializers.BooleanField(help_text="Whether it is no real model, but the stand-in that comes along.")
    endpoint = serializers.CharField(allow_null=True, help_text="For those who may add judges.")
    model = serializers.CharField()
    returned_model = serializers.CharField()
    templates = serializers.CharField(help_text="The set's name and version.")
    templates_sha256 = serializers.CharField()
    reader = serializers.CharField()
    orders = serializers.ChoiceField(Orders.choices)
    each_turn = serializers.BooleanField()
    samples = serializers.IntegerField()
    temperature = serializers.FloatField(allow_null=True)
    top_p = serializers.FloatField(allow_null=True)
    max_tokens = serializers.IntegerField()
    reasoning_effort = serializers.CharField()
    seed = serializers.IntegerField(allow_null=True)
    structured = serializers.BooleanField()
    longest_answer = serializers.IntegerField()
    requests_per_minute = serializers.IntegerField(allow_null=True)
    tokens_per_minute = serializers.IntegerField(allow_null=True)
    price_in = serializers.DecimalField(12, 6, help_text="US dollars per million tokens.")
    price_out = serializers.DecimalField(12, 6)
    created_at = serializers.DateTimeField()


class JudgeRow(serializers.Serializer[Any]):
    id = serializers.IntegerField(help_text="As in the address of its page.")
    name = serializers.CharField()
    spent = Money()
    perhaps_spent = Money(help_text="At the most, on requests whose reply never came.")
    reserved = Money(help_text="At the most, on requests in flight.")
    budget = Money(allow_null=True, help_text="Null: none is set.")
    versions = VersionRow(many=True, help_text="The newest first.")


SETTINGS = (
    "model",
    "returned_model",
    "reader",
    "orders",
    "each_turn",
    "samples",
    "temperature",
    "top_p",
    "max_tokens",
    "reasoning_effort",
    "seed",
    "structured",
    "longest_answer",
    "requests_per_minute",
    "tokens_per_minute",
    "created_at",
)


def judge_told(judge: Judge, *, endpoints: bool) -> dict[str, Any]:
    return {
        "id": judge.pk,
        "name": judge.name,
        "spent": money(judge.spent),
        "perhaps_spent": money(judge.unsure),
        "reserved": money(judge.reserved),
        "budget": money(judge.budget),
        "versions": [_version(judge, version, endpoints=endpoints) for version in judge.versions.all()],
    }


def _version(judge: Judge, version: JudgeVersion, *, endpoints: bool) -> dict[str, Any]:
    version.judge = judge
    return {
        "number": version.number,
        "rater": version.rater_name,
        "of_drift": version.root_id is not None,
        "stand_in": version.stand_in,
        "endpoint": version.endpoint if endpoints else None,
        "templates": str(version.template),
        "templates_sha256": version.template.sha256,
        "price_in": str(version.price_in),
        "price_out": str(version.price_out),
        **{name: getattr(version, name) for name in SETTINGS},
    }


class AnyRunRow(serializers.Serializer[Any]):
    """What every run has, whoever is asked and whatever for."""

    number = serializers.IntegerField(help_text="As in the address of its page.")
    state = serializers.ChoiceField(RunState.choices)
    planned = serializers.IntegerField(help_text="Calls.")
    lost = serializers.IntegerField(
        help_text="Calls that were in flight when a process died, and were asked again: perhaps charged twice."
    )
    problem = serializers.CharField(help_text="What stopped it, in the endpoint's words where they are its own.")
    by = serializers.CharField(allow_null=True, help_text="Who started it; null: a command.")
    cost = Money()
    perhaps_cost = Money(help_text="Besides, at the most, on attempts whose reply never came.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class RunRow(AnyRunRow):
    judge = serializers.CharField()
    version = serializers.IntegerField()
    rater = serializers.CharField()
    kind = serializers.ChoiceField(
        RunKind.choices, help_text="Only what is said in judging becomes comparisons; the others ask again."
    )
    offline = serializers.BooleanField()
    options = serializers.JSONField(help_text="What it was to cover.")


class AnyProgressRow(serializers.Serializer[Any]):
    states = serializers.DictField(child=serializers.IntegerField(), help_text="Calls by state.")
    share = serializers.FloatField(help_text="Of the calls that need nothing more.")
    rate = serializers.FloatField(help_text="Replies a second over the last minute.")
    seconds_left = serializers.FloatField(allow_null=True)
    expected_cost = Money(allow_null=True, help_text="In the end, about.")
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cached = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    retried = serializers.IntegerField(help_text="Attempts beyond the first.")


class ProgressRow(AnyProgressRow):
    shortened = serializers.IntegerField(help_text="Calls in which an answer was longer than the judge is shown.")


class RunDetail(RunRow):
    progress = ProgressRow()


def costs_of(replies: QuerySet[Any], runs: Sequence[Run]) -> dict[int, tuple[int, int]]:
    """What `replies` of `runs` cost, and perhaps cost besides, by the run's key: one query."""
    sums = replies.filter(call__run__in=[run.pk for run in runs]).order_by().values_list("call__run")
    found = {run: (cost, unsure) for run, cost, unsure in sums.annotate(Sum("cost"), Sum("unsure"))}
    return {run.pk: found.get(run.pk, (0, 0)) for run in runs}


def any_run_told(run: Run, cost: int, unsure: int) -> dict[str, Any]:
    return {
        "number": run.pk,
        "state": run.state,
        "planned": run.planned,
        "lost": run.lost,
        "problem": run.told_problem,
        "by": run.user.get_username() if run.user else None,
        "cost": money(cost),
        "perhaps_cost": money(unsure),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def any_progress_told(progress: Progress) -> dict[str, Any]:
    return {
        "states": progress.states,
        "share": progress.share,
        "rate": progress.rate,
        "seconds_left": progress.left,
        "expected_cost": money(progress.expected),
        "tokens_in": progress.tokens_in,
        "tokens_out": progress.tokens_out,
        "tokens_cached": progress.tokens_cached,
        "tokens_reasoning": progress.tokens_reasoning,
        "retried": progress.retried,
    }


def runs_told(runs: Sequence[JudgeRun]) -> list[dict[str, Any]]:
    """`runs` with their money, which one query sums up."""
    costs = costs_of(JudgeReply.objects.all(), runs)
    return [_run(run, *costs[run.pk]) for run in runs]


def _run(run: JudgeRun, cost: int, unsure: int) -> dict[str, Any]:
    return {
        **any_run_told(run, cost, unsure),
        "judge": run.version.judge.name,
        "version": run.version.number,
        "rater": run.version.rater_name,
        "kind": run.kind,
        "offline": run.offline,
        "options": run.options,
    }


def run_told(run: JudgeRun, progress: Progress) -> dict[str, Any]:
    shown = any_progress_told(progress) | {"shortened": progress.shortened}
    return _run(run, progress.cost, progress.unsure) | {"progress": shown}


class VerdictRow(serializers.Serializer[Any]):
    state = serializers.ChoiceField(CallState.choices)
    problem = serializers.CharField()
    winner = serializers.ChoiceField([*WinnerChoice.choices, ("", "")], help_text="x, y or tie of the pair.")
    level = serializers.IntegerField(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    share = serializers.FloatField(allow_null=True, help_text="Probability that the left one is better.")
    reader = serializers.CharField()
    reader_version = serializers.IntegerField()
    read_at = serializers.DateTimeField()
    superseded_at = serializers.DateTimeField(allow_null=True)


class CallRow(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="As in the address of its page.")
    run = serializers.IntegerField()
    pair = serializers.IntegerField(allow_null=True, help_text="The pair's id, where pairs are judged.")
    result = serializers.IntegerField(allow_null=True, help_text="The result's id, where single answers are graded.")
    turn = serializers.IntegerField()
    left = serializers.ChoiceField([*SideChoice.choices, ("", "")], help_text="Which of x and y stood on the left.")
    sample = serializers.IntegerField()
    state = serializers.ChoiceField(CallState.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    verdict = VerdictRow(allow_null=True, help_text="The one in force.")


class ExchangeRow(serializers.Serializer[Any]):
    """What was sent and what came back, whoever was asked."""

    problem = serializers.CharField()
    attempts = serializers.IntegerField()
    request = serializers.JSONField(help_text="The whole of what was sent, without the key.")
    raw = serializers.CharField(help_text="The whole of what came back.")
    http_status = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(help_text="As returned.")
    fingerprint = serializers.CharField()
    response_id = serializers.CharField()
    request_id = serializers.CharField()
    finish_reason = serializers.CharField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cached = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    cost = Money()
    perhaps_cost = Money(help_text="Besides, at the most, on attempts whose reply never came.")
    seconds = serializers.FloatField(allow_null=True)
    received_at = serializers.DateTimeField()


class ReplyRow(ExchangeRow):
    state = serializers.ChoiceField(CallState.choices)
    answered_as = serializers.CharField(help_text="The rater that its verdict counts for.")
    templates_sha256 = serializers.CharField()
    part = serializers.IntegerField(help_text="Of the templates.")
    shortened = serializers.BooleanField()
    verdicts = VerdictRow(many=True)


class CallDetail(CallRow):
    replies = ReplyRow(many=True)


def call_told(call: JudgeCall, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """`verdicts` are those in force: one, or none yet."""
    verdict = next(iter(verdicts), None)
    return {
        "number": call.pk,
        "run": call.run_id,
        "pair": call.pair.number if call.pair else None,
        "result": call.result.number if call.result else None,
        "turn": call.turn,
        "left": call.left,
        "sample": call.sample,
        "state": call.state,
        "sent_at": call.sent_at,
        "verdict": verdict and verdict_told(verdict),
    }


def verdict_told(verdict: Verdict) -> dict[str, Any]:
    names = ("state", "winner", "level", "score", "share", "reader", "reader_version", "read_at", "superseded_at")
    return {**{name: getattr(verdict, name) for name in names}, "problem": verdict.told_problem}


def exchange_told(reply: Exchange) -> dict[str, Any]:
    names = ("attempts", "raw", "model", "fingerprint", "response_id", "request_id", "finish_reason")
    counted = ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning", "seconds", "received_at")
    return {
        **{name: getattr(reply, name) for name in (*names, *counted)},
        "problem": reply.told_problem,
        "request": _parsed(reply.request),
        "http_status": reply.status,
        "cost": money(reply.cost),
        "perhaps_cost": money(reply.unsure),
    }


def reply_told(reply: JudgeReply) -> dict[str, Any]:
    return {
        **exchange_told(reply),
        "state": reply.state,
        "answered_as": reply.answered_as.rater_name,
        "templates_sha256": reply.template_sha256,
        "part": reply.part,
        "shortened": reply.cut,
        "verdicts": [verdict_told(verdict) for verdict in reply.verdicts.all()],
    }


def _parsed(request: str) -> Any:
    """A request as JSON; one that came from a file, and is none, as it is."""
    try:
        return json.loads(request)
    except ValueError:
        return request


class NewRun(Query):
    """What a run is to cover, as on the page."""

    judge = serializers.CharField(max_length=100, trim_whitespace=False, help_text="Its name.")
    limit = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Pairs, or answers where single answers are graded, at the most: a random choice, always the same.",
    )
    orders = serializers.ChoiceField(
        [("", ""), *Orders.choices], required=False, default="", help_text="Empty: as the judge has it."
    )
    baseline = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=1000,
        trim_whitespace=False,
        help_text="The name of a model: only pairs with it.",
    )
    everything = serializers.BooleanField(
        required=False, default=False, help_text="The pairs outside the study's filters as well."
    )
