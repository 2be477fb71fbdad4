"""What requests are written in: UTF-8."""

import codecs
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REFUSAL: Final = b"The address and the body of a request are read as UTF-8; its Content-Type says something else.\n"


class OnlyUtf8:
    """The site behind a door that refuses requests whose Content-Type names another encoding.

    Our pages are UTF-8, and so is what browsers send from them. Django takes the request's word for any
    codec that Python has, and asks it before anything catches an error: some decode nothing and raise,
    others make halves of surrogates, which no database stores.
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
    """Whether a header Content-Type names no encoding but UTF-8; one that nobody knows is none."""
    try:
        _kind, parameters = parse_header_parameters(content_type)
        return codecs.lookup(parameters.get("charset", "utf-8")).name == "utf-8"
    except LookupError:
        return True
    except ValueError:
        return False
