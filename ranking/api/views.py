"""Snapshots of leaderboards and the report on people and judges, for everybody where a study's results are public."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import PageQuery, page, page_of
from annotation.models import Study
from annotation.snapshots import State
from ranking.methods.registry import METHODS
from ranking.models import Leaderboard
from ranking.reports import agreement


class BoardRow(serializers.Serializer[Any]):
    """A snapshot, without what came out."""

    id = serializers.IntegerField(help_text="Which the citation below the board names.")
    number = serializers.IntegerField(help_text="Numbered from 1 for each kind of leaderboard in a study.")
    raters = serializers.CharField(help_text="people, all, or the name of a judge.")
    method = serializers.CharField()
    filters = serializers.JSONField()
    settings = serializers.JSONField()
    state = serializers.ChoiceField(State.choices)
    problem = serializers.CharField(help_text="Why there is no board; empty where there is one.")
    comparisons = serializers.IntegerField()
    simulated = serializers.IntegerField(help_text="Comparisons among them that a program made up.")
    digest = serializers.CharField(help_text="SHA-256 of the comparisons that went in.")
    version = serializers.CharField(help_text="Of the methods.")
    created_at = serializers.DateTimeField(help_text="When it was asked for.")
    finished_at = serializers.DateTimeField(help_text="When it was computed.", allow_null=True)


COLUMNS = tuple(BoardRow().fields)


class BoardSheet(serializers.Serializer[Any]):
    """A snapshot with what came out, as in its file board.json: the sheet's other keys are those of the board."""

    id = serializers.IntegerField()
    study = serializers.SlugField()
    filters = serializers.JSONField()
    settings = serializers.JSONField()
    cut = serializers.IntegerField(allow_null=True, help_text="The highest comparison that was read.")
    digest = serializers.CharField()
    simulated = serializers.IntegerField()
    version = serializers.CharField()
    computed = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    comparisons = serializers.IntegerField(required=False)
    groups = serializers.ListField(
        child=serializers.JSONField(), required=False, help_text="Groups of models that have met; rows with ratings."
    )


class MethodField(serializers.ChoiceField):
    """The name of a registered method."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(sorted(METHODS), **kwargs)


class BoardsQuery(PageQuery):
    raters = serializers.CharField(required=False, max_length=200, trim_whitespace=False)
    method = MethodField(required=False)


class Leaderboards(StudyView):
    query = BoardsQuery
    of_the_public = True

    @extend_schema(
        operation_id="leaderboards",
        summary="Leaderboards: every snapshot, the newest first",
        tags=["leaderboards"],
        parameters=[BoardsQuery],
        responses=page_of(BoardRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked()
        wanted = {name: asked[name] for name in ("raters", "method") if name in asked}
        found = _boards(self.study).filter(**wanted).values_list("pk", *COLUMNS)

        def tell(some: Sequence[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
            return (dict(zip(COLUMNS, row[1:], strict=True)) for row in some)

        return page(request, asked, found, tell, newest_first=True)


def _boards(study: Study) -> "QuerySet[Leaderboard]":
    """The finished snapshots that are boards: reports are kept in the same table."""
    return Leaderboard.objects.finished().filter(study=study, method__in=list(METHODS))


class OneLeaderboard(StudyView):
    of_the_public = True

    @extend_schema(operation_id="leaderboard", summary="One leaderboard", tags=["leaderboards"], responses=BoardSheet)
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return Response(get_object_or_404(_boards(self.study).select_related("study"), pk=number).as_json())


class ReportRow(serializers.Serializer[Any]):
    """What the page on people and judges shows, and more: every statistic with its interval and number."""

    id = serializers.IntegerField()
    computed = serializers.DateTimeField()
    comparisons = serializers.IntegerField()
    simulated = serializers.IntegerField()
    people = serializers.JSONField(help_text="Agreement among people. `workers` is for those who run the study.")
    judges = serializers.JSONField(help_text="Each judge against people, by name.")


class Agreement(StudyView):
    of_the_public = True

    @extend_schema(
        operation_id="agreement",
        summary="People and judges: agreement and biases, from the newest snapshot",
        tags=["leaderboards"],
        responses=ReportRow,
    )
    def get(self, request: Request, slug: str) -> Response:
        self.asked()
        found = Leaderboard.objects.newest_report(self.study, agreement.METHOD)
        if found is None:
            raise NotFound
        people = dict(found.sheet["people"])
        if self.own is None:
            people.pop("workers", None)
        return Response(
            {
                "id": found.pk,
                "computed": found.finished_at,
                "comparisons": found.comparisons,
                "simulated": found.simulated,
                "people": people,
                "judges": found.sheet["judges"],
            }
        )
