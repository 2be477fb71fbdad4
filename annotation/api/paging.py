"""Query parameters and cursor pagination of the API's lists.

A cursor is the primary key of the last row, so that every page costs the same, and rows stored in the
meantime neither repeat nor hide any.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

MOST: Final = 1000
USUAL: Final = 100

BIGGEST: Final = 2**63 - 1
"""The largest primary key of the databases."""


class Query(serializers.Serializer[Any]):
    """Query parameters. Unknown ones are refused: a misspelt filter must not return everything."""

    of_the_framework: ClassVar[frozenset[str]] = frozenset({"format"})
    """Names that are not unknown although no field has them."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if unknown := sorted(self.initial_data.keys() - self.fields.keys() - self.of_the_framework):
            raise serializers.ValidationError(dict.fromkeys(unknown, self.unknown()))
        return attrs

    def unknown(self) -> str:
        return _("Unknown parameter.")


class Body(Query):
    """A request body; without fields, an empty one. Unknown fields are refused, as unknown parameters are."""

    of_the_framework = frozenset()

    def unknown(self) -> str:
        return _("Unknown field.")


@extend_schema_field({"type": "string", "maxLength": 40, "pattern": "^[A-Za-z0-9_-]+={0,2}$"})
class Cursor(serializers.CharField):
    """The cursor of a page: base64 for URLs, as the schema says."""


class PageQuery(Query):
    """Query parameters of a list: where the page starts, and how many rows it has."""

    cursor = Cursor(required=False, max_length=40, help_text="The cursor in `next` of the previous page.")
    page_size = serializers.IntegerField(required=False, default=USUAL, min_value=1, max_value=MOST)

    def validate_cursor(self, value: str) -> int:
        """Returns the primary key at which the previous page ended."""
        try:
            text = base64.b64decode(value, altchars=b"-_", validate=True).decode("ascii")
            key = int(text) if text.isdigit() else -1
        except (binascii.Error, ValueError):
            key = -1
        if not 0 <= key <= BIGGEST:
            raise serializers.ValidationError(
                _("This cursor is not valid. Use the one in “next” from the previous page.")
            )
        return key


def cursor_at(key: int) -> str:
    """Returns the cursor of the page after the row with the primary key `key`."""
    return base64.urlsafe_b64encode(str(key).encode()).decode()


def page(
    request: Request,
    asked: dict[str, Any],
    query: QuerySet[Any, Any],
    tell: Callable[[Sequence[Any]], Iterable[dict[str, Any]]],
    *,
    newest_first: bool = False,
) -> Response:
    """Returns one page of `query`.

    `tell` makes the rows from model instances, or from tuples whose first value is the primary key.
    """
    if "cursor" in asked:
        query = query.filter(pk__lt=asked["cursor"]) if newest_first else query.filter(pk__gt=asked["cursor"])
    size = asked["page_size"]
    found = list(query.order_by("-pk" if newest_first else "pk")[: size + 1])
    shown, following = found[:size], None
    if len(found) > size:
        last = shown[-1]
        key = last[0] if isinstance(last, tuple) else last.pk
        parameters = {**request.query_params.dict(), "cursor": cursor_at(key)}
        following = request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")
    return Response({"next": following, "results": list(tell(shown))})


@cache
def page_of(row: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """Returns the serializer of a page of such rows, for the schema."""
    fields = {
        "next": serializers.URLField(allow_null=True, help_text="URL of the next page; null on the last page."),
        "results": row(many=True),
    }
    return type(f"PageOf{row.__name__}", (serializers.Serializer,), {**fields, "__module__": row.__module__})
