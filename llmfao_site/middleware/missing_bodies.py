"""Answers requests whose body the server did not keep."""

from collections.abc import Callable, Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from llmfao_site.api import problems
from llmfao_site.serving.refusals import KEY, Refusal

ANSWERS: Final[Mapping[Refusal, Callable[[HttpRequest], HttpResponse]]] = {
    Refusal.TOO_LARGE: problems.too_large,
    Refusal.DISK_FULL: problems.disk_full,
    Refusal.NO_LENGTH: problems.no_length,
}


class MissingBodiesMiddleware:
    """Says why a form could not be taken, before anything looks for its fields."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refused = request.META.get(KEY)
        return ANSWERS[refused](request) if refused else self.get_response(request)
