"""Calls to a model of a prompt set, which writes text: answers or new prompts."""

from datetime import datetime

from django.db.models import QuerySet

from annotation.interchange.reasoning import parted
from judges.llm import reasoning
from judges.models import AnswerReply, AnswerRun, AnswerSender, AnswerSource, EvolveReply, EvolveRun, EvolveSender
from judges.models.work import Call
from judges.runs.call_store import Books, Outcome


class SourceBooks[C: Call](Books[C]):
    """The calls of one sender of a run whose `source` pays and whose replies are kept without their thoughts."""

    converses = True

    def __init__(self, run: AnswerRun | EvolveRun, sender: AnswerSender | EvolveSender) -> None:
        super().__init__(run, sender)
        self._source = run.source

    @property
    def purse(self) -> QuerySet[AnswerSource]:
        return AnswerSource.objects.filter(pk=self._source.pk)

    @property
    def access(self) -> AnswerSource:
        return self._source

    def fill(self, reply: AnswerReply | EvolveReply, outcome: Outcome[C], at: datetime) -> None:
        """Sets what came back on the unsaved `reply`, its text apart from the model's thoughts."""
        outcome.fill(reply, self._source, at)
        answer = outcome.answer
        if answer is not None:
            inside, reply.text = parted(answer.reply.text)
            reply.thinking = "\n\n".join(filter(None, (reasoning.beside(answer.raw), inside)))
