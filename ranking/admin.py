"""The Django admin: a look at the snapshots, which are never changed."""

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from annotation.admin import ReadOnly
from ranking.models import Leaderboard


@admin.register(Leaderboard)
class LeaderboardAdmin(ReadOnly):
    """Stored leaderboards and reports, read-only."""

    list_display = ["pk", "study", "number", "raters", "method", "state", "comparisons", "simulated", "finished_at"]
    list_filter = ["state", "method", "study"]
    list_select_related = ["study"]
    search_fields = ["=pk", "study__slug", "raters", "=digest"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[Leaderboard]":
        """Without the sheets, in a list."""
        found = super().get_queryset(request)
        match = request.resolver_match
        return found.defer("sheet") if match and str(match.url_name).endswith("_changelist") else found


class KeptAdmin(ReadOnly):
    """Rows that are kept to be quick, or to know what was asked for."""

    list_display = ["pk", "study"]
    list_select_related = ["study"]
    search_fields = ["=pk", "study__slug"]


for model in apps.get_app_config("ranking").get_models():
    if not admin.site.is_registered(model):
        admin.site.register(model, KeptAdmin)
