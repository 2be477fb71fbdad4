"""Where requests go: the addresses that an endpoint may have, and its key, which is kept secret.

The key goes into one header and nowhere else: it is struck from everything an endpoint returns before it is stored or
logged.
"""

import contextlib
import json
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

import httpx

SHORTEST_KEY: Final = 6
"""Minimum characters of a secret key. Shorter ones, such as `none` or `x`, are placeholders for servers that need no
key; striking them from replies would change what models say."""


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
        return sorted({key for key in (self.key, *self.secrets) if len(key) >= SHORTEST_KEY}, key=len, reverse=True)

    @property
    def has_secret(self) -> bool:
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
    return parts.scheme in {"http", "https"} and bool(host) and plain and not is_metadata_address(host)


METADATA_ADDRESSES: Final = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200")})
"""Addresses at which Amazon and Alibaba serve credentials, besides the link-local one that all clouds have."""


def is_metadata_address(host: str) -> bool:
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
    return (mapped or address).is_link_local or address in METADATA_ADDRESSES


SUFFIX: Final = "/chat/completions"


def base_url(url: str) -> str:
    """Returns `url` without the `/chat/completions` at its end, which is added to every request."""
    tidy = url.strip().rstrip("/")
    return tidy.removesuffix(SUFFIX).rstrip("/") if tidy.endswith(SUFFIX) else url


def chat_url(base: str) -> str:
    """Returns the URL of chat completions under the base URL of an endpoint."""
    return base.rstrip("/") + SUFFIX
