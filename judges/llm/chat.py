"""Client of OpenAI-compatible chat endpoints: sends one request and returns one answer or raises one named trouble.

It neither retries nor waits; the sender decides about that. The key goes into one header and nowhere else: it is struck
from everything an endpoint returns before it is stored or logged.
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
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from annotation.problems import Failure, Problem
from judges import problems
from judges.llm import replies
from judges.llm.replies import Ending, Usage, ending_of
from judges.prompting.readers import Reply

WORDS: Final = 2_000
"""Maximum characters of an endpoint's own words that are kept with a trouble."""

LONGEST_RAW: Final = 4_000_000
"""Maximum bytes of a reply. No chat completion is as long."""

SECRET: Final = 6
"""Minimum characters of a secret key. Shorter ones, such as `none` or `x`, are placeholders for servers that need no
key; striking them from replies would change what models say."""

LONGEST_RETRY_AFTER: Final = 600.0


class Trouble(Failure):
    """There is no answer. `problem` is ours or the endpoint's own words; `status` is the HTTP status, if any."""

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
    """This request will never succeed, but others may: it is too long, or the endpoint cannot do what it asks."""


class Refused(Trouble):
    """The endpoint's content filter refused this text."""


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
    kept: bool = False
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send, and with which key. `timeout` is in seconds, for the whole request."""

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
        """Returns a pool of `connections`; the caller closes it."""
        return httpx.AsyncClient(
            verify=tls,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            # `post` enforces the total; waiting for a full pool is no error.
            timeout=httpx.Timeout(self.timeout, connect=min(self.timeout, 15.0), pool=None),
            headers={"User-Agent": "LLMFAO", "Content-Type": "application/json"} | self._own_headers(),
            # Following a redirect would give the key to another address.
            follow_redirects=False,
            # As for other programs, the operator's environment decides about a proxy.
            trust_env=True,
        )

    @contextlib.asynccontextmanager
    async def slots(self, connections: int) -> AsyncIterator[deque[httpx.AsyncClient]]:
        """Yields one client per concurrent request; whoever takes one puts it back.

        Each has one connection of its own. httpcore searches the whole pool for every request and every reply, so even
        a pool of eight takes as long as sending does.
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
        """Whether there is a key to keep secret, rather than a placeholder for servers that need none."""
        return bool(self._keys)

    def strike(self, text: str) -> str:
        """Returns `text` without the keys, in plain form and with quotes and backslashes escaped as in JSON."""
        for key in self._keys:
            text = text.replace(json.dumps(key)[1:-1], "***").replace(key, "***")
        return text


def is_endpoint(url: str) -> bool:
    """Returns whether `url` can be an endpoint's address: HTTP, without username, password, query or fragment.

    Addresses of this machine and its network are allowed, because models run there. Link-local addresses are not: cloud
    providers serve credentials there. Where a host name leads is checked on connection.
    """
    # The parser drops line ends and tabs without a word, so the address stored would not be the one that was checked.
    if not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment or "@" in parts.netloc)
    host = parts.hostname or ""
    return parts.scheme in {"http", "https"} and bool(host) and plain and not tells_secrets(host)


TELLERS: Final = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200")})
"""Addresses at which Amazon and Alibaba serve credentials, besides the link-local one that all clouds have."""


def tells_secrets(host: str) -> bool:
    """Returns whether `host` is an address, in any spelling, at which clouds serve credentials, or a name for one."""
    try:
        # Includes the old spellings: a single number, octal, hexadecimal.
        address: IPv4Address | IPv6Address = IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        try:
            address = ip_address(host)
        except ValueError:
            return host.rstrip(".").lower() == "metadata.google.internal"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_link_local or address in TELLERS


async def _look_where(event: str, info: Mapping[str, Any]) -> None:
    """Closes a new connection to a forbidden address before anything is sent over it.

    Called by httpcore. It checks the address that is really connected to, because a name that was resolved earlier
    could lead elsewhere a moment later.

    Raises:
        Permanent: the address is forbidden.
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
    """Sends one chat request, as JSON in UTF-8, and returns the answer.

    Raises:
        Again, Permanent, Refused, Unfit: there is no answer.
    """
    found = await post(client, endpoint, chat_url(endpoint.url), body)
    return read_answer(found.raw, request_id=found.request_id, seconds=found.seconds, kept=found.kept)


@dataclass(frozen=True, slots=True)
class Received:
    """A reply with status 200: its body and what its headers said."""

    raw: str
    request_id: str
    seconds: float
    kept: bool


async def post(client: httpx.AsyncClient, endpoint: Endpoint, url: str, body: bytes) -> Received:
    """Sends one request, as JSON in UTF-8, to `url`, an address of `endpoint`.

    Raises:
        Again, Permanent, Refused, Unfit: there is no reply of status 200.
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
"""Headers in which gateways say HIT if the reply came from their cache and no model was asked."""


def _text(endpoint: Endpoint, content: bytes) -> str:
    """Returns a body as it is stored: without byte-order mark, NUL and key, even if JSON escapes hide the key."""
    text = endpoint.strike(content.decode("utf-8-sig", "replace")).replace("\0", "\N{REPLACEMENT CHARACTER}")
    if endpoint.secret and ("\\u" in text or "\\/" in text):
        try:
            plain = json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            plain = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
        if (struck := endpoint.strike(plain)) != plain:
            return _storable(struck)
    return text


