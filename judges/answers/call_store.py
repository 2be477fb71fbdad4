"""Database work of an answer run's sender: prepares turns, stores replies and creates results."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from annotation.interchange.reasoning import parted
from judges import problems
from judges.answers import planning, results
from judges.answers.planning import AnswerPlan
from judges.llm import reasoning
from judges.llm.chat import Answer
from judges.llm.replies import Ending
from judges.models import (
    ANSWERED,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSender,
    AnswerSource,
    AnswerState,
)
from judges.runs.call_store import Books, Outcome, Prepared, texts_from_caches
from judges.verdicts import Finding

type _Place = tuple[int, int]
"""Prompt key and sample number."""


def find(answer: Answer) -> Finding:
    """Classifies `answer`. A truncated answer is still an answer; a refused or empty one is not."""
    if answer.ending is Ending.REFUSED:
        return Finding(AnswerState.REFUSED, problem=answer.why_refused)
    _thoughts, text = parted(answer.reply.text)
    cut = answer.ending is Ending.CUT
    if not text.strip():
        return Finding(AnswerState.EMPTY, problem=problems.CUT_WHILE_THINKING() if cut else problems.EMPTY())
    return Finding(AnswerState.TRUNCATED, problem=problems.CUT()) if cut else Finding(AnswerState.OK)


class AnswerBooks(Books[AnswerCall]):
    """The calls of one sender of an answer run."""

    converses = True

    def __init__(self, run: AnswerRun, sender: AnswerSender) -> None:
        super().__init__(run, sender)
        self._run: AnswerRun = run
        self._plan = AnswerPlan.from_json(run.options)
        self._system = planning.system_message(run.study)

    @property
    def calls(self) -> QuerySet[AnswerCall]:
        return AnswerCall.objects.all()

    @property
    def purse(self) -> QuerySet[AnswerSource]:
        return AnswerSource.objects.filter(pk=self._run.source_id)

    @property
    def access(self) -> AnswerSource:
        return self._run.source

    def prepare(self, keys: Sequence[int]) -> list[Prepared[AnswerCall]]:
        mine = list(self.calls.filter(pk__in=keys, claim=self._sender.pk).select_related("prompt").order_by("pk"))
        said = self._said({call.prompt_id for call in mine if call.turn > 1})
        source, plan, system = self._run.source, self._plan, self._system
        return [
            Prepared(
                call,
                planning.question(
                    source,
                    plan,
                    call.prompt,
                    said.get((call.prompt_id, call.sample), [])[: call.turn - 1],
                    call.sample,
                    system,
                ),
            )
            for call in mine
        ]

    def _said(self, prompts: set[int]) -> dict[_Place, list[str]]:
        """Returns the answers to `prompts` so far, in turn order, by prompt and sample."""
        rows = self.calls.filter(source=self._run.source_id, prompt__in=prompts, state__in=ANSWERED).order_by("turn")
        said: dict[_Place, list[str]] = {}
        for prompt, sample, text in rows.values_list("prompt_id", "sample", "answer__text"):
            said.setdefault((prompt, sample), []).append(text or "")
        return said

    def find(self, answer: Answer) -> Finding:
        return find(answer)

    def keep(self, outcomes: Sequence[Outcome[AnswerCall]], mine: set[int], at: datetime) -> int:
        self._sift(outcomes)
        replies = [self._reply(outcome, at) for outcome in outcomes]
        AnswerReply.objects.bulk_create(replies)
        answered: list[AnswerCall] = []
        for reply, outcome in zip(replies, outcomes, strict=True):
            call = outcome.prepared.call
            if call.pk not in mine:
                continue
            call.state, call.claim = reply.state, None
            call.answer = reply if reply.state in ANSWERED else None
            answered.append(call)
        AnswerCall.objects.bulk_update(answered, ["state", "claim", "answer"])
        self._free_next([call for call in answered if call.state in ANSWERED and not call.last])
        return sum(reply.cost for reply in replies)

    def _sift(self, outcomes: Sequence[Outcome[AnswerCall]]) -> None:
        """Marks repeated samples as failed; they are stored but are not new samples.

        A sample is repeated if a gateway says that the reply came from its cache, and another sample of the same turn
        has the same answer.
        """
        cached = texts_from_caches(outcomes)
        if not cached:
            return
        prompts = {each.prepared.call.prompt_id for each in outcomes if each.prepared.call.pk in cached}
        before = AnswerCall.objects.filter(source=self._run.source_id, prompt__in=prompts, state__in=ANSWERED)
        rows = before.exclude(pk__in=cached).order_by("pk").values_list("prompt_id", "turn", "answer__text", "pk")
        owners: dict[tuple[int, int, str], int] = {}
        for prompt, turn, text, key in rows:
            owners.setdefault((prompt, turn, text or ""), key)
        answered = [each for each in outcomes if each.answer and each.finding.state in ANSWERED]
        # In one batch, the reply that was not cached is the sample.
        for each in sorted(answered, key=lambda each: each.prepared.call.pk in cached):
            call = each.prepared.call
            assert each.answer is not None  # noqa: S101  filtered above
            owner = owners.setdefault((call.prompt_id, call.turn, parted(each.answer.reply.text)[1]), call.pk)
            if owner != call.pk and call.pk in cached:
                each.finding = Finding(AnswerState.FAILED, problem=problems.GIVEN_BEFORE())

    def _reply(self, outcome: Outcome[AnswerCall], at: datetime) -> AnswerReply:
        reply = AnswerReply(call=outcome.prepared.call)
        outcome.fill(reply, self._run.source, at)
        answer = outcome.answer
        if answer is not None:
            inside, reply.text = parted(answer.reply.text)
            reply.thinking = "\n\n".join(filter(None, (reasoning.beside(answer.raw), inside)))
        return reply

    def _free_next(self, answered: Sequence[AnswerCall]) -> None:
        """Makes the turns after `answered` ready to send."""
        if not answered:
            return
        places = {(call.prompt_id, call.sample, call.turn + 1) for call in answered}
        waiting = AnswerCall.objects.filter(
            run=self._run, state=AnswerState.WAITING, prompt__in={prompt for prompt, _sample, _turn in places}
        )
        keys = [
            key for key, *place in waiting.values_list("pk", "prompt_id", "sample", "turn") if tuple(place) in places
        ]
        waiting.filter(pk__in=keys).update(state=AnswerState.PENDING)

    def store(self, outcomes: Sequence[Outcome[AnswerCall]], at: datetime) -> None:
        super().store(outcomes, at)
        results.make_results(self._run.source)
