"""The ways in which a request to an endpoint can fail, and which of them an error in a reply means.

The codes, types and words are those of OpenAI, Azure, Anthropic, Google and the common servers and gateways.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from annotation.problems import Failure, Problem
from judges import problems
from judges.llm import replies
from judges.llm.replies import plain

WORDS: Final = 2_000
"""Maximum characters of an endpoint's own words that are kept with a trouble."""


LONGEST_RETRY_AFTER: Final = 600.0
"""Maximum seconds that an endpoint can ask to wait; longer ones count as this."""


class Trouble(Failure):
    """There is no answer. `problem` is ours or the endpoint's own words; `status` is the HTTP status, if any."""

    def __init__(self, problem: Problem | str, status: int | None = None, raw: str = "") -> None:
        super().__init__(problem)
        self.status = status
        self.raw = raw


class Again(Trouble):
    """It may work the next time: 429, 5xx, a time-out, a broken reply.

    `retry_after` is in seconds, if the endpoint says; `perhaps_paid` marks that it may have done the work. `give_up` is
    the number of seconds after which a sender that has never had a reply stops trying; None if trying helps.
    """

    def __init__(
        self,
        problem: Problem | str,
        status: int | None = None,
        raw: str = "",
        retry_after: float | None = None,
        *,
        perhaps_paid: bool = False,
        give_up: float | None = None,
    ) -> None:
        super().__init__(problem, status, raw)
        self.retry_after = retry_after
        self.perhaps_paid = perhaps_paid
        self.give_up = give_up


class Permanent(Trouble):
    """It never works, however often it is tried: a wrong key, an unknown model, an empty account.

    `parameter` names the request parameter that the endpoint does not know, if it says so. `stops` marks errors that
    every other call would meet too: an empty account, a certificate that cannot be verified.
    """

    def __init__(
        self,
        problem: Problem | str,
        status: int | None = None,
        raw: str = "",
        *,
        parameter: str = "",
        stops: bool = False,
    ) -> None:
        super().__init__(problem, status, raw)
        self.parameter = parameter
        self.stops = stops


class Unfit(Trouble):
    """This request will never succeed, but others may: it is too long, or the endpoint cannot do what it asks."""


class Refused(Trouble):
    """The endpoint's content filter refused this text."""


FILTERED: Final = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
"""Codes of OpenAI and Azure."""

EMPTY: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "budget_exceeded"})
"""Codes of an account without credit. Waiting does not help, although the status is 429."""

NO_CREDIT: Final = re.compile(
    r"budget has been exceeded|exceeded ?budget|budget exceeded|over budget|credit balance is too low"
    r"|insufficient (?:credits|balance|funds)",
    re.IGNORECASE,
)
"""What gateways say when a budget is used up; LiteLLM with a 429 of type `internal_server_error`."""

UNFIT: Final = frozenset(
    {
        "context_length_exceeded",
        "string_above_max_length",
        "invalid_prompt",
        "exceed_context_size_error",
        "json_validate_failed",
    }
)
"""Codes and types that are about one request alone, of OpenAI, llama.cpp and Groq."""

NEVER: Final = frozenset({501, 505})
"""Statuses from 500 on that are no passing trouble: the server cannot do this at all."""

UNKNOWN: Final = frozenset({"unsupported_parameter", "unknown_parameter"})
"""Codes of parameters that an endpoint does not know, of OpenAI."""

TOO_LONG: Final = re.compile(
    r"maximum context length|context (?:length|size|window|limit)|(?:prompt|input) is too long|input token count"
    r"|too many (?:input )?tokens|max_tokens must be at least 1, got -|range of input length"
    r"|`?inputs`? tokens \+ `?max_new_tokens`? must be|reduce the length of the|ContextWindowExceeded",
    re.IGNORECASE,
)
"""What vLLM, text-generation-inference and others, which have no code for it, say of a text that is too long."""

FLAGGED: Final = re.compile(r"\bflagged\b|\bmoderation\b", re.IGNORECASE)
"""What OpenAI says with `invalid_prompt`, and OpenRouter with a 403, when a content filter refused."""

CONTENT_POLICY: Final = re.compile(
    r"content (?:management|filtering|filter|moderation|safety|usage) polic|content[ _-]?filter(?:ed|ing)?\b"
    r"|ContentPolicyViolation|content policy|ResponsibleAI|safety system",
    re.IGNORECASE,
)
"""What gateways pass on of a content filter without its code: LiteLLM of Azure with `code: "400"`, Anthropic's "Output
blocked by content filtering policy"."""

PARAMETERS: Final = re.compile(rf"(?<![\w.])({'|'.join(problems.ADVICE)})(?!\w)")
"""Names of request parameters that are settings."""

NOT_ACCEPTED: Final = re.compile(
    r"not support|unsupported|unrecognized|unknown|unexpected|not (?:permitted|allowed|accepted|available)|extra "
    r"(?:inputs|fields)|deprecated|only the default|cannot (?:both )?be|cannot find field|drop_params"
    r"|not an? (?:permitted|known|supported|allowed)|invalid (?:request )?(?:parameter|argument|field|key|property)"
    r"|not an? valid (?:parameter|argument|field|key|property)|no longer|(?:use|try) [`'\"]?max_(?:completion_)?tokens",
    re.IGNORECASE,
)
"""What endpoints that do not accept a parameter say beside its name."""

ITS_VALUE: Final = re.compile(
    r"\btoo (?:large|big|high|long|small|low)|at (?:most|least)|(?:less|greater|larger|smaller|more) than|exceed"
    r"|\brange\b|\bm(?:ax|in)imum\b|must be (?:an? )?(?:positive|integer|number|between)|[<>]=? ?[0-9]",
    re.IGNORECASE,
)
"""What endpoints that know a parameter say of its value. The limit under its other name may be ignored, and then no
reply has one."""


