"""Database work of a sender, whatever it asks: claims calls, reserves their cost, and stores what came back.

Every step is a conditional update in one short transaction. Two senders therefore never hold the same call, and a
sender that was presumed dead cannot overwrite what another one has asked again in the meantime.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

import httpx
from django.db import transaction
from django.db.models import F, QuerySet

from annotation.problems import Problem
from annotation.stored_problems import columns
from judges.llm import chat
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.models import AnswerState, CallState, RunState
from judges.models.work import Access, Call, Exchange, Run, Sending
from judges.runs.chat_request import Question
from judges.verdicts import Finding

BUDGET: Final = "budget"


@dataclass(frozen=True, slots=True)
class Prepared[C: Call]:
    """A call that a sender has claimed, with its request."""

    call: C
    question: Question


@dataclass(slots=True)
class Outcome[C: Call]:
    """The outcome of a call.

    `unsure` is the most that attempts without a reply may have cost, in nanos; `counted` is the part of it that the
    purse already includes. `released` marks a call without an outcome, which is to be asked later, `renamed` one whose
    first attempt was repeated with the token limit under its other name. `percent` is the share of the usual prices
    that the call costs.
    """

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
    renamed: bool = False
    received_at: datetime | None = None

    def fill(self, exchange: Exchange, access: Access, at: datetime) -> None:
        """Copies to `exchange` what was sent, what came back, and its cost at the prices of `access`."""
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
        if each.answer is not None and each.answer.from_cache
    }


def reserve(purse: QuerySet[Any], nanos: int) -> bool:
    """Reserves `nanos` in the one row of `purse`; returns False if they would exceed its budget."""
    if nanos == 0:
        return True
    reserved = F("reserved") + nanos
    return bool(
        purse.filter(budget=None).update(reserved=reserved)
        or purse.filter(budget__gte=F("spent") + F("unsure") + F("reserved") + nanos).update(reserved=reserved)
    )


class Books[C: Call](ABC):
    """The rows of a run's calls, as one sender uses them."""

    converses: ClassVar[bool] = False
    """Whether the outcome of one call can make others ready to send."""

    def __init__(self, run: Run, sender: Sending) -> None:
        self._run = run
        self._sender = sender

    @property
    @abstractmethod
    def calls(self) -> QuerySet[C]:
        """Returns the calls of every run; a sender changes only those that it has claimed."""

    @property
    @abstractmethod
    def purse(self) -> QuerySet[Any]:
        """Returns the one row that pays."""

    @property
    @abstractmethod
    def access(self) -> Access:
        """Returns the row whose settings the requests are built from."""

    @abstractmethod
    def prepare(self, keys: Sequence[int]) -> list[Prepared[C]]:
        """Returns those of the calls with these primary keys that the sender has claimed, with their requests."""

    async def ask(self, client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
        """Sends one request: a chat request, unless the kind of call is asked in another way.

        Raises:
            Trouble: there is no answer; the exception says why.
        """
        return await chat.ask(client, endpoint, body)

    @abstractmethod
    def find(self, answer: Answer) -> Finding:
        """Classifies `answer`: its state, and the problem unless it is `ok`."""

    @abstractmethod
    def keep(self, outcomes: Sequence[Outcome[C]], mine: set[int], at: datetime) -> int:
        """Stores what came back, inside the transaction of `store`; returns what it cost, in nanos.

        Calls that are not in `mine` have been claimed by another sender: only their replies are stored.
        """

    def free(self) -> QuerySet[Any]:
        """Returns the unclaimed calls of the run, in the order in which they are asked.

        Calls that have failed come last: what stopped a run may be about one of them alone.
        """
        return self.calls.filter(run=self._run, state=CallState.PENDING, claim=None).order_by("failures", "pk")

    def anything_answered(self) -> bool:
        """Returns whether any call of the run has been answered, in whatever way."""
        unanswered = [CallState.PENDING, CallState.SENT, CallState.FAILED, AnswerState.WAITING]
        return self.calls.filter(run=self._run).exclude(state__in=unanswered).exists()

    def remember_limit(self, name: str) -> None:
        """Stores the name under which the endpoint takes the token limit, for this run and later ones."""
        access = self.access
        access.token_limit = name
        type(access)._default_manager.filter(pk=access.pk).update(token_limit=name)

    def claim(self, count: int) -> list[Prepared[C]]:
        """Claims up to `count` free calls and returns them with their requests."""
        with transaction.atomic():
            keys = list(self.free().select_for_update(skip_locked=True).values_list("pk", flat=True)[:count])
            self.calls.filter(pk__in=keys, claim=None).update(claim=self._sender)
        prepared = self.prepare(keys)
        for each in prepared:
            # The text was not known when the call was planned, or has changed. The row says what is reserved.
            if each.question.bound != each.call.bound:
                each.call.bound = each.question.bound
                self.calls.filter(pk=each.call.pk).update(bound=each.question.bound)
        return prepared

    def unclaim(self, prepared: Sequence[Prepared[C]]) -> None:
        """Releases claimed calls that were not sent."""
        keys = [each.call.pk for each in prepared]
        self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.PENDING).update(claim=None)

    @transaction.atomic
    def admit(self, prepared: Sequence[Prepared[C]], at: datetime) -> tuple[list[Prepared[C]], str]:
        """Marks calls as sent and reserves their maximum cost.

        Returns the calls to send, and why the others may not be sent: nothing, `budget`, or the run's state.
        """
        state = self.state()
        if state != RunState.RUNNING:
            return [], state
        admitted = list(prepared)
        while admitted and not reserve(self.purse, sum(each.question.bound for each in admitted)):
            admitted = admitted[: len(admitted) // 2]
        keys = [each.call.pk for each in admitted]
        mine = self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.PENDING)
        if mine.update(state=CallState.SENT, sent_at=at) != len(keys):
            # The sweep presumed this sender dead: nothing may be sent.
            transaction.set_rollback(True)
            return [], RunState.STOPPED
        return admitted, "" if len(admitted) == len(prepared) else BUDGET

    @transaction.atomic
    def reserve_again(self, nanos: int) -> bool:
        """Counts an attempt without a reply as possibly spent, and reserves the cost of the next one.

        Returns False, and changes nothing, if the budget has no room for it.
        """
        if not reserve(self.purse, nanos):
            return False
        self.purse.update(reserved=F("reserved") - nanos, unsure=F("unsure") + nanos)
        return True

    def balance(self) -> tuple[int, int, int]:
        """Returns what the purse has spent, has possibly spent, and has reserved, in nanos."""
        spent, unsure, reserved = self.purse.values_list("spent", "unsure", "reserved").get()
        return spent, unsure, reserved

    @transaction.atomic
    def store(self, outcomes: Sequence[Outcome[C]], at: datetime) -> None:
        """Stores the outcomes of calls (replies, states and money) in one transaction."""
        keys = sorted(outcome.prepared.call.pk for outcome in outcomes)
        held = self.calls.filter(pk__in=keys, claim=self._sender, state=CallState.SENT).select_for_update()
        mine = set(held.order_by("pk").values_list("pk", flat=True))
        # The sweep has already counted calls that it took away as possibly spent.
        reserved = sum(each.prepared.question.bound for each in outcomes if each.prepared.call.pk in mine)
        unsure = sum(each.unsure - each.counted for each in outcomes)
        spent = self.keep([each for each in outcomes if not each.released], mine, at)
        self.calls.filter(pk__in=mine, state=CallState.FAILED).update(failures=F("failures") + 1)
        released = [each.prepared.call.pk for each in outcomes if each.released and each.prepared.call.pk in mine]
        self.calls.filter(pk__in=released).update(state=CallState.PENDING, claim=None)
        if spent or unsure or reserved:
            self.purse.update(spent=F("spent") + spent, unsure=F("unsure") + unsure, reserved=F("reserved") - reserved)

    @transaction.atomic
    def bury(self, at: datetime) -> int | None:
        """Ends the sender and releases its calls; returns how many were in flight, or None if it had already ended.

        Those in flight are asked again, and their maximum cost counts as possibly spent.
        """
        senders = type(self._sender)._default_manager.filter(pk=self._sender.pk)
        if not senders.filter(finished_at=None).update(finished_at=at):
            return None
        # Locked, because a sender that only seemed dead may be sending or storing them at this moment.
        held = self.calls.filter(claim=self._sender).select_for_update().order_by("pk")
        rows = list(held.values_list("pk", "state", "bound"))
        flying = {key: bound for key, state, bound in rows if state == CallState.SENT}
        self.calls.filter(pk__in=flying).update(state=CallState.PENDING)
        self.calls.filter(pk__in=[key for key, _state, _bound in rows]).update(claim=None)
        senders.update(lost=len(flying))
        self._runs().update(lost=F("lost") + len(flying))
        if nanos := sum(flying.values()):
            self.purse.update(reserved=F("reserved") - nanos, unsure=F("unsure") + nanos)
        return len(flying)

    def alive(self, at: datetime, waiting: Mapping[str, Any] | None = None) -> str:
        """Stores the sender's heartbeat and what it is `waiting` for; returns the run's state."""
        senders = type(self._sender)._default_manager.filter(pk=self._sender.pk, finished_at=None)
        return self.state() if senders.update(beat_at=at, waiting=waiting) else RunState.STOPPED

    def state(self) -> str:
        """Returns the run's current state."""
        return str(self._runs().values_list("state", flat=True).get())

    def stop(self, problem: Problem) -> None:
        """Stops the run, if it is running, and stores why."""
        self._runs().filter(state=RunState.RUNNING).update(state=RunState.STOPPED, **columns(problem))

    def _runs(self) -> QuerySet[Any]:
        return type(self._run)._default_manager.filter(pk=self._run.pk)
