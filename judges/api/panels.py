"""Panels of a study: rules, members with their verdicts, and decisions by state."""

from typing import Any

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import PageQuery, page, page_of
from judges.models import Panel, PanelDecision, PanelMember


class MemberRow(serializers.Serializer[Any]):
    """A member of a panel and counts of its verdicts."""

    rater = serializers.CharField()
    senior = serializers.BooleanField(help_text="True if this member decides splits.")
    organisation = serializers.CharField(help_text="Organisation of its model; empty if unknown.")
    said = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Counts of the member's verdicts. x, tie and y: both orders combined; contradicts, absent, spared: "
        "no verdict; compared: compared with the panel's; alike: equal to the panel's. Empty until first computed.",
    )


class PanelRow(serializers.Serializer[Any]):
    """A panel with its rules, members and counts of decisions."""

    number = serializers.IntegerField(help_text="ID in the address of its page.")
    rater = serializers.CharField(help_text="Name on leaderboards and in files.")
    rule = serializers.ChoiceField(Panel.Rule.choices)
    splits = serializers.ChoiceField(Panel.Splits.choices)
    contradictions = serializers.ChoiceField(Panel.Contradictions.choices)
    least = serializers.IntegerField(
        allow_null=True, help_text="Minimum members who must reply; null: all who may judge the pair."
    )
    margin = serializers.FloatField(help_text="Minimum distance of the mean from 0.5; a smaller distance is a split.")
    spares_own = serializers.BooleanField(help_text="True if members do not judge models of their own organisation.")
    decisions = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Decisions by state when last computed. The states out and few have no winner.",
    )
    members = MemberRow(many=True)
    by = serializers.CharField(allow_null=True, help_text="User who created it; null: the command line.")
    created_at = serializers.DateTimeField()
    computed_at = serializers.DateTimeField(allow_null=True, help_text="When its decisions were last computed.")
    ended_at = serializers.DateTimeField(
        allow_null=True, help_text="When the panel ended and its comparisons were withdrawn."
    )


RULES = ("rule", "splits", "contradictions", "least", "margin", "spares_own")


def _told(panel: Panel) -> dict[str, Any]:
    members = list(panel.members.all())
    said = panel.tally.get("members", [{}] * len(members))
    states = panel.tally.get("states", {})
    return {
        "number": panel.pk,
        "rater": panel.rater.name,
        **{name: getattr(panel, name) for name in RULES},
        "decisions": {state: states.get(state, 0) for state in PanelDecision.State.values},
        "members": [
            {
                "rater": member.rater.name,
                "senior": member.senior,
                "organisation": member.organisation,
                "said": words,
            }
            for member, words in zip(members, said, strict=True)
        ],
        "by": panel.user.get_username() if panel.user else None,
        **{name: getattr(panel, name) for name in ("created_at", "computed_at", "ended_at")},
    }


class PanelView(StudyView):
    """A view of a study's panels."""

    @property
    def known(self) -> Any:
        members = Prefetch("members", PanelMember.objects.select_related("rater").order_by("place"))
        return self.study.panels.select_related("rater", "user").prefetch_related(members)


class Panels(PanelView):
    """Lists a study's panels."""

    query = PageQuery

    @extend_schema(
        operation_id="panels",
        summary="List a study's panels with their members and decisions by state",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(PanelRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return page(request, self.asked(), self.known, lambda some: map(_told, some))


class OnePanel(PanelView):
    """Returns a panel with its members and decisions by state."""

    @extend_schema(operation_id="panel", summary="Get a panel", tags=["judges"], responses=PanelRow)
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return Response(_told(get_object_or_404(self.known, pk=number)))
