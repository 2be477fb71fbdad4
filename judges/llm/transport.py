"""Sends one request to an endpoint and returns the body of its reply, or raises the trouble it ended in.

It neither retries nor waits; the sender decides about that.
"""

import asyncio
import json
import os
import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import httpx

from judges import problems
from judges.llm.endpoints import Endpoint, is_metadata_address
from judges.llm.errors import LONGEST_RETRY_AFTER, WORDS, Again, Permanent, Trouble, trouble_in
from judges.llm.replies import storable

LONGEST_RAW: Final = 4_000_000
"""Maximum bytes of a reply. No chat completion is as long."""

NOT_THERE: Final = 10.0
"""Seconds for which an endpoint that has never accepted a connection is tried: it may be starting."""

CACHE_HEADERS: Final = ("x-cache", "cf-aig-cache-status", "x-portkey-cache-status", "helicone-cache")
"""Headers in which gateways say HIT if the reply came from their cache and no model was asked."""


@dataclass(frozen=True, slots=True)
class Received:
    """A reply with status 200: its body and what its headers said. `seconds` runs from sending to the last byte."""

    raw: str
    request_id: str
    seconds: float
    from_cache: bool


async def post(client: httpx.AsyncClient, endpoint: Endpoint, url: str, body: bytes) -> Received:
    """Sends one request, as JSON in UTF-8, to `url`, an address of `endpoint`.

    Raises:
        Again, Permanent, Refused, Unfit: there is no reply of status 200.
    """
    started = time.perf_counter()
    try:
        async with (
            asyncio.timeout(endpoint.timeout),
            client.stream("POST", url, content=body, extensions={"trace": _check_address}) as response,
        ):
            content = await _received(response)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        # There was no connection, so nothing was sent that could be charged for.
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
    from_cache = any(response.headers.get(name, "").upper().startswith("HIT") for name in CACHE_HEADERS)
    return Received(_text(endpoint, content), request_id, seconds, from_cache)


async def _check_address(event: str, info: Mapping[str, Any]) -> None:
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
    if is_metadata_address(address):
        await stream.aclose()
        raise Permanent(problems.SECRET_ADDRESS(address=address))


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


def _unconnected(endpoint: Endpoint, error: httpx.RequestError) -> Trouble:
    """Returns what a failed connection means: a bad certificate, a dead proxy, or no server."""
    words = endpoint.strike(str(error) or type(error).__name__)[:WORDS]
    causes = _causes(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Permanent(problems.BAD_CERTIFICATE(error=words), stops=True)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return Permanent(problems.NO_TLS(error=words), stops=True)
    if variable := _proxy_variable(endpoint.url):
        return Again(problems.NO_PROXY(variable=variable, error=words), give_up=0.0)
    if isinstance(error, httpx.ConnectTimeout):
        return Again(problems.NO_ANSWER(seconds=f"{min(endpoint.timeout, 15.0):g}"), give_up=NOT_THERE)
    return Again(problems.NO_CONNECTION(error=words), give_up=NOT_THERE)


def _causes(error: BaseException) -> list[BaseException]:
    """Returns the error and everything it was raised from or during."""
    found: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in found:
        found.append(following)
        following = following.__cause__ or following.__context__
    return found


def _proxy_variable(url: str) -> str:
    """Returns the environment variable that sends requests for `url` through a proxy; empty if none does."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return ""
    names = (f"{parts.scheme}_proxy", "all_proxy")
    return next((name for lower in names for name in (lower.upper(), lower) if os.environ.get(name)), "")


def _trouble(endpoint: Endpoint, response: httpx.Response, content: bytes) -> Trouble:
    """Returns the trouble that a reply of another status than 200 stands for."""
    line = endpoint.strike(_status_line(response))
    retry_after = _retry_after(response.headers.get("retry-after", ""))
    return trouble_in(_text(endpoint, content), response.status_code, line, retry_after)


def _status_line(response: httpx.Response) -> str:
    """Returns the text for a body without words: the status, and the target of a redirect, which is not followed."""
    line = f"HTTP {response.status_code} {response.reason_phrase}"
    return f"{line}: {response.headers['location']}" if "location" in response.headers else line


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


def _text(endpoint: Endpoint, content: bytes) -> str:
    """Returns a body as it is stored: without byte-order mark, NUL and key, even if JSON escapes hide the key."""
    text = endpoint.strike(content.decode("utf-8-sig", "replace")).replace("\0", "\N{REPLACEMENT CHARACTER}")
    if endpoint.has_secret and ("\\u" in text or "\\/" in text):
        try:
            unescaped = json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            unescaped = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text).replace("\\/", "/")
        if (struck := endpoint.strike(unescaped)) != unescaped:
            return storable(struck)
    return text
