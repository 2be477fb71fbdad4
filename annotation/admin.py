"""The Django admin: every row can be viewed. Workers' and judges' answers are always read-only there."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from annotation.models import (
    Assignment,
    Comparison,
    Exit,
    LanguageModel,
    Pair,
    PairRun,
    Prompt,
    PromptSet,
    Rater,
    Report,
    Result,
    ResultFlag,
    Study,
    StudyText,
    TrainingAnswer,
    Upload,
    Worker,
)

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    # Only the stubs are generic.
    _Admin = admin.ModelAdmin


class ReadOnly(_Admin):
    """Rows that only subject packages write, because other rows depend on them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Described(_Admin):
    """Rows whose descriptions can be edited here, but which only files and subject packages create and delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PromptSet)
class PromptSetAdmin(Described):
    """Prompt sets: the name can be edited; the slug, by which commands and the API refer to them, cannot."""

    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]
    readonly_fields = ["slug", "created_at"]


@admin.register(LanguageModel)
class LanguageModelAdmin(Described):
    """Name and id are read-only: exchange files and leaderboards identify models by them."""

    list_display = ["name", "org", "licence", "price", "released", "prompt_set"]
    list_filter = ["prompt_set"]
    list_select_related = ["prompt_set"]
    search_fields = ["name", "api_id", "org"]
    readonly_fields = ["prompt_set", "number", "name", "upload"]


@admin.register(Prompt)
class PromptAdmin(Described):
    """Text and turns are read-only: votes were given on them."""

    list_display = ["number", "slug", "type", "lang", "prompt_set"]
    list_display_links = ["number", "slug"]
    list_filter = ["prompt_set", "type"]
    list_select_related = ["prompt_set"]
    search_fields = ["slug", "text"]
    readonly_fields = ["prompt_set", "number", "text", "turns", "upload"]


@admin.register(Result)
class ResultAdmin(ReadOnly):
    """Models' answers, listed without the slow count of all rows."""

    list_display = ["number", "prompt", "model", "sample", "duration", "rate"]
    list_filter = ["prompt_set"]
    list_select_related = ["prompt", "model"]
    search_fields = ["=number", "model__name", "prompt__slug"]
    show_full_result_count = False


@admin.register(ResultFlag)
class ResultFlagAdmin(ReadOnly):
    """Flags on answers that name their own model or were cut off, with the words found."""

    list_display = ["result", "kind", "found"]
    list_select_related = ["result"]
    search_fields = ["=result__number", "found"]


@admin.register(Study)
class StudyAdmin(ReadOnly):
    """Read-only: the pairs and the stored wordings depend on the settings, which the study's pages change."""

    list_display = ["name", "slug", "status", "owner", "prompt_set", "created_at"]
    list_filter = ["status", "public"]
    list_select_related = ["owner", "prompt_set"]
    search_fields = ["name", "slug"]


@admin.register(StudyText)
class StudyTextAdmin(ReadOnly):
    """Every version of a consent or an instruction that workers were shown, searchable by its digest."""

    list_display = ["study", "kind", "version", "sha256", "created_at"]
    list_filter = ["kind"]
    list_select_related = ["study"]
    search_fields = ["study__slug", "=sha256"]


@admin.register(Exit)
class ExitAdmin(ReadOnly):
    """Completion codes and return links, by outcome."""

    list_display = ["study", "outcome", "code", "url"]
    list_filter = ["outcome"]
    list_select_related = ["study"]
    search_fields = ["study__slug", "code"]


@admin.register(Pair)
class PairAdmin(ReadOnly):
    """Pairs of all purposes, with the votes they need and the places taken."""

    list_display = ["number", "study", "purpose", "prompt", "model_x", "model_y", "wanted", "taken"]
    list_filter = ["purpose", "study"]
    list_select_related = ["study", "prompt", "model_x", "model_y"]
    search_fields = ["=number", "prompt__slug", "model_x__name", "model_y__name"]
    show_full_result_count = False


@admin.register(PairRun)
class PairRunAdmin(ReadOnly):
    """Background runs that make pairs, with their strategy and state."""

    list_display = ["pk", "study", "strategy", "state", "created_at", "finished_at"]
    list_filter = ["state", "strategy"]
    list_select_related = ["study"]
    search_fields = ["study__slug"]


@admin.register(Rater)
class RaterAdmin(ReadOnly):
    """Workers and judges as raters, with their exclusions."""

    list_display = ["pk", "study", "kind", "name", "simulated", "excluded_at", "exclusion_reason"]
    list_filter = ["kind", "simulated", "study"]
    list_select_related = ["study"]
    search_fields = ["name", "study__slug"]


@admin.register(Worker)
class WorkerAdmin(ReadOnly):
    """Workers, searchable by number or participant ID."""

    list_display = ["number", "study", "external_id", "stage", "outcome", "training_score", "votes", "joined_at"]
    list_filter = ["stage", "outcome", "study"]
    list_select_related = ["study"]
    search_fields = ["=number", "external_id"]


@admin.register(TrainingAnswer)
class TrainingAnswerAdmin(ReadOnly):
    """Answers to training pairs, searchable by worker."""

    list_display = ["pk", "worker", "pair", "attempt", "position", "left", "value", "right", "answered_at"]
    list_filter = ["right"]
    list_select_related = ["worker", "pair"]
    search_fields = ["=worker__number", "worker__external_id"]
    show_full_result_count = False


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly):
    """Reservations of pairs for workers, searchable by worker."""

    list_display = ["pk", "study", "pair", "worker", "slot", "state", "trial", "left", "created_at", "expires_at"]
    list_filter = ["state", "study"]
    list_select_related = ["study", "pair", "worker"]
    search_fields = ["=worker__number", "worker__external_id"]
    show_full_result_count = False


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly):
    """Comparisons, including withdrawn and superseded ones."""

    list_display = ["pk", "study", "pair", "rater", "winner", "value", "withdrawn", "superseded_by", "answered_at"]
    list_filter = ["withdrawn", "winner", "study"]
    list_select_related = ["study", "pair", "rater", "superseded_by"]
    search_fields = ["=pair__number", "rater__name", "=rater__worker__number"]
    show_full_result_count = False


@admin.register(Report)
class ReportAdmin(ReadOnly):
    """Workers' reports on pairs, and when they were resolved."""

    list_display = ["study", "pair", "worker", "kind", "comment", "created_at", "settled_at"]
    list_filter = ["kind"]
    list_select_related = ["study", "pair", "worker"]
    search_fields = ["comment", "=pair__number"]


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    """Uploads with their state, size and user."""

    list_display = ["pk", "study", "user", "state", "size", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["study", "user"]
    search_fields = ["study__slug"]
