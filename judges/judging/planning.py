"""Plans judge runs: every pair or result in every order, turn and sample that is not stored yet."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet

from annotation.models import LanguageModel, Pair, Result, Study
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import questions
from judges.models import CallState, JudgeCall, JudgeRun, JudgeVersion, Orders, RunKind, SentinelSet
from judges.models.work import GIVEN_UP, fresh_failures, state_to_ask, states_to_ask
from judges.runs.chat_request import Question

BATCH: Final = 500
SAMPLED: Final = 300
"""Number of calls whose requests an estimate is based on."""

AGAIN: Final = (CallState.FAILED, CallState.UNREADABLE, CallState.TRUNCATED, CallState.REFUSED, GIVEN_UP)
"""States whose calls can be asked again."""

PROBES_FROM: Final = 1000
"""First sample number of probes, above any judge's; each run adds its own offset."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run covers.

    At most `limit` pairs (or results), a random selection that is the same for every run; `orders` overrides the
    judge's own; with `baseline`, only pairs with this model; `everything` includes pairs outside the study's filters;
    calls in the states `again` are asked again.
    """

    limit: int | None = None
    orders: str = ""
    baseline: str = ""
    everything: bool = False
    again: tuple[str, ...] = (CallState.FAILED,)

    def as_json(self) -> dict[str, object]:
        return {
            "limit": self.limit,
            "orders": self.orders,
            "baseline": self.baseline,
            "everything": self.everything,
            "again": list(self.again),
        }

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> "Plan":
        again = stored.get("again", [CallState.FAILED])
        limit = stored.get("limit")
        return cls(
            limit if isinstance(limit, int) else None,
            str(stored.get("orders", "")),
            str(stored.get("baseline", "")),
            bool(stored.get("everything")),
            tuple(map(str, again)) if isinstance(again, list) else (CallState.FAILED,),
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of a run: new calls, calls asked again, calls already stored; tokens, and costs in nanos.

    `cost` assumes likely token counts and replies of the usual length, or half of the maximum before the first reply;
    `bound` is the maximum.
    """

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


def pairs_of(study: Study, plan: Plan) -> QuerySet[Pair]:
    """Returns the pairs that `plan` covers, in the order in which a limit selects them.

    Raises:
        NotPossible: the study has no such baseline.
    """
    pairs = Pair.objects.filter(study=study).votable() if plan.everything else Pair.objects.within(study)
    if plan.baseline:
        model = LanguageModel.objects.filter(prompt_set=study.prompt_set, name=plan.baseline).first()
        if model is None:
            raise NotPossible(problems.NO_BASELINE(model=plan.baseline))
        pairs = pairs.filter(Q(model_x=model) | Q(model_y=model))
    pairs = pairs.order_by("key", "pk")
    return pairs if plan.limit is None else pairs[: plan.limit]


def results_of(study: Study, plan: Plan) -> QuerySet[Result]:
    """Returns the results that `plan` covers, in stored order, up to its limit."""
    results = Result.objects.filter(prompt__in=study.prompts(), model__in=study.models_compared()).order_by("pk")
    return results if plan.limit is None else results[: plan.limit]


def _turns(version: JudgeVersion, follow_ups: int) -> range:
    """Returns 0 if the whole conversation is judged at once, otherwise the turns from 1."""
    return range(1, follow_ups + 2) if version.each_turn and follow_ups else range(1)


def lefts(version: JudgeVersion, orders: str, pair_id: int) -> tuple[str, ...]:
    """Returns the sides shown on the left, one per call."""
    match orders or version.orders:
        case Orders.BOTH:
            return ("x", "y")
        case Orders.RANDOM:
            draw = hashlib.sha256(f"{version.seed or 0}/{pair_id}".encode()).digest()[0]
            return ("x",) if draw % 2 else ("y",)
        case _:
            return ("x",)


