"""Database work of an evolve run's sender: prepares calls, stores replies, and keeps the prompts that were written."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from annotation.interchange.reasoning import parted
from judges import problems
from judges.evolve import duplicates, planning, replies
from judges.evolve.comparing import Comparer
from judges.evolve.replies import Written
from judges.evolve.scenarios import FORMS
from judges.llm import reasoning
from judges.llm.chat import Answer
from judges.llm.replies import Ending
from judges.models import (
    AnswerSource,
    Duplicate,
    EvolveCall,
    EvolvedPrompt,
    EvolveReply,
    EvolveRun,
    EvolveSender,
    EvolveState,
)
from judges.runs.call_store import Books, Outcome, Prepared
from judges.verdicts import Finding


class EvolveBooks(Books[EvolveCall]):
    """The calls of one sender of an evolve run."""

    converses = True

    def __init__(self, run: EvolveRun, sender: EvolveSender) -> None:
        super().__init__(run, sender)
        self._run: EvolveRun = run
        self._form = FORMS[run.recipe.form]
        self._comparer = Comparer(run.prompt_set)

    @property
    def calls(self) -> QuerySet[EvolveCall]:
        return EvolveCall.objects.all()

    @property
    def purse(self) -> QuerySet[AnswerSource]:
        return AnswerSource.objects.filter(pk=self._run.source_id)

    @property
    def access(self) -> AnswerSource:
        return self._run.source

    def prepare(self, keys: Sequence[int]) -> list[Prepared[EvolveCall]]:
        mine = self.calls.filter(pk__in=keys, claim=self._sender.pk).select_related("prompt", "parent").order_by("pk")
        run = self._run
        return [
            Prepared(call, planning.question(run.recipe, run.source, call, *planning.parent_texts(call)))
            for call in mine
        ]

    def find(self, answer: Answer) -> Finding:
        if answer.ending is Ending.REFUSED:
            return Finding(EvolveState.REFUSED, problem=answer.why_refused)
        _thoughts, text = parted(answer.reply.text)
        if answer.ending is Ending.CUT:
            cut = problems.CUT() if text.strip() else problems.CUT_WHILE_THINKING()
            return Finding(EvolveState.TRUNCATED, problem=cut)
        if not text.strip():
            return Finding(EvolveState.EMPTY, problem=problems.EMPTY())
        found = replies.read(text, self._form)
        if isinstance(found, Written):
            return Finding(EvolveState.OK)
        return Finding(EvolveState.UNREADABLE, problem=found.problem)

    def keep(self, outcomes: Sequence[Outcome[EvolveCall]], mine: set[int], at: datetime) -> int:
        stored = [self._reply(outcome, at) for outcome in outcomes]
        EvolveReply.objects.bulk_create(stored)
        answered: list[EvolveCall] = []
        children: list[EvolvedPrompt] = []
        for reply, outcome in zip(stored, outcomes, strict=True):
            call = outcome.prepared.call
            if call.pk not in mine:
                continue
            call.state, call.claim = reply.state, None
            answered.append(call)
            found = replies.read(reply.text, self._form) if reply.state == EvolveState.OK else None
            if isinstance(found, Written):
                children.append(self._child(call, reply, found, at))
        EvolveCall.objects.bulk_update(answered, ["state", "claim"])
        # In one order everywhere, so that two senders with the same prompts do not wait for each other.
        for child in sorted(children, key=lambda child: child.fingerprint):
            self._keep_child(child)
        self._free_next(children)
        return sum(reply.cost for reply in stored)

    def _reply(self, outcome: Outcome[EvolveCall], at: datetime) -> EvolveReply:
        reply = EvolveReply(call=outcome.prepared.call)
        outcome.fill(reply, self._run.source, at)
        answer = outcome.answer
        if answer is not None:
            inside, reply.text = parted(answer.reply.text)
            reply.thinking = "\n\n".join(filter(None, (reasoning.beside(answer.raw), inside)))
        return reply

    def _child(self, call: EvolveCall, reply: EvolveReply, found: Written, at: datetime) -> EvolvedPrompt:
        return EvolvedPrompt(
            prompt_set_id=self._run.prompt_set_id,
            call=call,
            reply=reply,
            written=found.text,
            written_reference=found.reference,
            text=found.text,
            reference=found.reference,
            fingerprint=duplicates.fingerprint(found.text),
            created_at=at,
        )

    def _keep_child(self, child: EvolvedPrompt) -> None:
        """Stores `child`, as an exact duplicate if the set or an earlier child has the same text."""
        child.like_prompt_id = self._comparer.prompt_with(child.fingerprint)
        if child.like_prompt_id is not None:
            child.duplicate, child.similarity = Duplicate.EXACT, 1.0
        try:
            with transaction.atomic():
                child.save(force_insert=True)
        except IntegrityError as conflict:
            # SQLite names the columns of a constraint, not the constraint.
            if "evolved_prompt_original" not in str(conflict) and "fingerprint" not in str(conflict):
                raise
            same = EvolvedPrompt.objects.filter(prompt_set=child.prompt_set_id, fingerprint=child.fingerprint)
            child.like = same.order_by("pk").first()
            child.duplicate, child.similarity = Duplicate.EXACT, 1.0
            child.save(force_insert=True)

    def _free_next(self, children: Sequence[EvolvedPrompt]) -> None:
        """Makes the calls after `children` ready to send, and ends the chains of exact duplicates."""
        for child in children:
            call = child.call
            later = EvolveCall.objects.filter(
                run=self._run,
                recipe=call.recipe_id,
                prompt=call.prompt_id,
                chain=call.chain,
                iteration__gt=call.iteration,
                state=EvolveState.WAITING,
            )
            if child.feeds:
                later.filter(iteration=call.iteration + 1).update(state=EvolveState.PENDING, parent=child)
            else:
                later.update(state=EvolveState.ENDED)

    def store(self, outcomes: Sequence[Outcome[EvolveCall]], at: datetime) -> None:
        self._comparer.read_prompts()
        super().store(outcomes, at)
        self._comparer.compare()
