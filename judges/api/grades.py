"""What judges said, as tables: the rows of the page's files, for everybody where a study's results are public."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import Query
from judges.results import score_tables


class ScoreRow(serializers.Serializer[Any]):
    judge = serializers.CharField()
    model = serializers.IntegerField(help_text="The model's id.")
    name = serializers.CharField()
    scope = serializers.ChoiceField(["overall", "turn", "category"])
    of = serializers.CharField(
        help_text="The turn's number, 0 for a conversation judged as a whole; the category's name."
    )
    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval.")
    high = serializers.FloatField(allow_null=True)
    deviation = serializers.FloatField(allow_null=True, help_text="Between the means of a model's choices.")
    grades = serializers.IntegerField()
    without_number = serializers.IntegerField()


class JudgedPairRow(serializers.Serializer[Any]):
    judge = serializers.CharField()
    model = serializers.IntegerField(help_text="The model's id.")
    name = serializers.CharField()
    against = serializers.IntegerField(allow_null=True, help_text="Null for all others together.")
    against_name = serializers.CharField(allow_null=True)
    matches = serializers.IntegerField(help_text="Those that could be read in every order.")
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    inconsistent = serializers.IntegerField(help_text="Ties whose orders contradict one another.")
    unreadable = serializers.IntegerField()
    win_rate = serializers.FloatField(allow_null=True)
    adjusted_win_rate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the adjusted rate's 95 % interval.")
    high = serializers.FloatField(allow_null=True)


class GradesRow(serializers.Serializer[Any]):
    computed_at = serializers.DateTimeField(allow_null=True, help_text="Null where they were counted just now.")
    judges = serializers.ListField(child=serializers.CharField(), help_text="All there are.")
    scores = ScoreRow(many=True)
    pairs = JudgedPairRow(many=True)


class GradesQuery(Query):
    judge = serializers.CharField(required=False, trim_whitespace=False, help_text="The tables of this one alone.")


class BeingComputed(APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The tables are being computed. Try again in a minute.")
    wait = 60


class Grades(StudyView):
    query = GradesQuery
    of_the_public = True

    @extend_schema(
        operation_id="grades",
        summary="What judges said: scores of single answers, and wins and losses in both orders",
        description="As the files of the page. 503 while the tables of many verdicts are computed for the first time.",
        tags=["judges"],
        parameters=[GradesQuery],
        responses=GradesRow,
    )
    def get(self, request: Request, slug: str) -> Response:
        judge = self.asked().get("judge")
        found = score_tables.shown(self.study, judge)
        if found is None:
            raise BeingComputed
        if judge is not None and judge not in found.judges:
            raise NotFound
        shown = {"computed_at": found.computed_at, "judges": found.judges}
        return Response(shown | {"scores": list(found.score_rows()), "pairs": list(found.pair_rows())})
