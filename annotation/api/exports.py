"""Exports in the API: files in any layout and file format, written at once or in the background."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import Body, PageQuery, page, page_of
from annotation.api.rows import Row
from annotation.exporting import jobs, layouts
from annotation.exporting.comparisons import PEOPLE
from annotation.exporting.file_formats import FILE_FORMATS
from annotation.exporting.layouts import LAYOUTS
from annotation.exporting.selection import READINGS, Selection
from annotation.models import Export, ExportState
from annotation.studies.lifecycle import NotPossible
from annotation.views.downloads import stored_file


class Filters(serializers.Serializer[Any]):
    """The filters that differ from their defaults."""

    raters = serializers.CharField(required=False, help_text="“people”, “all”, or the name of a judge.")
    category = serializers.CharField(required=False, help_text="Category of the prompts.")
    reading = serializers.ChoiceField(READINGS, required=False)
    simulated = serializers.BooleanField(required=False)


class ExportRow(Row):
    """An export with its progress and, once it is ready, its file."""

    id = serializers.IntegerField()
    layout = serializers.CharField()
    format = serializers.CharField()
    filters = Filters()
    user = serializers.CharField(allow_null=True, help_text="Who asked for it; null for the command line.")
    state = serializers.ChoiceField(ExportState.choices)
    problem = serializers.CharField(help_text="Why it failed; empty otherwise.")
    file_name = serializers.CharField()
    done = serializers.IntegerField(help_text="Comparisons written so far.")
    total = serializers.IntegerField(help_text="Comparisons to write.")
    size = serializers.IntegerField(allow_null=True, help_text="Bytes of the file.")
    sha256 = serializers.CharField(help_text="Digest of the file; empty until it is ready.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When the file is deleted.")
    file = serializers.CharField(allow_null=True, help_text="Address of the file; null without one.")


class NewExport(Body):
    """What to export."""

    layout = serializers.CharField(default="comparisons", help_text=f"One of {', '.join(LAYOUTS)}.")
    format = serializers.CharField(
        default="",
        allow_blank=True,
        help_text=f"One of {', '.join(FILE_FORMATS)}. Leave blank for the layout’s usual format.",
    )
    raters = serializers.CharField(
        default=PEOPLE, max_length=200, trim_whitespace=False, help_text="“people”, “all”, or the name of a judge."
    )
    category = serializers.CharField(
        default="",
        allow_blank=True,
        trim_whitespace=False,
        help_text="Prompt category. Leave blank for all.",
    )
    reading = serializers.ChoiceField(
        READINGS, default="forced", help_text="How 4 and 5 on the scale from 1 to 8 are read."
    )
    simulated = serializers.BooleanField(default=False, help_text="Include simulated comparisons, marked in a column.")


def export_row(export: Export, slug: str) -> dict[str, Any]:
    """Returns the columns of an `ExportRow`."""
    ready = export.has_file(timezone.now())
    return {
        "id": export.pk,
        "layout": export.layout,
        "format": export.format,
        "filters": export.filters,
        "user": export.user.get_username() if export.user else None,
        "state": export.state,
        "problem": export.told_problem,
        "file_name": export.file_name,
        "done": export.done,
        "total": export.total,
        "size": export.size,
        "sha256": export.digest,
        "created_at": export.created_at,
        "finished_at": export.finished_at,
        "expires_at": export.expires_at,
        "file": reverse("api-export-file", args=[slug, export.pk]) if ready else None,
    }


class ExportView(StudyView):
    """A view of a study's exports, for people who manage it; with texts, only if they may read its prompt set."""

    def found(self, number: int) -> Export:
        export = get_object_or_404(self.study.exports.select_related("user"), pk=number)
        self.need_for(export.layout)
        return export

    def need_for(self, layout: str) -> None:
        known = LAYOUTS.get(layout)
        if known is None or known.with_texts:
            self.need_to_read_it()

    def told(self, export: Export, code: int = status.HTTP_200_OK, **headers: str) -> Response:
        return Response(export_row(export, self.study.slug), code, headers=headers)


class Exports(ExportView):
    """Lists a study's exports, and asks for new ones."""

    query = PageQuery

    @extend_schema(
        operation_id="exports",
        summary="List a study's exports, newest first",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(ExportRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        def tell(some: Sequence[Export]) -> list[dict[str, Any]]:
            return [export_row(export, slug) for export in some]

        return page(request, self.asked(), self.study.exports.select_related("user"), tell, newest_first=True)

    @extend_schema(
        operation_id="create-export",
        summary="Export comparisons, answers or prompts as a file",
        description=f"Up to {jobs.AT_ONCE:,} comparisons are written at once. More are written in the background: ask "
        "for the export until its state is ready. Returns 409 if the study cannot be written like this, or too many "
        "of your exports are under way.",
        tags=["data"],
        request=NewExport,
        responses={201: ExportRow},
    )
    def post(self, request: Request, slug: str) -> Response:
        study, options = self.study, self.sent(NewExport)
        try:
            asked = layouts.request(options.pop("layout"), options.pop("format"), Selection(**options))
        except NotPossible as refusal:
            raise serializers.ValidationError({"layout": str(refusal)}) from None
        self.need_for(asked.layout.name)
        export = jobs.export(study, cast(User, request.user), asked)
        return self.told(export, status.HTTP_201_CREATED, Location=reverse("api-export", args=[slug, export.pk]))


class OneExport(ExportView):
    """Returns an export with its progress."""

    @extend_schema(operation_id="export", summary="Get an export with its progress", tags=["data"], responses=ExportRow)
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return self.told(self.found(number))


class ExportFile(ExportView):
    """Sends the file of an export."""

    @extend_schema(
        operation_id="export-file",
        summary="Download the file of an export",
        tags=["data"],
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY)},
    )
    def get(self, request: Request, slug: str, number: int) -> FileResponse:
        self.asked()
        return stored_file(self.found(number))


class CancelExport(ExportView):
    """Cancels an export that is not ready yet."""

    @extend_schema(
        operation_id="cancel-export",
        summary="Cancel an export that is not ready yet",
        tags=["data"],
        request=None,
        responses=ExportRow,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        self.sent()
        export = self.found(number)
        jobs.cancel(export)
        return self.told(export)
