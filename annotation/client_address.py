"""Where a request comes from, and how often something came from there.

Counts are kept in a cache: with Redis for the whole site, without it for each process of the server. No address is
stored.
"""

import hashlib
import ipaddress

from django.conf import settings
from django.core.cache import BaseCache
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Where `request` comes from: an IPv4 address, or the /64 of an IPv6 address, which is one household.

    Behind the proxy that LLMFAO_HTTPS speaks of it is the last entry of X-Forwarded-For, the one that
    proxy wrote; those before it are the visitor's own words.
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
    """Whether an `address_of` tells visitors apart: one of a private network may be a proxy's, for all of them."""
    return bool(address) and ipaddress.ip_network(address).is_global


def key_of(*parts: str) -> str:
    """A key for the cache that does not show the `parts` it is about."""
    return f"visits:{hashlib.sha256('\0'.join(parts).encode()).hexdigest()}"


def count(counts: BaseCache, key: str, window: int) -> int:
    """One more under `key` in `counts`: how many there are in the `window`, in seconds from the first of them."""
    counts.add(key, 0, window)
    try:
        return counts.incr(key)
    except ValueError:  # forgotten between the two lines
        counts.set(key, 1, window)
        return 1
