"""Schedules of a study: judges that run at a fixed interval."""

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
    """A judge's schedule in a study."""

    number = serializers.IntegerField(help_text="ID in the options of the runs it started.")
    judge = serializers.CharField()
    kind = serializers.ChoiceField(ScheduleKind.choices)
    every = serializers.IntegerField(help_text="Hours.")
    options = serializers.JSONField(help_text="Options of its runs.")
    next_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(allow_null=True, help_text="Last scheduled time that was not skipped.")
    problem = serializers.CharField(help_text="Why the last run was skipped; empty if it was not.")
    by = serializers.CharField(allow_null=True, help_text="User who set the schedule; null: the command line.")
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
    """Lists the schedules of a study's judges."""

    query = PageQuery

    @extend_schema(
        operation_id="judge-schedules",
        summary="List the schedules of a study's judges",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(ScheduleRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return page(request, self.asked(), self.study.judge_schedules.select_related("judge", "user"), _told)
