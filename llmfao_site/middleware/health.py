"""The health check."""

import logging
from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

PATH = "/healthz"

log = logging.getLogger(__name__)


class HealthMiddleware:
    """Responds to /healthz with 200 while the database responds, else with 503.

    It is the first middleware and not a view: a probe uses plain HTTP and any host name, which the redirect
    to HTTPS and the list of allowed hosts would refuse.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return health() if request.path_info == PATH else self.get_response(request)


def health() -> HttpResponse:
    """Responds with 200 if the database answers a query, else with 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as problem:
        log.error("The database does not respond: %s", problem)
        return HttpResponse("The database does not respond.\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")
