"""Judging offline: requests are written as JSONL, and replies obtained elsewhere are read back.

Two layouts: LLMFAO's, `{model, messages, metadata, max_tokens, ...}` with replies as rows of
`[request, response, metadata]`, and that of batch endpoints, with a `custom_id`. Replies get the same states as those
of requests sent from here.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import batched
from typing import Any, Final, Literal

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible, check_askable, check_shown
from judges.judging import planning, questions, runs
from judges.judging.call_store import JudgeBooks
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm import chat
from judges.llm.errors import WORDS, Refused, Trouble, trouble_in
from judges.models import LIVE, CallState, Judge, JudgeCall, JudgeRun, JudgeVersion, RunState, Sender, Verdict
from judges.models.work import fresh_failures, state_to_ask, states_to_ask
from judges.runs.call_store import Outcome, Prepared
from judges.verdicts import Finding, find

type Layout = Literal["llmfao", "batch"]

BATCH: Final = 200
LISTED: Final = 100
_PLACE: Final = re.compile(r"(pair|result)-(-?[0-9]{1,19})-turn-([0-9]{1,4})-([xy]|-)-sample-([0-9]{1,9})")


def place(call: JudgeCall) -> str:
    """Returns the name of a call in files, such as `pair-17-turn-0-x-sample-0`, with the numbers of exported files."""
    if call.pair is not None:
        return f"pair-{call.pair.number}-turn-{call.turn}-{call.left}-sample-{call.sample}"
    assert call.result is not None  # noqa: S101  judge_call_about_one
    return f"result-{call.result.number}-turn-{call.turn}---sample-{call.sample}"


def prepare(study: Study, version: JudgeVersion, plan: Plan, at: datetime) -> JudgeRun:
    """Returns the offline run of `version` on `study` that waits for replies, or a new, planned one.

    Calls in states that `plan` asks again are reset to waiting.

    Raises:
        NotPossible: the judge has an online run in the study, there is nothing to judge, or the study is hidden or may
            not use its prompt set.
    """
    check_askable(study)
    run = JudgeRun.objects.filter(study=study, version=version, offline=True, state__in=LIVE).first()
    if run is None:
        run = runs.start(study, version, plan, at, detach=False, offline=True)
        JudgeRun.objects.filter(pk=run.pk).update(state=RunState.RUNNING)
    else:
        if Plan.from_json(run.options) != plan:
            # Waiting calls are kept; further calls of the other plan are added.
            run.options, run.started_at = {**run.options, **plan.as_json()}, None
            run.save(update_fields=["options", "started_at"])
        ended = [key for key, state in planned(run, plan) if state in plan.again]
        again = JudgeCall.objects.filter(states_to_ask(plan.again), pk__in=ended)
        again.update(state=CallState.PENDING, failures=fresh_failures())
    judge_life.plan(run)
    judge_life.finish(run, at)
    return run


def planned(run: JudgeRun, plan: Plan) -> list[tuple[int, str]]:
    """Returns the primary keys and states of the run's calls that `plan` covers, in order."""
    version, calls = run.version, JudgeCall.objects.filter(run=run).order_by("pk")
    if version.grades:
        covered = calls.filter(result__in=planning.results_of(run.study, plan).values("pk"))
        graded = covered.values_list("pk", "state", "failures")
        return [(key, state_to_ask(state, failures)) for key, state, failures in graded]
    covered = calls.filter(pair__in=planning.pairs_of(run.study, plan).values("pk"), pair__isnull=False)
    rows = covered.values_list("pk", "state", "failures", "left", "pair_id")
    return [
        (key, state_to_ask(state, failures))
        for key, state, failures, left, pair in rows
        if left in planning.lefts(version, plan.orders, pair or 0)
    ]


def waiting(run: JudgeRun) -> QuerySet[JudgeCall]:
    """Returns the calls of `run` that wait for a reply, from any plan."""
    return JudgeCall.objects.filter(run=run, state=CallState.PENDING)