def trouble_in(raw: str, status: int, otherwise: str, retry_after: float | None = None) -> Trouble:
    """Returns the trouble that a reply's body stands for; `otherwise` is its text if the body has none."""
    error = _error_in(raw)
    words, raw = error.words or otherwise[:WORDS], raw[:WORDS]
    if trouble := _by_code(error, words, status, raw):
        return trouble
    if status in {408, 409, 425, 429} or (status >= 500 and status not in NEVER):
        return Again(words, status, raw, error.retry_after if retry_after is None else retry_after)
    if status in {400, 413, 422} and (status == 413 or error.of_messages or TOO_LONG.search(words)):
        return Unfit(words, status, raw)
    if status in {400, 422} and (parameter := _parameter_in(error)):
        refusal = problems.SETTING_REFUSED(setting=parameter, advice=problems.ADVICE[parameter](), words=words)
        known = ITS_VALUE.search(words) and not (NOT_ACCEPTED.search(words) or error.names & UNKNOWN)
        return Permanent(refusal, status, raw, parameter="" if known else parameter)
    return Permanent(words, status, raw, stops=status == 402)


def _parameter_in(error: "_Error") -> str:
    """Returns the request parameter that an error says is not accepted; empty if it names none."""
    if PARAMETERS.fullmatch(error.param):
        return error.param
    # The first one is what is refused: "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    found = PARAMETERS.search(error.words) if NOT_ACCEPTED.search(error.words) else None
    return found[1] if found else ""


def _by_code(error: "_Error", words: str, status: int, raw: str) -> Trouble | None:
    """Returns what an error's code or type means by itself, whatever its status; None if nothing."""
    flagged = status in {400, 403} and FLAGGED.search(words)
    if error.names & FILTERED or (flagged and (status == 403 or "invalid_prompt" in error.names)):
        return Refused(words, status, raw)
    if status in {400, 403, 422} and CONTENT_POLICY.search(words):
        return Refused(words, status, raw)
    if error.names & EMPTY or (status in {400, 402, 403, 429} and NO_CREDIT.search(words)):
        return Permanent(words, status, raw, stops=True)
    return Unfit(words, status, raw) if error.names & UNFIT else None


@dataclass(frozen=True, slots=True)
class _Error:
    """What an error's body says: its words, its codes and types, and whether it is about the messages."""

    words: str
    names: frozenset[str] = frozenset()
    of_messages: bool = False
    param: str = ""
    """Name of the request parameter that the error is about."""
    retry_after: float | None = None
    """Seconds after which to try again, if the body says so."""


def _error_in(raw: str) -> _Error:
    """Returns the error in a body, in any of the known shapes."""
    try:
        found = replies.parse(raw)
    except (ValueError, RecursionError):
        return _Error(_words_of_page(raw) if _PAGE.match(raw) else plain(raw, WORDS))
    described = replies.error_in(found)
    if described is None:
        return _Error(plain(found, WORDS))
    inner = described.get("innererror")
    names = [described.get("code"), described.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    param = described.get("param")
    param = param if isinstance(param, str) else _parameter_located(described.get("detail"))
    return _Error(
        plain(described.get("message") or described.get("detail") or "", WORDS),
        frozenset(name for name in names if isinstance(name, str)),
        # "messages", "messages[0].content", "messages.[0].content"; but roles are the same in every request.
        param.split("[")[0].rstrip(".") == "messages" and not param.endswith(".role"),
        param,
        _retry_delay(described.get("details")),
    )


_PAGE: Final = re.compile(r"\s*<(?:!doctype\s+html|html|head|body|h1)\b", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"<(style|script)\b.*?</\1\s*>|<!--.*?-->|<[^<>]*>", re.IGNORECASE | re.DOTALL)


def _words_of_page(raw: str) -> str:
    """Returns the text of a web page, which proxies in front of an endpoint send: `502 Bad Gateway nginx`.

    Character references stay as they are: a key that was spelled by them was not struck.
    """
    return plain(_UNSEEN.sub(" ", raw[:LONGEST_PAGE]), WORDS)


LONGEST_PAGE: Final = 20_000
"""Characters of a web page whose text is read."""


def _retry_delay(details: Any) -> float | None:
    """Returns the seconds in Google's `details`, which have a `retryDelay` such as `34.5s`; None without one."""
    delays = [each.get("retryDelay") for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    found = (_SECONDS.fullmatch(delay) for delay in delays if isinstance(delay, str))
    return next((min(float(seconds[1]), LONGEST_RETRY_AFTER) for seconds in found if seconds), None)


_SECONDS: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def _parameter_located(detail: Any) -> str:
    """Returns the parameter that FastAPI's `detail` is about, from its `loc`, such as `["body", "max_tokens"]`."""
    first = detail[0] if isinstance(detail, list) and detail else None
    place = first.get("loc") if isinstance(first, dict) else None
    return place[-1] if isinstance(place, list) and place and isinstance(place[-1], str) else ""


def words_of(raw: str) -> str:
    """Returns the words in an error's body."""
    return _error_in(raw).words


def trouble_inside(found: Any, raw: str) -> Trouble:
    """Returns the trouble that a body of status 200 reports, by the code in it."""
    error = _error_in(raw)
    if (status := replies.status_in(found)) is not None:
        return trouble_in(raw, status, error.words or str(problems.NO_CHOICE()))
    if trouble := _by_code(error, error.words, 200, raw[:WORDS]):
        return trouble
    return Again(error.words or problems.NO_CHOICE(), 200, raw[:WORDS], perhaps_paid=True)
