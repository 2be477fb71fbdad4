"""OpenAI-compatible chat completions: asks for one, and reads the answer out of a reply's body."""

from dataclasses import dataclass
from typing import Any

import httpx

from annotation.problems import Problem
from judges import problems
from judges.llm import replies
from judges.llm.endpoints import Endpoint, chat_url
from judges.llm.errors import WORDS, Again, Permanent, Trouble, trouble_inside
from judges.llm.replies import Ending, Usage, ending_of, plain, storable
from judges.llm.transport import post
from judges.prompting.readers import Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """An endpoint's answer. `seconds` is the time from sending to the last byte."""

    reply: Reply
    refusal: str
    finish_reason: str
    model: str
    fingerprint: str
    response_id: str
    request_id: str
    usage: Usage
    raw: str
    status: int
    seconds: float
    from_cache: bool = False
    """Whether a gateway on the way says that the reply came from its cache."""
    empty: bool = False
    """Whether the reply is complete and has no message at all."""

    @property
    def ending(self) -> Ending:
        """How the reply ended. Without a message it was refused, unless it was cut off before the first word."""
        ending = Ending.REFUSED if self.refusal else ending_of(self.finish_reason)
        return Ending.REFUSED if self.empty and ending is Ending.WHOLE else ending

    @property
    def why_refused(self) -> Problem:
        """Why a refused reply has no answer: the endpoint's words, or its finish reason, or ours."""
        reason = self.finish_reason if ending_of(self.finish_reason) is Ending.REFUSED else ""
        return Problem(self.refusal or reason) if self.refusal or reason else problems.NO_TEXT()


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
    """Sends one chat request, as JSON in UTF-8, and returns the answer.

    Raises:
        Again, Permanent, Refused, Unfit: there is no answer.
    """
    found = await post(client, endpoint, chat_url(endpoint.url), body)
    return read_answer(found.raw, request_id=found.request_id, seconds=found.seconds, from_cache=found.from_cache)


def read_answer(raw: str, *, request_id: str = "", seconds: float = 0.0, from_cache: bool = False) -> Answer:
    """Returns the answer in a reply's body, which may come from a file of replies.

    Raises:
        Again, Permanent, Refused, Unfit: it is broken, is an event stream, or reports an error.
    """
    try:
        found = replies.parse(raw)
    except (ValueError, RecursionError):
        if replies.is_stream(raw):
            raise Permanent(problems.STREAM(), 200, raw[:WORDS], stops=True) from None
        raise Again(problems.NOT_JSON(), 200, raw[:WORDS], perhaps_paid=True) from None
    return _answer_from(found, raw, request_id=request_id, seconds=seconds, from_cache=from_cache)


def _answer_from(
    found: Any, raw: str, *, request_id: str = "", seconds: float = 0.0, from_cache: bool = False
) -> Answer:
    """Returns the answer in the parsed body; see `read_answer`."""
    if replies.error_in(found) is not None:
        raise trouble_inside(found, raw)
    choice = replies.choice_of(found)
    if choice is None:
        raise Again(problems.NO_CHOICE(), 200, raw[:WORDS], perhaps_paid=True)
    if "delta" in choice and "message" not in choice:
        raise Permanent(problems.STREAM(), 200, raw[:WORDS], stops=True)
    finish_reason = plain(choice.get("finish_reason") or "", 50)
    if ending_of(finish_reason) is Ending.BROKEN:
        raise Again(problems.BROKE_OFF(reason=finish_reason), 200, raw[:WORDS], perhaps_paid=True)
    text, message = replies.text_in(choice), choice.get("message")
    if text is None and not replies.is_well_formed(choice):
        raise Again(problems.NO_TEXT(), 200, raw[:WORDS], perhaps_paid=True)
    refusal = message.get("refusal") if isinstance(message, dict) else None
    return Answer(
        reply=Reply(storable(text or ""), replies.first_tokens(choice)),
        refusal=plain(refusal, WORDS) if refusal else "",
        finish_reason=finish_reason,
        model=plain(found.get("model") or "", 200),
        fingerprint=plain(found.get("system_fingerprint") or "", 200),
        response_id=plain(found.get("id") or "", 200),
        request_id=request_id,
        usage=replies.usage_of(found.get("usage"), text=bool(text) or replies.has_thoughts(choice)),
        raw=raw,
        status=200,
        seconds=seconds,
        from_cache=from_cache,
        empty=text is None,
    )


def text_of(raw: str) -> str:
    """Returns the model's text in a reply's body; empty if there is none that can be read."""
    try:
        return read_answer(raw).reply.text
    except Trouble:
        return ""
