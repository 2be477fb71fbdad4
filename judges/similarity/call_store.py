"""Database work of a similarity run's sender: prepares calls, and stores vectors and scores."""

from collections.abc import Sequence
from datetime import datetime

import httpx
from django.db.models import QuerySet

from judges import problems
from judges.llm import chat, embeddings
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.llm.replies import Ending
from judges.models import (
    CallState,
    Judge,
    JudgeVersion,
    SimilarityCall,
    SimilarityReply,
    SimilarityRun,
    SimilaritySender,
)
from judges.prompting.readers import Unreadable, read_similarity
from judges.runs.call_store import Books, Outcome, Prepared
from judges.similarity.planning import question_of
from judges.similarity.terms import Terms
from judges.verdicts import Finding


class SimilarityBooks(Books[SimilarityCall]):
    """The calls of one sender of a similarity run."""

    def __init__(self, run: SimilarityRun, sender: SimilaritySender) -> None:
        super().__init__(run, sender)
        self._run: SimilarityRun = run
        self._asks = Terms.from_json(run.measure, run.options).how.asks

    @property
    def calls(self) -> QuerySet[SimilarityCall]:
        return SimilarityCall.objects.all()

    @property
    def purse(self) -> QuerySet[Judge]:
        return Judge.objects.filter(pk=self.access.judge_id)

    @property
    def access(self) -> JudgeVersion:
        assert self._run.version is not None  # noqa: S101  runs that ask have one
        return self._run.version

    def prepare(self, keys: Sequence[int]) -> list[Prepared[SimilarityCall]]:
        mine = self.calls.filter(pk__in=keys, claim=self._sender.pk).order_by("pk")
        return [
            Prepared(call, question_of(call))
            for call in mine.select_related("version__judge", "prompt", "result", "other")
        ]

    async def ask(self, client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
        if self._asks == "embeddings":
            return await embeddings.ask(client, endpoint, body)
        return await chat.ask(client, endpoint, body)

    def find(self, answer: Answer) -> Finding:
        if self._asks == "embeddings":
            return Finding(CallState.OK)
        return find(answer)

    def keep(self, outcomes: Sequence[Outcome[SimilarityCall]], mine: set[int], at: datetime) -> int:
        replies = [self._reply(outcome, at) for outcome in outcomes]
        SimilarityReply.objects.bulk_create(replies)
        heard = [reply for reply in replies if reply.call_id in mine]
        for reply in heard:
            reply.call.state, reply.call.claim, reply.call.reply = reply.state, None, reply
        self.calls.bulk_update([reply.call for reply in heard], ["state", "claim", "reply"])
        return sum(reply.cost for reply in replies)

    def _reply(self, outcome: Outcome[SimilarityCall], at: datetime) -> SimilarityReply:
        reply = SimilarityReply(call=outcome.prepared.call)
        outcome.fill(reply, self.access, at)
        if outcome.answer is None or outcome.finding.state != CallState.OK:
            return reply
        if self._asks == "embeddings":
            vectors = embeddings.from_text(outcome.answer.reply.text)
            reply.vectors, reply.width = vectors.tobytes(), vectors.shape[1]
        else:
            reply.score = outcome.finding.reading.score
        return reply


def find(answer: Answer) -> Finding:
    """Reads the score in a judge's reply. Refused and truncated replies have no score, whatever they contain."""
    if answer.ending is Ending.REFUSED:
        return Finding(CallState.REFUSED, problem=answer.why_refused)
    if answer.ending is Ending.CUT:
        return Finding(CallState.TRUNCATED, problem=problems.CUT())
    found = read_similarity(answer.reply)
    if isinstance(found, Unreadable):
        return Finding(CallState.UNREADABLE, problem=found.problem)
    return Finding(CallState.OK, found)
