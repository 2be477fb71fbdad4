"""Cache headers of pages for signed-in users."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control


class NoStoreMiddleware:
    """Forbids browsers to store responses to signed-in users, unless the view sets Cache-Control itself.

    The next person at the computer must not find workers' ids, payments or tokens with the back button. A
    response with an ETag, as the API sends, may be stored privately and is revalidated each time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and _is_personal(request):
            # A value of False would be written out, as `no-store=False`.
            rule = "no_cache" if response.has_header("ETag") else "no_store"
            patch_cache_control(response, private=True, **{rule: True})
        return response


def _is_personal(request: HttpRequest) -> bool:
    # Programs sign in by a header, which does not set the request's user.
    return "Authorization" in request.headers or request.user.is_authenticated
