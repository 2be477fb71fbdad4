"""Rendered answers kept at hand: a study shows the same few thousand texts again and again."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from cachetools import LRUCache

from annotation.markup.markdown import render

CACHE_BYTES: Final = 64 * 1024 * 1024
"""For each process. The published LLMFAO study fits in a twentieth of it."""

_ENTRY_OVERHEAD: Final = 300


def _digest(text: str) -> bytes:
    """Stands for `text` as a key, so that the source is not held as well."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _size(html: str) -> int:
    """Bytes in memory: every character of a string takes one, two or four, as the widest of them needs."""
    width = 1 if html.isascii() else 2 if max(html) < "\U00010000" else 4
    return len(html) * width + _ENTRY_OVERHEAD


def html_cache(limit: int) -> LRUCache[bytes, str]:
    """An empty cache of `limit` bytes of HTML, which drops the least recently used."""
    return LRUCache(limit, getsizeof=_size)


def remembering(renderer: Callable[[str], str], cache: LRUCache[bytes, str]) -> Callable[[str], str]:
    """Returns `renderer` with its results kept in `cache`. It is safe to call from several threads.

    Threads that miss the same text at the same moment wait for the one that renders it: a long table takes two seconds
    of a processor, and everybody who is shown it would take them again.
    """
    lock = threading.Lock()
    under_way: dict[bytes, threading.Event] = {}

    def remembered(text: str) -> str:
        key = _digest(text)
        while True:
            with lock:
                if (html := cache.get(key)) is not None:
                    return html
                others = under_way.get(key)
                if others is None:
                    done = under_way[key] = threading.Event()
                    break
            others.wait()
        try:
            html = renderer(text)
            with lock, suppress(ValueError):  # larger than the whole cache
                cache[key] = html
            return html
        finally:
            with lock:
                del under_way[key]
            done.set()

    return remembered


render_cached: Final = remembering(render, html_cache(CACHE_BYTES))
"""`render`, remembered in this process."""
