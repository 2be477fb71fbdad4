"""What the API says when it says no: problem details (RFC 9457), in one shape for every address."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views import defaults
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from annotation.studies.lifecycle import NotPossible

MEDIA_TYPE: Final = "application/problem+json"

NOT_THERE: Final = gettext_noop("Nothing was found at this address, or you don’t have access to it.")
"""Nothing that would tell what may not be seen from what is not there."""


class Conflict(APIException):
    """What was asked is well formed, and not possible as things stand."""

    status_code = status.HTTP_409_CONFLICT


def handle(exception: Exception, context: dict[str, Any]) -> Response | None:
    """A response to `exception`; None where it is none of ours, and the site's page of errors answers."""
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
        assert isinstance(exception, PermissionDenied)  # noqa: S101  the framework knows no other
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
    """What the site answers to a request that is broken, in the shape of the API at its addresses."""
    if not _of_api(request):
        return defaults.bad_request(request, exception)
    return JsonResponse(_problem(400, _("The request is malformed.")), status=400, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The same of an address that does not exist."""
    if not _of_api(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse(_problem(404, _(NOT_THERE)), status=404, content_type=MEDIA_TYPE)


def server_error(request: HttpRequest) -> HttpResponse:
    """The same where something broke here."""
    if not _of_api(request):
        return defaults.server_error(request)
    return JsonResponse(_problem(500, _("Something went wrong.")), status=500, content_type=MEDIA_TYPE)


def _faults(detail: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every fault of a ValidationError, with the place it is at: `query.since`."""
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
    "description": "Problem details as RFC 9457 has them.",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "In words, with the place that is meant."},
        "errors": {
            "type": "array",
            "description": "Each fault of what was asked; empty where it is not about that.",
            "items": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "description": "Such as query.since or body.judge."},
                    "detail": {"type": "string"},
                },
                "required": ["place", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "errors"],
}


def in_schema(result: dict[str, Any], **_context: Any) -> dict[str, Any]:
    """Adds to every operation of the schema that it may answer with a problem."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = SCHEMA
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"]["default"] = {"description": "A problem", "content": {MEDIA_TYPE: reference}}
    return result
