"""Database work of a judge run's sender: prepares calls, and stores replies, verdicts and comparisons."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from annotation.stored_problems import columns
from judges import problems, verdicts
from judges.judging import questions
from judges.llm.chat import Answer, text_of
from judges.models import CallState, Judge, JudgeCall, JudgeReply, JudgeRun, JudgeVersion, Sender, Verdict
from judges.runs.call_store import Books, Outcome, Prepared, texts_from_caches
from judges.verdicts import Finding


class JudgeBooks(Books[JudgeCall]):
    """The calls of one sender of a judge run."""

    def __init__(self, run: JudgeRun, sender: Sender) -> None:
        super().__init__(run, sender)
        self._run: JudgeRun = run

    @property
    def calls(self) -> QuerySet[JudgeCall]:
        return JudgeCall.objects.all()

    @property
    def purse(self) -> QuerySet[Judge]:
        return Judge.objects.filter(pk=self._run.version.judge_id)

    @property
    def access(self) -> JudgeVersion:
        return self._run.version

    def prepare(self, keys: Sequence[int]) -> list[Prepared[JudgeCall]]:
        mine = self.calls.filter(pk__in=keys, claim=self._sender.pk).order_by("pk")
        run, version = self._run, self._run.version
        return [Prepared(call, questions.question_of(run, version, call)) for call in questions.with_texts(mine)]

    def find(self, answer: Answer) -> Finding:
        return verdicts.find(self._run.version.reading, answer)

    def keep(self, outcomes: Sequence[Outcome[JudgeCall]], mine: set[int], at: datetime) -> int:
        run, root = self._run, self._run.version
        by_version: dict[JudgeVersion, list[tuple[JudgeReply, JudgeCall, Finding]]] = {}
        by_name: dict[str, JudgeVersion | None] = {}
        replies: list[JudgeReply] = []
        for outcome in outcomes:
            call = outcome.prepared.call
            name = outcome.answer.model if outcome.answer else ""
            if name not in by_name:
                by_name[name] = version_that_answered(root, name, run)
            answered_as = by_name[name]
            if answered_as is None:
                # Its words are kept, but nobody can say whose verdict it is.
                many = problems.MANY_NAMES(name=name)
                outcome.finding, answered_as = Finding(CallState.FAILED, problem=many), root
                self.stop(many)
            reply = _reply(outcome, answered_as, at)
            replies.append(reply)
            if call.pk in mine:
                by_version.setdefault(answered_as, []).append((reply, call, outcome.finding))
        JudgeReply.objects.bulk_create(replies)
        _sift_repeats(run, by_version, texts_from_caches(outcomes))
        for version, found in by_version.items():
            _store_verdicts(run, version, found, at)
        return sum(reply.cost for reply in replies)


MOST_NAMES: Final = 2
"""New model names in one run that create versions."""


def version_that_answered(root: JudgeVersion, model: str, run: JudgeRun | None = None) -> JudgeVersion | None:
    """Returns the version with `root`'s settings for the returned name `model`; a new name creates a version.

    None if the endpoint has returned too many new names in `run` already.
    """
    if not model or root.ignore_returned_model or root.returned_model == model:
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
        began = run and (run.started_at or run.created_at)
        if began and root.drifts.filter(created_at__gte=began).count() >= MOST_NAMES:
            return None
        settings = {name: getattr(root, name) for name in JudgeVersion.SETTINGS}
        try:
            with transaction.atomic():
                known = JudgeVersion.objects.create(
                    judge=root.judge,
                    number=root.judge.next_number(),
                    root=root,
                    returned_model=model,
                    user=root.user,
                    **settings,
                )
        except IntegrityError:
            continue  # another sender received the new name at the same time, or took the number
        break
    return known


def _reply(outcome: Outcome[JudgeCall], answered_as: JudgeVersion, at: datetime) -> JudgeReply:
    question = outcome.prepared.question
    reply = JudgeReply(
        call=outcome.prepared.call,
        answered_as=answered_as,
        template_sha256=answered_as.template.sha256,
        part=question.part,
        cut=question.cut,
    )
    outcome.fill(reply, answered_as, at)
    return reply


type _Question = tuple[int | None, int | None, int, str]
"""What a call asks about: pair or result, turn, and the side on the left."""


def _question(call: JudgeCall) -> _Question:
    return call.pair_id, call.result_id, call.turn, call.left


def _sift_repeats(
    run: JudgeRun,
    by_version: dict[JudgeVersion, list[tuple[JudgeReply, JudgeCall, Finding]]],
    cached: Mapping[int, str],
) -> None:
    """Marks repeated samples as failed; they are stored but are not new samples.

    A sample is repeated if a gateway says that the reply came from its cache, and another call's reply to the same
    question has the same text. `cached` has the texts of such replies, by call. Reply IDs say nothing here: some
    servers draw them from a thousand numbers.
    """
    if not cached:
        return
    asked = {_question(call) for replies in by_version.values() for _reply, call, _finding in replies}
    told = _texts_before(run.version.judge, asked, cached)
    for replies in by_version.values():
        for index, (reply, call, finding) in enumerate(replies):
            if finding.state != CallState.OK or call.pk not in cached:
                continue
            owner = told.setdefault((_question(call), cached[call.pk]), call.pk)
            if owner != call.pk:
                again = problems.GIVEN_BEFORE()
                replies[index] = (reply, call, Finding(CallState.FAILED, problem=again))
                JudgeReply.objects.filter(pk=reply.pk).update(state=CallState.FAILED, **columns(again))


def _texts_before(
    judge: Judge, asked: Collection[_Question], calls: Collection[int]
) -> dict[tuple[_Question, str], int]:
    """Maps the questions in `asked` and the texts of the judge's kept replies to the call that came first.

    Replies to `calls`, which are being stored, are left out.
    """
    pairs, results = {pair for pair, *_rest in asked if pair}, {result for _pair, result, *_rest in asked if result}
    before = JudgeReply.objects.filter(
        Q(call__pair__in=pairs) | Q(call__result__in=results), call__version__judge=judge, state=CallState.OK
    ).exclude(call__in=calls)
    found: dict[tuple[_Question, str], int] = {}
    for reply in before.select_related("call").order_by("pk"):
        if (question := _question(reply.call)) in asked:
            found.setdefault((question, text_of(reply.raw)), reply.call_id)
    return found


def _store_verdicts(
    run: JudgeRun, version: JudgeVersion, found: list[tuple[JudgeReply, JudgeCall, Finding]], at: datetime
) -> None:
    calls = [call.pk for _reply, call, _finding in found]
    before = Verdict.objects.in_force().filter(call__in=calls).select_related("comparison")
    verdicts.supersede(list(before), at)
    rater = None if version.grades or run.probing else verdicts.rater_of(run.study, version)
    verdicts.verdict_rows(found, version.reading, rater, at)
    by_state: dict[str, list[int]] = {}
    for _reply, call, finding in found:
        by_state.setdefault(finding.state, []).append(call.pk)
    for state, keys in by_state.items():
        JudgeCall.objects.filter(pk__in=keys).update(state=state, claim=None)
