"""The client of OpenAI-compatible chat endpoints: one request, one answer or one named trouble.

It neither retries nor waits; who sends decides about that. The key goes into one header and comes out
nowhere: it is struck from whatever an endpoint says back before anybody keeps or logs it.
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final, TypeGuard
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from annotation.problems import Failure, Problem
from judges import problems
from judges.prompting.readers import Reply, Token

WORDS: Final = 2_000
"""Characters of an endpoint's own words that are kept with a trouble."""

LONGEST_RAW: Final = 4_000_000
"""Bytes of a reply; an endpoint that sends more has lost its mind."""

SECRET: Final = 6
"""Characters from which on a key is a secret. To strike out shorter ones, such as `none` or `x`, which stand for a key
where a server asks for none, would change what models say, and break replies."""

LONGEST_RETRY_AFTER: Final = 600.0


class Trouble(Failure):
    """No answer came. `problem` is ours, or what the endpoint said in its own words; `status` is HTTP's, if any."""

    def __init__(self, problem: Problem | str, status: int | None = None, raw: str = "") -> None:
        super().__init__(problem)
        self.status = status
        self.raw = raw


class Again(Trouble):
    """It may go well the next time: 429, 5xx, a time-out, a broken reply.

    `retry_after` is in seconds, where the endpoint said; `perhaps_paid` where it may have done the work. `give_up` is
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
    """It will not go well however often it is tried: a wrong key, an unknown model, an empty account.

    `parameter` names the request parameter that the endpoint does not accept, if it says so. `stops` marks what no
    other call can escape either: an empty account, a certificate that cannot be verified.
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
    """This request will not go well however often it is tried; others may: it is too long, or not to be had so."""


class Refused(Trouble):
    """The endpoint would not have this text: its filter of contents said no."""


FILTERED: Final = frozenset({"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"})
"""Codes of OpenAI and Azure."""

EMPTY: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "budget_exceeded"})
"""Codes of an account that has nothing left: no matter of waiting, though it comes as a 429."""

NO_CREDIT: Final = re.compile(
    r"budget has been exceeded|exceeded ?budget|budget exceeded|over budget|credit balance is too low"
    r"|insufficient (?:credits|balance|funds)",
    re.IGNORECASE,
)
"""What gateways say, LiteLLM with a 429 of type `internal_server_error`, where a budget is used up."""

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

TOO_LONG: Final = re.compile(
    r"maximum context length|context (?:length|size|window|limit)|(?:prompt|input) is too long|input token count"
    r"|too many (?:input )?tokens|max_tokens must be at least 1, got -|range of input length"
    r"|`?inputs`? tokens \+ `?max_new_tokens`? must be|reduce the length of the|ContextWindowExceeded",
    re.IGNORECASE,
)
"""vLLM, text-generation-inference and others have no code for what is too long, but these words."""

FLAGGED: Final = re.compile(r"\bflagged\b|\bmoderation\b", re.IGNORECASE)
"""What OpenAI says with `invalid_prompt`, and OpenRouter with a 403, where a filter of contents said no."""

CONTENT_POLICY: Final = re.compile(
    r"content (?:management|filtering|filter|moderation|safety|usage) polic|content[ _-]?filter(?:ed|ing)?\b"
    r"|ContentPolicyViolation|content policy|ResponsibleAI|safety system",
    re.IGNORECASE,
)
"""What gateways pass on without a code of its own: LiteLLM of Azure with `code: "400"`, Anthropic's "Output blocked by
content filtering policy"."""

PARAMETERS: Final = re.compile(
    r"(?<![\w.])(max_completion_tokens|max_tokens|temperature|top_p|reasoning_effort|top_logprobs|logprobs|seed"
    r"|response_format)(?!\w)"
)
"""Names of request parameters that are settings."""

