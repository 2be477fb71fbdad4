"""Tables of judge verdicts: the rows of the page's CSV files. Public if the study's results are public."""

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
    """A model's mean score by a judge: overall, for a turn or for a category."""

    judge = serializers.CharField()
    model = serializers.IntegerField(help_text="ID of the model.")
    name = serializers.CharField()
    scope = serializers.ChoiceField(["overall", "turn", "category"])
    of = serializers.CharField(help_text="Turn number, with 0 for a conversation judged as a whole, or category name.")
    mean = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Lower end of the 95% interval.")
    high = serializers.FloatField(allow_null=True)
    deviation = serializers.FloatField(
        allow_null=True, help_text="Standard deviation between the means of a model's samples."
    )
    grades = serializers.IntegerField()
    without_number = serializers.IntegerField()


class JudgedPairRow(serializers.Serializer[Any]):
    """A model's record by a judge, against one opponent or all of them combined."""

    judge = serializers.CharField()
    model = serializers.IntegerField(help_text="ID of the model.")
    name = serializers.CharField()
    against = serializers.IntegerField(allow_null=True, help_text="Null for all opponents combined.")
    against_name = serializers.CharField(allow_null=True)
    matches = serializers.IntegerField(help_text="Matches with a readable verdict in every order.")
    wins = serializers.IntegerField()
    ties = serializers.IntegerField()
    losses = serializers.IntegerField()
    inconsistent = serializers.IntegerField(help_text="Ties whose two orders contradict each other.")
    unreadable = serializers.IntegerField()
    win_rate = serializers.FloatField(allow_null=True)
    adjusted_win_rate = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Lower end of the adjusted win rate's 95% interval.")
    high = serializers.FloatField(allow_null=True)


class GradesRow(serializers.Serializer[Any]):
    """The tables of judge verdicts of a study."""

    computed_at = serializers.DateTimeField(
        allow_null=True, help_text="Null if the tables were computed for this request."
    )
    judges = serializers.ListField(child=serializers.CharField(), help_text="Names of all judges with verdicts.")
    scores = ScoreRow(many=True)
    pairs = JudgedPairRow(many=True)


class GradesQuery(Query):
    """Query parameters of the tables."""

    judge = serializers.CharField(required=False, trim_whitespace=False, help_text="Name of a judge: only its tables.")


class BeingComputed(APIException):
    """Large tables are being computed for the first time; sent as 503 with Retry-After."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = _("The tables are being computed. Try again in a minute.")
    wait = 60


class Grades(StudyView):
    """Returns the tables of judge verdicts. Raises BeingComputed until large tables are first computed."""

    query = GradesQuery
    of_the_public = True

    @extend_schema(
        operation_id="grades",
        summary="Get the tables of judge verdicts: scores of single answers, wins and losses in pairs",
        description="Same rows as the page's CSV files. Returns 503 while large tables are first computed.",
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