def requests(run: JudgeRun, plan: Plan, layout: Layout) -> Iterator[str]:
    """Yields the requests of waiting calls that `plan` covers, one line per call."""
    version = run.version
    pending = [key for key, state in planned(run, plan) if state == CallState.PENDING]
    for keys in batched(pending, BATCH, strict=False):
        for call in questions.with_texts(JudgeCall.objects.filter(pk__in=keys)).order_by("pk"):
            filled = questions.filled(version, questions.subject_of(run.study, call))
            body = questions.request(version, filled.messages, call.sample)
            if layout == "batch":
                row = {"custom_id": place(call), "method": "POST", "url": "/v1/chat/completions", "body": body}
            else:
                row = {**body, "metadata": _metadata(call)}
            yield json.dumps(row, ensure_ascii=False) + "\n"


def _metadata(call: JudgeCall) -> dict[str, Any]:
    if call.pair is None:
        assert call.result is not None  # noqa: S101
        return {"id": call.result.number, "prompt": call.result.prompt.number, "call": place(call)}
    pair = call.pair
    return {
        "id": pair.number,
        "prompt": pair.prompt.number,
        "model_x": pair.model_x.number,
        "model_y": pair.model_y.number,
        "call": place(call),
    }


@dataclass(slots=True)
class Report:
    """Result of reading a file of replies: stored rows by state, rows already stored, and errors by line."""

    stored: dict[str, int] = field(default_factory=dict)
    there: int = 0
    faults: list[tuple[int, str]] = field(default_factory=list)
    fault_count: int = 0

    def fault(self, line: int, reason: str) -> None:
        self.fault_count += 1
        if len(self.faults) < LISTED:
            self.faults.append((line, reason))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    name: str
    status: int
    response: Any
    batch: bool = False


def read_responses(study: Study, version: JudgeVersion, lines: Iterable[bytes], at: datetime) -> Report:
    """Stores the replies in `lines`, JSONL in either layout. Reading the same file again changes nothing.

    Raises:
        NotPossible: no requests of this judge for this study are waiting for replies, or the study is hidden.
    """
    check_shown(study)
    run = JudgeRun.objects.filter(study=study, version=version, offline=True).order_by("-pk").first()
    if run is None:
        raise NotPossible(_("No requests of this judge were written for this study. Run judge-requests first."))
    report = Report()
    sender = Sender.objects.create(run=run, started_at=at, beat_at=at)
    try:
        for rows in _batches(_rows(lines, report)):
            _keep(run, sender, rows, report, at)
    finally:
        JudgeBooks(run, sender).bury(at)
    judge_life.finish(run, at)
    return report


def _rows(lines: Iterable[bytes], report: Report) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _row(number, json.loads(line))
        except (ValueError, RecursionError):
            row = None
        if row is None:
            report.fault(
                number, _("This row is not a reply. Expected [request, response, metadata], or custom_id and response.")
            )
        else:
            yield row


def _batches(rows: Iterable[_Row]) -> Iterator[dict[str, _Row]]:
    """Yields batches of `rows` by call name; a second row on a call comes in a later batch than the first."""
    batch: dict[str, _Row] = {}
    for row in rows:
        if row.name in batch or len(batch) == BATCH:
            yield batch
            batch = {}
        batch[row.name] = row
    if batch:
        yield batch


def _row(line: int, found: Any) -> _Row | None:
    match found:
        case [dict() as request, response, *more]:
            metadata = more[0] if more and isinstance(more[0], dict) else request.get("metadata")
            name = _name(metadata) if isinstance(metadata, dict) else None
            return None if name is None else _Row(line, name, 200, response)
        case {"custom_id": str() as name, "response": {"status_code": int() as status, "body": body}}:
            return _Row(line, name, status, body, batch=True)
        case {"custom_id": str() as name, "error": dict() as error}:
            return _Row(line, name, 500, {"error": error}, batch=True)
        case _:
            return None


