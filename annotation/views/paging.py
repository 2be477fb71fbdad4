"""Long lists, a page at a time."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


def paged(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], size: int = 50) -> Page[Any]:
    """The page of `rows` that `?page=` asks for; the nearest one there is where it asks for nonsense."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
