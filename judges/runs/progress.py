"""The progress of a run, whatever it asks."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from judges.models import CallState, RunState
from judges.models.work import MOST_FAILURES, Run


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    Money is in nanos. `rate` is in replies per second over the last minute, `left` in seconds. `worked` is the number
    of calls with a usable reply, `given_up` of those that have failed too often to be asked again.
    """

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
    worked: int
    given_up: int

    @property
    def over(self) -> int:
        """The number of completed calls."""
        return sum(self.states.values()) - self.to_do

    @property
    def share(self) -> float:
        """The share of planned calls that are completed, from 0 to 1."""
        return self.over / self.planned if self.planned else 0.0

    @property
    def nothing_worked(self) -> bool:
        """Whether calls have ended, and none of them with a usable reply."""
        return self.over > 0 and not self.worked


def measure(
    run: Run,
    calls: QuerySet[Any],
    replies: QuerySet[Any],
    at: datetime,
    *,
    open_states: Collection[str],
    usable: Collection[str],
    shortened: Q | None = None,
) -> Progress:
    """Returns the progress of `run`, with every state that its `calls` can be in.

    Calls in `open_states` are not completed. `shortened` is a condition on replies to shortened questions.
    """
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
        given_up=calls.filter(state=CallState.FAILED, failures__gte=MOST_FAILURES).count()
        if counts.get(CallState.FAILED)
        else 0,
        worked=sum(counts.get(state, 0) for state in usable),
    )
