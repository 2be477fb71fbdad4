"""Makes the pairs of a study from its models' results."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

import numpy as np
from django.db import transaction
from django.db.models import QuerySet
from numpy.typing import NDArray

from annotation.drawing.store import Drawing, store
from annotation.interchange.reasoning import parted
from annotation.models import Draw, Pair, Prompt, Result, Study
from annotation.numbering import next_number
from annotation.pair_making import problems
from annotation.pair_making.selections import SELECTIONS
from annotation.pairing.registry import STRATEGIES
from annotation.pairing.strategy import Links, Options, Unconnected, ordered
from annotation.planner_stats import analyse
from annotation.problems import Problem
from annotation.studies.lifecycle import NotPossible, check_askable, offer_pairs

BATCH: Final = 1000

NAMED: Final = 5
"""Maximum models of a group to list by name in a message."""

type Progress = Callable[[int, int], None]
"""Called with the number of prompts done and in total."""


@dataclass(frozen=True, slots=True)
class PairsMade:
    """The result of running a strategy."""

    strategy: str
    prompts: int
    """Prompts with results of the study's models."""
    results: int
    found: int
    """Pairs that the strategy selects."""
    added: int
    total: int
    """Votable pairs of the study afterwards."""

    @property
    def known(self) -> int:
        """Pairs that the strategy selects and that already existed."""
        return self.found - self.added


@dataclass(frozen=True, slots=True)
class _Draft:
    """The pairs that a strategy selects for one prompt."""

    prompt: int
    results: NDArray[np.int64]
    models: NDArray[np.int64]
    links: Links
    turned: NDArray[np.bool_]
    """Whether the later result of a link is x."""
    keys: NDArray[np.float64]


