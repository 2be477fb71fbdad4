"""The life of a call in the database, whatever it is about: claimed, sent with its money reserved, stored.

Every step is a conditional update, so that two senders never hold one call, and a sender that was taken
for dead cannot store what another has asked again meanwhile. Each is one short transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

import httpx
from django.db import transaction
from django.db.models import F, QuerySet, Sum

from annotation.problems import Problem
from annotation.stored_problems import columns
from judges.llm import chat
from judges.llm.chat import Answer
from judges.models import CallState, RunState
from judges.models.work import Access, Call, Exchange, Run, Sending
from judges.runs.chat_request import Question
from judges.verdicts import Finding

BUDGET: Final = "budget"


@dataclass(frozen=True, slots=True)
class Prepared[C: Call]:
    """A call in a sender's hand, with its request."""

    call: C
    question: Question


@dataclass(slots=True)
class Outcome[C: Call]:
    """What came of a call. `unsure` is what attempts without a reply may have cost, of which `counted` is in
    the purse's books already; `released` says that it was not answered and is to be asked later; `percent` is the
    share of the usual prices that it costs."""

    prepared: Prepared[C]
    attempts: int = 1
    answer: Answer | None = None
    finding: Finding = field(default_factory=lambda: Finding(CallState.FAILED))
    raw: str = ""
    status: int | None = None
    unsure: int = 0
    counted: int = 0
    released: bool = False
    percent: int = 100
    received_at: datetime | None = None

    def fill(self, exchange: Exchange, access: Access, at: datetime) -> None:
        """Writes on `exchange` what was sent, what came back, and what that cost at the prices of `access`."""
        answer = self.answer
        exchange.state = self.finding.state
        exchange.set_problem(self.finding.problem)
        exchange.attempts = self.attempts
        exchange.request = self.prepared.question.body.decode()
        exchange.raw = answer.raw if answer else self.raw
        exchange.status = answer.status if answer else self.status
        exchange.unsure = self.unsure
        exchange.received_at = self.received_at or at
        if answer is not None:
            usage = answer.usage
            exchange.model, exchange.fingerprint = answer.model, answer.fingerprint
            exchange.response_id, exchange.request_id = answer.response_id, answer.request_id
            exchange.finish_reason, exchange.seconds = answer.finish_reason, answer.seconds
            exchange.tokens_in, exchange.tokens_out = usage.tokens_in, usage.tokens_out
            exchange.tokens_cached, exchange.tokens_reasoning = usage.cached, usage.reasoning
            exchange.cost = access.cost(usage, self.prepared.question.bound, percent=self.percent)


def texts_from_caches[C: Call](outcomes: Iterable[Outcome[C]]) -> dict[int, str]:
    """Returns the texts of replies that a gateway says came from its cache, by call."""
    return {
        each.prepared.call.pk: each.answer.reply.text
        for each in outcomes
        if each.answer is not None and each.answer.kept
    }


def reserve(purse: QuerySet[Any], nanos: int) -> bool:
    """Reserves `nanos` of the one row in `purse`; False where they would pass its budget."""
    if nanos == 0:
        return True
    reserved = F("reserved") + nanos
    return bool(
        purse.filter(budget=None).update(reserved=reserved)
        or purse.filter(budget__gte=F("spent") + F("unsure") + F("reserved") + nanos).update(reserved=reserved)
    )


