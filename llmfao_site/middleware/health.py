"""The health check and the readiness check."""

import logging
import shutil
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.cache import caches
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from kombu.exceptions import OperationalError

from llmfao_site import beat
from llmfao_site.celery import app
from llmfao_site.fallback_cache import FallbackCache

PATH = "/healthz"
READY_PATH = "/readyz"

LEAST_FREE: Final = 64 * 1024 * 1024
"""Bytes of free disk below which uploads and votes may soon fail."""

OK: Final = "ok"

log = logging.getLogger(__name__)


class HealthMiddleware:
    """Responds to /healthz with 200 while the database responds, else with 503; to /readyz with each part's state.

    It is the first middleware and not a view: a probe uses plain HTTP and any host name, which the redirect
    to HTTPS and the list of allowed hosts would refuse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == PATH:
            return health()
        if request.path_info == READY_PATH:
            return readiness(time.time())
        return self.get_response(request)


def health() -> HttpResponse:
    """Responds with 200 if the database answers a query, else with 503."""
    if not _database():
        return HttpResponse("The database does not respond.\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


def readiness(at: float) -> HttpResponse:
    """Responds with the state of every part the site needs, at the time `at` in seconds since the epoch.

    503 where people could not use it: without the database or without disk. Without cache, broker or beat they can,
    since counts go on in the process and the work waits.
    """
    free = _free_bytes()
    found = {
        "database": OK if _database() else "does not respond",
        "cache": OK if _cache() else "does not respond, limits are counted per process",
        "broker": OK if _broker() else "does not respond, background work waits",
        "beat": _beat(at),
        "disk": "does not respond" if free is None else OK if free >= LEAST_FREE else "full",
    }
    serves = found["database"] == OK and found["disk"] == OK
    body = {"ready": serves, **found, "free_bytes": free, "last_beat_seconds": beat.seconds_since(at)}
    response = JsonResponse(body, status=200 if serves else 503)
    response["Cache-Control"] = "no-store"
    return response


def _free_bytes() -> int | None:
    try:
        return shutil.disk_usage(settings.DATA_DIR).free
    except OSError as problem:
        log.error("The data folder does not respond: %s", problem)
        return None


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as problem:
        log.error("The database does not respond: %s", problem)
        return False
    return True


def _cache() -> bool:
    backend = caches["default"]
    return backend.responds() if isinstance(backend, FallbackCache) else True


def _broker() -> bool:
    if not settings.REDIS_URL:
        return (settings.BROKER_DIR / "queue").is_dir()
    with app.connection_for_write() as broker:
        try:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=2)
        except (OSError, OperationalError):
            return False
    return True


def _beat(at: float) -> str:
    seconds = beat.seconds_since(at)
    if seconds is None:
        return "has not run"
    return OK if seconds <= beat.LATE else "is late, background work waits"
