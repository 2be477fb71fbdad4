"""Plans the calls of a benchmark: which rows, which answers are shown, and the requests."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from typing import Any, Final, cast

from django.db import transaction

from judges.formats import preferences
from judges.judging import questions
from judges.llm import reward_models
from judges.models import (
    BenchmarkCall,
    BenchmarkRun,
    CallState,
    JudgeVersion,
    Preference,
    PreferenceSet,
    Protocol,
    Shown,
)
from judges.models.work import state_to_ask, states_to_ask
from judges.prompting.templates import Subject
from judges.runs import chat_request
from judges.runs.chat_request import Question

BATCH: Final = 500
SAMPLED: Final = 300
"""Number of calls whose requests an estimate is based on."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a judge is benchmarked.

    At most `limit` rows per set, sampled with `seed`. If only one order is asked, `seed` also determines the sides.
    """

    protocol: str = Protocol.CHAT
    both_orders: bool = False
    seed: int = 0
    limit: int | None = None


def _draw(seed: int, sha256: str, what: str) -> bytes:
    return hashlib.sha256(f"{seed}/{what}/{sha256}".encode()).digest()


def shown_of(run: BenchmarkRun, sha256: str) -> tuple[Shown, ...]:
    """Returns what the calls about a preference show, one entry per call."""
    if not run.by_pairs:
        return (Shown.CHOSEN, Shown.REJECTED)
    if run.both_orders:
        return (Shown.CHOSEN_LEFT, Shown.REJECTED_LEFT)
    return (Shown.CHOSEN_LEFT,) if _draw(run.seed, sha256, "left")[0] % 2 else (Shown.REJECTED_LEFT,)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a set: primary key of its preference, digests, set and subset."""

    key: int
    sha256: str
    prompt: str
    subset: str
    set_name: str

    @property
    def part(self) -> str:
        """Name of the set or subset whose accuracy it counts towards."""
        return f"{self.set_name} / {self.subset}" if self.subset else self.set_name


def entries(run: BenchmarkRun, sets: Iterable[PreferenceSet]) -> Iterator[Entry]:
    """Yields the rows of a run, set by set. A preference that occurs twice in a set is two rows but is asked once."""
    for each in sets:
        rows = each.entries.order_by("number").values_list(
            "preference", "preference__sha256", "preference__prompt_sha256", "subset"
        )
        found = [Entry(key, sha256, prompt, subset, each.name) for key, sha256, prompt, subset in rows]
        if run.limit is not None:
            found = sorted(found, key=lambda entry: _draw(run.seed, entry.sha256, "limit"))[: run.limit]
        yield from found


def calls_of(run: BenchmarkRun, sets: Iterable[PreferenceSet]) -> Iterator[BenchmarkCall]:
    """Yields every call of `run` once, unsaved, whether or not it is already stored."""
    seen: set[int] = set()
    for batch in batched(entries(run, sets), BATCH, strict=False):
        texts = Preference.objects.in_bulk([entry.key for entry in batch])
        for entry in batch:
            if entry.key in seen:
                continue
            seen.add(entry.key)
            for shown in shown_of(run, entry.sha256):
                yield BenchmarkCall(
                    run=run, version=run.version, protocol=run.protocol, preference=texts[entry.key], shown=shown
                )


def _there(run: BenchmarkRun, calls: Iterable[BenchmarkCall]) -> dict[tuple[int, str], tuple[int, str]]:
    """Maps the preference and shown answers of stored `calls` to their primary key and state."""
    keys = {call.preference_id for call in calls}
    rows = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol, preference__in=keys)
    return {
        (preference, shown): (key, state_to_ask(state, failures))
        for preference, shown, key, state, failures in rows.values_list(
            "preference", "shown", "pk", "state", "failures"
        )
    }


def question(version: JudgeVersion, call: BenchmarkCall) -> Question:
    """Builds the request for `call`."""
    preference = call.preference
    said, answered = preferences.spoken(preference.turns)
    answers = {Shown.CHOSEN: preference.chosen, Shown.REJECTED: preference.rejected}
    if call.protocol != Protocol.CHAT:
        messages = [*preference.turns, {"role": "assistant", "content": answers[Shown(call.shown)]}]
        return _reward_question(version, messages, cast(reward_models.Protocol, call.protocol))
    match call.shown:
        case Shown.CHOSEN_LEFT:
            sides = [preference.chosen, preference.rejected]
        case Shown.REJECTED_LEFT:
            sides = [preference.rejected, preference.chosen]
        case alone:
            sides = [answers[Shown(alone)]]
    return questions.question(version, Subject(said, [[*answered, side] for side in sides]))


def _reward_question(version: JudgeVersion, messages: list[Any], protocol: reward_models.Protocol) -> Question:
    """Builds a request to a reward model, which reads tokens and generates none."""
    body = reward_models.request(version.model, messages, protocol)
    likely, most = chat_request.tokens_in([message["content"] for message in messages])
    return Question(chat_request.in_bytes(body), likely, likely, version.most(most, 0))


def plan_calls(run: BenchmarkRun, alive: Callable[[], None]) -> int:
    """Stores the missing calls of `run`, takes over those that failed, and returns the number of calls.

    `alive` is called regularly. Planning can be interrupted and repeated.
    """
    for batch in batched(calls_of(run, run.sets.all()), BATCH, strict=False):
        there = _there(run, batch)
        fresh = [call for call in batch if (call.preference_id, call.shown) not in there]
        for call in fresh:
            asked = question(run.version, call)
            call.tokens, call.bound = asked.tokens, asked.bound
        places = [(call.preference_id, str(call.shown)) for call in batch]
        anew = [there[place][0] for place in places if place in there]
        with transaction.atomic():
            BenchmarkCall.objects.bulk_create(fresh, ignore_conflicts=True)
            again = BenchmarkCall.objects.filter(states_to_ask([CallState.FAILED]), pk__in=anew).exclude(run=run)
            again.update(run=run, state=CallState.PENDING, claim=None)
        alive()
    return BenchmarkCall.objects.filter(run=run).count()


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate of a benchmark: new calls, existing calls, input tokens, and maximum cost in nanos."""

    calls: int
    there: int
    tokens_in: int
    bound: int


def estimate(version: JudgeVersion, sets: Sequence[PreferenceSet], terms: Terms) -> Estimate:
    """Estimates a benchmark without starting it."""
    run = BenchmarkRun(version=version, **asdict(terms))
    calls = there = 0
    sampled: list[Question] = []
    for batch in batched(calls_of(run, sets), BATCH, strict=False):
        stored = _there(run, batch)
        for call in batch:
            state = stored.get((call.preference_id, str(call.shown)), (0, CallState.PENDING))[1]
            if state not in {CallState.PENDING, CallState.FAILED}:
                there += 1
                continue
            calls += 1
            if len(sampled) < SAMPLED:
                sampled.append(question(version, call))
    share = calls / len(sampled) if sampled else 0.0
    return Estimate(
        calls,
        there,
        round(share * sum(each.tokens_in for each in sampled)),
        round(share * sum(each.bound for each in sampled)),
    )
