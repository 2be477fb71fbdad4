"""Rendered answers kept at hand: a study shows the same few thousand texts again and again."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from annotation.markup.markdown import render

CACHE_BYTES: Final = 64 * 1024 * 1024
"""For each process. The published LLMFAO study fits in a twentieth of it."""

_ENTRY_OVERHEAD: Final = 300


class RenderCache:
    """The least recently used leave when the HTML held exceeds `limit` bytes; safe among threads.

    Keyed by a digest, so that the source text is not held as well. Two threads that miss at the same
    moment both render: cheaper than to let all wait for one.
    """

    def __init__(self, renderer: Callable[[str], str], limit: int) -> None:
        self._renderer = renderer
        self._limit = limit
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, tuple[str, int]] = OrderedDict()
        self.size = 0

    def __call__(self, text: str) -> str:
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        with self._lock:
            if (entry := self._held.get(key)) is not None:
                self._held.move_to_end(key)
                return entry[0]
        html = self._renderer(text)
        # In memory a character takes one, two or four bytes, all of them as the widest needs.
        width = 1 if html.isascii() else 2 if max(html) < "\U00010000" else 4
        size = len(html) * width + _ENTRY_OVERHEAD
        if size > self._limit:
            return html
        with self._lock:
            if key not in self._held:
                self._held[key] = (html, size)
                self.size += size
            while self.size > self._limit:
                _, (_, freed) = self._held.popitem(last=False)
                self.size -= freed
        return html

    def __len__(self) -> int:
        return len(self._held)


render_cached: Final = RenderCache(render, CACHE_BYTES)
"""`render`, remembered in this process."""
