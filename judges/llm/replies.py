"""Reads the body of a chat completion: its text, how it ended, and the tokens it took.

Pure functions over parsed JSON. Values from outside are never trusted: a field of another type than expected counts as
absent. `judges.llm.errors` turns a body that holds no completion into the trouble it is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeGuard

from judges.prompting.readers import Token


class Ending(StrEnum):
    """How a reply ended: whole, cut off at the token limit, refused, or broken off by an error."""

    WHOLE = "whole"
    CUT = "cut"
    REFUSED = "refused"
    BROKEN = "broken"


_ENDINGS: Final[Mapping[Ending, frozenset[str]]] = {
    Ending.CUT: frozenset(
        {
            "length",
            "max_tokens",
            "max_length",
            "max_output_tokens",
            "max_completion_tokens",
            "max_new_tokens",
            "model_length",
            "model_context_window_exceeded",
            "context_length_exceeded",
            "token_limit",
        }
    ),
    Ending.REFUSED: frozenset(
        {
            "content_filter",
            "content_filtered",
            "refusal",
            "safety",
            "image_safety",
            "recitation",
            "image_recitation",
            "language",
            "blocklist",
            "prohibited_content",
            "image_prohibited_content",
            "spii",
            "model_armor",
            "guardrail_intervened",
            "guardrails",
            "sensitive",
            "moderation",
            "error_toxic",
        }
    ),
    Ending.BROKEN: frozenset(
        {
            "error",
            "abort",
            "aborted",
            "cancel",
            "cancelled",
            "canceled",
            "interrupted",
            "timeout",
            "network_error",
            "server_error",
            "internal_error",
            "insufficient_system_resource",
            "malformed_function_call",
            "malformed_response",
            "unexpected_tool_call",
            "other",
        }
    ),
}
"""Finish reasons by meaning: those of OpenAI, Azure, Gemini, Anthropic, Bedrock, Cohere, Mistral, DeepSeek, Zhipu, vLLM
and SGLang, in lower case with underscores."""


def ending_of(finish_reason: str) -> Ending:
    """Returns what `finish_reason` means; one that is unknown or absent is that of a whole reply."""
    # Also the names of enumerations, and several in one: FinishReason.MAX_TOKENS, "content_filter: SAFETY".
    words = {
        re.sub(r"[\s-]+", "_", word.strip().lower()).removeprefix("finish_reason_")
        for word in re.split(r"[.:,;/]", finish_reason)
    }
    return next((ending for ending, names in _ENDINGS.items() if words & names), Ending.WHOLE)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; `cached` are among those in, `reasoning` among those out.

    Attributes:
        told: whether the counts can be believed: a reply with text takes at least one token in and one out.
        dollars: the endpoint's own `usage.cost`, whatever its currency; None if it gives none.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    reasoning: int = 0
    told: bool = False
    dollars: float | None = None


def usage_of(found: Any, *, text: bool = True) -> Usage:
    """Returns the tokens in a reply's `usage`; `text` says whether the reply has any output."""
    if not isinstance(found, dict):
        return Usage()
    tokens_in, tokens_out = _count(found, "prompt_tokens"), _count(found, "completion_tokens")
    # DeepSeek counts the cached ones beside the others.
    cached = _count(found.get("prompt_tokens_details"), "cached_tokens") or _count(found, "prompt_cache_hit_tokens")
    return Usage(
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cached=min(cached, tokens_in),
        reasoning=_count(found.get("completion_tokens_details"), "reasoning_tokens"),
        told=tokens_in > 0 and (tokens_out > 0 or not text),
        dollars=_cost(found),
    )


def _count(found: Any, key: str) -> int:
    value = found.get(key) if isinstance(found, dict) else None
    return int(value) if _is_count(value) else 0


