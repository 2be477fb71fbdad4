"""Benchmarks of judges: sets of preferences kept, questions planned, asked like any other call, and counted."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import batched
from pathlib import Path
from typing import Any, Final, cast

import httpx
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from annotation.interchange.faults import Fault, Faults
from annotation.interchange.tables import Source
from annotation.services.studies import NotPossible
from judges import accuracy, chat, preferences, rewards
from judges.accuracy import Accuracy, Result, Says
from judges.chat import Answer
from judges.keys import NoKey
from judges.models import (
    LIVE,
    BenchmarkCall,
    BenchmarkReply,
    BenchmarkRun,
    BenchmarkSender,
    CallState,
    Judge,
    JudgeVersion,
    Preference,
    PreferenceEntry,
    PreferenceSet,
    Protocol,
    Shown,
)
from judges.preferences import Known
from judges.prompts import Subject
from judges.services import asking, reading, requesting, sending
from judges.services.books import Books, Outcome, Prepared
from judges.services.lifecycle import Connection, Lifecycle, enqueue
from judges.services.reading import Finding
from judges.services.requesting import MESSAGE_TOKENS, Question

BATCH: Final = 500
SAMPLED: Final = 300
"""Calls whose requests an estimate is made from."""


class Faulty(Exception):
    """A file has rows that are no preferences."""

    def __init__(self, faults: list[Fault], count: int) -> None:
        super().__init__(f"{count} faults")
        self.faults = faults
        self.count = count


@dataclass(frozen=True, slots=True)
class Terms:
    """How a judge is benchmarked. `limit` rows of each set at the most, a choice that `seed` fixes; it fixes the
    sides as well where only one order is asked."""

    protocol: str = Protocol.CHAT
    both_orders: bool = False
    seed: int = 0
    limit: int | None = None


# Sets.


def keep(path: Path, *, user: User | None = None) -> PreferenceSet:
    """The set in a file, as `keep_from`."""
    return keep_from(Source(path.name, path), user=user)


def keep_from(source: Source, *, user: User | None = None) -> PreferenceSet:
    """The set in a file, kept under the file's name; the one that is there already where nothing differs.

    Raises:
        Faulty: a row is no preference.
    """
    rows, faults = [], Faults()
    for found in preferences.read(source):
        if isinstance(found, Fault):
            faults.add(found)
        else:
            rows.append(found)
    if faults:
        raise Faulty(faults.listed, faults.count)
    name = source.plain_name.removesuffix(".jsonl")[:200]
    return _keep(name, rows, user)


def _keep(name: str, rows: Sequence[Known], user: User | None) -> PreferenceSet:
    sha256 = preferences.digest(rows)
    known = PreferenceSet.objects.filter(name=name, sha256=sha256).first()
    if known is not None:
        return known
    with transaction.atomic():
        made, fresh = PreferenceSet.objects.get_or_create(name=name, sha256=sha256, defaults={"user": user})
        for batch in batched(rows if fresh else (), BATCH, strict=False):
            _keep_rows(made, batch)
    return made


def _keep_rows(made: PreferenceSet, rows: Sequence[Known]) -> None:
    by_sha256 = {row.sha256: row for row in rows}
    Preference.objects.bulk_create(
        (
            Preference(
                sha256=sha256,
                prompt_sha256=row.prompt_sha256,
                turns=list(row.turns),
                chosen=row.chosen,
                rejected=row.rejected,
            )
            for sha256, row in by_sha256.items()
        ),
        # The same question may stand in another set, or twice in this one.
        ignore_conflicts=True,
    )
    keys = dict(Preference.objects.filter(sha256__in=by_sha256).values_list("sha256", "pk"))
    PreferenceEntry.objects.bulk_create(
        PreferenceEntry(
            preferences=made, preference_id=keys[row.sha256], number=row.number, name=row.name, subset=row.subset
        )
        for row in rows
    )


# Runs.


def start(
    version: JudgeVersion,
    sets: Sequence[PreferenceSet],
    terms: Terms,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> BenchmarkRun:
    """Begins a benchmark of `version` on `sets`. One that was not finished gives way: what was answered counts.

    Raises:
        NotPossible: the judge is at work on a benchmark already, or its key cannot be had.
    """
    try:
        version.connect()
    except NoKey as missing:
        raise NotPossible(str(missing)) from None
    lost = _give_way(version, terms.protocol, at)
    try:
        with transaction.atomic():
            run = BenchmarkRun.objects.create(version=version, user=user, created_at=at, lost=lost, **asdict(terms))
            run.sets.set(sets)
            if detach:
                enqueue(run)
    except IntegrityError as conflict:
        # Somebody else began one at the same moment.
        raise NotPossible(_("This judge is at work on a benchmark already.")) from conflict
    return run


def _give_way(version: JudgeVersion, protocol: str, at: datetime) -> int:
    """Ends a benchmark of `version` that was not finished; returns how many calls a crash of it had in flight.

    Raises:
        NotPossible: somebody is at work on it.
    """
    before = BenchmarkRun.objects.filter(version=version, protocol=protocol, state__in=LIVE).first()
    if before is None:
        return 0
    if not life.left_alone(before, at):
        raise NotPossible(_("This judge is at work on a benchmark already."))
    for sender in BenchmarkSender.objects.filter(run=before, finished_at=None):
        # It has given no sign of life: what it had in flight is free to be asked again.
        BenchmarkBooks(before, sender).bury(at)
    cancel(before, at)
    before.refresh_from_db(fields=["lost"])
    return before.lost


def _draw(seed: int, sha256: str, what: str) -> bytes:
    return hashlib.sha256(f"{seed}/{what}/{sha256}".encode()).digest()


def shown_of(run: BenchmarkRun, sha256: str) -> tuple[Shown, ...]:
    """What is shown of a preference, one call each."""
    if not run.by_pairs:
        return (Shown.CHOSEN, Shown.REJECTED)
    if run.both_orders:
        return (Shown.CHOSEN_LEFT, Shown.REJECTED_LEFT)
    return (Shown.CHOSEN_LEFT,) if _draw(run.seed, sha256, "left")[0] % 2 else (Shown.REJECTED_LEFT,)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a set: the primary key of its question, digests, where it stands."""

    key: int
    sha256: str
    prompt: str
    subset: str
    set_name: str

    @property
    def part(self) -> str:
        """What its accuracy is counted in: its set, or its subset of it."""
        return f"{self.set_name} / {self.subset}" if self.subset else self.set_name


