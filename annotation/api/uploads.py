"""Uploads of files: a check in the background that says what they would add, and then one request that stores it."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import Body, PageQuery, page, page_of
from annotation.api.rows import Row
from annotation.importing import undo, uploads
from annotation.importing.proposals import Choice
from annotation.interchange.faults import Fault
from annotation.interchange.llmfao import RATER_LENGTH
from annotation.interchange.reading import Reading
from annotation.interchange.registry import FORMATS
from annotation.models import Study, Upload, UploadState
from annotation.studies.lifecycle import NotPossible
from annotation.studies.prompt_sets import no_editor

NAME = 500
"""The most characters of a name that a request may have."""


class FaultRow(Row):
    """An error in a file, and where."""

    file = serializers.CharField(allow_blank=True)
    line = serializers.IntegerField(allow_null=True, help_text="From 1, the header included; null for a whole file.")
    field = serializers.CharField(allow_blank=True)
    reason = serializers.CharField()
    row = serializers.CharField(allow_blank=True, help_text="The start of the row as it was read.")


class UploadRow(Row):
    """An upload and its progress."""

    number = serializers.IntegerField()
    state = serializers.ChoiceField(UploadState.choices, help_text="“proposed”: checked, and nothing is saved yet.")
    files = serializers.ListField(child=serializers.CharField(allow_blank=True), help_text="Names of the files.")
    user = serializers.CharField(allow_null=True)
    size = serializers.IntegerField(help_text="Bytes to read.")
    done = serializers.IntegerField(help_text="Bytes read so far.")
    error_count = serializers.IntegerField(help_text="Number of errors. If there are any, nothing is saved.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class UploadDetail(UploadRow):
    """An upload with what its check found."""

    counts = serializers.DictField(
        help_text="By kind of row, how many are `new`, and how many are `unchanged` and skipped."
    )
    faults = FaultRow(many=True, help_text="The first 100 errors.")
    skipped = serializers.ListField(child=serializers.CharField(), help_text="Files that were not recognised.")
    unknown = serializers.DictField(help_text="By file, the columns that were not read.")
    format = serializers.CharField(allow_blank=True, help_text="The format of the files.")
    proposals = serializers.ListField(
        child=serializers.DictField(), help_text="How each file is read, and the formats that fit, best first."
    )
    pairs = serializers.ListField(
        child=serializers.DictField(), help_text="Up to three pairs with the texts that workers would see."
    )


class NewUpload(Body):
    """Files to check."""

    files = serializers.ListField(
        child=serializers.FileField(allow_empty_file=True, max_length=NAME), allow_empty=False, max_length=1000
    )
    rater = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=RATER_LENGTH,
        help_text="The judge whose comparisons are in a file that does not name its rater.",
    )


class ChosenReading(serializers.Serializer[Any]):
    """How a file is read; what is empty is found out."""

    encoding = serializers.CharField(required=False, allow_blank=True, default="", max_length=40)
    separator = serializers.CharField(required=False, allow_blank=True, default="", max_length=1, trim_whitespace=False)
    sheet = serializers.CharField(required=False, allow_blank=True, default="", max_length=NAME, trim_whitespace=False)
    columns = serializers.DictField(
        child=serializers.CharField(max_length=NAME, trim_whitespace=False),
        required=False,
        default=dict,
        help_text="By a column’s name in the file, the field of the format that it is.",
    )


class Chosen(serializers.Serializer[Any]):
    """What is said of a file; what is empty is found out."""

    kind = serializers.CharField(required=False, allow_blank=True, default="", max_length=NAME)
    model = serializers.CharField(required=False, allow_blank=True, default="", max_length=NAME)
    rater = serializers.CharField(required=False, allow_blank=True, default="", max_length=RATER_LENGTH)
    reading = ChosenReading(required=False)


class Check(Body):
    """How files are to be read."""

    format = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=NAME,
        help_text="Leave blank for the best fit.",
    )
    choices = serializers.DictField(
        child=Chosen(), required=False, default=dict, help_text="By a file’s name, what is said of it."
    )

    def validate_choices(self, value: dict[str, Any]) -> dict[str, Any]:
        """Checks the names of files and columns, which are keys, by the rules of other texts."""
        name = serializers.CharField(allow_blank=True, max_length=NAME, trim_whitespace=False)
        for file, said in value.items():
            for key in (file, *said.get("reading", {}).get("columns", {})):
                name.run_validation(key)
        return value

    def validate_format(self, value: str) -> str:
        if value and value not in FORMATS:
            told = _("Unknown format. Use one of: %(known)s.") % {"known": ", ".join(FORMATS)}
            raise serializers.ValidationError(told)
        return value


def _row(upload: Upload) -> dict[str, Any]:
    return {
        "number": upload.pk,
        "state": upload.state,
        "files": [file["name"] for file in upload.files],
        "user": upload.user.get_username() if upload.user else None,
        "size": upload.size,
        "done": upload.done,
        "error_count": upload.report.get("count", 0),
        "created_at": upload.created_at,
        "finished_at": upload.finished_at,
    }


def _rows(some: Sequence[Upload]) -> list[dict[str, Any]]:
    return [_row(upload) for upload in some]


def _detail(upload: Upload) -> dict[str, Any]:
    report: Mapping[str, Any] = upload.report
    faults = [Fault.from_json(stored) for stored in report.get("faults", [])]
    return _row(upload) | {
        "counts": report.get("counts", {}),
        "faults": [
            {
                "file": fault.file,
                "line": fault.line,
                "field": fault.field,
                "reason": _(fault.reason) % fault.values,
                "row": fault.row,
            }
            for fault in faults
        ],
        "skipped": report.get("skipped", []),
        "unknown": report.get("unknown", {}),
        "format": report.get("format", ""),
        "proposals": report.get("proposals", []),
        "pairs": report.get("pairs", []),
    }


class UploadView(StudyView):
    """A view of a study's uploads, for people who may read its prompt set."""

    with_texts = True

    def found(self, number: int) -> Upload:
        # Whoever may not see the study learns nothing else of it.
        known = self.study.uploads.select_related("user")
        self.need_to_read_it()
        return get_object_or_404(known, pk=number)

    def told(self, number: int) -> Response:
        return Response(_detail(self.found(number)))

    def check_shown(self) -> None:
        """Refuses changes to a hidden study.

        Raises:
            NotPossible: it is hidden.
        """
        if self.study.hidden_at:
            raise NotPossible(_("This study is hidden, so it cannot be changed. Show it again first."))


