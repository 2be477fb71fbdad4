"""Tests a connection with one small request, so that mistakes in the settings are found before a run."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from annotation.problems import NO_PROBLEM, Problem
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.llm import chat
from judges.llm.api_keys import NoKey
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.llm.errors import Again, Permanent, Trouble
from judges.llm.rate_limits import Limits
from judges.models.work import Access
from judges.runs import chat_request
from judges.runs.call_store import reserve
from judges.runs.chat_request import Question
from judges.runs.sender import pace_named

A_MINUTE: Final = 10
"""Tests per minute and person."""

LONGEST: Final = 20.0
"""Seconds that somebody waits for a test, whatever the timeout of the settings."""

MESSAGES: Final = (
    {"role": "system", "content": "This is a connection test."},
    {"role": "user", "content": "Reply with the word OK."},
)


@dataclass(frozen=True, slots=True)
class Tested:
    """What came of a test. `cost` and `perhaps`, what a request without a reply may have cost, are in nanos.

    `limit` is the name of the token limit that the endpoint accepted, if it is not the one that was sent first.
    """

    problem: Problem = NO_PROBLEM
    text: str = ""
    model: str = ""
    status: int | None = None
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int = 0
    perhaps: int = 0
    limit: str = ""


def try_out(
    access: Access, body: dict[str, Any], who: str, *, purse: QuerySet[Any] | None, budget: int | None, key: str = ""
) -> Tested:
    """Sends `body` once with the settings of `access`, saved or not, and returns what came back.

    The money is booked in the one row of `purse`. Without a purse, because nothing has been saved yet, the cost must be
    within `budget`, in nanos. `key` is a pasted key that is used instead of the one in the settings.

    Raises:
        NotPossible: `who` has tested too often, or the budget has no room for the request.
    """
    if access.faults():
        raise NotPossible(_("Correct the errors in the form first."))
    wait = pace_named(f"connection-tests-{who}", Limits(requests=A_MINUTE)).take(0).wait
    if wait > 0:
        raise NotPossible(problems.TESTED_TOO_OFTEN(most=A_MINUTE, seconds=round(wait) or 1))
    question = chat_request.question(access, body)
    try:
        endpoint = access.connect_with(key) if key else access.connect()
    except NoKey as missing:
        return Tested(missing.problem)
    if purse is None and budget is not None and question.bound > budget:
        raise NotPossible(problems.NO_MONEY())
    if purse is not None:
        _pay(purse, question.bound)
    found = asyncio.run(_ask(endpoint, question, access))
    if purse is not None:
        purse.update(spent=F("spent") + found.cost, unsure=F("unsure") - question.bound + found.perhaps)
    return found


@transaction.atomic
def _pay(purse: QuerySet[Any], nanos: int) -> None:
    """Counts `nanos` as possibly spent, which is what they are if the process dies before a reply comes.

    Raises:
        NotPossible: the budget has no room for them.
    """
    if not reserve(purse, nanos):
        raise NotPossible(problems.NO_MONEY())
    purse.update(reserved=F("reserved") - nanos, unsure=F("unsure") + nanos)


async def _ask(endpoint: Endpoint, question: Question, access: Access) -> Tested:
    limit = ""
    try:
        async with asyncio.timeout(LONGEST), endpoint.client(1) as client:
            try:
                answer = await chat.ask(client, endpoint, question.body)
            except Permanent as refused:
                limit = chat_request.other_limit(question, refused.parameter)
                if not limit:
                    raise
                answer = await chat.ask(client, endpoint, chat_request.with_limit_named(question, limit).body)
    except TimeoutError:
        return Tested(problems.NO_ANSWER(seconds=f"{LONGEST:g}"), perhaps=question.bound)
    except Trouble as trouble:
        paid = isinstance(trouble, Again) and trouble.perhaps_paid
        return Tested(trouble.problem, status=trouble.status, perhaps=question.bound if paid else 0)
    return _told(answer, question, access, limit)


def _told(answer: Answer, question: Question, access: Access, limit: str) -> Tested:
    usage = answer.usage
    return Tested(
        text=answer.reply.text or answer.refusal,
        model=answer.model,
        status=answer.status,
        seconds=answer.seconds,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
        cost=access.cost(usage, question.bound),
        limit=limit,
    )
