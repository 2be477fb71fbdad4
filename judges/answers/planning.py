"""Plans answer runs: every prompt, sample and turn that has no answer yet."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import ManyToOneRel, QuerySet
from django.utils.translation import gettext as _

from annotation.models import Prompt, Result, ResultFlag, Study
from annotation.studies.lifecycle import NotPossible
from judges.llm import temperatures
from judges.models import (
    ANSWERED,
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSource,
    AnswerState,
    SimilarityCall,
    SystemMessage,
)
from judges.models.work import GIVEN_UP, fresh_failures, state_to_ask
from judges.runs import chat_request
from judges.runs.chat_request import Question

BATCH: Final = 100
"""Prompts planned per batch."""

SAMPLED: Final = 300
USUAL: Final = 400
"""Assumed tokens of an answer before the first one has been received."""

AGAIN: Final = (
    AnswerState.FAILED,
    AnswerState.EMPTY,
    AnswerState.REFUSED,
    AnswerState.TRUNCATED,
    AnswerState.OK,
    GIVEN_UP,
)
"""States whose turns can be asked again."""

MOST_SAMPLES: Final = 100


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What a run covers.

    At most the first `limit` prompts, `samples` times each; `everything` includes prompts outside the study's
    filters. `temperature` applies to every prompt, `temperatures` by category override it, and without either the
    category decides. `silent` sends no temperature, for endpoints that do not accept one. Turns in the states
    `again` are asked again.
    """

    samples: int = 1
    limit: int | None = None
    everything: bool = False
    temperature: float | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)
    silent: bool = False
    again: tuple[str, ...] = (AnswerState.FAILED,)

    def check(self) -> None:
        """Checks the numbers.

        Raises:
            NotPossible: a number is out of range.
        """
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise NotPossible(_("The number of samples must be from 1 to %(most)d.") % {"most": MOST_SAMPLES})
        if self.limit is not None and self.limit < 1:
            raise NotPossible(_("The number of prompts must be at least 1."))
        values = [*self.temperatures.values(), *([] if self.temperature is None else [self.temperature])]
        if not all(0 <= value <= temperatures.MOST for value in values):
            raise NotPossible(_("The temperature must be from 0 to 2."))

    def temperature_of(self, prompt: Prompt) -> float | None:
        """Returns the temperature for `prompt`, or None to send none."""
        return None if self.silent else temperatures.temperature(prompt.type, self.temperature, self.temperatures)

    def changes_temperature(self, stored: Mapping[str, Any]) -> bool:
        """Returns whether the plan names temperatures that are not those of the `stored` one."""
        said = (self.silent, self.temperature, dict(self.temperatures))
        before = AnswerPlan.from_json(stored)
        return said != (False, None, {}) and said != (before.silent, before.temperature, dict(before.temperatures))

    def as_json(self) -> dict[str, Any]:
        return {
            "samples": self.samples,
            "limit": self.limit,
            "everything": self.everything,
            "temperature": self.temperature,
            "temperatures": dict(self.temperatures),
            "silent": self.silent,
            "again": list(self.again),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "AnswerPlan":
        return cls(
            int(stored.get("samples", 1)),
            stored.get("limit"),
            bool(stored.get("everything")),
            stored.get("temperature"),
            dict(stored.get("temperatures", {})),
            bool(stored.get("silent")),
            tuple(stored.get("again", [AnswerState.FAILED])),
        )


@dataclass(frozen=True, slots=True)
class AnswerEstimate:
    """Estimate of a run: numbers of turns (new, asked again, already answered), tokens, and costs in nanos.

    `kept` turns would be asked again, but votes or judgments refer to their answers. `cost` assumes likely token
    counts and answers of the usual length; `bound` is the maximum.
    """

    new: int
    again: int
    there: int
    kept: int
    tokens_in: int
    tokens_out: int
    cost: int
    bound: int

    @property
    def calls(self) -> int:
        return self.new + self.again


def prompts_of(study: Study, plan: AnswerPlan) -> QuerySet[Prompt]:
    """Returns the prompts that `plan` covers, in stored order."""
    prompts = study.prompt_set.prompts.order_by("pk") if plan.everything else study.prompts().order_by("pk")
    return prompts if plan.limit is None else prompts[: plan.limit]


def system_message(study: Study) -> str:
    """Returns the system message of the study's prompt set; empty means none."""
    found = SystemMessage.objects.filter(prompt_set=study.prompt_set_id).first()
    return found.text if found else ""


def messages(prompt: Prompt, answers: Sequence[str], system: str) -> list[dict[str, str]]:
    """Builds the conversation whose last message is the turn after `answers`."""
    texts = [prompt.text, *prompt.turns]
    said: list[dict[str, str]] = [{"role": "system", "content": system}] if system else []
    for text, answer in zip(texts, answers, strict=False):
        said += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    return [*said, {"role": "user", "content": texts[len(answers)]}]


def question(
    source: AnswerSource, plan: AnswerPlan, prompt: Prompt, answers: Sequence[str], sample: int, system: str
) -> Question:
    """Builds the request for the turn of `prompt` after `answers`."""
    temperature = plan.temperature_of(prompt)
    said = messages(prompt, answers, system)
    body = chat_request.request(source, source.api_id, said, temperature=temperature, sample=sample)
    if prompt.stop:
        body["stop"] = [prompt.stop]
    return chat_request.question(source, body)


@dataclass(slots=True)
class _Talk:
    """A conversation: its existing turns, and the first turn to ask (0: none)."""

    prompt: Prompt
    sample: int
    calls: dict[int, AnswerCall]
    result: int | None
    begin: int = 0
    kept: bool = False

    @property
    def turns(self) -> int:
        return 1 + len(self.prompt.turns)

    def decide(self, again: Collection[str], run_id: int | None) -> None:
        """Sets `begin` to the first turn that is missing, waiting, or in one of the states `again`.

        Turns the run has already planned are skipped, because another sender may be working on them.
        """
        if run_id is not None and any(call.run_id == run_id for call in self.calls.values()):
            return
        if self.result is not None and all(call.result_id != self.result for call in self.calls.values()):
            return  # imported from a file
        for turn in range(1, self.turns + 1):
            call = self.calls.get(turn)
            state = "" if call is None else state_to_ask(call.state, call.failures)
            if call is None or state in {AnswerState.WAITING, AnswerState.PENDING} or state in again:
                self.begin = turn
                return
            if call.state not in ANSWERED:
                return


def _talks(source: AnswerSource, prompts: Sequence[Prompt], plan: AnswerPlan, run_id: int | None) -> list[_Talk]:
    keys = [prompt.pk for prompt in prompts]
    results = {
        (prompt, sample): key
        for prompt, sample, key in Result.objects.filter(prompt__in=keys, model=source.model_id).values_list(
            "prompt_id", "sample", "pk"
        )
    }
    calls: dict[tuple[int, int], dict[int, AnswerCall]] = {}
    for call in AnswerCall.objects.filter(source=source, prompt__in=keys):
        calls.setdefault((call.prompt_id, call.sample), {})[call.turn] = call
    found = [
        _Talk(prompt, sample, calls.get((prompt.pk, sample), {}), results.get((prompt.pk, sample)))
        for prompt in prompts
        for sample in range(plan.samples)
    ]
    for talk in found:
        talk.decide(plan.again, run_id)
    _keep_what_is_used([talk for talk in found if talk.begin and talk.result is not None])
    return found


def _keep_what_is_used(talks: Sequence[_Talk]) -> None:
    """Keeps answers that people or judges have been shown."""
    used = _used([talk.result for talk in talks if talk.result is not None])
    for talk in talks:
        if talk.result in used:
            talk.begin, talk.kept = 0, True


def _used(results: Sequence[int]) -> set[int]:
    """Returns those of `results` that rows of any app refer to, except rows deleted with them."""
    used: set[int] = set()
    deleted_with_them = {ResultFlag, AnswerCall, SimilarityCall}
    for relation in Result._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel) and relation.related_model not in deleted_with_them:
            name = relation.field.name
            rows = relation.related_model._default_manager.filter(**{f"{name}__in": results})
            used.update(rows.values_list(name, flat=True))
    return used


