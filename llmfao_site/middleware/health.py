"""The answer to whoever watches over the installation."""

import logging
from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

PATH = "/healthz"

log = logging.getLogger(__name__)


class HealthMiddleware:
    """Answers /healthz with 200 while the database answers, else with 503.

    A middleware ahead of all others and no view: a probe speaks plain HTTP to an address of its own
    choice, which the redirect to HTTPS and the list of allowed hosts would both turn away.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return health() if request.path_info == PATH else self.get_response(request)


def health() -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as problem:
        log.error("The database does not answer: %s", problem)
        return HttpResponse("The database does not answer.\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
