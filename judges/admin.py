"""Reads-only Django admin for judges. Nothing is changed here: changed settings are new versions, calls and replies
record money spent, and verdicts are derived from replies."""

from django.apps import apps
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from annotation.admin import ReadOnly, path_to_set
from judges.models import (
    Judge,
    JudgeCall,
    JudgeRater,
    JudgeReply,
    JudgeRun,
    JudgeVersion,
    Sender,
    StoredKey,
    Template,
    Verdict,
    dollars,
)

TEXTS = ("pair__own_text", "pair__own_x", "pair__own_y", "pair__reason", "result__text", "result__turns")


class OfStudies(ReadOnly):
    """Rows about judges; those that belong to a prompt set are shown to staff who may read it."""

    def __init__(self, model: type[models.Model], site: admin.AdminSite) -> None:
        super().__init__(model, site)
        self.to_set = path_to_set(model)


@admin.register(Template)
class TemplateAdmin(OfStudies):
    """Versions of template sets."""

    list_display = ["name", "number", "sha256", "user", "created_at"]
    list_select_related = ["user"]
    search_fields = ["name", "=sha256"]


@admin.register(Judge)
class JudgeAdmin(OfStudies):
    """Judges with their spending and budget."""

    list_display = ["name", "user", "money_spent", "money_unsure", "money_reserved", "money_budget", "created_at"]
    list_select_related = ["user"]
    search_fields = ["name"]

    @admin.display(description="spent", ordering="spent")
    def money_spent(self, judge: Judge) -> str:
        return dollars(judge.spent)

    @admin.display(description="possibly spent", ordering="unsure")
    def money_unsure(self, judge: Judge) -> str:
        return dollars(judge.unsure)

    @admin.display(description="reserved", ordering="reserved")
    def money_reserved(self, judge: Judge) -> str:
        return dollars(judge.reserved)

    @admin.display(description="budget", ordering="budget", empty_value="–")
    def money_budget(self, judge: Judge) -> str | None:
        return None if judge.budget is None else dollars(judge.budget)


@admin.register(JudgeVersion)
class JudgeVersionAdmin(OfStudies):
    """Versions of judges with their settings."""

    list_display = ["judge", "number", "model", "returned_model", "endpoint", "template", "reader", "created_at"]
    list_display_links = ["judge", "number"]
    list_filter = ["reader", "orders", "judge"]
    list_select_related = ["judge", "template"]
    search_fields = ["judge__name", "model", "returned_model"]


@admin.register(JudgeRater)
class JudgeRaterAdmin(OfStudies):
    """Which version of a judge each rater of a study is."""

    list_display = ["rater", "study", "version"]
    list_select_related = ["rater", "study", "version__judge"]
    search_fields = ["rater__name", "study__slug"]


@admin.register(JudgeRun)
class JudgeRunAdmin(OfStudies):
    """Runs of judges on studies."""

    list_display = ["pk", "study", "version", "kind", "state", "offline", "planned", "lost", "user", "created_at"]
    list_filter = ["state", "kind", "offline", "version__judge"]
    list_select_related = ["study", "version__judge", "user"]
    search_fields = ["=pk", "study__slug", "version__judge__name", "problem"]


@admin.register(Sender)
class SenderAdmin(OfStudies):
    """Processes that work on judge runs."""

    list_display = ["pk", "run", "started_at", "beat_at", "finished_at", "lost"]
    list_select_related = ["run"]
    search_fields = ["=run__pk"]


@admin.register(JudgeCall)
class JudgeCallAdmin(OfStudies):
    """Calls of judge runs, without the judged texts."""

    list_display = ["pk", "run", "version", "pair", "result", "turn", "left", "sample", "state", "sent_at"]
    list_filter = ["state", "version__judge"]
    list_select_related = ("run", "version__judge", "pair", "result")
    search_fields = ["=pk", "=run__pk", "=pair__number", "=result__number"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[JudgeCall]":
        """Leaves out the judged texts."""
        return super().get_queryset(request).select_related(*self.list_select_related).defer(*TEXTS)


@admin.register(JudgeReply)
class JudgeReplyAdmin(OfStudies):
    """Replies to calls, with the full request and reply on the page of each."""

    list_display = ["pk", "call", "answered_as", "state", "status", "model", "tokens_in", "tokens_out", "received_at"]
    list_filter = ["state", "answered_as__judge"]
    list_select_related = ["call", "answered_as__judge"]
    search_fields = ["=pk", "=call__pk", "=response_id", "=request_id"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[JudgeReply]":
        found = super().get_queryset(request)
        # Requests and replies may be long, so the list does not load them.
        match = request.resolver_match
        return found.defer("request", "raw") if match and str(match.url_name).endswith("_changelist") else found


@admin.register(Verdict)
class VerdictAdmin(OfStudies):
    """Verdicts read from replies, including superseded ones."""

    list_display = ["pk", "call", "state", "winner", "level", "score", "share", "reader", "read_at", "superseded_at"]
    list_filter = ["state", "winner", "reader"]
    list_select_related = ["call"]
    search_fields = ["=pk", "=call__pk"]
    show_full_result_count = False


def plain(model: type[models.Model]) -> type[OfStudies]:
    """Builds a read-only admin for a model without its own class: short columns, and filters for its choices."""
    fields = [
        field
        for field in model._meta.concrete_fields
        if not isinstance(field, models.TextField | models.JSONField | models.BinaryField)
    ]
    related = [field.name for field in fields if isinstance(field, models.ForeignKey)]
    key = model._meta.pk
    judged = [f"{name}__judge" for name in related if getattr(model, name).field.related_model is JudgeVersion]
    return type(
        f"{model.__name__}Admin",
        (OfStudies,),
        {
            "list_display": [field.name for field in fields[:10]],
            "list_filter": [field.name for field in fields if field.choices or isinstance(field, models.BooleanField)],
            "list_select_related": [*related, *judged],
            "search_fields": ["=pk" if key.remote_field is None else f"={key.name}__pk"],
            "show_full_result_count": False,
        },
    )


for model in apps.get_app_config("judges").get_models():
    # Keys stand on no page, encrypted or not.
    if model is not StoredKey and not admin.site.is_registered(model):
        admin.site.register(model, plain(model))
