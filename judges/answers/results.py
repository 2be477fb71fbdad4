"""Creates results of the corpus from completed conversations."""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from annotation.importing import answer_flags
from annotation.interchange.self_identification import names_itself
from annotation.models import LanguageModel, PromptSet, Result, ResultFlag
from annotation.numbering import next_number
from judges.models import ANSWERED, AnswerCall, AnswerSource, AnswerState

LAST_WORDS: Final = 80
"""Characters from the end of a truncated answer that its flag shows."""

type _Place = tuple[int, int]
"""Prompt key and sample number."""


@transaction.atomic
def make_results(source: AnswerSource) -> int:
    """Creates results from the completed conversations of `source` and returns how many.

    While an upload into the prompt set is in progress, nothing is created, so that the sender does not wait; the
    next call creates them.
    """
    complete = AnswerCall.objects.filter(source=source, last=True, result=None, state__in=ANSWERED)
    if not complete.exists():
        return 0
    model = source.model
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
    numbers = count(next_number(prompt_set.results.all()))
    fresh = [_result(model, calls, next(numbers)) for place, calls in talks.items() if place not in taken]
    Result.objects.bulk_create(fresh)
    taken |= {(result.prompt_id, result.sample): result.pk for result in fresh}
    for place, calls in talks.items():
        # If the same sample was loaded from a file in the meantime, that one is the result.
        AnswerCall.objects.filter(pk__in=[call.pk for call in calls]).update(result=taken[place])
    _flag(model, fresh, talks)
    return len(fresh)


def _conversations(complete: QuerySet[AnswerCall]) -> dict[_Place, list[AnswerCall]]:
    """Returns the turns of each completed conversation, in order."""
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
    # If an earlier turn is asked again, the conversation is complete only after its later turns are too.
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
    """Flags answers that name their model, as uploads do, and truncated answers, with the end of their text."""
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
    answer_flags.flag(Result.objects.filter(pk__in=[result.pk for result in results]))
