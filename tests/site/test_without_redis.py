"""Without Redis, limits are counted in the process and nobody is refused for its sake."""

import socket
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from django.core.cache import caches
from django.test import Client

from annotation.client_address import count
from llmfao_site import fallback_cache
from llmfao_site.fallback_cache import FallbackCache
from tests.arena import Arena
from tests.builders import build_study

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_cache._State, "until", 0.0)
    monkeypatch.setattr(fallback_cache._State, "down", False)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == fallback_cache.__name__]


def test_counts_go_on_and_it_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fallback_cache, "AGAIN", 0.0)
    cache = FallbackCache(NOWHERE, {})
    cache.delete("key")
    assert [count(cache, "key", 60) for _each in range(3)] == [1, 2, 3]
    assert cache.get("key") == 3
    assert len(warnings(caplog)) == 1
    assert "Redis cannot be used" in warnings(caplog)[0]
    assert not cache.responds()


def test_a_dead_redis_is_not_asked_at_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FallbackCache(NOWHERE, {})
    cache.get("key")

    def ask(*_call: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("django.core.cache.backends.redis.RedisCache.get", ask)
    assert cache.get("another", "none") == "none"


@pytest.mark.redis
def test_it_goes_back_to_redis_and_says_so(
    redis_server: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_cache, "AGAIN", 0.0)
    FallbackCache(NOWHERE, {}).get("key")
    cache = FallbackCache(redis_server, {})
    cache.set("key", 5, 60)
    assert cache.incr("key") == 6
    assert FallbackCache(redis_server, {}).get("key") == 6
    assert cache.responds()
    assert "can be used again" in warnings(caplog)[-1]


@pytest.mark.redis
def test_a_redis_without_room_refuses_nobody(
    redis_server: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fallback_cache, "AGAIN", 0.0)
    cache = FallbackCache(redis_server, {})
    with redis.Redis.from_url(redis_server) as server:
        server.config_set("maxmemory", 1)
        assert [count(cache, "room", 60) for _each in range(3)] == [1, 2, 3]
        assert len(warnings(caplog)) == 1
        server.config_set("maxmemory", 0)
    assert count(cache, "room", 60) == 1
    assert "can be used again" in warnings(caplog)[-1]


SENDS: Final = """
import time, django
django.setup()
from llmfao_site.celery import app
from llmfao_site.middleware import health
for _try in range(2):
    before = time.monotonic()
    try:
        app.send_task("annotation.sweep_uploads")
    except Exception as error:
        print(type(error).__name__, time.monotonic() - before)
print("ready", health._broker())
"""


def test_a_redis_that_takes_connections_and_says_nothing_holds_nobody_for_long(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        arena = Arena(tmp_path, REDIS_URL=f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        arena.environment["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
        told = arena.run("-c", SENDS)
    first, again, ready = (line.split() for line in told.splitlines())
    assert first[0] == again[0] == "OperationalError"
    assert float(first[1]) < 15
    assert float(again[1]) < 0.5
    assert ready == ["ready", "False"]


@pytest.mark.django_db
def test_consent_sign_in_and_api_are_answered(settings: Any, client: Client) -> None:
    build_study("haiku", public=True)
    down = {"BACKEND": "llmfao_site.fallback_cache.FallbackCache", "LOCATION": NOWHERE}
    before = settings.CACHES
    settings.CACHES = {name: {**down, "KEY_PREFIX": name} for name in before}
    from llmfao_site.api import throttling

    for throttle in (throttling.ByAddress, throttling.ByUser):
        throttle.cache = caches["api"]
    try:
        assert client.get("/api/studies/haiku/").status_code == 200
        assert client.post("/sign-in/", {"username": "nobody", "password": "nothing at all"}).status_code == 200
        client.get("/s/haiku/")
        assert client.post("/s/haiku/consent/", {"agreed": "on"}).status_code in {200, 302}
    finally:
        settings.CACHES = before
        for throttle in (throttling.ByAddress, throttling.ByUser):
            throttle.cache = caches["api"]