def _is_count(value: Any) -> TypeGuard[int | float]:
    """Whether `value` is a whole number that can be one of tokens; some servers write 100.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < 2**31 and value == int(value)


def _cost(usage: Mapping[str, Any]) -> float | None:
    """Returns `usage.cost`; with a key of one's own, OpenRouter gives the provider's part beside it."""
    details = usage.get("cost_details")
    upstream = details.get("upstream_inference_cost") if usage.get("is_byok") and isinstance(details, dict) else None
    cost = _amount(usage.get("cost"))
    return None if cost is None else cost + (_amount(upstream) or 0.0)


def _amount(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
        return None
    return float(value)


def parse(raw: str) -> Any:
    """Returns the JSON in a body, with or without a byte-order mark.

    Raises:
        ValueError, RecursionError: it is not JSON.
    """
    return json.loads(raw.removeprefix("\ufeff"))


def storable(text: str) -> str:
    """Returns `text` without characters that a database refuses."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def plain(value: Any, limit: int) -> str:
    """Returns `value` on one line of at most `limit` characters, all of which a database stores."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(storable(text).split())[:limit]


_STREAM: Final = re.compile(r"\ufeff?\s*(?::|(?:data|event|id|retry):)|[^\n]*\"chat\.completion\.chunk\"")


def is_stream(raw: str) -> bool:
    """Returns whether a body is a stream of events or chunks, although none was asked for."""
    return _STREAM.match(raw) is not None


def choice_of(found: Any) -> Mapping[str, Any] | None:
    """Returns the first choice of a completion: empty if there is none, None if the body is no completion."""
    choices = found.get("choices") if isinstance(found, dict) else None
    if choices is None and _is_completion(found):
        # Gemini's OpenAI endpoint leaves the list out, or null, if it blocked the reply.
        return {}
    if not isinstance(choices, list):
        return None
    if not choices:
        return {}
    return choices[0] if isinstance(choices[0], dict) else None


def _is_completion(found: Any) -> bool:
    """Returns whether a body without choices is a whole completion: it says so, and counts the tokens it read."""
    return (
        isinstance(found, dict)
        and found.get("object") == "chat.completion"
        and not found.get("error")
        and _count(found.get("usage"), "prompt_tokens") > 0
    )


def text_in(choice: Mapping[str, Any]) -> str | None:
    """Returns the text of a choice; None if it has no message and no text."""
    message = choice.get("message")
    if isinstance(message, dict):
        # Tools were called, or every token went into thoughts: such a message has no text, and is a reply.
        return _content(message.get("content")) or ""
    # The older endpoint of plain completions has the text in the choice itself.
    return _content(choice.get("text"))


def is_well_formed(choice: Mapping[str, Any]) -> bool:
    """Returns whether a choice without text is a reply that has none, rather than a broken one."""
    return choice.get("message") is None and choice.get("text") is None


def has_thoughts(choice: Mapping[str, Any]) -> bool:
    """Returns whether the message has output other than its text, such as reasoning or a tool call."""
    message = choice.get("message")
    names = ("reasoning_content", "reasoning", "tool_calls", "function_call", "refusal")
    return isinstance(message, dict) and any(message.get(name) for name in names)


def _content(content: Any) -> str | None:
    """Returns the text of a message, which is a string or a list of parts; those that are thoughts are left out."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and not is_thought(part)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


THOUGHTS: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "reasoning_content", "reasoning_text"})
"""Types of the parts of a message that are thoughts, of Mistral, Anthropic, Databricks and others."""


def is_thought(part: Mapping[str, Any]) -> bool:
    """Returns whether a part of a message is a thought, whatever holds its text."""
    kind = part.get("type")
    return isinstance(kind, str) and kind in THOUGHTS


def first_tokens(choice: Mapping[str, Any]) -> tuple[Token, ...]:
    """Returns the likeliest first tokens, if the endpoint gives log-probabilities."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    listed = first.get("top_logprobs") if isinstance(first, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(
        Token(item["token"], number)
        for item in listed
        if isinstance(item, dict)
        and isinstance(item.get("token"), str)
        and (number := _logprob(item.get("logprob"))) is not None
    )


def _logprob(found: Any) -> float | None:
    """Returns a finite number; JSON as Python reads it has NaN, and whole numbers that no float holds."""
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > 1e300 or found != found:
        return None
    return float(found)


_STATUS_BY_NAME: Final[Mapping[str, int]] = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "unauthorized": 401,
    "unauthenticated": 401,
    "permission_denied": 403,
    "permission_error": 403,
    "forbidden": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "not_found": 404,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "bad_request": 400,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limit_reached": 429,
    "resource_exhausted": 429,
    "too_many_requests": 429,
    "server_error": 500,
    "api_error": 500,
    "internal_server_error": 500,
    "internal_error": 500,
    "internal": 500,
    "overloaded_error": 503,
    "unavailable": 503,
    "service_unavailable": 503,
    "timeout_error": 504,
    "deadline_exceeded": 504,
}
"""HTTP status by the names that OpenAI, Anthropic and Google give errors."""


def status_in(found: Any) -> int | None:
    """Returns the HTTP status that the error in a body of status 200 stands for; None if it has no known code."""
    error = error_in(found)
    if error is None:
        return None
    values = [error.get(name) for name in ("code", "status_code", "status", "type")]
    values += [found.get(name) for name in ("code", "status_code")] if isinstance(found, dict) else []
    for value in values:
        if isinstance(value, str) and value.isdecimal() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
            return value
    named = (_STATUS_BY_NAME.get(value.lower()) for value in values if isinstance(value, str))
    return next((status for status in named if status is not None), None)


def error_in(found: Any) -> Mapping[str, Any] | None:
    """Returns the error in a body, in any of its shapes; None if it has none.

    Gemini puts the object into a list, OpenRouter into the choice, vLLM and others into the body itself.
    """
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        return None
    choice = choice_of(found)
    error = found.get("error") or (choice or {}).get("error")
    if error:
        return error if isinstance(error, dict) else {"message": error}
    return found if choice is None else None
