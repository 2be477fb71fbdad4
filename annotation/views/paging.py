"""Pagination of long lists."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest


def paged(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], size: int = 50) -> Page[Any]:
    """Returns the page of `rows` that `?page=` names, or the nearest existing one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