def _chunks(study: Study, plan: AnswerPlan) -> Iterator[list[Prompt]]:
    """Yields the prompts in batches, so that no cursor stays open during writes."""
    for keys in batched(list(prompts_of(study, plan).values_list("pk", flat=True)), BATCH, strict=False):
        yield list(Prompt.objects.filter(pk__in=keys).order_by("pk"))


def plan_calls(run: AnswerRun, alive: Callable[[], None]) -> int:
    """Stores the turns of `run`, takes over those to ask again, and returns the number of turns.

    `alive` is called regularly. Planning can be interrupted and repeated: existing turns are not created twice.
    """
    plan = AnswerPlan.from_json(run.options)
    system = system_message(run.study)
    for prompts in _chunks(run.study, plan):
        try:
            _plan_prompts(run, prompts, plan, system)
        except IntegrityError:
            # A pair was just created from a result that was to be asked again. On the next pass it is kept.
            _plan_prompts(run, prompts, plan, system)
        alive()
    return AnswerCall.objects.filter(run=run).count()


@transaction.atomic
def _plan_prompts(run: AnswerRun, prompts: Sequence[Prompt], plan: AnswerPlan, system: str) -> None:
    talks = _talks(run.source, prompts, plan, run.pk)
    _plan(run, [talk for talk in talks if talk.begin], plan, system)


