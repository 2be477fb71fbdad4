"""The Django admin of API tokens: they can be deleted here, but not read."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from llmfao_site.models import ApiToken

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    # Generic in the stubs only.
    _Admin = admin.ModelAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(_Admin):
    """Lists who has a token and since when; only deletion is possible."""

    list_display = ["user", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
