"""The client address of a request, and counts by address.

Counts are kept in the cache: with Redis for the whole site, without it per server process. No address is stored.
"""

import hashlib
import ipaddress

from django.conf import settings
from django.core.cache import BaseCache
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Returns the client's IPv4 address, or the /64 of its IPv6 address, which is one household.

    Behind the proxy of LLMFAO_HTTPS it is the last entry of X-Forwarded-For, which the proxy wrote; a visitor
    can forge the entries before it.
    """
    written: str = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        written = request.headers.get("X-Forwarded-For", written).rpartition(",")[2].strip()
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return ""
    if address.version == 6 and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_of_the_internet(address: str) -> bool:
    """Returns whether `address` is public; a private one may be a proxy's, shared by all visitors."""
    return bool(address) and ipaddress.ip_network(address).is_global


def key_of(*parts: str) -> str:
    """Returns a cache key that does not reveal its `parts`."""
    return f"visits:{hashlib.sha256('\0'.join(parts).encode()).hexdigest()}"


def count(counts: BaseCache, key: str, window: int) -> int:
    """Increments `key` in `counts` and returns the count; it expires `window` seconds after the first increment."""
    counts.add(key, 0, window)
    try:
        return counts.incr(key)
    except ValueError:  # it expired between the two calls
        counts.set(key, 1, window)
        return 1