def _plan(run: AnswerRun, talks: Sequence[_Talk], plan: AnswerPlan, system: str) -> None:
    source = run.source
    fresh: list[AnswerCall] = []
    first: list[int] = []
    later: list[int] = []
    for talk in talks:
        for turn in range(talk.begin, talk.turns + 1):
            if known := talk.calls.get(turn):
                (first if turn == talk.begin else later).append(known.pk)
                continue
            call = AnswerCall(run=run, source=source, prompt=talk.prompt, sample=talk.sample, turn=turn)
            call.last = turn == talk.turns
            call.state = AnswerState.PENDING if turn == talk.begin else AnswerState.WAITING
            if turn == 1:
                asked = question(source, plan, talk.prompt, (), talk.sample, system)
                call.tokens, call.bound = asked.tokens, asked.bound
            fresh.append(call)
    AnswerCall.objects.bulk_create(fresh, ignore_conflicts=True)
    _forget_results([talk.result for talk in talks if talk.result is not None])
    # Another sender may have planned the same turns and be working on them.
    free = AnswerCall.objects.exclude(run=run).exclude(state=AnswerState.SENT)
    free.filter(pk__in=first).update(
        state=AnswerState.PENDING, run=run, claim=None, answer=None, failures=fresh_failures()
    )
    free.filter(pk__in=later).update(state=AnswerState.WAITING, run=run, claim=None, answer=None)


def _forget_results(results: Sequence[int]) -> None:
    """Deletes unused results that are to be asked again."""
    AnswerCall.objects.filter(result__in=results).update(result=None)
    ResultFlag.objects.filter(result__in=results).delete()
    Result.objects.filter(pk__in=results).delete()


def estimate(study: Study, source: AnswerSource, plan: AnswerPlan) -> AnswerEstimate:
    """Estimates a run without creating it.

    Raises:
        NotPossible: a number in `plan` is out of range.
    """
    plan.check()
    new = again = there = kept = sampled = 0
    tokens_in = bound = 0
    usual = usual_answer(source)
    system = system_message(study)
    for prompts in _chunks(study, plan):
        for talk in _talks(source, prompts, plan, None):
            kept += talk.turns if talk.kept else 0
            if not talk.begin:
                there += 0 if talk.kept else talk.turns
                continue
            there += talk.begin - 1
            for turn in range(talk.begin, talk.turns + 1):
                new, again = (new, again + 1) if talk.calls.get(turn) else (new + 1, again)
                if sampled < SAMPLED:
                    sampled += 1
                    asked = question(source, plan, talk.prompt, [""] * (turn - 1), talk.sample, system)
                    # Earlier answers do not exist yet: assume the usual length for the cost, the maximum for the bound.
                    tokens_in += asked.tokens_in + (turn - 1) * usual
                    bound += asked.bound + source.most((turn - 1) * source.max_tokens, 0)
    calls = new + again
    share = calls / sampled if sampled else 0.0
    tokens_in, tokens_out = round(share * tokens_in), calls * usual
    cost = source.nanos(tokens_in, tokens_out)
    return AnswerEstimate(new, again, there, kept, tokens_in, tokens_out, cost, round(share * bound))


def usual_answer(source: AnswerSource) -> int:
    """Returns the mean number of tokens of the model's latest answers."""
    answers = AnswerReply.objects.filter(call__source=source, state__in=ANSWERED).order_by("-pk")
    latest = list(answers.values_list("tokens_out", flat=True)[:SAMPLED])
    return round(sum(latest) / len(latest)) if latest else min(USUAL, source.max_tokens)