def calls_of(study: Study, version: JudgeVersion, plan: Plan) -> Iterator[JudgeCall]:
    """Yields every call of `plan`, unsaved, whether or not it is already stored."""
    if version.grades:
        for result in _chunked(results_of(study, plan)):
            for turn in _turns(version, len(result.turns)):
                for sample in range(version.samples):
                    yield JudgeCall(version=version, result=result, turn=turn, sample=sample)
        return
    for pair in _chunked(pairs_of(study, plan)):
        for turn in _turns_of(version, pair):
            for left in lefts(version, plan.orders, pair.pk):
                for sample in range(version.samples):
                    yield JudgeCall(version=version, pair=pair, turn=turn, left=left, sample=sample)


def _turns_of(version: JudgeVersion, pair: Pair) -> range:
    assert pair.result_x is not None  # noqa: S101  pair_fits_its_purpose
    assert pair.result_y is not None  # noqa: S101
    return _turns(version, min(len(pair.result_x.turns), len(pair.result_y.turns)))


def calls_of_run(run: JudgeRun) -> Iterator[JudgeCall]:
    """Yields every call of `run`, unsaved, whether or not it is already stored."""
    version, sample = run.version, PROBES_FROM + run.pk
    match run.kind:
        case RunKind.SENTINEL:
            sentinels = SentinelSet.objects.get(study=run.study, judge=version.judge_id)
            for result in _chunked(sentinels.results.order_by("pk") if version.grades else Result.objects.none()):
                for turn in _turns(version, len(result.turns)):
                    yield JudgeCall(version=version, result=result, turn=turn, sample=sample)
            for pair in _chunked(Pair.objects.none() if version.grades else sentinels.pairs.order_by("pk")):
                for turn in _turns_of(version, pair):
                    for left in lefts(version, "", pair.pk):
                        yield JudgeCall(version=version, pair=pair, turn=turn, left=left, sample=sample)
        case RunKind.RETEST:
            for keys in batched(run.options["calls"], BATCH, strict=False):
                before = questions.with_texts(JudgeCall.objects.filter(pk__in=keys, version=version)).order_by("pk")
                for call in before:
                    yield JudgeCall(
                        version=version,
                        pair=call.pair,
                        result=call.result,
                        turn=call.turn,
                        left=call.left,
                        sample=sample,
                    )
        case _:
            yield from calls_of(run.study, version, Plan.from_json(run.options))


def anything_new(study: Study, version: JudgeVersion, plan: Plan) -> bool:
    """Returns whether a run of `plan` would have new calls; cheaper than planning it, because no texts are read.

    Raises:
        NotPossible: the study has no such baseline.
    """
    targets = results_of(study, plan) if version.grades else pairs_of(study, plan)
    about = "result_id" if version.grades else "pair_id"
    calls = JudgeCall.objects.filter(version=version, run__study=study, sample__lt=PROBES_FROM)
    for keys in batched(list(targets.values_list("pk", flat=True)), BATCH, strict=False):
        there = set(calls.filter(**{f"{about}__in": keys}).values_list(about, "turn", "left", "sample"))
        follow_ups = _follow_ups(version, keys)
        for key in keys:
            for turn in _turns(version, follow_ups.get(key, 0)):
                for left in ("",) if version.grades else lefts(version, plan.orders, key):
                    if any((key, turn, left, sample) not in there for sample in range(version.samples)):
                        return True
    return False


def _follow_ups(version: JudgeVersion, keys: Sequence[int]) -> dict[int, int]:
    """Counts the follow-up turns of pairs or results; queried only if each turn is judged separately."""
    if not version.each_turn:
        return {}
    if version.grades:
        return {key: len(turns) for key, turns in Result.objects.filter(pk__in=keys).values_list("pk", "turns")}
    rows = Pair.objects.filter(pk__in=keys).values_list("pk", "result_x__turns", "result_y__turns")
    return {key: min(len(first or ()), len(second or ())) for key, first, second in rows}


