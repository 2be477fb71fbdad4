"""Results of a benchmark: per set, averaged over sets, and over all rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final, cast

from django.db.models import Sum

from judges.benchmarks.planning import BATCH, entries, shown_of
from judges.models import BenchmarkCall, BenchmarkReply, BenchmarkRun, CallState
from judges.statistics import accuracy
from judges.statistics.accuracy import Accuracy, Result, Says


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a benchmark. `cost` is in nanos, over all replies; `models` are names returned by the endpoint.

    `macro` is the mean over `sets`; `all` is over all their rows.
    """

    sets: tuple[Result, ...]
    all: Result
    macro_half: Accuracy
    macro_wrong: Accuracy
    states: Mapping[str, int] = field(default_factory=dict)
    cost: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Heard:
    state: str
    says: str
    score: float | None


def report(run: BenchmarkRun) -> Report:
    """Returns the current results of `run`, including replies to calls of earlier benchmarks."""
    sets = list(run.sets.order_by("name", "pk"))
    rows = list(entries(run, sets))
    heard = _answers(run, {entry.key for entry in rows})
    parts: dict[str, list[accuracy.Row]] = {}
    states: dict[str, int] = {}
    asked = {(entry.key, str(shown)) for entry in rows for shown in shown_of(run, entry.sha256)}
    for place in asked:
        state = heard[place].state if place in heard else CallState.PENDING.value
        states[state] = states.get(state, 0) + 1
    for entry in rows:
        found = [heard.get((entry.key, str(shown))) for shown in shown_of(run, entry.sha256)]
        parts.setdefault(entry.part, []).append(accuracy.Row(_outcome(run, found), entry.prompt))
    results = tuple(accuracy.result(name, rows) for name, rows in parts.items())
    mine = BenchmarkReply.objects.filter(call__version=run.version_id, call__protocol=run.protocol)
    mine = mine.filter(call__preference__entries__preferences__in=sets).distinct()
    costs = BenchmarkReply.objects.filter(pk__in=mine.values("pk")).aggregate(nanos=Sum("cost"))
    return Report(
        results,
        accuracy.result("", [row for rows in parts.values() for row in rows]),
        accuracy.mean([each.half for each in results]),
        accuracy.mean([each.wrong for each in results]),
        {state: states[state] for state in CallState.values if state in states},
        costs["nanos"] or 0,
        tuple(sorted(set(mine.exclude(model="").values_list("model", flat=True)))),
    )


def _answers(run: BenchmarkRun, keys: set[int]) -> dict[tuple[int, str], _Heard]:
    found = {}
    names = ("preference", "shown", "state", "reply__says", "reply__score")
    for batch in batched(sorted(keys), BATCH, strict=False):
        rows = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol, preference__in=batch)
        for key, shown, state, says, score in rows.values_list(*names):
            found[key, shown] = _Heard(state, says or "", score)
    return found


def _outcome(run: BenchmarkRun, heard: Sequence[_Heard | None]) -> accuracy.Outcome:
    ok = [each if each is not None and each.state == CallState.OK else None for each in heard]
    if run.by_pairs:
        return accuracy.outcome([cast(Says, each.says) if each else None for each in ok])
    chosen, rejected = (each.score if each else None for each in ok)
    return accuracy.outcome(accuracy.higher(chosen, rejected))


COLUMNS: Final = (
    "set", "rows", "right", "wrong", "ties", "inconsistent", "unread", "prompts",
    "accuracy_ties_half", "low_ties_half", "high_ties_half",
    "accuracy_ties_wrong", "low_ties_wrong", "high_ties_wrong",
)  # fmt: skip

MACRO: Final = "mean over sets"
MICRO: Final = "all rows"


def lines(found: Report) -> Iterator[tuple[str | float | None, ...]]:
    """Yields rows with the columns `COLUMNS`: each set, then the mean over sets, then all rows."""

    def told(name: str, result: Result, half: Accuracy, wrong: Accuracy) -> tuple[str | float | None, ...]:
        counts = tuple(result.outcomes[each] for each in accuracy.OUTCOMES)
        return (
            name, result.rows, *counts, result.prompts,
            half.value, half.low, half.high, wrong.value, wrong.low, wrong.high,
        )  # fmt: skip

    for each in found.sets:
        yield told(each.name, each, each.half, each.wrong)
    yield told(MACRO, found.all, found.macro_half, found.macro_wrong)
    yield told(MICRO, found.all, found.all.half, found.all.wrong)


def as_json(run: BenchmarkRun, found: Report) -> dict[str, Any]:
    """Returns the report and the settings of its run as JSON values."""
    return {
        "judge": run.version.rater_name,
        "model": run.version.model,
        "returned_models": list(found.models),
        "protocol": run.protocol,
        "both_orders": run.both_orders,
        "seed": run.seed,
        "limit": run.limit,
        "state": run.state,
        "calls": dict(found.states),
        "cost_nanos": found.cost,
        "results": [dict(zip(COLUMNS, row, strict=True)) for row in lines(found)],
    }
