"""Refuses requests that are not in UTF-8."""

import codecs
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REFUSAL: Final = b"Requests must be in UTF-8, but the Content-Type header names another encoding.\n"


class OnlyUtf8:
    """WSGI wrapper that refuses requests whose Content-Type names another encoding.

    The pages are UTF-8, and so is what browsers send from them. Django accepts any codec that Python has, and
    uses it before errors are caught: some codecs raise on any text, others produce lone surrogates, which no
    database can store.
    """

    def __init__(self, site: "WSGIApplication") -> None:
        self.site = site

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if is_utf8(environ.get("CONTENT_TYPE", "")):
            return self.site(environ, start_response)
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(REFUSAL)))]
        start_response("400 Bad Request", [*headers, ("X-Content-Type-Options", "nosniff")])
        return [REFUSAL]


def is_utf8(content_type: str) -> bool:
    """Returns whether a Content-Type header names no encoding other than UTF-8; unknown encodings are ignored."""
    try:
        _kind, parameters = parse_header_parameters(content_type)
        return codecs.lookup(parameters.get("charset", "utf-8")).name == "utf-8"
    except LookupError:
        return True
    except ValueError:
        return False
