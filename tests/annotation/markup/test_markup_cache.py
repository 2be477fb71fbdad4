"""Rendered answers are cached up to a limit, and equal what would be rendered."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from annotation.markup import render, render_cached
from annotation.markup.cache import html_cache, remembering
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.once


class Counted:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self, text: str) -> str:
        self.calls.append(text)
        return text * 1000


def test_the_second_time_is_remembered() -> None:
    renderer = Counted()
    cached = remembering(renderer, html_cache(1_000_000))
    assert cached("a") == cached("a") == "a" * 1000
    assert renderer.calls == ["a"]


def test_the_least_recently_used_leaves_first() -> None:
    renderer = Counted()
    cached = remembering(renderer, html_cache(3000))
    cached("a")
    cached("b")
    cached("a")
    cached("c")
    cached("a")
    assert renderer.calls == ["a", "b", "c"]
    cached("b")
    assert renderer.calls[-1] == "b"


def test_what_is_held_never_exceeds_the_bound() -> None:
    cache = html_cache(50_000)
    cached = remembering(Counted(), cache)
    for number in range(200):
        cached(chr(0x3042 + number))
        assert cache.currsize <= 50_000
    assert 10 <= len(cache) <= 25, "a Japanese letter takes two bytes"


def test_what_exceeds_the_bound_alone_is_not_cache_and_drives_nothing_out() -> None:
    renderer = Counted()
    cached = remembering(renderer, html_cache(5000))
    cached("a")
    cached("b" * 100)
    cached("a")
    assert renderer.calls == ["a", "b" * 100]


def test_lone_surrogates_have_a_key_as_well() -> None:
    assert render_cached("\ud800") == render("\ud800")


def test_threads_get_what_they_asked_for() -> None:
    texts = [f"*{number}* $x_{number}$ `{number}`\n\n```python\nx = {number}\n```" for number in range(50)]
    expected = [render(text) for text in texts]
    cache = html_cache(8000)
    cached = remembering(render, cache)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(cached, texts * 4)) == expected * 4
    assert cache.currsize <= 8000


def test_a_text_is_rendered_once_however_many_are_shown_it_at_once():
    rendered: list[str] = []
    may_end = threading.Event()

    def slow(text: str) -> str:
        rendered.append(text)
        may_end.wait(PATIENCE)
        return text.upper()

    cached = remembering(slow, html_cache(5000))
    with ThreadPoolExecutor(8) as pool:
        shown = [pool.submit(cached, "a long table") for _each in range(8)]
        assert eventually(lambda: rendered)
        may_end.set()
        assert {each.result() for each in shown} == {"A LONG TABLE"}
    assert rendered == ["a long table"]


def test_who_waited_for_a_rendering_that_failed_renders_it():
    failures = iter([RecursionError("too deep")])

    def fails_once(text: str) -> str:
        for failure in failures:
            raise failure
        return text

    cached = remembering(fails_once, html_cache(5000))
    with pytest.raises(RecursionError):
        cached("a")
    assert cached("a") == "a"


def test_a_table_of_59_000_characters_is_kept():
    table = "|a|b|\n|-|-|\n" + "|\n" * 29_000
    cache = html_cache(64 * 1024 * 1024)
    cached = remembering(render, cache)
    assert "<table" in cached(table)
    assert len(cache) == 1
    assert cached(table) is cached(table)
