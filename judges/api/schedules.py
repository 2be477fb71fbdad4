"""Schedules of a study: judges that are asked every so many hours."""

from collections.abc import Iterable, Iterator
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import PageQuery, page, page_of
from judges.models import Schedule, ScheduleKind


class ScheduleRow(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="As in the options of the runs that it began.")
    judge = serializers.CharField()
    kind = serializers.ChoiceField(ScheduleKind.choices)
    every = serializers.IntegerField(help_text="Hours.")
    options = serializers.JSONField(help_text="What its runs are to cover.")
    next_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(allow_null=True, help_text="The last time that was not left out.")
    problem = serializers.CharField(help_text="Why the last time was left out; empty where it was not.")
    by = serializers.CharField(allow_null=True, help_text="In whose name; null: a command.")
    created_at = serializers.DateTimeField()


def _told(some: Iterable[Schedule]) -> Iterator[dict[str, Any]]:
    for schedule in some:
        yield {
            "number": schedule.pk,
            "judge": schedule.judge.name,
            "problem": schedule.told_problem,
            "by": schedule.user.get_username() if schedule.user else None,
            **{name: getattr(schedule, name) for name in ("kind", "every", "options")},
            **{name: getattr(schedule, name) for name in ("next_at", "last_at", "created_at")},
        }


class Schedules(StudyView):
    query = PageQuery

    @extend_schema(
        operation_id="judge-schedules",
        summary="Judges that are asked about a study every so many hours",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(ScheduleRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return page(request, self.asked(), self.study.judge_schedules.select_related("judge", "user"), _told)
