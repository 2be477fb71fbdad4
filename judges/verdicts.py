"""Turns replies into verdicts, and verdicts into the comparisons that boards use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Comparison, Rater, RaterKind, Study
from annotation.problems import NO_PROBLEM, Problem
from annotation.scales import Answer, Side, winner_of
from annotation.stored_problems import columns
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.llm import chat
from judges.llm.errors import Trouble
from judges.llm.replies import Ending
from judges.models import CallState, JudgeCall, JudgeRater, JudgeReply, JudgeVersion, Judgment, Verdict
from judges.models.judge import rater_name
from judges.prompting.readers import Reader, Reading, Unreadable

VALUES: dict[Answer, int] = {"left": 1, "tie": 2, "right": 3}
"""A verdict on the three-point scale."""


NOTHING = Reading()


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of reading a reply: a state, and the reading if it is `ok`."""

    state: str
    reading: Reading = NOTHING
    problem: Problem = NO_PROBLEM


def find(reader: Reader, answer: chat.Answer) -> Finding:
    """Reads the verdict in `answer`. Refused and truncated replies have their own states, whatever they contain."""
    if answer.ending is Ending.REFUSED:
        return Finding(CallState.REFUSED, problem=answer.why_refused)
    cut = answer.ending is Ending.CUT
    if cut and not reader.reads_cut:
        return Finding(CallState.TRUNCATED, problem=problems.CUT())
    match reader.read(answer.reply):
        case Unreadable() if cut:
            return Finding(CallState.TRUNCATED, problem=problems.CUT())
        case Unreadable() as found:
            return Finding(CallState.UNREADABLE, problem=found.problem)
        case reading:
            return Finding(CallState.OK, reading)


def rater_of(study: Study, version: JudgeVersion) -> Rater:
    """Returns the rater of `version` in `study`, created if missing. Call it inside a transaction.

    Raises:
        NotPossible: another rater of the study has the same name.
    """
    known = JudgeRater.objects.filter(study=study, version=version).select_related("rater").first()
    if known is not None:
        return known.rater
    # Locks the study's row, because two senders may store their first replies at once.
    Study.objects.select_for_update().get(pk=study.pk)
    known = JudgeRater.objects.filter(study=study, version=version).select_related("rater").first()
    if known is not None:
        return known.rater
    check_name(study, version)
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=version.rater_name)
    JudgeRater.objects.create(rater=rater, study=study, version=version)
    return rater


def check_name(study: Study, version: JudgeVersion) -> None:
    """Checks that no other rater of the study has the judge's name.

    Raises:
        NotPossible: another rater has it; the message suggests a name.
    """
    namesake = Rater.objects.filter(study=study, name=version.rater_name)
    # A judge that only has imported grades is not a rater.
    elsewhere = Judgment.objects.filter(study=study, judge=version.rater_name)
    if namesake.exclude(judge__version=version).exists() or elsewhere.exists():
        raise NotPossible(problems.NAME_TAKEN(name=version.rater_name, next=next_name(version)))


def next_name(version: JudgeVersion) -> str:
    """Returns the rater name of the judge's next version."""
    return rater_name(version.judge.name, version.judge.next_number())


def verdict_rows(
    replies: Iterable[tuple[JudgeReply, JudgeCall, Finding]], reader: Reader, rater: Rater | None, at: datetime
) -> list[Verdict]:
    """Stores verdicts, with comparisons for `ok` verdicts on pairs, and returns them. Call it inside a transaction.

    Without a `rater`, no comparisons are created: the verdicts of probes are not counted.
    """
    verdicts, comparisons = [], []
    for reply, call, finding in replies:
        reading = finding.reading
        verdict = Verdict(
            call=call,
            reply=reply,
            reader=reader.name,
            reader_version=reader.version,
            state=finding.state,
            **columns(finding.problem),
            level=reading.level,
            score=reading.score,
            share=reading.share,
            read_at=at,
        )
        if finding.state == CallState.OK and call.pair_id is not None:
            assert reading.verdict is not None  # noqa: S101  readers of pairs always return one
            left = cast(Side, call.left)
            verdict.winner = winner_of(reading.verdict, left)
        if verdict.winner and call.pair_id is not None and rater is not None:
            comparison = Comparison(
                study_id=rater.study_id,
                pair_id=call.pair_id,
                rater=rater,
                turn=call.turn,
                trial=call.trial,
                left=left,
                winner=verdict.winner,
                value=VALUES[cast(Answer, reading.verdict)] if reading.level is None else reading.level,
                scale_name="three" if reading.level is None else "five",
                answered_at=reply.received_at,
            )
            verdict.comparison = comparison
            comparisons.append(comparison)
        verdicts.append(verdict)
    Comparison.objects.bulk_create(comparisons)
    for verdict in verdicts:
        # Django copied the related keys on assignment, before these rows had one.
        verdict.comparison = verdict.comparison
    return Verdict.objects.bulk_create(verdicts)