def _name(metadata: Mapping[str, Any]) -> str | None:
    """Returns the call name in metadata. Other programs write only numbers; then x was on the left."""
    call, number = metadata.get("call"), metadata.get("id")
    if isinstance(call, str):
        return call
    return f"pair-{number}-turn-0-x-sample-0" if isinstance(number, int) else None


def _keep(run: JudgeRun, sender: Sender, rows: Mapping[str, _Row], report: Report, at: datetime) -> None:
    named = _calls(run.study, run.version, rows)
    for name, row in rows.items():
        if name not in named:
            report.fault(row.line, _("Call “%(name)s” was not found.") % {"name": name[:100]})
    outcomes = {
        call.pk: _outcome(run, call, rows[name], at)
        for name, call in named.items()
        if call.state in {CallState.PENDING, CallState.FAILED}
    }
    # A failure that is already stored is not a new one.
    for pk, raw, status in _failures(outcomes):
        if outcomes[pk].answer is None and (outcomes[pk].raw, outcomes[pk].status) == (raw, status):
            del outcomes[pk]
    report.there += len(named) - len(outcomes)
    with transaction.atomic():
        held = JudgeCall.objects.filter(
            pk__in=outcomes,
            state__in=[CallState.PENDING, CallState.FAILED],
            claim=None,
            run__offline=True,
        )
        keys = set(held.select_for_update().values_list("pk", flat=True))
        mine = JudgeCall.objects.filter(pk__in=keys)
        # The money has already been spent, so it is recorded whatever the budget says.
        bound = mine.aggregate(nanos=Sum("bound"))["nanos"] or 0
        mine.update(state=CallState.SENT, claim=sender, sent_at=at)
        Judge.objects.filter(pk=run.version.judge_id).update(reserved=F("reserved") + bound)
    kept = [outcome for pk, outcome in outcomes.items() if pk in keys]
    JudgeBooks(run, sender).store(kept, at)
    for outcome in kept:
        report.stored[outcome.finding.state] = report.stored.get(outcome.finding.state, 0) + 1


def _failures(keys: Iterable[int]) -> list[tuple[int, str, int | None]]:
    """Returns the primary key, raw reply and status of those of the calls `keys` that failed."""
    latest = Verdict.objects.in_force().filter(call__in=keys, call__state=CallState.FAILED)
    return list(latest.values_list("call_id", "reply__raw", "reply__status"))


def _calls(study: Study, version: JudgeVersion, names: Iterable[str]) -> dict[str, JudgeCall]:
    numbers: dict[str, list[int]] = {"pair": [], "result": []}
    for name in names:
        if (found := _PLACE.fullmatch(name)) and abs(int(found[2])) < 2**63:
            numbers[found[1]].append(int(found[2]))
    about = Q(pair__study=study, pair__number__in=numbers["pair"]) | Q(
        result__prompt_set=study.prompt_set, result__number__in=numbers["result"]
    )
    found_calls = questions.with_texts(JudgeCall.objects.filter(about, version=version, run__study=study))
    wanted = set(names)
    return {name: call for call in found_calls if (name := place(call)) in wanted}


def _outcome(run: JudgeRun, call: JudgeCall, row: _Row, at: datetime) -> Outcome[JudgeCall]:
    version = run.version
    question = questions.question(version, questions.subject_of(run.study, call), call.sample)
    # Release exactly what was reserved.
    question = replace(question, bound=call.bound)
    percent = version.batch_percent if row.batch else 100
    outcome = Outcome(Prepared(call, question), percent=percent, received_at=at, status=row.status)
    raw = json.dumps(row.response, ensure_ascii=False).encode("utf-8", "replace").decode().replace("\\u0000", "\\ufffd")
    try:
        if row.status != 200:
            raise trouble_in(raw, row.status, f"HTTP {row.status}")
        outcome.answer = chat.read_answer(raw)
        outcome.finding = find(version.reading, outcome.answer)
    except Trouble as trouble:
        state = CallState.REFUSED if isinstance(trouble, Refused) else CallState.FAILED
        outcome.finding, outcome.raw = Finding(state, problem=trouble.problem), raw[:WORDS]
    return outcome
