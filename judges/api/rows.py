"""API rows of judges, their runs and their calls. Money is in US dollars, exact to a billionth."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from rest_framework import serializers

from annotation.api.paging import Body
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
    """Formats billionths of a dollar as dollars."""
    return None if nanos is None else f"{Decimal(nanos) / NANOS:.9f}"


class Money(serializers.DecimalField):
    """An amount of money, described for the schema."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=9, **options)


class VersionRow(serializers.Serializer[Any]):
    """A version of a judge and its settings."""

    number = serializers.IntegerField()
    rater = serializers.CharField(help_text="Name on leaderboards and in files.")
    of_drift = serializers.BooleanField(
        help_text="True if it was created because the endpoint returned another model name."
    )
    stand_in = serializers.BooleanField(help_text="True for the built-in test judge, which is not a real model.")
    endpoint = serializers.CharField(allow_null=True, help_text="Only for users who may add judges.")
    model = serializers.CharField()
    returned_model = serializers.CharField()
    templates = serializers.CharField(help_text="Name and version of the template set.")
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
    price_cached = serializers.DecimalField(
        12, 6, allow_null=True, help_text="Null: cached input costs the input price."
    )
    batch_percent = serializers.IntegerField(help_text="Price of replies from batch files, in percent of the prices.")
    reported_cost = serializers.BooleanField(help_text="Whether the endpoint's own cost in US dollars is used.")
    ignore_returned_model = serializers.BooleanField()
    created_at = serializers.DateTimeField()


class JudgeRow(serializers.Serializer[Any]):
    """A judge with its spending and versions."""

    id = serializers.IntegerField(help_text="ID in the address of its page.")
    name = serializers.CharField()
    spent = Money()
    perhaps_spent = Money(help_text="Maximum cost of requests that never received a reply.")
    reserved = Money(help_text="Maximum cost of requests in progress.")
    budget = Money(allow_null=True, help_text="Null: no budget is set.")
    versions = VersionRow(many=True, help_text="Versions, newest first.")


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
    "batch_percent",
    "reported_cost",
    "ignore_returned_model",
    "created_at",
)


def judge_told(judge: Judge, *, endpoints: bool) -> dict[str, Any]:
    """Returns the row of a judge; the addresses of its endpoints are null unless `endpoints`."""
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
        "price_cached": None if version.price_cached is None else str(version.price_cached),
        **{name: getattr(version, name) for name in SETTINGS},
    }


class AnyRunRow(serializers.Serializer[Any]):
    """Fields common to runs of judges, answers and benchmarks."""

    number = serializers.IntegerField(help_text="ID in the address of its page.")
    state = serializers.ChoiceField(RunState.choices)
    planned = serializers.IntegerField(help_text="Calls.")
    lost = serializers.IntegerField(
        help_text="Calls interrupted by a crash and sent again; the endpoint may have charged twice."
    )
    problem = serializers.CharField(help_text="Why the run stopped, in the endpoint's words if it sent any.")
    by = serializers.CharField(allow_null=True, help_text="User who started it; null: the command line.")
    cost = Money()
    perhaps_cost = Money(help_text="Maximum additional cost of attempts without a reply.")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class RunRow(AnyRunRow):
    """A run of a judge on a study."""

    judge = serializers.CharField()
    version = serializers.IntegerField()
    rater = serializers.CharField()
    kind = serializers.ChoiceField(
        RunKind.choices, help_text="Only judging runs produce comparisons; the others ask again to test stability."
    )
    offline = serializers.BooleanField()
    options = serializers.JSONField(help_text="Options the run was started with.")


class AnyProgressRow(serializers.Serializer[Any]):
    """Progress, speed, cost and tokens of a run of any kind."""

    states = serializers.DictField(child=serializers.IntegerField(), help_text="Calls by state.")
    share = serializers.FloatField(help_text="Share of calls that need no more work.")
    rate = serializers.FloatField(help_text="Replies per second over the last minute.")
    seconds_left = serializers.FloatField(allow_null=True)
    expected_cost = Money(allow_null=True, help_text="Estimated total cost when the run is done.")
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cached = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    retried = serializers.IntegerField(help_text="Retries: attempts after the first.")


class ProgressRow(AnyProgressRow):
    """Progress of a judge run."""

    shortened = serializers.IntegerField(help_text="Calls in which an answer was shortened for the judge.")


class RunDetail(RunRow):
    """A judge run with its progress."""

    progress = ProgressRow()


def costs_of(replies: QuerySet[Any], runs: Sequence[Run]) -> dict[int, tuple[int, int]]:
    """Maps each run's key to the cost and the possible additional cost of its `replies`, in one query."""
    sums = replies.filter(call__run__in=[run.pk for run in runs]).order_by().values_list("call__run")
    found = {run: (cost, unsure) for run, cost, unsure in sums.annotate(Sum("cost"), Sum("unsure"))}
    return {run.pk: found.get(run.pk, (0, 0)) for run in runs}