class Books[C: Call](ABC):
    """What one sender of a run does with the rows of its calls."""

    converses: ClassVar[bool] = False
    """Whether what came of a call may set others free."""

    def __init__(self, run: Run, sender: Sending) -> None:
        self._run = run
        self._sender = sender

    @property
    @abstractmethod
    def calls(self) -> QuerySet[C]:
        """All calls, of whatever run: a sender changes those alone that it has in hand."""

    @property
    @abstractmethod
    def purse(self) -> QuerySet[Any]:
        """The one row, of a kind of purse, that pays."""

    @abstractmethod
    def prepare(self, keys: Sequence[int]) -> list[Prepared[C]]:
        """The calls with these primary keys, which are the sender's, with their requests."""

    async def ask(self, client: httpx.AsyncClient, endpoint: chat.Endpoint, body: bytes) -> Answer:
        """Sends one request: a chat, unless the kind of call has another way of asking.

        Raises:
            chat.Trouble: what became of it instead.
        """
        return await chat.ask(client, endpoint, body)

    @abstractmethod
    def find(self, answer: Answer) -> Finding:
        """What `answer` is: its state, and why where it is not `ok`."""

    @abstractmethod
    def keep(self, outcomes: Sequence[Outcome[C]], mine: set[int], at: datetime) -> int:
        """Stores what came back, inside the transaction of `store`; returns what it cost.

        The states of calls that are not in `mine` are somebody else's by now: of those the reply alone is kept.
        """

    def free(self) -> QuerySet[Any]:
        """The calls of the run that nobody has in hand, in the order in which they are asked."""
        return self.calls.filter(run=self._run, state=CallState.PENDING, claim=None).order_by("pk")

    def claim(self, count: int) -> list[Prepared[C]]:
        """Up to `count` free calls, which are now the sender's, with their requests."""
        with transaction.atomic():
            keys = list(self.free().select_for_update(skip_locked=True).values_list("pk", flat=True)[:count])
            self.calls.filter(pk__in=keys, claim=None).update(claim=self._sender)
        prepared = self.prepare(keys)
        for each in prepared:
            # Its text was not known when it was planned, or was changed since. What is reserved is what the row says.
            if each.question.bound != each.call.bound:
                each.call.bound = each.question.bound
                self.calls.filter(pk=each.call.pk).update(bound=each.question.bound)
        return prepared

    def unclaim(self, prepared: Sequence[Prepared[C]]) -> None:
        """Gives calls back that were not sent."""
        keys = [each.call.pk for each in prepared]
        self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.PENDING).update(claim=None)

    @transaction.atomic
    def admit(self, prepared: Sequence[Prepared[C]], at: datetime) -> tuple[list[Prepared[C]], str]:
        """Marks calls as sent and reserves what they can cost; returns those to send, and what held the others
        back: nothing, `budget`, or the state that the run is in now."""
        state = self.state()
        if state != RunState.RUNNING:
            return [], state
        admitted = list(prepared)
        while admitted and not reserve(self.purse, sum(each.question.bound for each in admitted)):
            admitted = admitted[: len(admitted) // 2]
        keys = [each.call.pk for each in admitted]
        mine = self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.PENDING)
        if mine.update(state=CallState.SENT, sent_at=at) != len(keys):
            # The sweep took this sender for dead: nothing of it may be sent.
            transaction.set_rollback(True)
            return [], RunState.STOPPED
        return admitted, "" if len(admitted) == len(prepared) else BUDGET

    @transaction.atomic
    def reserve_again(self, nanos: int) -> bool:
        """Lets an attempt whose reply never came stay reserved as perhaps spent, and reserves the next one;
        False where the budget has no room for it, and then nothing changed."""
        if not reserve(self.purse, nanos):
            return False
        self.purse.update(reserved=F("reserved") - nanos, unsure=F("unsure") + nanos)
        return True

    def balance(self) -> tuple[int, int, int]:
        """What the purse says was spent, was perhaps spent, and is reserved, in nanos."""
        spent, unsure, reserved = self.purse.values_list("spent", "unsure", "reserved").get()
        return spent, unsure, reserved

    @transaction.atomic
    def store(self, outcomes: Sequence[Outcome[C]], at: datetime) -> None:
        """Keeps what came of calls: replies, states and money, all or nothing."""
        keys = sorted(outcome.prepared.call.pk for outcome in outcomes)
        held = self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.SENT).select_for_update()
        mine = set(held.order_by("pk").values_list("pk", flat=True))
        # What the sweep gave away has been counted as perhaps spent by it.
        reserved = sum(each.prepared.question.bound for each in outcomes if each.prepared.call.pk in mine)
        unsure = sum(each.unsure - each.counted for each in outcomes)
        spent = self.keep([each for each in outcomes if not each.released], mine, at)
        released = [each.prepared.call.pk for each in outcomes if each.released and each.prepared.call.pk in mine]
        self.calls.filter(pk__in=released).update(state=CallState.PENDING, claim=None)
        if spent or unsure or reserved:
            self.purse.update(spent=F("spent") + spent, unsure=F("unsure") + unsure, reserved=F("reserved") - reserved)

    @transaction.atomic
    def bury(self, at: datetime) -> int | None:
        """Frees the calls of a sender that gives no sign of life; returns how many were in flight.

        Those are asked again, and what they may have cost counts as perhaps spent. None: it had ended itself.
        """
        senders = type(self._sender)._default_manager.filter(pk=self._sender.pk)
        if not senders.filter(finished_at=None).update(finished_at=at):
            return None
        held = self.calls.filter(claim=self._sender)
        flying = held.filter(state=CallState.SENT).aggregate(nanos=Sum("bound"))["nanos"] or 0
        lost = held.filter(state=CallState.SENT).update(state=CallState.PENDING, claim=None)
        held.update(claim=None)
        senders.update(lost=lost)
        self._runs().update(lost=F("lost") + lost)
        if flying:
            self.purse.update(reserved=F("reserved") - flying, unsure=F("unsure") + flying)
        return lost

    def alive(self, at: datetime) -> str:
        """Gives a sign of life; returns the state that the run is in now."""
        senders = type(self._sender)._default_manager.filter(pk=self._sender.pk, finished_at=None)
        return self.state() if senders.update(beat_at=at) else RunState.STOPPED

    def state(self) -> str:
        """The state that the run is in now."""
        return str(self._runs().values_list("state", flat=True).get())

    def stop(self, problem: Problem) -> None:
        """Stops the run, if it is running, for a reason that people are told."""
        self._runs().filter(state=RunState.RUNNING).update(state=RunState.STOPPED, **columns(problem))

    def _runs(self) -> QuerySet[Any]:
        return type(self._run)._default_manager.filter(pk=self._run.pk)