def make_pairs(
    study: Study,
    strategy: str,
    *,
    neighbours: int = 3,
    per_prompt: int | None = None,
    seed: int = 0,
    selection: int | None = None,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> PairsMade:
    """Adds the pairs that `strategy` selects to `study`, except existing ones.

    A strategy of `SELECTIONS` adds the pairs that were chosen elsewhere; `selection` is their number there. In an
    adaptive study these pairs are draws, made `at` this time, without a probability: the choice was deterministic.

    Uses every prompt of the prompt set, because the study's filters only decide what people are offered. Uses the
    first sample (0) of each model, with its turns as one text. Sides and keys depend only on the seed, the
    prompt's number and its results. A pair is identified by its two results, whichever of them is x. Identical answers
    are not paired unless the study says so.

    Raises:
        NotPossible: there is nothing to pair, an option is not valid, or the results of a prompt would not be
            connected. Nothing is stored then.
    """
    check_askable(study)
    _require_sensible(strategy, neighbours=neighbours, per_prompt=per_prompt, seed=seed, selection=selection)
    options = Options(neighbours=neighbours, per_prompt=per_prompt)
    drafts = _draft(study, strategy, options, seed, selection, progress)
    made = _store(study, strategy, drafts, seed, at if selection is not None else None)
    analyse(Pair)
    return made


def _require_sensible(
    strategy: str, *, neighbours: int, per_prompt: int | None, seed: int, selection: int | None
) -> None:
    if strategy not in (STRATEGIES if selection is None else SELECTIONS):
        known = ", ".join(STRATEGIES if selection is None else SELECTIONS)
        raise NotPossible(problems.NO_STRATEGY(name=strategy, known=known))
    if neighbours < 1 or (per_prompt is not None and per_prompt < 1):
        raise NotPossible(problems.AT_LEAST_ONE())
    if per_prompt is not None and strategy != "random":
        raise NotPossible(problems.RANDOM_ONLY())
    if not 0 <= seed < 2**63:
        raise NotPossible(problems.SEED_OUT_OF_RANGE())


def _draft(
    study: Study, strategy: str, options: Options, seed: int, selection: int | None, progress: Progress | None
) -> list[_Draft]:
    """Runs the strategy on every prompt, outside any transaction."""
    chosen = None if selection is None else SELECTIONS[strategy].select(study, selection)
    prompts = {prompt.pk: prompt for prompt in study.prompt_set.prompts.only("pk", "number", "slug")}
    drafts = []
    unconnected: list[Problem] = []
    total = _results(study).values("prompt").distinct().count()
    for done, (prompt_id, rows) in enumerate(_by_prompt(study), start=1):
        results, models, texts = zip(*rows, strict=True)
        sides, choice = np.random.SeedSequence([seed, prompts[prompt_id].number % 2**64]).spawn(2)
        try:
            if chosen is None:
                links = STRATEGIES[strategy](texts, options, np.random.default_rng(choice))
            else:
                links = _links_of(models, chosen.get(prompt_id, ()))
        except Unconnected as fault:
            unconnected.extend(_unconnected(prompts[prompt_id], list(models), fault, options.neighbours))
            continue
        if not study.pair_identical:
            links = _different(links, texts)
        # One draw per two results, selected or not, so that two results get the same sides from any strategy.
        draws = np.random.default_rng(sides).random((2, len(texts), len(texts)))
        drafts.append(
            _Draft(
                prompt=prompt_id,
                results=np.array(results),
                models=np.array(models),
                links=links,
                turned=draws[0][links[:, 0], links[:, 1]] < 0.5,
                keys=draws[1][links[:, 0], links[:, 1]],
            )
        )
        if progress is not None:
            progress(done, total)
    if unconnected:
        raise NotPossible(problems.UNCONNECTED(lines=unconnected))
    if not any(len(draft.links) for draft in drafts):
        raise NotPossible(problems.NO_TWO_MODELS() if selection is None else problems.NONE_SELECTED())
    return drafts


def _links_of(models: Sequence[int], chosen: Iterable[tuple[int, int]]) -> Links:
    """Returns the links of the `chosen` pairs of models, where both have answered the prompt."""
    at = {model: place for place, model in enumerate(models)}
    found = [(at[x], at[y]) for x, y in chosen if x in at and y in at]
    return ordered(np.array(found, dtype=np.intp).reshape(-1, 2))


def _different(links: Links, texts: Sequence[str]) -> Links:
    """Returns the links of two answers that are not the same."""
    said = [parted(text)[1].strip() for text in texts]
    return links[[said[low] != said[high] for low, high in links.tolist()]] if len(links) else links


def _results(study: Study) -> QuerySet[Result]:
    return Result.objects.filter(prompt_set=study.prompt_set_id, sample=0, model__in=study.models_compared())


def _by_prompt(study: Study) -> Iterator[tuple[int, Iterable[tuple[int, int, str]]]]:
    """Yields the primary keys of the results, their models and their texts by prompt, in stored order."""
    rows = _results(study).order_by("prompt", "pk").values_list("prompt", "pk", "model", "text", "turns")
    for prompt, group in groupby(rows.iterator(chunk_size=BATCH), key=lambda row: row[0]):
        yield prompt, [(pk, model, "\n".join([text, *turns])) for _prompt, pk, model, text, turns in group]


def _unconnected(prompt: Prompt, models: list[int], fault: Unconnected, neighbours: int) -> list[Problem]:
    lead = problems.UNCONNECTED_BY_ONE if neighbours == 1 else problems.UNCONNECTED_BY_MORE
    names = dict(Result.objects.filter(prompt=prompt, model__in=models).values_list("model", "model__name"))
    called = f"{prompt.number} ({prompt.slug})" if prompt.slug else str(prompt.number)
    groups = [_group([names[models[place]] for place in part]) for part in fault.parts]
    return [lead(prompt=called, count=neighbours), *groups, problems.ASK_FOR_MORE()]


def _group(names: list[str]) -> Problem:
    shown = ", ".join(names[:NAMED])
    if len(names) <= NAMED:
        return problems.GROUP(names=shown)
    return problems.GROUP(names=problems.AND_MORE(names=shown, number=len(names) - NAMED))


@transaction.atomic
def _store(study: Study, strategy: str, drafts: list[_Draft], seed: int, drawn_at: datetime | None) -> PairsMade:
    """Adds the missing pairs. A lock on the study prevents another run from adding the same pairs or numbers."""
    locked = Study.objects.select_for_update().get(pk=study.pk)
    number = next_number(Pair.objects.filter(study=locked))
    added = 0
    for draft in drafts:
        missing = _missing(locked, draft, seed)
        for pair in missing:
            pair.number = number
            number += 1
        Pair.objects.bulk_create(missing, batch_size=BATCH)
        added += len(missing)
    drawn = locked.is_adaptive and drawn_at is not None and _draw(locked, strategy, drafts, drawn_at)
    if added or drawn:
        offer_pairs(locked)
    return PairsMade(
        strategy=strategy,
        prompts=len(drafts),
        results=sum(len(draft.results) for draft in drafts),
        found=sum(len(draft.links) for draft in drafts),
        added=added,
        total=Pair.objects.filter(study=locked).votable().count(),
    )


def _draw(study: Study, strategy: str, drafts: list[_Draft], at: datetime) -> bool:
    """Draws each selected pair that this strategy has not drawn before; returns whether there was any."""
    before = Draw.objects.filter(batch__study=study, strategy=strategy)
    known = {frozenset(pair) for pair in before.values_list("pair__result_x", "pair__result_y")}
    drawings = [
        Drawing(
            model_1=int(draft.models[low]),
            model_2=int(draft.models[high]),
            prompt=draft.prompt,
            strategy=strategy,
            version=1,
            probability=None,
        )
        for draft in drafts
        for low, high in draft.links.tolist()
        if frozenset((int(draft.results[low]), int(draft.results[high]))) not in known
    ]
    # All pairs are there, so no side is left to chance.
    return bool(store(study, drawings, at, np.random.default_rng(0), mix={strategy: 1.0}))


def _missing(study: Study, draft: _Draft, seed: int) -> list[Pair]:
    """Returns the pairs of `draft` that the study does not have, without numbers."""
    there = Pair.objects.filter(study=study, prompt=draft.prompt).votable()
    known = {frozenset(pair) for pair in there.values_list("result_x", "result_y")}
    pairs = []
    for (low, high), turned, key in zip(draft.links.tolist(), draft.turned.tolist(), draft.keys.tolist(), strict=True):
        x, y = (high, low) if turned else (low, high)
        result_x, result_y = int(draft.results[x]), int(draft.results[y])
        if frozenset((result_x, result_y)) not in known:
            pairs.append(
                Pair(
                    study=study,
                    prompt_id=draft.prompt,
                    model_x_id=int(draft.models[x]),
                    model_y_id=int(draft.models[y]),
                    result_x_id=result_x,
                    result_y_id=result_y,
                    key=key,
                    seed=seed,
                )
            )
    return pairs