NOT_ACCEPTED: Final = re.compile(
    r"not support|unsupported|unrecognized|unknown|unexpected|not (?:permitted|allowed|accepted|available)|extra "
    r"(?:inputs|fields)|deprecated|only the default|cannot (?:both )?be|cannot find field|drop_params",
    re.IGNORECASE,
)
"""Words of endpoints that do not have a parameter, beside its name."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint counted them; `cached` are among those in, `reasoning` among those out."""

    tokens_in: int = 0
    tokens_out: int = 0
    cached: int = 0
    reasoning: int = 0
    told: bool = False
    """Whether the endpoint said anything about it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered. `seconds` is the time from the send to the last byte."""

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
    kept: bool = False
    """Whether a gateway on the way says that it had the reply in its store."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send, and with which key. `timeout` is in seconds, for the whole of a request."""

    url: str
    key: str
    timeout: float = 120.0
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    """What is struck from replies besides the key."""
    bearer: bool = True
    """Whether the key is sent as Authorization; otherwise it is in one of the `headers`."""

    def __repr__(self) -> str:
        return f"Endpoint({self.url!r})"

    def client(self, connections: int, tls: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
        """A pool of `connections`; whoever opens it closes it."""
        return httpx.AsyncClient(
            verify=tls,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # The total is held by `ask`; a pool that is full is no trouble.
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, 15.0), pool=None),
            headers={"User-Agent": "LLMFAO", "Content-Type": "application/json"} | self._own_headers(),
            # An address that answers with another one would be given the key.
            follow_redirects=False,
            # A proxy is a matter of the operator's environment, as for every other program.
            trust_env=True,
        )

    @contextlib.asynccontextmanager
    async def slots(self, connections: int) -> AsyncIterator[deque[httpx.AsyncClient]]:
        """Yields a client for each of `connections` that may be in use at once; whoever takes one puts it back.

        Each has one connection of its own. httpcore looks through the whole of a pool at every request and at every
        reply, so that even a pool of eight takes as long as sending does.
        """
        tls = httpx.create_ssl_context()
        async with contextlib.AsyncExitStack() as stack:
            slots = deque([await stack.enter_async_context(self.client(1, tls)) for _slot in range(connections)])
            yield slots

    def _own_headers(self) -> dict[str, str]:
        authorization = {"Authorization": f"Bearer {self.key}"} if self.key and self.bearer else {}
        return authorization | dict(self.headers)

    @property
    def _keys(self) -> list[str]:
        """Keys that are to be kept secret, longest first; not words for servers that ask for none."""
        return sorted({key for key in (self.key, *self.secrets) if len(key) >= SECRET}, key=len, reverse=True)

    @property
    def secret(self) -> bool:
        """Whether there is a key that is to be kept secret."""
        return bool(self._keys)

    def strike(self, text: str) -> str:
        """Returns `text` without the keys, as they are and as JSON spells their quotes and backslashes."""
        for key in self._keys:
            text = text.replace(json.dumps(key)[1:-1], "***").replace(key, "***")
        return text


def is_endpoint(url: str) -> bool:
    """Whether `url` can be an endpoint's address: HTTP, with no name, password, query or fragment in it.

    This machine and its network are fine: models run there. Link-local addresses are not: what answers at
    them tells a cloud's machines their own secrets. Where a name leads is seen when it is connected to.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc)
    host = parts.hostname or ""
    return parts.scheme in {"http", "https"} and bool(host) and plain and not tells_secrets(host)


TELLERS: Final = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200")})
"""Where Amazon's machines and Alibaba's are told theirs, besides the link-local address that all clouds have."""


def tells_secrets(host: str) -> bool:
    """Whether `host` is an address in any of its spellings, or a cloud's name for one, that no endpoint may have."""
    try:
        # Of the old spellings too: one number, octal, hexadecimal.
        address: IPv4Address | IPv6Address = IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        try:
            address = ip_address(host)
        except ValueError:
            return host.rstrip(".").lower() == "metadata.google.internal"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_link_local or address in TELLERS


async def _look_where(event: str, info: Mapping[str, Any]) -> None:
    """Ends a new connection to where no endpoint may be, before anything is sent over it.

    httpcore calls it. A name is looked at here, as the address that is really connected to: one that was looked up
    beforehand could lead elsewhere a moment later.

    Raises:
        Permanent: it leads there.
    """
    if not event.endswith(".connect_tcp.complete"):
        return
    stream = info["return_value"]
    address = str(stream.get_extra_info("server_addr")[0])
    if tells_secrets(address):
        await stream.aclose()
        raise Permanent(problems.SECRET_ADDRESS(address=address))


SUFFIX: Final = "/chat/completions"