async def _received(response: httpx.Response) -> bytes:
    """Reads the reply's body, stopping once it is longer than `LONGEST_RAW`."""
    if "," in response.headers.get("content-encoding", ""):
        # Each layer may unpack to a thousand times the size of the one around it.
        raise Permanent(problems.PACKED_TWICE(), response.status_code)
    content = bytearray()
    async for part in response.aiter_bytes():
        # A compressed part may unpack to a thousand times its size.
        content += part[: LONGEST_RAW + 1 - len(content)]
        if len(content) > LONGEST_RAW:
            break
    return bytes(content)


def _trouble(endpoint: Endpoint, response: httpx.Response, content: bytes) -> Trouble:
    line = endpoint.strike(_status_line(response))
    retry_after = _retry_after(response.headers.get("retry-after", ""))
    return trouble_in(_text(endpoint, content), response.status_code, line, retry_after)


def trouble_in(raw: str, status: int, otherwise: str, retry_after: float | None = None) -> Trouble:
    """Returns the trouble that a reply's body stands for; `otherwise` is its text if the body has none."""
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
    """Returns the text for a body without words: the status, and the target of a redirect, which is not followed."""
    line = f"HTTP {response.status_code} {response.reason_phrase}"
    return f"{line}: {response.headers['location']}" if "location" in response.headers else line


def _by_code(told: "_Told", words: str, status: int, raw: str) -> Trouble | None:
    """Returns what an error's code or type means by itself, whatever its status; None if nothing."""
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
    """What an error's body says: its words, its codes and types, and whether it is about the messages."""

    words: str
    names: frozenset[str] = frozenset()
    of_messages: bool = False
    param: str = ""
    """Name of the request parameter that the error is about."""


def _told(raw: str) -> _Told:
    """Returns the error in a body, in any of the known shapes."""
    try:
        found = replies.parse(raw)
    except (ValueError, RecursionError):
        return _Told(" ".join(raw.split())[:WORDS])
    error = replies.error_in(found)
    if error is None:
        return _Told(plain(found))
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
    """Returns the words in an error's body."""
    return _told(raw).words


def plain(value: Any) -> str:
    """Returns `value` on one line, shortened, and free of characters that a database refuses."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return " ".join(_storable(text).split())[:WORDS]


def _storable(text: str) -> str:
    """Returns `text` without characters that a database refuses."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _retry_after(value: str) -> float | None:
    """Returns the seconds in a Retry-After header, which has seconds or a date; None if it cannot be read."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
            # The format's time zone is GMT, even if the date does not say so.
            seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, min(seconds, LONGEST_RETRY_AFTER)) if seconds == seconds else None


def read_answer(raw: str, *, request_id: str = "", seconds: float = 0.0, kept: bool = False) -> Answer:
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
    return answer_from(found, raw, request_id=request_id, seconds=seconds, kept=kept)


def answer_from(found: Any, raw: str, *, request_id: str = "", seconds: float = 0.0, kept: bool = False) -> Answer:
    """Returns the answer in parsed JSON; see `read_answer`."""
    if replies.error_in(found) is not None:
        raise _trouble_inside(found, raw)
    choice = replies.choice_of(found)
    if choice is None:
        raise Again(problems.NO_CHOICE(), 200, raw[:WORDS], perhaps_paid=True)
    if "delta" in choice and "message" not in choice:
        raise Permanent(problems.STREAM(), 200, raw[:WORDS], stops=True)
    finish_reason = plain(choice.get("finish_reason") or "")[:50]
    if ending_of(finish_reason) is Ending.BROKEN:
        raise Again(problems.BROKE_OFF(reason=finish_reason), 200, raw[:WORDS], perhaps_paid=True)
    text, message = replies.text_in(choice), choice.get("message")
    if text is None and not replies.is_well_formed(choice):
        raise Again(problems.NO_TEXT(), 200, raw[:WORDS], perhaps_paid=True)
    refusal = message.get("refusal") if isinstance(message, dict) else None
    return Answer(
        reply=Reply(_storable(text or ""), replies.first_tokens(choice)),
        refusal=plain(refusal) if refusal else "",
        finish_reason=finish_reason,
        model=plain(found.get("model") or "")[:200],
        fingerprint=plain(found.get("system_fingerprint") or "")[:200],
        response_id=plain(found.get("id") or "")[:200],
        request_id=request_id,
        usage=replies.usage_of(found.get("usage"), text=bool(text) or replies.has_thoughts(choice)),
        raw=raw,
        status=200,
        seconds=seconds,
        kept=kept,
        empty=text is None,
    )


def _trouble_inside(found: Any, raw: str) -> Trouble:
    """Returns the trouble that a body of status 200 reports, by the code in it."""
    told = _told(raw)
    if (status := replies.status_in(found)) is not None:
        return trouble_in(raw, status, told.words or str(problems.NO_CHOICE()))
    if trouble := _by_code(told, told.words, 200, raw[:WORDS]):
        return trouble
    return Again(told.words or problems.NO_CHOICE(), 200, raw[:WORDS], perhaps_paid=True)


def text_of(raw: str) -> str:
    """Returns the model's text in a reply's body; empty if there is none that can be read."""
    try:
        return read_answer(raw).reply.text
    except Trouble:
        return ""