def _chunked[M: (Pair, Result)](rows: QuerySet[M]) -> Iterator[M]:
    """Yields `rows` in order, in batches, so that no cursor stays open during writes."""
    keys = list(rows.values_list("pk", flat=True))
    for chunk in batched(keys, BATCH, strict=False):
        found = rows.model._default_manager.select_related(*_RELATED[rows.model.__name__]).in_bulk(chunk)
        for key in chunk:
            if key in found:
                yield found[key]


_RELATED: Final = {"Pair": ("prompt", "result_x", "result_y", "study"), "Result": ("prompt",)}

type _Place = tuple[int | None, int | None, int, str, int]


def _place(call: JudgeCall) -> _Place:
    return call.pair_id, call.result_id, call.turn, call.left, call.sample


def _there(version: JudgeVersion, calls: Iterable[JudgeCall]) -> dict[_Place, tuple[int, str]]:
    """Maps the places of stored `calls` to their primary key and state; `GIVEN_UP` is one too."""
    calls = list(calls)
    about = Q(pair__in=[call.pair_id for call in calls if call.pair_id]) | Q(
        result__in=[call.result_id for call in calls if call.result_id]
    )
    rows = JudgeCall.objects.filter(about, version=version).values_list(
        "pair_id", "result_id", "turn", "left", "sample", "pk", "state", "failures"
    )
    places: dict[_Place, tuple[int, str]] = {}
    for pair, result, turn, left, sample, key, state, failures in rows:
        places[pair, result, turn, left, sample] = key, state_to_ask(state, failures)
    return places


def plan_calls(run: JudgeRun, alive: Callable[[], None]) -> int:
    """Stores the calls of `run`, takes over those to ask again, and returns the number of calls.

    `alive` is called regularly. Planning can be interrupted and repeated: existing calls are not created twice.
    """
    plan = Plan.from_json(run.options)
    version = run.version
    for batch in batched(calls_of_run(run), BATCH, strict=False):
        there = _there(version, batch)
        fresh = [call for call in batch if _place(call) not in there]
        for call in fresh:
            asked = questions.question_of(run, version, call)
            call.run, call.tokens, call.bound = run, asked.tokens, asked.bound
        anew = [there[_place(call)][0] for call in batch if there.get(_place(call), (0, CallState.OK))[1] in plan.again]
        with transaction.atomic():
            JudgeCall.objects.bulk_create(fresh, ignore_conflicts=True)
            again = JudgeCall.objects.filter(states_to_ask(plan.again), pk__in=anew).exclude(run=run)
            again.update(run=run, state=CallState.PENDING, claim=None, failures=fresh_failures())
        alive()
    return JudgeCall.objects.filter(run=run).count()


def estimate(study: Study, version: JudgeVersion, plan: Plan) -> Estimate:
    """Estimates a run without creating it."""
    new = again = there_already = 0
    sampled: list[Question] = []
    for batch in batched(calls_of(study, version, plan), BATCH, strict=False):
        there = _there(version, batch)
        for call in batch:
            state = there.get(_place(call), (0, ""))[1]
            if state and state not in plan.again:
                there_already += 1
                continue
            new, again = (new, again + 1) if state else (new + 1, again)
            if len(sampled) < SAMPLED:
                sampled.append(questions.question(version, questions.subject_of(study, call), call.sample))
    calls = new + again
    share = calls / len(sampled) if sampled else 0.0
    tokens_in = round(share * sum(each.tokens_in for each in sampled))
    tokens_out = calls * _usual_reply(version)
    return Estimate(
        new,
        again,
        there_already,
        tokens_in,
        tokens_out,
        version.nanos(tokens_in, tokens_out),
        round(share * sum(each.bound for each in sampled)),
    )


def _usual_reply(version: JudgeVersion) -> int:
    """Returns the mean number of tokens of the version's latest replies, or half the maximum before the first one."""
    latest = list(
        version.replies.filter(state=CallState.OK).order_by("-pk").values_list("tokens_out", flat=True)[:SAMPLED]
    )
    return round(sum(latest) / len(latest)) if latest else max(1, version.max_tokens // 2)
