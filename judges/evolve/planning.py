"""Plans evolve runs: every seed prompt, chain and iteration that has not been written yet."""

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any, Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from annotation.interchange.llmfao import has_reference
from annotation.models import Prompt, PromptSet
from annotation.studies.lifecycle import NotPossible
from judges.evolve import scenarios
from judges.evolve.scenarios import FORMS, OWN, SCENARIOS, BadTemplate
from judges.llm import temperatures
from judges.models import AnswerSource, EvolveCall, EvolvedPrompt, EvolveRecipe, EvolveReply, EvolveRun, EvolveState
from judges.models.evolve import source_settings
from judges.models.work import GIVEN_UP, MOST_FAILURES, state_to_ask
from judges.runs import chat_request
from judges.runs.chat_request import Question

BATCH: Final = 100
"""Seed prompts planned per batch."""

SAMPLED: Final = 300
USUAL: Final = 300
"""Assumed tokens of a reply before the first one has been received."""

AGAIN: Final = (
    EvolveState.FAILED,
    EvolveState.UNREADABLE,
    EvolveState.TRUNCATED,
    EvolveState.EMPTY,
    EvolveState.REFUSED,
    GIVEN_UP,
)
"""States whose calls can be asked again. What was written is never replaced: it may have been reviewed."""

MOST_ITERATIONS: Final = 20
MOST_CHILDREN: Final = 100

TEMPERATURE: Final = 1.0
"""Default temperature: new prompts should differ."""


