"""Answers requests whose body the server did not keep."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from llmfao_site.api import problems

KEY = "llmfao.refused"
"""What the gunicorn worker says in the WSGI environment: why it did not keep the body, or nothing."""

ANSWERS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "too-large": problems.too_large,
    "disk-full": problems.disk_full,
    "no-length": problems.no_length,
}


class MissingBodiesMiddleware:
    """Says why a form could not be taken, before anything looks for its fields."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refused = request.META.get(KEY)
        return ANSWERS[refused](request) if refused else self.get_response(request)