def base_url(url: str) -> str:
    """Returns the base URL of an endpoint, also from the full address of its chat completions."""
    return url.strip().rstrip("/").removesuffix(SUFFIX).rstrip("/")


def chat_url(base: str) -> str:
    """Returns the URL of chat completions under the base URL of an endpoint."""
    return base.rstrip("/") + SUFFIX


async def ask(client: httpx.AsyncClient, endpoint: Endpoint, body: bytes) -> Answer:
    """Sends one chat request, JSON in UTF-8.

    Raises:
        Again, Permanent, Refused, Unfit: what became of it instead.
    """
    found = await post(client, endpoint, chat_url(endpoint.url), body)
    return read_answer(found.raw, request_id=found.request_id, seconds=found.seconds, kept=found.kept)


@dataclass(frozen=True, slots=True)
class Received:
    """A reply with status 200: its body, and what stood beside it."""

    raw: str
    request_id: str
    seconds: float
    kept: bool


async def post(client: httpx.AsyncClient, endpoint: Endpoint, url: str, body: bytes) -> Received:
    """Sends one request, JSON in UTF-8, to `url`, which is an address of `endpoint`.

    Raises:
        Again, Permanent, Refused, Unfit: what became of it instead.
    """
    started = time.perf_counter()
    try:
        async with (
            asyncio.timeout(endpoint.timeout),
            client.stream("POST", url, content=body, extensions={"trace": _look_where}) as response,
        ):
            content = await _received(response)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        # Not even the connection stood, so nothing was sent that could have been paid for.
        raise _unconnected(endpoint, error) from None
    except (TimeoutError, httpx.TimeoutException):
        raise Again(problems.NO_ANSWER(seconds=f"{endpoint.timeout:g}"), perhaps_paid=True, give_up=0.0) from None
    except httpx.RequestError as error:
        words = endpoint.strike(str(error) or type(error).__name__)[:WORDS]
        raise Again(problems.CONNECTION_BROKE(error=words), perhaps_paid=True) from None
    except httpx.InvalidURL as error:
        raise Permanent(problems.NO_ADDRESS(error=endpoint.strike(str(error))[:WORDS])) from None
    seconds = time.perf_counter() - started
    if response.status_code != 200:
        raise _trouble(endpoint, response, content)
    if len(content) > LONGEST_RAW:
        raise Permanent(problems.TOO_MANY_BYTES(limit=LONGEST_RAW), 200)
    request_id = endpoint.strike(response.headers.get("x-request-id", ""))[:200]
    kept = any(response.headers.get(name, "").upper().startswith("HIT") for name in STORES)
    return Received(_text(endpoint, content), request_id, seconds, kept)


NOT_THERE: Final = 10.0
"""Seconds for which an endpoint is tried that has never let anybody connect: it may be starting."""