@dataclass(frozen=True, slots=True)
class EvolvePlan:
    """What a run covers.

    At most the first `limit` seed prompts, only those of `categories` if there are any, and without prompts that were
    evolved themselves unless `evolved`. Each begins `children` chains of `iterations` prompts. Calls in the states
    `again` are asked again.
    """

    iterations: int = 1
    children: int = 1
    limit: int | None = None
    categories: tuple[str, ...] = ()
    evolved: bool = False
    again: tuple[str, ...] = (EvolveState.FAILED,)

    def check(self) -> None:
        """Checks the numbers.

        Raises:
            NotPossible: a number is out of range.
        """
        if not 1 <= self.iterations <= MOST_ITERATIONS:
            raise NotPossible(_("The number of iterations must be from 1 to %(most)d.") % {"most": MOST_ITERATIONS})
        if not 1 <= self.children <= MOST_CHILDREN:
            raise NotPossible(
                _("The number of new prompts per seed prompt must be from 1 to %(most)d.") % {"most": MOST_CHILDREN}
            )
        if self.limit is not None and self.limit < 1:
            raise NotPossible(_("The number of prompts must be at least 1."))

    def as_json(self) -> dict[str, Any]:
        return {
            "iterations": self.iterations,
            "children": self.children,
            "limit": self.limit,
            "categories": list(self.categories),
            "evolved": self.evolved,
            "again": list(self.again),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "EvolvePlan":
        return cls(
            int(stored.get("iterations", 1)),
            int(stored.get("children", 1)),
            stored.get("limit"),
            tuple(stored.get("categories", [])),
            bool(stored.get("evolved")),
            tuple(stored.get("again", [EvolveState.FAILED])),
        )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to write: a scenario, and for `own` its template and form of the reply.

    Without a `temperature` none is sent. Without a `seed`, that of an earlier run with the same settings is used again,
    so that nothing is asked twice; if there is none, one is drawn.
    """

    scenario: str
    template: str = ""
    form: str = ""
    temperature: float | None = TEMPERATURE
    seed: int | None = None

    def row(self, source: AnswerSource, at: datetime) -> EvolveRecipe:
        """Returns the unsaved row of this recipe for `source`; its seed is 0 if none was given.

        Raises:
            NotPossible: the scenario is unknown, or a setting does not fit it.
        """
        scenario = SCENARIOS.get(self.scenario)
        if scenario is None:
            raise NotPossible(_("There is no scenario “%(name)s”.") % {"name": self.scenario})
        if self.temperature is not None and not 0 <= self.temperature <= temperatures.MOST:
            raise NotPossible(_("The temperature must be from 0 to 2."))
        template, form = self._wording(scenario)
        made = EvolveRecipe(
            source=source,
            scenario=scenario.name,
            version=scenario.version,
            template=template,
            form=form,
            settings=source_settings(source),
            temperature=self.temperature,
            seed=self.seed or 0,
            created_at=at,
        )
        made.sha256 = made.digest()
        return made

    def _wording(self, scenario: scenarios.Scenario) -> tuple[str, str]:
        if scenario.name != OWN:
            if self.template or self.form:
                raise NotPossible(_("Only the scenario “own” takes a template and a reply format."))
            return scenario.template, scenario.form
        form = self.form or scenario.form
        if form not in FORMS:
            raise NotPossible(_("No reply format is named “%(name)s”.") % {"name": form})
        try:
            scenarios.check(self.template)
        except BadTemplate as fault:
            raise NotPossible(_(fault.reason) % fault.values) from None
        return scenarios.tidy(self.template), form

    def known(self, source: AnswerSource, at: datetime) -> EvolveRecipe:
        """Returns the stored row of this recipe, or an unsaved one.

        Raises:
            NotPossible: as for `row`.
        """
        made = self.row(source, at)
        like = EvolveRecipe.objects.filter(source=source, sha256=made.sha256)
        if self.seed is not None:
            like = like.filter(seed=self.seed)
        return like.order_by("-pk").first() or made

    def keep(self, source: AnswerSource, at: datetime) -> EvolveRecipe:
        """Returns the stored row of this recipe, stored now if there is none.

        Raises:
            NotPossible: as for `row`.
        """
        found = self.known(source, at)
        if found.pk is None:
            seed = secrets.randbits(62) if self.seed is None else self.seed
            found, _made = EvolveRecipe.objects.get_or_create(
                source=source,
                sha256=found.sha256,
                seed=seed,
                defaults={
                    name: getattr(found, name)
                    for name in ("scenario", "version", "template", "form", "settings", "temperature", "created_at")
                },
            )
        return found


@dataclass(frozen=True, slots=True)
class EvolveEstimate:
    """Estimate of a run: seed prompts, calls (new, asked again, already done), tokens, and costs in nanos.

    `left_out` prompts have no reference answer, which the scenario needs. `cost` assumes likely token counts and
    replies of the usual length; `bound` is the maximum.
    """

    seeds: int
    left_out: int
    new: int
    again: int
    there: int
    tokens_in: int
    tokens_out: int
    cost: int
    bound: int

    @property
    def calls(self) -> int:
        return self.new + self.again


def candidates(prompt_set: PromptSet, plan: EvolvePlan) -> QuerySet[Prompt]:
    """Returns the prompts that `plan` may begin from, in stored order, whatever the scenario needs of them."""
    prompts = prompt_set.prompts.order_by("pk")
    if not plan.evolved:
        prompts = prompts.filter(~Exists(EvolvedPrompt.objects.filter(prompt=OuterRef("pk"))))
    return prompts.filter(type__in=plan.categories) if plan.categories else prompts


@dataclass(frozen=True, slots=True)
class Seeds:
    """The keys of the prompts that a run begins from, and how many it cannot begin from."""

    keys: list[int]
    left_out: int


def seeds_of(prompt_set: PromptSet, plan: EvolvePlan, recipe: EvolveRecipe) -> Seeds:
    """Returns the seed prompts of a run. If the template shows a reference answer, prompts without one are left out."""
    prompts = candidates(prompt_set, plan)
    if not scenarios.shows_reference(recipe.template):
        keys = list(prompts.values_list("pk", flat=True))
        return Seeds(keys[: plan.limit], 0)
    rows = list(prompts.values_list("pk", "references"))
    keys = [key for key, references in rows if has_reference(references, 1)]
    return Seeds(keys[: plan.limit], len(rows) - len(keys))


def reference_of(prompt: Prompt) -> str:
    """Returns the reference answer to the first turn of a seed prompt; empty if there is none."""
    return prompt.references[0] if has_reference(prompt.references, 1) else ""


def parent_texts(call: EvolveCall) -> tuple[str, str]:
    """Returns the text of the call's parent and its reference answer."""
    if call.parent is not None:
        return call.parent.text, call.parent.reference
    return call.prompt.text, reference_of(call.prompt)


def question(recipe: EvolveRecipe, source: AnswerSource, call: EvolveCall, text: str, reference: str) -> Question:
    """Returns the request of `call`, whose parent has this `text` and `reference`.

    What the model writes depends on the recipe's settings, even if the endpoint's have changed since.
    """
    told = scenarios.fill(
        recipe.template,
        FORMS[recipe.form],
        text,
        reference=reference,
        constraints=[SCENARIOS[recipe.scenario].constraints.get(name, name) for name in call.constraints],
        category=call.prompt.type or "",
        language=call.prompt.lang,
    )
    for name, value in recipe.settings.items():
        setattr(source, name, value)
    body = chat_request.request(
        source,
        source.api_id,
        [{"role": "user", "content": told}],
        temperature=recipe.temperature,
        sample=call.chain,
    )
    return chat_request.question(source, body)


@dataclass(slots=True)
class _Chain:
    """A line of descent from `prompt`: its calls by iteration, and the first iteration to ask (0: none)."""

    prompt: Prompt
    number: int
    calls: dict[int, EvolveCall]
    begin: int = 0

    def decide(self, iterations: int, again: Collection[str], run_id: int | None) -> None:
        """Sets `begin` to the first iteration that is missing, waiting, or in one of the states `again`.

        Iterations the run has already planned are skipped, because another sender may be working on them.
        """
        if run_id is not None and any(call.run_id == run_id for call in self.calls.values()):
            return
        for iteration in range(1, iterations + 1):
            call = self.calls.get(iteration)
            state = "" if call is None else state_to_ask(call.state, call.failures)
            to_ask = {EvolveState.WAITING, EvolveState.PENDING, EvolveState.ENDED, *again}
            if call is None or state in to_ask:
                self.begin = iteration
                return
            if call.state != EvolveState.OK or not call.child.feeds:
                return

    def there(self, iterations: int) -> int:
        """Returns how many prompts have been written already."""
        asked = [self.calls.get(number) for number in range(1, iterations + 1)]
        return sum(1 for call in asked if call is not None and call.state == EvolveState.OK)


def _chains(recipe: EvolveRecipe, prompts: Sequence[Prompt], plan: EvolvePlan, run_id: int | None) -> list[_Chain]:
    calls: dict[tuple[int, int], dict[int, EvolveCall]] = {}
    if recipe.pk is not None:
        asked = EvolveCall.objects.filter(recipe=recipe, prompt__in=prompts).select_related("child")
        for call in asked:
            calls.setdefault((call.prompt_id, call.chain), {})[call.iteration] = call
    found = [
        _Chain(prompt, number, calls.get((prompt.pk, number), {}))
        for prompt in prompts
        for number in range(plan.children)
    ]
    for chain in found:
        chain.decide(plan.iterations, plan.again, run_id)
    return found


def _chunks(keys: Sequence[int]) -> Iterator[list[Prompt]]:
    """Yields the prompts in batches, so that no cursor stays open during writes."""
    for some in batched(keys, BATCH, strict=False):
        yield list(Prompt.objects.filter(pk__in=some).order_by("pk"))


def plan_calls(run: EvolveRun, alive: Callable[[], None]) -> int:
    """Stores the calls of `run`, takes over those to ask again, and returns the number of calls.

    `alive` is called regularly. Planning can be interrupted and repeated: existing calls are not created twice.
    """
    plan = EvolvePlan.from_json(run.options)
    for prompts in _chunks(seeds_of(run.prompt_set, plan, run.recipe).keys):
        chains = [chain for chain in _chains(run.recipe, prompts, plan, run.pk) if chain.begin]
        _plan(run, chains, plan)
        alive()
    return EvolveCall.objects.filter(run=run).count()


@transaction.atomic
def _plan(run: EvolveRun, chains: Sequence[_Chain], plan: EvolvePlan) -> None:
    recipe = run.recipe
    scenario = SCENARIOS[recipe.scenario]
    fresh: list[EvolveCall] = []
    first: list[int] = []
    later: list[int] = []
    for chain in chains:
        parent = chain.calls[chain.begin - 1].child if chain.begin > 1 else None
        for iteration in range(chain.begin, plan.iterations + 1):
            begins = iteration == chain.begin
            if known := chain.calls.get(iteration):
                (first if begins else later).append(known.pk)
                if begins and parent is not None:
                    EvolveCall.objects.filter(pk=known.pk).update(parent=parent)
                continue
            call = EvolveCall(run=run, recipe=recipe, prompt=chain.prompt, chain=chain.number, iteration=iteration)
            call.constraints = scenarios.draw(scenario, recipe.seed, chain.prompt.number, chain.number, iteration)
            call.state = EvolveState.PENDING if begins else EvolveState.WAITING
            call.parent = parent if begins else None
            if begins:
                asked = question(recipe, run.source, call, *parent_texts(call))
                call.tokens, call.bound = asked.tokens, asked.bound
            fresh.append(call)
    EvolveCall.objects.bulk_create(fresh, ignore_conflicts=True)
    # Another sender may have planned the same calls and be working on them.
    free = EvolveCall.objects.exclude(run=run).exclude(state=EvolveState.SENT)
    free.filter(pk__in=first, failures__gte=MOST_FAILURES).update(failures=0)
    free.filter(pk__in=first).update(state=EvolveState.PENDING, run=run, claim=None)
    free.filter(pk__in=later).update(state=EvolveState.WAITING, run=run, claim=None)


def estimate(
    prompt_set: PromptSet, source: AnswerSource, recipe: Recipe, plan: EvolvePlan, at: datetime
) -> EvolveEstimate:
    """Estimates a run without creating it.

    Raises:
        NotPossible: a number is out of range, or a setting does not fit the scenario.
    """
    plan.check()
    row = recipe.known(source, at)
    seeds = seeds_of(prompt_set, plan, row)
    scenario = SCENARIOS[row.scenario]
    usual = usual_reply(source)
    new = again = there = sampled = tokens_in = bound = 0
    for prompts in _chunks(seeds.keys):
        for chain in _chains(row, prompts, plan, None):
            there += chain.there(plan.iterations)
            if not chain.begin:
                continue
            for iteration in range(chain.begin, plan.iterations + 1):
                new, again = (new, again + 1) if chain.calls.get(iteration) else (new + 1, again)
                if sampled < SAMPLED:
                    sampled += 1
                    drawn = scenarios.draw(scenario, row.seed, chain.prompt.number, chain.number, iteration)
                    call = EvolveCall(prompt=chain.prompt, chain=chain.number, constraints=drawn)
                    asked = question(row, source, call, chain.prompt.text, reference_of(chain.prompt))
                    tokens_in += asked.tokens_in
                    # What later iterations begin from is not written yet: it may be as long as a reply can be.
                    bound += asked.bound + (source.most(source.max_tokens, 0) if iteration > 1 else 0)
    calls = new + again
    share = calls / sampled if sampled else 0.0
    tokens_in, tokens_out = round(share * tokens_in), calls * usual
    return EvolveEstimate(
        len(seeds.keys),
        seeds.left_out,
        new,
        again,
        there,
        tokens_in,
        tokens_out,
        source.nanos(tokens_in, tokens_out),
        round(share * bound),
    )


def usual_reply(source: AnswerSource) -> int:
    """Returns the mean number of tokens of the model's latest new prompts."""
    replies = EvolveReply.objects.filter(call__recipe__source=source, state=EvolveState.OK).order_by("-pk")
    latest = list(replies.values_list("tokens_out", flat=True)[:SAMPLED])
    return round(sum(latest) / len(latest)) if latest else min(USUAL, source.max_tokens)