def entries(run: BenchmarkRun, sets: Iterable[PreferenceSet]) -> Iterator[Entry]:
    """The rows of a run, set by set; a question that stands twice in a set is two rows of it, asked once."""
    for each in sets:
        rows = each.entries.order_by("number").values_list(
            "preference", "preference__sha256", "preference__prompt_sha256", "subset"
        )
        found = [Entry(key, sha256, prompt, subset, each.name) for key, sha256, prompt, subset in rows]
        if run.limit is not None:
            found = sorted(found, key=lambda entry: _draw(run.seed, entry.sha256, "limit"))[: run.limit]
        yield from found


def calls_of(run: BenchmarkRun, sets: Iterable[PreferenceSet]) -> Iterator[BenchmarkCall]:
    """Every call of `run`, not stored, whether it is there already or not; each once."""
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
    """Those of `calls` that are stored: primary key and state by preference and what is shown of it."""
    keys = {call.preference_id for call in calls}
    rows = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol, preference__in=keys)
    return {
        (preference, shown): (key, state)
        for preference, shown, key, state in rows.values_list("preference", "shown", "pk", "state")
    }


def question(version: JudgeVersion, call: BenchmarkCall) -> Question:
    """What is sent for `call`."""
    preference = call.preference
    said, answered = preferences.spoken(preference.turns)
    answers = {Shown.CHOSEN: preference.chosen, Shown.REJECTED: preference.rejected}
    if call.protocol != Protocol.CHAT:
        messages = [*preference.turns, {"role": "assistant", "content": answers[Shown(call.shown)]}]
        return _reward_question(version, messages, cast(rewards.Protocol, call.protocol))
    match call.shown:
        case Shown.CHOSEN_LEFT:
            sides = [preference.chosen, preference.rejected]
        case Shown.REJECTED_LEFT:
            sides = [preference.rejected, preference.chosen]
        case alone:
            sides = [answers[Shown(alone)]]
    return asking.question(version, Subject(said, [[*answered, side] for side in sides]))


def _reward_question(version: JudgeVersion, messages: list[Any], protocol: rewards.Protocol) -> Question:
    """A reward model takes tokens and gives none."""
    body = rewards.request(version.model, messages, protocol)
    texts = [message["content"] for message in messages]
    tokens = requesting.likely_tokens(texts) + MESSAGE_TOKENS * len(texts)
    most = sum(len(text.encode("utf-8", "replace")) for text in texts) + MESSAGE_TOKENS * (len(texts) + 1)
    sent = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Question(sent, tokens, tokens, version.nanos(most, 0))