def _unconnected(endpoint: Endpoint, error: httpx.RequestError) -> Trouble:
    """Returns what a failed connection means: a certificate, a proxy, or nobody there."""
    words = endpoint.strike(str(error) or type(error).__name__)[:WORDS]
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Permanent(problems.BAD_CERTIFICATE(error=words), stops=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Permanent(problems.NO_TLS(error=words), stops=True)
    if variable := proxy_variable(endpoint.url):
        return Again(problems.NO_PROXY(variable=variable, error=words), give_up=0.0)
    if isinstance(error, httpx.ConnectTimeout):
        return Again(problems.NO_ANSWER(seconds=f"{min(endpoint.timeout, 15.0):g}"), give_up=NOT_THERE)
    return Again(problems.NO_CONNECTION(error=words), give_up=NOT_THERE)


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def proxy_variable(url: str) -> str:
    """Returns the environment variable that sends requests for `url` through a proxy; empty if none does."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    names = (f"{parts.scheme}_proxy", "all_proxy")
    return next((name for lower in names for name in (lower.upper(), lower) if os.environ.get(name)), "")


STORES: Final = ("x-cache", "cf-aig-cache-status", "x-portkey-cache-status", "helicone-cache")
"""Headers in which gateways say HIT where a reply comes out of their store, and no model was asked."""


def _text(endpoint: Endpoint, content: bytes) -> str:
    """A body as it is kept: without the key, even where it is spelled in JSON's escapes, and without NUL."""
    text = endpoint.strike(content.decode("utf-8", "replace")).replace("\0", "\N{REPLACEMENT CHARACTER}")
    if endpoint.secret and ("\\u" in text or "\\/" in text):
        try:
            plain = json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
        if (struck := endpoint.strike(plain)) != plain:
            return _storable(struck)
    return text


async def _received(response: httpx.Response) -> bytes:
    """The reply's body, of which no more is taken than shows that it is longer than `LONGEST_RAW`."""
    if "," in response.headers.get("content-encoding", ""):
        # Each layer may be a thousand times the one around it.
        raise Permanent(problems.PACKED_TWICE(), response.status_code)
    content = bytearray()
    async for part in response.aiter_bytes():
        # A part that was packed may be a thousand times what came over the line.
        content += part[: LONGEST_RAW + 1 - len(content)]
        if len(content) > LONGEST_RAW:
            break
    return bytes(content)


def _trouble(endpoint: Endpoint, response: httpx.Response, content: bytes) -> Trouble:
    line = endpoint.strike(_status_line(response))
    retry_after = _retry_after(response.headers.get("retry-after", ""))
    return trouble_in(_text(endpoint, content), response.status_code, line, retry_after)


def trouble_in(raw: str, status: int, otherwise: str, retry_after: float | None = None) -> Trouble:
    """What the body of a reply that is no answer means; `otherwise` are its words where it has none."""
    told = _told(raw)
    words, raw = told.words or otherwise[:WORDS], raw[:WORDS]
    if trouble := _by_code(told, words, status, raw):
        return trouble
    if status in {408, 409, 425, 429} or status >= 500:
        return Again(words, status, raw, retry_after)
    if status in {400, 413, 422} and (status == 413 or told.of_messages or TOO_LONG.search(words)):
        return Unfit(words, status, raw)
    if status in {400, 422} and (parameter := _parameter_in(told)):
        refusal = problems.SETTING_REFUSED(setting=parameter, advice=problems.ADVICE[parameter](), words=words)
        return Permanent(refusal, status, raw, parameter=parameter)
    return Permanent(words, status, raw, stops=status == 402)


def _parameter_in(told: "_Told") -> str:
    """Returns the request parameter that an error says is not accepted; empty if it names none."""
    if PARAMETERS.fullmatch(told.param):
        return told.param
    # The first one is what is refused: "'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    found = PARAMETERS.search(told.words) if NOT_ACCEPTED.search(told.words) else None
    return found[1] if found else ""


def _status_line(response: httpx.Response) -> str:
    """What is said where a body says nothing; the other address where there is one, which is never asked."""
    line = f"HTTP {response.status_code} {response.reason_phrase}"
    return f"{line}: {response.headers['location']}" if "location" in response.headers else line


def _by_code(told: "_Told", words: str, status: int, raw: str) -> Trouble | None:
    """What the code or the type of an error says by itself, whatever its status."""
    flagged = status in {400, 403} and FLAGGED.search(words)
    if told.names & FILTERED or (flagged and (status == 403 or "invalid_prompt" in told.names)):
        return Refused(words, status, raw)
    if status in {400, 403, 422} and CONTENT_POLICY.search(words):
        return Refused(words, status, raw)
    if told.names & EMPTY or (status in {400, 402, 403, 429} and NO_CREDIT.search(words)):
        return Permanent(words, status, raw, stops=True)
    return Unfit(words, status, raw) if told.names & UNFIT else None


@dataclass(frozen=True, slots=True)
class _Told:
    """What an error's body says: its codes and types by `names`, whether it is about the messages, its words."""

    words: str
    names: frozenset[str] = frozenset()
    of_messages: bool = False
    param: str = ""
    """Name of the request parameter that the error is about."""


def _told(raw: str) -> _Told:
    """The error in a body, in any of the shapes that are about."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return _Told(" ".join(raw.split())[:WORDS])
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return _Told(plain(error))
    inner = error.get("innererror")
    names = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    param = error.get("param")
    param = param if isinstance(param, str) else _located(error.get("detail"))
    return _Told(
        plain(error.get("message") or error.get("detail") or ""),
        frozenset(name for name in names if isinstance(name, str)),
        # "messages", "messages[0].content", "messages.[0].content"; but roles are the same in every request.
        param.split("[")[0].rstrip(".") == "messages" and not param.endswith(".role"),
        param,
    )


def _located(detail: Any) -> str:
    """Returns the parameter that FastAPI's `detail` is about, from its `loc`, such as `["body", "max_tokens"]`."""
    first = detail[0] if isinstance(detail, list) and detail else None
    place = first.get("loc") if isinstance(first, dict) else None
    return place[-1] if isinstance(place, list) and place and isinstance(place[-1], str) else ""


def words_of(raw: str) -> str:
    """The words in an error's body."""
    return _told(raw).words


def plain(value: Any) -> str:
    """`value` on one line, as every database keeps it, and not too long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(_storable(text).split())[:WORDS]


def _storable(text: str) -> str:
    """`text` as every database keeps it."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _retry_after(value: str) -> float | None:
    """Seconds, from a header that holds seconds or a date."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            # Without a zone it is that of the format, which is Greenwich's.
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, min(seconds, LONGEST_RETRY_AFTER)) if seconds == seconds else None


def read_answer(raw: str, *, request_id: str = "", seconds: float = 0.0, kept: bool = False) -> Answer:
    """The answer in a reply's body; also in one from a file of replies.

    Raises:
        Again, Permanent, Refused, Unfit: it is broken, or says that there was an error.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise Again(problems.NOT_JSON(), 200, raw[:WORDS], perhaps_paid=True) from None
    return answer_from(found, raw, request_id=request_id, seconds=seconds, kept=kept)


def answer_from(found: Any, raw: str, *, request_id: str = "", seconds: float = 0.0, kept: bool = False) -> Answer:
    """The same from JSON that has been read already."""
    choice = _first_choice(found)
    if choice is None:
        told = _told(raw)
        if trouble := _by_code(told, told.words, 200, raw[:WORDS]):
            raise trouble
        raise Again(told.words or problems.NO_CHOICE(), 200, raw[:WORDS], perhaps_paid=True)
    message = choice.get("message")
    # The older endpoint of plain completions has the text in the choice itself.
    text = _content(message.get("content") if isinstance(message, dict) else choice.get("text"))
    refusal = message.get("refusal") if isinstance(message, dict) else None
    # A message without a text is an answer: tools were called, or all tokens went into thoughts.
    if text is None and not isinstance(message, dict):
        raise Again(problems.NO_TEXT(), 200, raw[:WORDS], perhaps_paid=True)
    return Answer(
        reply=Reply(_storable(text or ""), _first_tokens(choice)),
        refusal=plain(refusal) if refusal else "",
        finish_reason=plain(choice.get("finish_reason") or "")[:50],
        model=plain(found.get("model") or "")[:200],
        fingerprint=plain(found.get("system_fingerprint") or "")[:200],
        response_id=plain(found.get("id") or "")[:200],
        request_id=request_id,
        usage=usage_of(found.get("usage")),
        raw=raw,
        status=200,
        seconds=seconds,
        kept=kept,
    )


def _first_choice(found: Any) -> Mapping[str, Any] | None:
    choices = found.get("choices") if isinstance(found, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def _content(content: Any) -> str | None:
    """The text of a message, which is a text or a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _first_tokens(choice: Mapping[str, Any]) -> tuple[Token, ...]:
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
    """A finite number; JSON as Python reads it has NaN, and whole numbers that no float holds."""
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > 1e300 or found != found:
        return None
    return float(found)


def usage_of(found: Any) -> Usage:
    """The tokens in a reply's `usage`, of which no number is believed that cannot be one."""
    if not isinstance(found, dict):
        return Usage()
    details_in, details_out = found.get("prompt_tokens_details"), found.get("completion_tokens_details")
    return Usage(
        tokens_in=_count(found, "prompt_tokens"),
        tokens_out=_count(found, "completion_tokens"),
        cached=_count(details_in, "cached_tokens"),
        reasoning=_count(details_out, "reasoning_tokens"),
        told=_counts(found.get("prompt_tokens")),
    )


def _count(found: Any, key: str) -> int:
    value = found.get(key) if isinstance(found, dict) else None
    return value if _counts(value) else 0


def _counts(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
