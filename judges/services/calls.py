"""The life of a call in the database: claimed, sent with its money reserved, stored with what came of it.

Every step is a conditional update, so that two senders never hold one call, and a sender that was taken
for dead cannot store what another has asked again meanwhile. Each is one short transaction.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Sum

from judges.chat import Answer
from judges.models import CallState, Judge, JudgeCall, JudgeReply, JudgeRun, JudgeVersion, RunState, Sender, Verdict
from judges.services import asking, reading
from judges.services.asking import Question
from judges.services.reading import Finding


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call in a sender's hand, with its request."""

    call: JudgeCall
    question: Question


@dataclass(slots=True)
class Outcome:
    """What came of a call. `unsure` is what attempts without a reply may have cost, of which `counted` is in
    the judge's books already; `released` says that it was not answered and is to be asked later."""

    prepared: Prepared
    attempts: int = 1
    answer: Answer | None = None
    finding: Finding = field(default_factory=lambda: Finding(CallState.FAILED))
    raw: str = ""
    status: int | None = None
    unsure: int = 0
    counted: int = 0
    released: bool = False
    received_at: datetime | None = None


BUDGET: Final = "budget"
KEPT: Final = "The endpoint gave a reply that it had given before: this is no new sample."


def claim(sender: Sender, run: JudgeRun, count: int) -> list[Prepared]:
    """Up to `count` free calls of `run`, which are now `sender`'s, with their requests."""
    with transaction.atomic():
        free = JudgeCall.objects.filter(run=run, state=CallState.PENDING, claim=None).order_by("pk")
        keys = list(free.select_for_update(skip_locked=True).values_list("pk", flat=True)[:count])
        JudgeCall.objects.filter(pk__in=keys, claim=None).update(claim=sender)
    calls = asking.with_texts(JudgeCall.objects.filter(pk__in=keys, claim=sender)).order_by("pk")
    version = run.version
    prepared = [Prepared(call, asking.question_of(run, version, call)) for call in calls]
    for each in prepared:
        # Rare: the study's question was changed since. What is reserved is what the row says.
        if each.question.bound != each.call.bound:
            each.call.bound = each.question.bound
            JudgeCall.objects.filter(pk=each.call.pk).update(bound=each.question.bound)
    return prepared


def unclaim(sender: Sender, prepared: Sequence[Prepared]) -> None:
    """Gives calls back that were not sent."""
    keys = [each.call.pk for each in prepared]
    JudgeCall.objects.filter(pk__in=keys, claim=sender, state=CallState.PENDING).update(claim=None)


def reserve(judge_id: int, nanos: int) -> bool:
    """Reserves `nanos` of a judge's budget; False where they would pass it."""
    if nanos == 0:
        return True
    judges = Judge.objects.filter(pk=judge_id)
    reserved = F("reserved") + nanos
    return bool(
        judges.filter(budget=None).update(reserved=reserved)
        or judges.filter(budget__gte=F("spent") + F("unsure") + F("reserved") + nanos).update(reserved=reserved)
    )


