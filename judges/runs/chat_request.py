"""A chat request: its body, and the most it can cost."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from judges.models.work import Access, TokenLimit

MESSAGE_TOKENS: Final = 16
"""Upper limit for the tokens that any chat format adds around a message."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is ready to send.

    `tokens` are those it is likely to use with the longest reply. `bound` is the most it can cost, in nanos, because
    a token is at least one byte. `limit` is the name of the parameter that holds the token limit, if it has one. For
    questions to a judge, `part` says which templates they were made from, and `cut` whether an answer was shortened.
    """

    body: bytes
    tokens_in: int
    tokens: int
    bound: int
    part: int = 0
    cut: bool = False
    limit: str = ""


def request(
    access: Access, model: str, messages: Sequence[Any], *, temperature: float | None, sample: int = 0
) -> dict[str, Any]:
    """Returns the body of a chat request, with only those settings that have a value."""
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    if temperature is not None:
        body["temperature"] = temperature
    if access.top_p is not None:
        body["top_p"] = access.top_p
    body[access.limit_name] = access.max_tokens
    if access.reasoning_effort:
        body["reasoning_effort"] = access.reasoning_effort
    if access.seed is not None:
        body["seed"] = access.seed + sample
    body.update(access.extra_body)
    return body


def likely_tokens(texts: Iterable[str]) -> int:
    """Estimates the tokens of `texts`: one for four ASCII characters, one for each other character."""
    total = 0.0
    for text in texts:
        plain = len(text.encode("ascii", "ignore"))
        total += plain / 4 + (len(text) - plain)
    return math.ceil(total)


def tokens_in(texts: Sequence[str]) -> tuple[int, int]:
    """Returns the likely number of tokens of messages with these texts, and the most there can be."""
    likely = likely_tokens(texts) + MESSAGE_TOKENS * len(texts)
    return likely, sum(len(text.encode("utf-8", "replace")) for text in texts) + MESSAGE_TOKENS * (len(texts) + 1)


def in_bytes(body: Mapping[str, Any]) -> bytes:
    """Returns a request's body as it is sent."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def question(access: Access, body: Mapping[str, Any], *, part: int = 0, cut: bool = False) -> Question:
    """Returns the request with this `body`, in bytes, and its price."""
    texts = [message["content"] for message in body["messages"]]
    if access.extra_body:
        # Tools and other fields may be read as input, at most byte for byte.
        texts.append(json.dumps(access.extra_body, ensure_ascii=False))
    likely, most = tokens_in(texts)
    return Question(
        body=in_bytes(body),
        tokens_in=likely,
        tokens=likely + access.max_tokens,
        bound=access.most(most, access.max_tokens),
        part=part,
        cut=cut,
        limit=access.limit_name,
    )


def with_limit_named(asked: Question, name: str) -> Question:
    """Returns `asked` with its token limit under `name`; nothing else changes."""
    if asked.limit in {"", name}:
        return asked
    body = {name if key == asked.limit else key: value for key, value in json.loads(asked.body).items()}
    return replace(asked, body=in_bytes(body), limit=name)


def other_limit(asked: Question, refused: str) -> str:
    """Returns the other name of the token limit if `refused` is the one that `asked` uses; else nothing."""
    if not asked.limit or refused != asked.limit:
        return ""
    return next(name for name in TokenLimit.values if name != refused)
