"""Error responses of the API: problem details (RFC 9457), in the same form everywhere."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from annotation import disk
from annotation.studies.lifecycle import NotPossible

MEDIA_TYPE: Final = "application/problem+json"

NOT_THERE: Final = gettext_noop("Nothing was found at this address, or you don’t have access to it.")
"""The same for rows that are missing and rows that must not be seen, so that nobody can tell them apart."""


class Conflict(APIException):
    """The request is valid, but not possible in the current state."""

    status_code = status.HTTP_409_CONFLICT


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Returns the response to `exception`, or None for an unexpected one, which the site's error page answers."""
    if isinstance(exception, NotPossible):
        exception = Conflict(str(exception))
    response = exception_handler(exception, context)
    if response is None:
        return None
    faults: list[dict[str, str]] = []
    if isinstance(exception, ValidationError):
        where = "query" if context["request"].method in {"GET", "HEAD", "OPTIONS"} else "body"
        faults = [{"place": place, "detail": detail} for place, detail in _faults(exception.detail, where)]
        detail = " ".join(f"{fault['place']}: {fault['detail']}" for fault in faults)
    elif isinstance(exception, Http404 | NotFound):
        detail = _(NOT_THERE)
    elif isinstance(exception, APIException):
        detail = str(exception.detail)
    else:
        assert isinstance(exception, PermissionDenied)  # noqa: S101  the framework handles no other type
        detail = _("You don’t have permission to do this.")
    response.data = _problem(response.status_code, detail, faults)
    response.content_type = MEDIA_TYPE
    return response


def _problem(code: int, detail: str, faults: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
        "errors": list(faults),
    }


def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("api"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Responds to a malformed request: with problem details below /api/, else with the site's page."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return JsonResponse(_problem(400, _("The request is malformed.")), status=400, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Responds to an unknown address, likewise."""
    if not _of_api(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse(_problem(404, _(NOT_THERE)), status=404, content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """Responds after an unexpected error, likewise. A full disk is none: it is said by its name."""
    if disk.is_full(sys.exception()):
        return disk_full(request)
    if not _of_api(request):
        return defaults.server_error(request)
    return JsonResponse(_problem(500, _("Something went wrong.")), status=500, content_type=MEDIA_TYPE)


def disk_full(request: HttpRequest) -> HttpResponse:
    """Responds where something could not be stored for lack of space, likewise."""
    title = _("The server’s disk is full")
    detail = _("Nothing was saved. Ask a site administrator to free some space, then try again.")
    return _refusal(request, 507, title, detail)


def too_large(request: HttpRequest) -> HttpResponse:
    """Responds to a large body from somebody who is not signed in, likewise."""
    title = _("You are not signed in")
    detail = _("Sign in to send files or long texts, then try again.")
    return _refusal(request, 413, title, detail)


def no_length(request: HttpRequest) -> HttpResponse:
    """Responds to a body of unknown length, likewise. Only programs send one."""
    title = _("The request has no Content-Length")
    return _refusal(request, 411, title, _("Send the header Content-Length instead of Transfer-Encoding: chunked."))


def _refusal(request: HttpRequest, code: int, title: str, detail: str) -> HttpResponse:
    if _of_api(request):
        return JsonResponse(_problem(code, f"{title}. {detail}"), status=code, content_type=MEDIA_TYPE)
    # Without the request, whose body is not there, and without the database.
    page = loader.render_to_string("site/refused.html", {"title": title, "detail": detail})
    return HttpResponse(page, status=code)


def _faults(detail: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yields every error of a ValidationError with its place, such as `query.since`."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _faults(inner, place if name == api_settings.NON_FIELD_ERRORS_KEY else f"{place}.{name}")
    elif isinstance(detail, list):
        for inner in detail:
            yield from _faults(inner, place)
    else:
        yield place, str(detail)


SCHEMA: Final = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, as a sentence."},
        "errors": {
            "type": "array",
            "description": "Every error in the request’s parameters or body; empty for other problems.",
            "items": {
                "type": "object",
                "properties": {
                    "place": {
                        "type": "string",
                        "description": "Where the error is, such as query.since or body.judge.",
                    },
                    "detail": {"type": "string"},
                },
                "required": ["place", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "errors"],
}


def in_schema(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Adds the problem response to every operation of the schema."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "A problem", "content": {MEDIA_TYPE: reference}}
    return result