@transaction.atomic
def admit(sender: Sender, run: JudgeRun, prepared: Sequence[Prepared], at: datetime) -> tuple[list[Prepared], str]:
    """Marks calls as sent and reserves what they can cost; returns those to send, and what held the others back:
    nothing, `budget`, or the state that the run is in now."""
    state = JudgeRun.objects.filter(pk=run.pk).values_list("state", flat=True).get()
    if state != RunState.RUNNING:
        return [], state
    admitted = list(prepared)
    while admitted and not reserve(run.version.judge_id, sum(each.question.bound for each in admitted)):
        admitted = admitted[: len(admitted) // 2]
    keys = [each.call.pk for each in admitted]
    mine = JudgeCall.objects.filter(pk__in=keys, claim=sender, state=CallState.PENDING)
    if mine.update(state=CallState.SENT, sent_at=at) != len(keys):
        # The sweep took this sender for dead: nothing of it may be sent.
        transaction.set_rollback(True)
        return [], RunState.STOPPED
    return admitted, "" if len(admitted) == len(prepared) else BUDGET


@transaction.atomic
def reserve_again(run: JudgeRun, nanos: int) -> bool:
    """Lets an attempt whose reply never came stay reserved as perhaps spent, and reserves the next one;
    False where the budget has no room for it, and then nothing changed."""
    if not reserve(run.version.judge_id, nanos):
        return False
    Judge.objects.filter(pk=run.version.judge_id).update(reserved=F("reserved") - nanos, unsure=F("unsure") + nanos)
    return True


def version_that_answered(root: JudgeVersion, model: str) -> JudgeVersion:
    """The version of `root`'s settings whose endpoint names the model `model`; a new name opens one."""
    if not model or root.returned_model == model:
        return root
    if not root.returned_model and JudgeVersion.objects.filter(pk=root.pk, returned_model="").update(
        returned_model=model
    ):
        root.returned_model = model
        return root
    root.refresh_from_db(fields=["returned_model"])
    if root.returned_model == model:
        return root
    while (known := root.drifts.filter(returned_model=model).first()) is None:
        settings = {name: getattr(root, name) for name in JudgeVersion.SETTINGS}
        number = (root.judge.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                known = JudgeVersion.objects.create(
                    judge=root.judge, number=number, root=root, returned_model=model, user=root.user, **settings
                )
        except IntegrityError:
            continue  # another sender met the new model at the same moment, or took the number
        break
    return known


@transaction.atomic
def store(sender: Sender, run: JudgeRun, outcomes: Sequence[Outcome], at: datetime) -> None:
    """Keeps what came of calls: replies, verdicts, comparisons, states and money, all or nothing."""
    root, judge_id = run.version, run.version.judge_id
    keys = sorted(outcome.prepared.call.pk for outcome in outcomes)
    held = JudgeCall.objects.filter(pk__in=keys, claim=sender, state=CallState.SENT).select_for_update()
    mine = set(held.order_by("pk").values_list("pk", flat=True))
    spent = unsure = reserved = 0
    by_version: dict[JudgeVersion, list[tuple[JudgeReply, JudgeCall, Finding]]] = {}
    replies: list[JudgeReply] = []
    for outcome in outcomes:
        call, bound = outcome.prepared.call, outcome.prepared.question.bound
        # What the sweep gave away has been counted as perhaps spent by it.
        reserved += bound if call.pk in mine else 0
        unsure += outcome.unsure - outcome.counted
        if outcome.released:
            continue
        answered_as = version_that_answered(root, outcome.answer.model if outcome.answer else "")
        reply = _reply(outcome, answered_as, at)
        spent += reply.cost
        replies.append(reply)
        if call.pk in mine:
            by_version.setdefault(answered_as, []).append((reply, call, outcome.finding))
    JudgeReply.objects.bulk_create(replies)
    kept = {each.prepared.call.pk for each in outcomes if each.answer is not None and each.answer.kept}
    _sift_kept_replies(run, by_version, kept)
    for version, found in by_version.items():
        _store_verdicts(run, version, found, at)
    released = [each.prepared.call.pk for each in outcomes if each.released and each.prepared.call.pk in mine]
    JudgeCall.objects.filter(pk__in=released).update(state=CallState.PENDING, claim=None)
    if spent or unsure or reserved:
        Judge.objects.filter(pk=judge_id).update(
            spent=F("spent") + spent, unsure=F("unsure") + unsure, reserved=F("reserved") - reserved
        )


def _reply(outcome: Outcome, answered_as: JudgeVersion, at: datetime) -> JudgeReply:
    call, question, answer = outcome.prepared.call, outcome.prepared.question, outcome.answer
    reply = JudgeReply(
        call=call,
        answered_as=answered_as,
        state=outcome.finding.state,
        problem=outcome.finding.problem,
        attempts=outcome.attempts,
        request=question.body.decode(),
        template_sha256=answered_as.template.sha256,
        part=question.part,
        cut=question.cut,
        raw=answer.raw if answer else outcome.raw,
        status=answer.status if answer else outcome.status,
        unsure=outcome.unsure,
        received_at=outcome.received_at or at,
    )
    if answer is not None:
        usage = answer.usage
        reply.model, reply.fingerprint = answer.model, answer.fingerprint
        reply.response_id, reply.request_id = answer.response_id, answer.request_id
        reply.finish_reason, reply.seconds = answer.finish_reason, answer.seconds
        reply.tokens_in, reply.tokens_out = usage.tokens_in, usage.tokens_out
        reply.tokens_cached, reply.tokens_reasoning = usage.cached, usage.reasoning
        # An endpoint that does not say what it counted is believed to have counted the most.
        reply.cost = answered_as.nanos(usage.tokens_in, usage.tokens_out) if usage.told else question.bound
    return reply


type _About = tuple[int | None, int | None, int, str, str]


def _about(call: JudgeCall, response_id: str) -> _About:
    return call.pair_id, call.result_id, call.turn, call.left, response_id


def _sift_kept_replies(
    run: JudgeRun, by_version: dict[JudgeVersion, list[tuple[JudgeReply, JudgeCall, Finding]]], kept: Container[int]
) -> None:
    """A reply that was given before is no new sample: it is kept, and counts as failed.

    It is one that has the id of another call's reply to the same question, or that says itself, in `kept`
    by its call, that it comes out of a store.
    """
    root = run.version
    if root.samples == 1 and root.number == 1 and not run.probing:
        return  # nothing was ever asked twice
    found = [each for replies in by_version.values() for each in replies]
    ids = {reply.response_id for reply, _call, _finding in found if reply.response_id}
    before = JudgeReply.objects.filter(
        answered_as__in=list(root.judge.versions.values_list("pk", flat=True)), response_id__in=ids
    ).exclude(pk__in=[reply.pk for reply, _call, _finding in found])
    first: dict[_About, int] = {
        row[:5]: row[5]
        for row in before.values_list(
            "call__pair_id", "call__result_id", "call__turn", "call__left", "response_id", "call_id"
        )
    }
    for replies in by_version.values():
        for index, (reply, call, finding) in enumerate(replies):
            owner = first.setdefault(_about(call, reply.response_id), call.pk) if reply.response_id else call.pk
            stored = call.pk in kept and (call.sample > 0 or root.number > 1)
            if finding.state == CallState.OK and (owner != call.pk or stored):
                replies[index] = (reply, call, Finding(CallState.FAILED, problem=KEPT))
                JudgeReply.objects.filter(pk=reply.pk).update(state=CallState.FAILED, problem=KEPT)


def _store_verdicts(
    run: JudgeRun, version: JudgeVersion, found: list[tuple[JudgeReply, JudgeCall, Finding]], at: datetime
) -> None:
    calls = [call.pk for _reply, call, _finding in found]
    before = Verdict.objects.in_force().filter(call__in=calls).select_related("comparison")
    reading.supersede(list(before), at)
    rater = None if version.grades or run.probing else reading.rater_of(run.study, version)
    reading.verdict_rows(found, version.reading, rater, at)
    by_state: dict[str, list[int]] = {}
    for _reply, call, finding in found:
        by_state.setdefault(finding.state, []).append(call.pk)
    for state, keys in by_state.items():
        JudgeCall.objects.filter(pk__in=keys).update(state=state, claim=None)


@transaction.atomic
def bury(sender: Sender, at: datetime) -> int | None:
    """Frees the calls of a sender that gives no sign of life; returns how many were in flight.

    Those are asked again, and what they may have cost counts as perhaps spent. None: it had ended itself.
    """
    if not Sender.objects.filter(pk=sender.pk, finished_at=None).update(finished_at=at):
        return None
    held = JudgeCall.objects.filter(claim=sender)
    flying = held.filter(state=CallState.SENT).aggregate(nanos=Sum("bound"))["nanos"] or 0
    lost = held.filter(state=CallState.SENT).update(state=CallState.PENDING, claim=None)
    held.update(claim=None)
    Sender.objects.filter(pk=sender.pk).update(lost=lost)
    JudgeRun.objects.filter(pk=sender.run_id).update(lost=F("lost") + lost)
    if flying:
        Judge.objects.filter(versions__runs=sender.run_id).update(
            reserved=F("reserved") - flying, unsure=F("unsure") + flying
        )
    return lost
