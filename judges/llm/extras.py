"""Additional request fields and headers of an endpoint: which are allowed, and which values are secrets."""

import json
import re
from typing import Any, Final

from annotation.problems import NO_PROBLEM, Problem
from judges import problems
from judges.llm.api_keys import is_source

KEY: Final = "{key}"
"""Stands for the endpoint's API key in the value of a header."""

LONGEST: Final = 10_000
"""Characters of all additional fields as JSON."""

OWN_FIELDS: Final = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "n", "best_of"),
        *("max_tokens", "max_completion_tokens", "temperature", "top_p", "reasoning_effort", "seed"),
        *("logprobs", "top_logprobs", "response_format", "input"),
    }
)
"""Request fields that decide what is asked, what it can cost, or that are settings."""

OWN_HEADERS: Final = re.compile(
    r"host|authorization|proxy-.*|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|cookie"
    r"|accept-encoding",
    re.IGNORECASE,
)

HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
SECRET_NAME: Final = re.compile(r"key|token|secret|auth|passw|credential|signature", re.IGNORECASE)


def body_problem(found: Any) -> Problem:
    """Returns what is wrong with additional request fields; no problem if nothing is."""
    try:
        text = json.dumps(found, allow_nan=False, ensure_ascii=False) if isinstance(found, dict) else ""
        # No database stores NUL or half a surrogate pair.
        size = len(text.encode()) if text and "\\u0000" not in text else LONGEST + 1
    except (ValueError, RecursionError):
        size = LONGEST + 1
    if size > LONGEST:
        return problems.BODY_NOT_OBJECT(limit=LONGEST)
    own = sorted(name for name in found if name.strip().lower() in OWN_FIELDS)
    return problems.BODY_FIELD_REFUSED(name=own[0]) if own else NO_PROBLEM


def headers_problem(found: Any) -> Problem:
    """Returns what is wrong with additional headers; no problem if nothing is."""
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        return problems.HEADERS_NOT_TEXTS()
    for name, value in found.items():
        if not HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable() and len(value) <= LONGEST):
            return problems.ODD_HEADER(name=name[:100])
        if OWN_HEADERS.fullmatch(name):
            return problems.HEADER_REFUSED(name=name)
        named = bool(value) and is_source(value)
        if SECRET_NAME.search(name) and not (named or KEY in value):
            return problems.SECRET_HEADER(name=name)
    return NO_PROBLEM
