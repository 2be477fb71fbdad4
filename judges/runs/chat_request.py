"""A chat request: what is sent, and what it can cost at the most."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from judges.models.work import Access

MESSAGE_TOKENS: Final = 16
"""What a message's own frame takes at the most, in any chat format that is about."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request, ready to be sent. `tokens` are what it is likely to take with the longest reply, `bound` is
    the most it can cost, in nanos: a token is at least one byte.

    `part` and `cut` say of a judge's question which templates it was made of, and whether an answer was
    shortened.
    """

    body: bytes
    tokens_in: int
    tokens: int
    bound: int
    part: int = 0
    cut: bool = False


def request(
    access: Access, model: str, messages: Sequence[Any], *, temperature: float | None, sample: int = 0
) -> dict[str, Any]:
    """The body of a chat request, with only what is set."""
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    if temperature is not None:
        body["temperature"] = temperature
    if access.top_p is not None:
        body["top_p"] = access.top_p
    # Models that think take the newer name only, and count their thoughts in it.
    body["max_completion_tokens" if access.reasoning_effort else "max_tokens"] = access.max_tokens
    if access.reasoning_effort:
        body["reasoning_effort"] = access.reasoning_effort
    if access.seed is not None:
        body["seed"] = access.seed + sample
    return body


def likely_tokens(texts: Iterable[str]) -> int:
    """About how many tokens `texts` have: four ASCII characters each, one for any other character."""
    total = 0.0
    for text in texts:
        plain = len(text.encode("ascii", "ignore"))
        total += plain / 4 + (len(text) - plain)
    return math.ceil(total)


def tokens_in(texts: Sequence[str]) -> tuple[int, int]:
    """How many tokens messages with these texts are likely to take, and how many at the most."""
    likely = likely_tokens(texts) + MESSAGE_TOKENS * len(texts)
    return likely, sum(len(text.encode("utf-8", "replace")) for text in texts) + MESSAGE_TOKENS * (len(texts) + 1)


def in_bytes(body: Mapping[str, Any]) -> bytes:
    """A request's body as it is sent."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def question(access: Access, body: Mapping[str, Any], *, part: int = 0, cut: bool = False) -> Question:
    """The request with this `body`, in bytes, and its price."""
    likely, most = tokens_in([message["content"] for message in body["messages"]])
    return Question(
        body=in_bytes(body),
        tokens_in=likely,
        tokens=likely + access.max_tokens,
        bound=access.most(most, access.max_tokens),
        part=part,
        cut=cut,
    )
