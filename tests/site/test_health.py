"""/healthz and /readyz, for probes and load balancers."""

import shutil
import time
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.db.utils import OperationalError
from django.test import Client

from llmfao_site import beat
from llmfao_site.middleware import health


@pytest.mark.django_db
def test_it_is_well_while_the_database_answers():
    reply = Client().get("/healthz")
    assert (reply.status_code, reply.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_a_probe_may_use_any_name_and_plain_http(settings):
    settings.ALLOWED_HOSTS = ["arena.example"]
    settings.SECURE_SSL_REDIRECT = True
    assert Client().get("/healthz", headers={"host": "10.0.0.7:8000"}).status_code == 200
    assert Client().get("/", headers={"host": "10.0.0.7:8000"}).status_code == 400
    assert Client().get("/", headers={"host": "arena.example"}).status_code == 301


@pytest.mark.django_db
def test_it_is_not_well_when_the_database_does_not_answer(caplog):
    def refuse(*_call):
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        reply = Client().get("/healthz")
    assert reply.status_code == 503
    assert "the server closed the connection" in caplog.text
    assert b"closed" not in reply.content


@pytest.mark.django_db
def test_it_says_no_more_than_that():
    assert set(Client().get("/healthz").headers) <= {"Content-Type", "Content-Length"}
    assert Client().get("/healthz/").status_code == 404


class Disk(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.django_db
def test_ready_names_every_part():
    beat.tell()
    reply = Client().get("/readyz")
    found = reply.json()
    assert reply.status_code == 200
    parts = {"database", "cache", "broker", "beat", "disk"}
    assert {name: found[name] for name in parts} == dict.fromkeys(parts, "ok")
    assert found["free_bytes"] > 0
    assert found["last_beat_seconds"] < 90


@pytest.mark.django_db
def test_without_beat_or_redis_it_serves_and_says_so(settings: Any, monkeypatch: pytest.MonkeyPatch):
    settings.CACHES = {
        "default": {"BACKEND": "llmfao_site.fallback_cache.FallbackCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    found = Client().get("/readyz")
    assert found.status_code == 200
    assert found.json()["beat"] == "has not run"
    assert "limits are counted per process" in found.json()["cache"]
    beat.tell()
    assert "is late" in health.readiness(time.time() + 2 * beat.LATE).content.decode()


@pytest.mark.django_db
def test_without_a_database_or_disk_it_does_not_serve(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_call):
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(refuse):
        reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["database"], reply.json()["ready"]) == (503, "does not respond", False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Disk(100, 99, 1))
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["disk"]) == (503, "full")
    assert Client().get("/healthz").status_code == 200

    def gone(_path):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(shutil, "disk_usage", gone)
    reply = Client().get("/readyz")
    assert (reply.status_code, reply.json()["disk"], reply.json()["free_bytes"]) == (503, "does not respond", None)
