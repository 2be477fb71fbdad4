"""Cache headers of responses to signed-in users."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control


class NoStoreMiddleware:
    """Forbids browsers to store responses to signed-in users, unless the view sets Cache-Control itself.

    The next person at the computer must not find workers' ids, payments or tokens with the back button, nor what the
    API told in a browser. The API's ETags are for programs, which ask with the one they kept themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and _is_personal(request):
            patch_cache_control(response, private=True, no_store=True)
        return response


def _is_personal(request: HttpRequest) -> bool:
    # Programs sign in by a header, which does not set the request's user.
    return "Authorization" in request.headers or request.user.is_authenticated
