"""Database work of a benchmark's sender: prepares calls and stores replies."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import httpx
from django.db.models import QuerySet

from judges import verdicts
from judges.benchmarks.planning import question
from judges.llm import chat, reward_models
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.models import (
    BenchmarkCall,
    BenchmarkReply,
    BenchmarkRun,
    BenchmarkSender,
    CallState,
    Judge,
    JudgeVersion,
    Protocol,
    Shown,
)
from judges.runs.call_store import Books, Outcome, Prepared
from judges.verdicts import Finding


class BenchmarkBooks(Books[BenchmarkCall]):
    """The calls of one sender of a benchmark."""

    def __init__(self, run: BenchmarkRun, sender: BenchmarkSender) -> None:
        super().__init__(run, sender)
        self._run: BenchmarkRun = run

    @property
    def calls(self) -> QuerySet[BenchmarkCall]:
        return BenchmarkCall.objects.all()

    @property
    def purse(self) -> QuerySet[Judge]:
        return Judge.objects.filter(pk=self._run.version.judge_id)

    @property
    def access(self) -> JudgeVersion:
        return self._run.version

    def prepare(self, keys: Sequence[int]) -> list[Prepared[BenchmarkCall]]:
        mine = self.calls.filter(pk__in=keys, claim=self._sender.pk).select_related("preference").order_by("pk")
        return [Prepared(call, question(self._run.version, call)) for call in mine]

    async def ask(self, client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
        if self._run.protocol == Protocol.CHAT:
            return await chat.ask(client, endpoint, body)
        return await reward_models.ask(client, endpoint, cast(reward_models.Protocol, self._run.protocol), body)

    def find(self, answer: Answer) -> Finding:
        if self._run.protocol != Protocol.CHAT:
            return Finding(CallState.OK)
        return verdicts.find(self._run.version.reading, answer)

    def keep(self, outcomes: Sequence[Outcome[BenchmarkCall]], mine: set[int], at: datetime) -> int:
        replies = [_reply(self._run, outcome, at) for outcome in outcomes]
        BenchmarkReply.objects.bulk_create(replies)
        heard = [reply for reply in replies if reply.call_id in mine]
        for reply in heard:
            reply.call.state, reply.call.claim, reply.call.reply = reply.state, None, reply
        self.calls.bulk_update([reply.call for reply in heard], ["state", "claim", "reply"])
        return sum(reply.cost for reply in replies)


def _reply(run: BenchmarkRun, outcome: Outcome[BenchmarkCall], at: datetime) -> BenchmarkReply:
    call, finding, answer = outcome.prepared.call, outcome.finding, outcome.answer
    reply = BenchmarkReply(call=call)
    outcome.fill(reply, run.version, at)
    if answer is not None and finding.state == CallState.OK:
        reply.says, reply.score = _heard(run, call, finding, answer)
    return reply


def _heard(run: BenchmarkRun, call: BenchmarkCall, finding: Finding, answer: Answer) -> tuple[str, float | None]:
    """Returns which answer the reply prefers, or the score it gives."""
    if run.protocol != Protocol.CHAT:
        return "", float(answer.reply.text)
    verdict = finding.reading.verdict
    if verdict is None:
        return "", finding.reading.score
    if verdict == "tie":
        return "tie", None
    return ("chosen" if (verdict == "left") == (call.shown == Shown.CHOSEN_LEFT) else "rejected"), None