def supersede(verdicts: Iterable[Verdict], at: datetime) -> list[int]:
    """Supersedes `verdicts` and withdraws their comparisons.

    Returns the calls whose verdicts were superseded here and not by another process. Call it inside a transaction.
    """
    done = []
    for verdict in verdicts:
        if not Verdict.objects.filter(pk=verdict.pk, superseded_at=None).update(superseded_at=at):
            continue  # another process was first
        done.append(verdict.call_id)
        if verdict.comparison is not None:
            verdict.comparison.withdraw(at)
    return done


NOT_COUNTED: Final = frozenset({problems.GIVEN_BEFORE.code, problems.MANY_NAMES.code})
"""Problems of replies that can be read, but are no verdicts of their own."""


@dataclass(frozen=True, slots=True)
class Reread:
    """How many stored replies were read again, and how many verdicts changed."""

    read: int
    changed: int


def reread(study: Study, version: JudgeVersion, reader: Reader, at: datetime) -> Reread:
    """Reads the stored replies of `version` in `study` with `reader`; only changed verdicts get new rows.

    Nothing is sent or charged.

    Raises:
        NotPossible: the reader does not match the version's templates.
    """
    if (reader.gives == "score") != version.grades:
        raise NotPossible(
            _("Reader “%(reader)s” does not match what this judge gives: verdicts or grades.") % {"reader": reader.name}
        )
    in_force = Verdict.objects.in_force().filter(call__run__study=study, call__version=version)
    keys = list(in_force.exclude(reply__raw="").order_by("pk").values_list("pk", flat=True))
    read = changed = 0
    for key in keys:
        found = _read_again(key, reader, at)
        read, changed = read + (found is not None), changed + bool(found)
    return Reread(read, changed)


def _read_again(key: int, reader: Reader, at: datetime) -> bool | None:
    """Returns whether the verdict changed, or None if the reply is not readable."""
    verdict = Verdict.objects.select_related("reply", "call", "comparison").get(pk=key)
    if verdict.found_problem.code in NOT_COUNTED:
        return None
    try:
        answer = chat.read_answer(verdict.reply.raw)
    except Trouble:
        return None
    finding = find(reader, answer)
    if _says(verdict) == _would_say(verdict.call, finding):
        return False
    _replace(verdict, finding, reader, at)
    return True


@transaction.atomic
def _replace(verdict: Verdict, finding: Finding, reader: Reader, at: datetime) -> None:
    if not supersede([verdict], at):
        return
    call, reply = verdict.call, verdict.reply
    counts = call.pair_id is not None and not call.run.probing
    rater = rater_of(call.run.study, reply.answered_as) if counts else None
    verdict_rows([(reply, call, finding)], reader, rater, at)
    JudgeCall.objects.filter(pk=call.pk).update(state=finding.state)


def _says(verdict: Verdict) -> tuple[object, ...]:
    return verdict.state, verdict.winner, verdict.level, verdict.score, verdict.share


def _would_say(call: JudgeCall, finding: Finding) -> tuple[object, ...]:
    reading = finding.reading
    winner = ""
    if finding.state == CallState.OK and call.pair_id is not None and reading.verdict is not None:
        winner = winner_of(reading.verdict, cast(Side, call.left))
    return finding.state, winner, reading.level, reading.score, reading.share