class Uploads(UploadView):
    """Lists a study's uploads, and takes new ones."""

    query = PageQuery
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="uploads",
        summary="List a study's uploads, newest first",
        tags=["uploads"],
        parameters=[PageQuery],
        responses=page_of(UploadRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked()
        study = self.study
        self.need_to_read_it()
        return page(request, asked, study.uploads.select_related("user"), _rows, newest_first=True)

    @extend_schema(
        operation_id="upload-files",
        summary="Upload files and check them",
        description="Checks the files in the background. Nothing is saved until you store the upload.",
        tags=["uploads"],
        request={"multipart/form-data": NewUpload},
        responses={201: UploadDetail},
    )
    def post(self, request: Request, slug: str) -> Response:
        study = self.study
        self.need_to_read_it()
        self.check_shown()
        sent = self.sent(NewUpload)
        upload = uploads.propose(study, cast(User, request.user), sent["files"], rater=sent["rater"] or None)
        where = reverse("api-upload", args=[slug, upload.pk])
        return Response(_detail(upload), status.HTTP_201_CREATED, headers={"Location": where})


class OneUpload(UploadView):
    """Returns an upload with its progress and what its check found."""

    @extend_schema(
        operation_id="upload",
        summary="Get an upload with its progress and what its check found",
        tags=["uploads"],
        responses=UploadDetail,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return self.told(number)


class CheckUpload(UploadView):
    """Checks the files of an upload again, read in another way."""

    @extend_schema(
        operation_id="check-upload",
        summary="Check the files of an upload again, read in another way",
        description="Returns 409 if the upload is saved, cancelled or being read.",
        tags=["uploads"],
        request=Check,
        responses=UploadDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        found = self.found(number)
        self.check_shown()
        sent = self.sent(Check)
        choices = {
            file: Choice(
                kind=said["kind"],
                reading=Reading(**said.get("reading", {})),
                model=said["model"],
                rater=said["rater"],
            )
            for file, said in sent["choices"].items()
        }
        if not uploads.choose(found, choices, sent["format"]):
            raise NotPossible(_("This upload does not wait for a choice."))
        return self.told(number)


class StoreUpload(UploadView):
    """Stores what the check of an upload proposed."""

    @extend_schema(
        operation_id="store-upload",
        summary="Store what the check of an upload proposed",
        description="Works in the background. Returns 409 if the upload does not wait for this.",
        tags=["uploads"],
        request=None,
        responses=UploadDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        self.sent()
        found = self.found(number)
        self.check_shown()
        user = cast(User, request.user)
        edits = Study.objects.editable_by(user).filter(pk=self.study.pk).exists()
        if undo.changed_the_set(found) and not edits:
            raise PermissionDenied(no_editor(self.study.prompt_set))
        if not uploads.confirm(found, user):
            raise NotPossible(_("This upload does not wait for a confirmation."))
        return self.told(number)


class CancelUpload(UploadView):
    """Cancels an upload that is not stored yet."""

    @extend_schema(
        operation_id="cancel-upload",
        summary="Cancel an upload that is not stored yet",
        description="Returns 409 if it is over.",
        tags=["uploads"],
        request=None,
        responses=UploadDetail,
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        self.sent()
        if not uploads.cancel(self.found(number)):
            raise NotPossible(_("The upload finished before it could be cancelled."))
        return self.told(number)