def any_run_told(run: Run, cost: int, unsure: int) -> dict[str, Any]:
    """Returns the `AnyRunRow` fields of a run; `cost` and `unsure` are nanos."""
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
    """Returns the row of a run's progress."""
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
    """Rows of `runs` with their costs, summed in one query."""
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
    """Returns the row of a judge run with its progress."""
    shown = any_progress_told(progress) | {"shortened": progress.shortened}
    return _run(run, progress.cost, progress.unsure) | {"progress": shown}


class VerdictRow(serializers.Serializer[Any]):
    """A verdict read from a reply."""

    state = serializers.ChoiceField(CallState.choices)
    problem = serializers.CharField()
    winner = serializers.ChoiceField([*WinnerChoice.choices, ("", "")], help_text="x, y or tie.")
    level = serializers.IntegerField(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    share = serializers.FloatField(allow_null=True, help_text="Probability that the left answer is better.")
    reader = serializers.CharField()
    reader_version = serializers.IntegerField()
    read_at = serializers.DateTimeField()
    superseded_at = serializers.DateTimeField(allow_null=True)


class CallRow(serializers.Serializer[Any]):
    """A call to a judge with the verdict in force."""

    number = serializers.IntegerField(help_text="ID in the address of its page.")
    run = serializers.IntegerField()
    pair = serializers.IntegerField(allow_null=True, help_text="ID of the pair, if pairs are judged.")
    result = serializers.IntegerField(allow_null=True, help_text="ID of the result, if single answers are graded.")
    turn = serializers.IntegerField()
    left = serializers.ChoiceField([*SideChoice.choices, ("", "")], help_text="Which of x and y was on the left.")
    sample = serializers.IntegerField()
    state = serializers.ChoiceField(CallState.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    verdict = VerdictRow(allow_null=True, help_text="The verdict in force.")


class ExchangeRow(serializers.Serializer[Any]):
    """A request and its reply, from a judge or another model."""

    problem = serializers.CharField()
    attempts = serializers.IntegerField()
    request = serializers.JSONField(help_text="The full request, without the API key.")
    raw = serializers.CharField(help_text="The full reply.")
    http_status = serializers.IntegerField(allow_null=True)
    model = serializers.CharField(help_text="Model name that the endpoint returned.")
    fingerprint = serializers.CharField()
    response_id = serializers.CharField()
    request_id = serializers.CharField()
    finish_reason = serializers.CharField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cached = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    cost = Money()
    perhaps_cost = Money(help_text="Maximum additional cost of attempts without a reply.")
    seconds = serializers.FloatField(allow_null=True)
    received_at = serializers.DateTimeField()


class ReplyRow(ExchangeRow):
    """A reply of a judge, with the request it answers and the verdicts read from it."""

    state = serializers.ChoiceField(CallState.choices)
    answered_as = serializers.CharField(help_text="Rater that the verdict counts for.")
    templates_sha256 = serializers.CharField()
    part = serializers.IntegerField(help_text="Number of the part of the template set.")
    shortened = serializers.BooleanField()
    verdicts = VerdictRow(many=True)


class CallDetail(CallRow):
    """A call to a judge with all of its replies."""

    replies = ReplyRow(many=True)


def call_told(call: JudgeCall, verdicts: Iterable[Verdict]) -> dict[str, Any]:
    """Row of a call; `verdicts` holds the verdict in force, if there is one."""
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
    """Returns the row of a verdict."""
    names = ("state", "winner", "level", "score", "share", "reader", "reader_version", "read_at", "superseded_at")
    return {**{name: getattr(verdict, name) for name in names}, "problem": verdict.told_problem}


def exchange_told(reply: Exchange) -> dict[str, Any]:
    """Returns the row of a request and its reply. Amounts are converted from nanos to dollars."""
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
    """Returns the row of a reply with its verdicts."""
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
    """Parses a request as JSON; text from a file that is not JSON is returned unchanged."""
    try:
        return json.loads(request)
    except ValueError:
        return request


class NewRun(Body):
    """Options of a new run, as on the page."""

    judge = serializers.CharField(max_length=100, trim_whitespace=False, help_text="Name of the judge.")
    limit = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Maximum pairs, or answers if single answers are graded. The selection is random but repeatable.",
    )
    orders = serializers.ChoiceField(
        [("", ""), *Orders.choices], required=False, default="", help_text="Empty: judge default."
    )
    baseline = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=1000,
        trim_whitespace=False,
        help_text="Name of a model: only pairs that contain it.",
    )
    everything = serializers.BooleanField(
        required=False, default=False, help_text="Include pairs outside the study's filters."
    )
