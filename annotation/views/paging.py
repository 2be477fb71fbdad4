"""Long lists, a page at a time."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest


def paged[M: Model](request: HttpRequest, rows: QuerySet[M] | Sequence[M], size: int = 50) -> Page[Any]:
    """The page of `rows` that `?page=` asks for; the nearest one there is where it asks for nonsense."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
