"""How far a run is, whatever it asks."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from judges.models import RunState
from judges.models.work import Run


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Money in nanos; `rate` in replies a second over the last minute; `left` in seconds."""

    states: dict[str, int]
    planned: int
    to_do: int
    cost: int
    unsure: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    tokens_reasoning: int
    retried: int
    shortened: int
    rate: float
    left: float | None
    expected: int | None

    @property
    def over(self) -> int:
        """Calls that need nothing more."""
        return sum(self.states.values()) - self.to_do

    @property
    def share(self) -> float:
        return self.over / self.planned if self.planned else 0.0


def measure(
    run: Run,
    calls: QuerySet[Any],
    replies: QuerySet[Any],
    at: datetime,
    *,
    open_states: Collection[str],
    shortened: Q | None = None,
) -> Progress:
    """`run` in numbers, in three queries, with every state that its `calls` can be in. Those in `open_states` are
    still to do; `shortened` finds replies to questions whose text was cut."""
    found = dict(calls.order_by().values_list("state").annotate(Count("pk")))
    counts = {state: found.get(state, 0) for state, _words in calls.model._meta.get_field("state").choices}
    sums = replies.aggregate(
        paid=Sum("cost"),
        perhaps=Sum("unsure"),
        sum_in=Sum("tokens_in"),
        sum_out=Sum("tokens_out"),
        cached=Sum("tokens_cached"),
        reasoning=Sum("tokens_reasoning"),
        retried=Sum(F("attempts") - 1),
        number=Count("pk"),
        **({} if shortened is None else {"shortened": Count("pk", filter=shortened)}),
    )
    recent = replies.filter(received_at__gt=at - timedelta(minutes=1)).count()
    span = 60.0
    if run.started_at is not None:
        span = min(60.0, max(1.0, (at - run.started_at).total_seconds()))
    rate = recent / span
    to_do = sum(counts[state] for state in open_states)
    cost, number = sums["paid"] or 0, sums["number"]
    return Progress(
        states=counts,
        planned=max(run.planned, sum(counts.values())),
        to_do=to_do,
        cost=cost,
        unsure=sums["perhaps"] or 0,
        tokens_in=sums["sum_in"] or 0,
        tokens_out=sums["sum_out"] or 0,
        tokens_cached=sums["cached"] or 0,
        tokens_reasoning=sums["reasoning"] or 0,
        retried=sums["retried"] or 0,
        shortened=sums.get("shortened", 0),
        rate=rate,
        left=math.ceil(to_do / rate) if rate and run.state == RunState.RUNNING else None,
        expected=cost + round(cost / number * to_do) if number else None,
    )
