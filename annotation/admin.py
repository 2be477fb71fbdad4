"""The Django admin: every row can be viewed. Workers' and judges' answers are always read-only there."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import ForeignKey, Model, QuerySet
from django.http import HttpRequest

from annotation.models import (
    Assignment,
    BattleRow,
    Comparison,
    Draw,
    DrawBatch,
    ErasedId,
    Erasure,
    Exit,
    Export,
    LanguageModel,
    Pair,
    PairRun,
    Prompt,
    PromptSet,
    PromptSetReader,
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


def path_to_set(model: type[Model]) -> str:
    """Returns the lookup that leads from any row of `model` to its prompt set; empty if there is none."""
    paths: list[tuple[type[Model], str]] = [(model, "")]
    for place, path in paths:
        for field in place._meta.concrete_fields:
            if isinstance(field, ForeignKey) and not field.null:
                to = field.related_model
                further = f"{path}__{field.name}".removeprefix("__")
                if to is PromptSet:
                    return further
                if to not in {known for known, _path in paths}:
                    paths.append((to, further))
    return ""


class OfPromptSets(_Admin):
    """Rows of prompt sets: staff who are no superusers see those of sets that they may read."""

    to_set = "prompt_set"
    """The lookup that leads from a row to its prompt set; empty if the rows tell nothing about answers."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found = super().get_queryset(request)
        if not self.to_set or not isinstance(request.user, User) or request.user.is_superuser:
            return found
        return found.filter(**{f"{self.to_set}__in": PromptSet.objects.readable_by(request.user).values("pk")})


class ReadOnly(OfPromptSets):
    """Rows that only subject packages write, because other rows depend on them."""

    to_set = ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Described(OfPromptSets):
    """Rows whose descriptions can be edited here, but which only files and subject packages create and delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PromptSet)
class PromptSetAdmin(Described):
    """Prompt sets: the name can be edited; the slug, by which commands and the API refer to them, cannot."""

    to_set = "pk"
    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]
    readonly_fields = ["slug", "created_at"]


@admin.register(PromptSetReader)
class PromptSetReaderAdmin(ReadOnly):
    """Who may read or edit a prompt set besides its owner, and through which study; changed on the set's page."""

    to_set = "prompt_set"
    list_display = ["user", "prompt_set", "edits", "study"]
    list_filter = ["edits", "prompt_set"]
    list_select_related = ["user", "prompt_set", "study"]
    search_fields = ["user__username", "prompt_set__slug"]


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

    to_set = "prompt_set"
    list_display = ["number", "prompt", "model", "sample", "duration", "rate"]
    list_filter = ["prompt_set"]
    list_select_related = ["prompt", "model"]
    search_fields = ["=number", "model__name", "prompt__slug"]
    show_full_result_count = False


@admin.register(ResultFlag)
class ResultFlagAdmin(ReadOnly):
    """Flags on answers that name their own model or were cut off, with the words found."""

    to_set = "result__prompt_set"
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

    to_set = "study__prompt_set"
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


@admin.register(DrawBatch)
class DrawBatchAdmin(ReadOnly):
    """Batches of draws of adaptive studies, with the fit and the seed they came from."""

    list_display = ["number", "study", "late", "votes", "seed", "fit", "created_at"]
    list_filter = ["late", "study"]
    list_select_related = ["study"]
    search_fields = ["study__slug", "=number"]


@admin.register(Draw)
class DrawAdmin(ReadOnly):
    """Single draws, with their strategy and probability."""

    to_set = "batch__study__prompt_set"
    list_display = ["pk", "batch", "position", "pair", "slot", "strategy", "version", "probability"]
    list_filter = ["strategy"]
    list_select_related = ["batch", "pair"]
    search_fields = ["=pair__number"]
    show_full_result_count = False


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


@admin.register(Erasure)
class ErasureAdmin(ReadOnly):
    """Erasures of people's data: when, why, by whom and how much."""

    list_display = ["study", "cause", "user", "created_at"]
    list_filter = ["cause"]
    list_select_related = ["study", "user"]
    search_fields = ["study__slug"]


@admin.register(ErasedId)
class ErasedIdAdmin(ReadOnly):
    """Digests of erased participant IDs, which may not take part again."""

    list_display = ["digest", "study"]
    list_select_related = ["study"]
    search_fields = ["=digest", "study__slug"]


@admin.register(TrainingAnswer)
class TrainingAnswerAdmin(ReadOnly):
    """Answers to training pairs, searchable by worker."""

    to_set = "pair__study__prompt_set"
    list_display = ["pk", "worker", "pair", "attempt", "position", "left", "value", "right", "answered_at"]
    list_filter = ["right"]
    list_select_related = ["worker", "pair"]
    search_fields = ["=worker__number", "worker__external_id"]
    show_full_result_count = False


@admin.register(Assignment)
class AssignmentAdmin(ReadOnly):
    """Reservations of pairs for workers, searchable by worker."""

    to_set = "study__prompt_set"
    list_display = ["pk", "study", "pair", "worker", "slot", "state", "trial", "left", "created_at", "expires_at"]
    list_filter = ["state", "study"]
    list_select_related = ["study", "pair", "worker"]
    search_fields = ["=worker__number", "worker__external_id"]
    show_full_result_count = False


@admin.register(Comparison)
class ComparisonAdmin(ReadOnly):
    """Comparisons, including withdrawn and superseded ones."""

    to_set = "study__prompt_set"
    list_display = ["pk", "study", "pair", "rater", "winner", "value", "withdrawn", "superseded_by", "answered_at"]
    list_filter = ["withdrawn", "winner", "study"]
    list_select_related = ["study", "pair", "rater", "superseded_by"]
    search_fields = ["=pair__number", "rater__name", "=rater__worker__number"]
    show_full_result_count = False


@admin.register(Report)
class ReportAdmin(ReadOnly):
    """Workers' reports on pairs, and when they were resolved."""

    to_set = "study__prompt_set"
    list_display = ["study", "pair", "worker", "kind", "comment", "created_at", "settled_at"]
    list_filter = ["kind"]
    list_select_related = ["study", "pair", "worker"]
    search_fields = ["comment", "=pair__number"]


@admin.register(BattleRow)
class BattleRowAdmin(ReadOnly):
    """Rows of loaded battles, with the fields that have no column."""

    to_set = "study__prompt_set"
    list_display = ["pk", "study", "format", "file", "pair", "left", "rater", "trial"]
    list_filter = ["format", "study"]
    list_select_related = ["study", "pair"]
    search_fields = ["=pair__number", "rater"]
    show_full_result_count = False


@admin.register(Export)
class ExportAdmin(ReadOnly):
    """Exports with their layout, state, size and user."""

    to_set = "study__prompt_set"
    list_display = ["pk", "study", "user", "layout", "format", "state", "size", "created_at", "expires_at"]
    list_filter = ["state", "layout"]
    list_select_related = ["study", "user"]
    search_fields = ["study__slug", "digest"]


@admin.register(Upload)
class UploadAdmin(ReadOnly):
    """Uploads with their state, size and user."""

    to_set = "study__prompt_set"
    list_display = ["pk", "study", "user", "state", "size", "created_at", "finished_at"]
    list_filter = ["state"]
    list_select_related = ["study", "user"]
    search_fields = ["study__slug"]
