"""Asks reward models, which score a conversation, through two endpoints of vLLM.

`/pooling` returns the output of the model's head for each token, the last of which is the reward, or that one alone.
`/classify` returns the probability of each class; a reward model has one. Both are beside `/v1`, not under it, and take
`messages` like a chat.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import httpx

from judges import problems
from judges.llm import replies
from judges.llm.chat import Answer
from judges.llm.endpoints import Endpoint
from judges.llm.errors import WORDS, Again, Unfit, words_of
from judges.llm.replies import plain
from judges.llm.transport import post
from judges.prompting.readers import Reply

type Protocol = Literal["pooling", "classify"]


def url(base: str, protocol: Protocol) -> str:
    """Returns the address for `protocol` of an endpoint given by its chat address, with or without `/v1`."""
    return f"{base.rstrip('/').removesuffix('/v1')}/{protocol}"


def request(model: str, messages: Sequence[Any], protocol: Protocol) -> dict[str, Any]:
    """Returns the body that asks for the score of a conversation whose last message is the answer."""
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    if protocol == "classify":
        # The raw output of the head: squeezed into [0, 1], good answers could not be told apart.
        body["use_activation"] = False
    return body


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, protocol: Protocol, body: bytes) -> Answer:
    """Sends one request and returns the answer, whose text is the score.

    Raises:
        Trouble: there is no answer.
    """
    found = await post(client, endpoint, url(endpoint.url, protocol), body)
    return read(found.raw, protocol, request_id=found.request_id, seconds=found.seconds)


def read(raw: str, protocol: Protocol, *, request_id: str = "", seconds: float = 0.0) -> Answer:
    """Returns the answer in a reply's body.

    Raises:
        Again: it is broken or reports an error.
        Unfit: it has no score.
    """
    try:
        found = replies.parse(raw)
    except (ValueError, RecursionError):
        raise Again(problems.NOT_JSON(), 200, raw[:WORDS], perhaps_paid=True) from None
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, list) or not data or not isinstance(data[0], dict):
        words = words_of(raw) if isinstance(found, dict) and "error" in found else ""
        raise Again(words or problems.NO_SCORE(), 200, raw[:WORDS], perhaps_paid=True)
    score = _pooled(data[0].get("data")) if protocol == "pooling" else _classified(data[0], raw)
    if score is None or not math.isfinite(score):
        raise Unfit(problems.NO_SCORE(), 200, raw[:WORDS])
    return Answer(
        reply=Reply(repr(score)),
        refusal="",
        finish_reason="stop",
        model=plain(found.get("model") or "", 200),
        fingerprint="",
        response_id=plain(found.get("id") or "", 200),
        request_id=request_id,
        usage=replies.usage_of(found.get("usage"), text=False),
        raw=raw,
        status=200,
        seconds=seconds,
    )


def _pooled(data: Any) -> float | None:
    """Returns the score in pooled data: the last token's number; None if the data is a vector."""
    if isinstance(data, list) and data and isinstance(data[-1], list):
        data = data[-1]
    if isinstance(data, list):
        data = data[0] if len(data) == 1 else None
    return float(data) if _number(data) else None


def _classified(item: dict[str, Any], raw: str) -> float | None:
    probabilities = item.get("probs")
    if not isinstance(probabilities, list) or not probabilities:
        return None
    if len(probabilities) > 1:
        raise Unfit(problems.MANY_CLASSES(number=len(probabilities)), 200, raw[:WORDS])
    return float(probabilities[0]) if _number(probabilities[0]) else None


def _number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return not isinstance(value, int) or abs(value) < 2**53