class BenchmarkBooks(Books[BenchmarkCall]):
    """The rows of one sender of a benchmark."""

    def __init__(self, run: BenchmarkRun, sender: BenchmarkSender) -> None:
        super().__init__(run, sender)
        self._run: BenchmarkRun = run

    @property
    def calls(self) -> QuerySet[BenchmarkCall]:
        return BenchmarkCall.objects.all()

    @property
    def purse(self) -> QuerySet[Judge]:
        return Judge.objects.filter(pk=self._run.version.judge_id)

    def prepare(self, keys: Sequence[int]) -> list[Prepared[BenchmarkCall]]:
        mine = self.calls.filter(pk__in=keys, claim=self._sender.pk).select_related("preference").order_by("pk")
        return [Prepared(call, question(self._run.version, call)) for call in mine]

    async def ask(self, client: httpx.AsyncClient, endpoint: chat.Endpoint, body: bytes) -> Answer:
        if self._run.protocol == Protocol.CHAT:
            return await chat.ask(client, endpoint, body)
        return await rewards.ask(client, endpoint, cast(rewards.Protocol, self._run.protocol), body)

    def find(self, answer: Answer) -> Finding:
        if self._run.protocol != Protocol.CHAT:
            return Finding(CallState.OK)
        return reading.find(self._run.version.reading, answer)

    def keep(self, outcomes: Sequence[Outcome[BenchmarkCall]], mine: set[int], at: datetime) -> int:
        replies = [_reply(self._run, outcome, at) for outcome in outcomes]
        BenchmarkReply.objects.bulk_create(replies)
        heard = [reply for reply in replies if reply.call_id in mine]
        for reply in heard:
            reply.call.state, reply.call.claim, reply.call.reply = reply.state, None, reply
        self.calls.bulk_update([reply.call for reply in heard], ["state", "claim", "reply"])
        return sum(reply.cost for reply in replies)


def _reply(run: BenchmarkRun, outcome: Outcome[BenchmarkCall], at: datetime) -> BenchmarkReply:
    call, finding, answer = outcome.prepared.call, outcome.finding, outcome.answer
    reply = BenchmarkReply(call=call)
    outcome.fill(reply, run.version, at)
    if answer is not None and finding.state == CallState.OK:
        reply.says, reply.score = _heard(run, call, finding, answer)
    return reply


def _heard(run: BenchmarkRun, call: BenchmarkCall, finding: Finding, answer: Answer) -> tuple[str, float | None]:
    """Which answer the reply calls better, or which score it gives."""
    if run.protocol != Protocol.CHAT:
        return "", float(answer.reply.text)
    verdict = finding.reading.verdict
    if verdict is None:
        return "", finding.reading.score
    if verdict == "tie":
        return "tie", None
    return ("chosen" if (verdict == "left") == (call.shown == Shown.CHOSEN_LEFT) else "rejected"), None


class BenchmarkLife(Lifecycle[BenchmarkRun, BenchmarkSender, BenchmarkCall]):
    """The life of benchmarks."""

    runs = BenchmarkRun
    senders = BenchmarkSender
    asked = BenchmarkCall
    replies = BenchmarkReply

    def sendable(self) -> QuerySet[BenchmarkRun]:
        return BenchmarkRun.objects.select_related("version__judge", "version__template")

    def books(self, run: BenchmarkRun, sender: BenchmarkSender) -> BenchmarkBooks:
        return BenchmarkBooks(run, sender)

    def plan_calls(self, run: BenchmarkRun, alive: Callable[[], None]) -> int:
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
                again = BenchmarkCall.objects.filter(pk__in=anew, state=CallState.FAILED).exclude(run=run)
                again.update(run=run, state=CallState.PENDING, claim=None)
            alive()
        return BenchmarkCall.objects.filter(run=run).count()

    def connect(self, run: BenchmarkRun) -> Connection:
        version = run.version
        pace = sending.pace_named(f"judge-{version.judge_id}", version.limits)
        return Connection(version.connect(), pace, version.parallel)


life: Final = BenchmarkLife()
work, pause, resume, cancel, sweep = life.work, life.pause, life.resume, life.cancel, life.sweep
progress = life.progress


@dataclass(frozen=True, slots=True)
class Estimate:
    """A benchmark before it is begun: calls to be made, calls there already; tokens and nanos, at the most."""

    calls: int
    there: int
    tokens_in: int
    bound: int


def estimate(version: JudgeVersion, sets: Sequence[PreferenceSet], terms: Terms) -> Estimate:
    """What a benchmark would be, without beginning it."""
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


# Results.


@dataclass(frozen=True, slots=True)
class Report:
    """What a benchmark found. `cost` in nanos, over all replies to its questions; `models` as returned.

    `macro` is the mean over `sets`, `all` is over their rows together.
    """

    sets: tuple[Result, ...]
    all: Result
    macro_half: Accuracy
    macro_wrong: Accuracy
    states: Mapping[str, int] = field(default_factory=dict)
    cost: int = 0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Heard:
    state: str
    says: str
    score: float | None


