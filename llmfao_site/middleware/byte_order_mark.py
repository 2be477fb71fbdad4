"""The byte-order mark of CSV downloads, by which Excel knows that a file is UTF-8."""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final, cast

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

MARK: Final = "\ufeff".encode()
CHOICES: Final = {"1": True, "0": False}


class ByteOrderMarkMiddleware:
    """Puts a byte-order mark before a CSV download with `?bom=1` in its address, and none with `?bom=0`.

    Without that choice, a file made for people has one, which its view says by `for_people`; data has none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and _marked(request, response):
            response.streaming_content = chain([MARK], cast("Iterable[bytes]", response.streaming_content))
        return response


def _marked(request: HttpRequest, response: StreamingHttpResponse) -> bool:
    if not response["Content-Type"].startswith("text/csv"):
        return False
    return CHOICES.get(request.GET.get("bom", ""), getattr(response, "for_people", False))
