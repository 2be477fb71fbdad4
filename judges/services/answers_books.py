"""What a sender of a run of answers does with its rows: asks turn by turn, keeps replies, makes results."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Max, QuerySet

from annotation.interchange.selfnaming import names_itself
from annotation.models import LanguageModel, PromptSet, Result, ResultFlag
from judges import thoughts
from judges.chat import Answer
from judges.models import (
    ANSWERED,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSender,
    AnswerSource,
    AnswerState,
)
from judges.services import answers_planning
from judges.services.answers_planning import AnswerPlan
from judges.services.books import Books, Outcome, Prepared
from judges.services.calls import KEPT
from judges.services.reading import Finding

CUT: Final = "The reply was cut at the most tokens it may have."
CUT_WHILE_THINKING: Final = "The reply was cut while the model was still thinking: there is no answer in it."
EMPTY: Final = "The reply is empty."

LAST_WORDS: Final = 80
"""Characters of the end of a cut answer that its flag shows."""

type _Place = tuple[int, int]
"""Prompt and sample."""


def find(answer: Answer) -> Finding:
    """What `answer` is. A cut one is an answer still; a refused or empty one is none."""
    if answer.refusal or answer.finish_reason == "content_filter":
        return Finding(AnswerState.REFUSED, problem=answer.refusal)
    _thoughts, text = thoughts.parted(answer.reply.text)
    cut = answer.finish_reason == "length"
    if not text.strip():
        return Finding(AnswerState.EMPTY, problem=CUT_WHILE_THINKING if cut else EMPTY)
    return Finding(AnswerState.TRUNCATED, problem=CUT) if cut else Finding(AnswerState.OK)


class AnswerBooks(Books[AnswerCall]):
    """The rows of one sender of a run of answers."""

    converses = True

    def __init__(self, run: AnswerRun, sender: AnswerSender) -> None:
        super().__init__(run, sender)
        self._run: AnswerRun = run
        self._plan = AnswerPlan.from_json(run.options)
        self._system = answers_planning.system_message(run.study)

    @property
    def calls(self) -> QuerySet[AnswerCall]:
        return AnswerCall.objects.all()

    @property
    def purse(self) -> QuerySet[AnswerSource]:
        return AnswerSource.objects.filter(pk=self._run.source_id)

    def prepare(self, keys: Sequence[int]) -> list[Prepared[AnswerCall]]:
        mine = list(self.calls.filter(pk__in=keys, claim=self._sender.pk).select_related("prompt").order_by("pk"))
        said = self._said({call.prompt_id for call in mine if call.turn > 1})
        source, plan, system = self._run.source, self._plan, self._system
        return [
            Prepared(
                call,
                answers_planning.question(
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
        """What has been answered to `prompts` so far, in the order of turns."""
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
        """A reply that another sample was given before is no new sample: it is kept, and counts as failed."""
        if self._plan.samples == 1:
            return
        ids = [each.answer.response_id for each in outcomes if each.answer and each.answer.response_id]
        before = AnswerReply.objects.filter(
            response_id__in=ids, call__source=self._run.source_id, state__in=ANSWERED
        ).values_list("response_id", "call_id")
        owners = dict(before)
        for each in outcomes:
            answer, call = each.answer, each.prepared.call
            if answer is None or each.finding.state not in ANSWERED:
                continue
            owner = owners.setdefault(answer.response_id, call.pk) if answer.response_id else call.pk
            if owner != call.pk or (answer.kept and call.sample > 0):
                each.finding = Finding(AnswerState.FAILED, problem=KEPT)

    def _reply(self, outcome: Outcome[AnswerCall], at: datetime) -> AnswerReply:
        reply = AnswerReply(call=outcome.prepared.call)
        outcome.fill(reply, self._run.source, at)
        answer = outcome.answer
        if answer is not None:
            inside, reply.text = thoughts.parted(answer.reply.text)
            reply.thinking = "\n\n".join(filter(None, (thoughts.beside(answer.raw), inside)))
        return reply

    def _free_next(self, answered: Sequence[AnswerCall]) -> None:
        """Sets the turns after `answered` free."""
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
        make_results(self._run.source)


@transaction.atomic
def make_results(source: AnswerSource) -> int:
    """Makes results of the conversations of `source` that have been answered to their end; returns how many.

    Where somebody is loading into the prompt set none are made, and the next call makes them: whoever sends
    must not wait for a load.
    """
    complete = AnswerCall.objects.filter(source=source, last=True, result=None, state__in=ANSWERED)
    if not complete.exists():
        return 0
    model = LanguageModel.objects.get(pk=source.model_id)
    sets = PromptSet.objects.select_for_update(no_key=True, skip_locked=True)
    prompt_set = sets.filter(pk=model.prompt_set_id).first()
    if prompt_set is None:
        return 0
    talks = _conversations(complete)
    taken = {
        (prompt, sample): key
        for prompt, sample, key in Result.objects.filter(
            model=model, prompt__in={prompt for prompt, _sample in talks}
        ).values_list("prompt_id", "sample", "pk")
    }
    number = Result.objects.filter(prompt_set=prompt_set).aggregate(last=Max("number"))["last"] or 0
    fresh: list[Result] = []
    for place, calls in talks.items():
        if place not in taken:
            number += 1
            fresh.append(_result(model, calls, number))
    Result.objects.bulk_create(fresh)
    taken |= {(result.prompt_id, result.sample): result.pk for result in fresh}
    for place, calls in talks.items():
        # Somebody may have loaded the same sample from a file meanwhile: then that is the result.
        AnswerCall.objects.filter(pk__in=[call.pk for call in calls]).update(result=taken[place])
    _flag(model, fresh, talks)
    return len(fresh)


def _conversations(complete: QuerySet[AnswerCall]) -> dict[_Place, list[AnswerCall]]:
    """The turns of each conversation that is complete, in order."""
    places = set(complete.values_list("prompt_id", "sample"))
    rows = AnswerCall.objects.filter(
        source__in=complete.values("source"),
        prompt__in={prompt for prompt, _sample in places},
        state__in=ANSWERED,
    )
    talks: dict[_Place, list[AnswerCall]] = {}
    for call in rows.select_related("prompt", "answer").order_by("prompt_id", "sample", "turn"):
        if (place := (call.prompt_id, call.sample)) in places:
            talks.setdefault(place, []).append(call)
    # One whose earlier turn is asked anew is complete again when its later ones have been as well.
    return {place: calls for place, calls in talks.items() if len(calls) == calls[-1].turn}


def _result(model: LanguageModel, calls: Sequence[AnswerCall], number: int) -> Result:
    texts = [call.answer.text if call.answer else "" for call in calls]
    seconds = [call.answer.seconds if call.answer else None for call in calls]
    spent = sum(each for each in seconds if each is not None)
    return Result(
        prompt_set_id=model.prompt_set_id,
        number=number,
        prompt=calls[0].prompt,
        model=model,
        sample=calls[0].sample,
        text=texts[0],
        turns=texts[1:],
        duration=round(1000 * spent, 1) if spent else None,
        rate=round(sum(map(len, texts)) / spent, 2) if spent else None,
    )


def _flag(model: LanguageModel, results: Sequence[Result], talks: dict[_Place, list[AnswerCall]]) -> None:
    """Marks answers that give their model away, as loading does, and those that were cut, with their last words."""
    flags: list[Any] = []
    for result in results:
        calls = talks[result.prompt_id, result.sample]
        prompt = calls[0].prompt
        words = names_itself(
            "\n".join([result.text, *result.turns]),
            name=model.name,
            org=model.org,
            api_id=model.api_id,
            prompt="\n".join([prompt.text, *prompt.turns]),
        )
        if words:
            flags.append(ResultFlag(result=result, kind=ResultFlag.Kind.NAMES_ITSELF, found=words))
        ends = [call.answer.text[-LAST_WORDS:] for call in calls if call.state == AnswerState.TRUNCATED and call.answer]
        if ends:
            flags.append(ResultFlag(result=result, kind=ResultFlag.Kind.CUT, found=" … ".join(ends)))
    ResultFlag.objects.bulk_create(flags)