def report(run: BenchmarkRun) -> Report:
    """The results of `run` as they stand; whatever asked a question before, its answer counts."""
    sets = list(run.sets.order_by("name", "pk"))
    rows = list(entries(run, sets))
    heard = _answers(run, {entry.key for entry in rows})
    parts: dict[str, list[accuracy.Row]] = {}
    states: dict[str, int] = {}
    asked = {(entry.key, str(shown)) for entry in rows for shown in shown_of(run, entry.sha256)}
    for place in asked:
        state = heard[place].state if place in heard else CallState.PENDING.value
        states[state] = states.get(state, 0) + 1
    for entry in rows:
        found = [heard.get((entry.key, str(shown))) for shown in shown_of(run, entry.sha256)]
        parts.setdefault(entry.part, []).append(accuracy.Row(_outcome(run, found), entry.prompt))
    results = tuple(accuracy.result(name, rows) for name, rows in parts.items())
    mine = BenchmarkReply.objects.filter(call__version=run.version_id, call__protocol=run.protocol)
    mine = mine.filter(call__preference__entries__preferences__in=sets).distinct()
    costs = BenchmarkReply.objects.filter(pk__in=mine.values("pk")).aggregate(nanos=Sum("cost"))
    return Report(
        results,
        accuracy.result("", [row for rows in parts.values() for row in rows]),
        accuracy.mean([each.half for each in results]),
        accuracy.mean([each.wrong for each in results]),
        {state: states[state] for state in CallState.values if state in states},
        costs["nanos"] or 0,
        tuple(sorted(set(mine.exclude(model="").values_list("model", flat=True)))),
    )


def _answers(run: BenchmarkRun, keys: set[int]) -> dict[tuple[int, str], _Heard]:
    found = {}
    names = ("preference", "shown", "state", "reply__says", "reply__score")
    for batch in batched(sorted(keys), BATCH, strict=False):
        rows = BenchmarkCall.objects.filter(version=run.version_id, protocol=run.protocol, preference__in=batch)
        for key, shown, state, says, score in rows.values_list(*names):
            found[key, shown] = _Heard(state, says or "", score)
    return found


def _outcome(run: BenchmarkRun, heard: Sequence[_Heard | None]) -> accuracy.Outcome:
    ok = [each if each is not None and each.state == CallState.OK else None for each in heard]
    if run.by_pairs:
        return accuracy.outcome([cast(Says, each.says) if each else None for each in ok])
    chosen, rejected = (each.score if each else None for each in ok)
    return accuracy.outcome(accuracy.higher(chosen, rejected))


COLUMNS: Final = (
    "set", "rows", "right", "wrong", "ties", "inconsistent", "unread", "prompts",
    "accuracy_ties_half", "low_ties_half", "high_ties_half",
    "accuracy_ties_wrong", "low_ties_wrong", "high_ties_wrong",
)  # fmt: skip

MACRO: Final = "mean over sets"
MICRO: Final = "all rows"


def lines(found: Report) -> Iterator[tuple[str | float | None, ...]]:
    """The report as rows under `COLUMNS`: each set, then the mean over sets, then all rows together."""

    def told(name: str, result: Result, half: Accuracy, wrong: Accuracy) -> tuple[str | float | None, ...]:
        counts = tuple(result.outcomes[each] for each in accuracy.OUTCOMES)
        return (
            name, result.rows, *counts, result.prompts,
            half.value, half.low, half.high, wrong.value, wrong.low, wrong.high,
        )  # fmt: skip

    for each in found.sets:
        yield told(each.name, each, each.half, each.wrong)
    yield told(MACRO, found.all, found.macro_half, found.macro_wrong)
    yield told(MICRO, found.all, found.all.half, found.all.wrong)


def as_json(run: BenchmarkRun, found: Report) -> dict[str, Any]:
    """The report with what it is of, for programs."""
    return {
        "judge": run.version.rater_name,
        "model": run.version.model,
        "returned_models": list(found.models),
        "protocol": run.protocol,
        "both_orders": run.both_orders,
        "seed": run.seed,
        "limit": run.limit,
        "state": run.state,
        "calls": dict(found.states),
        "cost_nanos": found.cost,
        "results": [dict(zip(COLUMNS, row, strict=True)) for row in lines(found)],
    }


def runs_of(judge: Judge) -> QuerySet[BenchmarkRun]:
    """The benchmarks of a judge, the latest first."""
    runs = BenchmarkRun.objects.filter(version__judge=judge).select_related("version__judge", "user")
    return runs.prefetch_related("sets").order_by("-pk")
