"""What browsers may keep of the pages of somebody who has signed in."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_cache_control


class NothingPersonal:
    """Has nothing kept that somebody who has signed in was shown, unless a view says itself what may be.

    Who uses the computer after them shall not find workers' ids, money or tokens by the back button. What
    has an ETag, as the API's answers have, may be kept by whoever asked, and is asked for again each time.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and _is_personal(request):
            kept = response.has_header("ETag")
            patch_cache_control(response, private=True, no_cache=kept, no_store=not kept)
        return response


def _is_personal(request: HttpRequest) -> bool:
    # Programs say who they are by a header, of which the request's user knows nothing.
    return "Authorization" in request.headers or request.user.is_authenticated
