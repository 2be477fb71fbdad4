"""Panels of a study: their rules, their members and what each said, and how many decisions came out how."""

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
    rater = serializers.CharField()
    senior = serializers.BooleanField(help_text="Whether it decides splits.")
    organisation = serializers.CharField(help_text="Who made its model; empty where nobody has said.")
    said = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="x, tie and y are its verdicts, both orders together; contradicts, absent and spared gave none; "
        "of those compared with the panel's, so many were alike. Empty until they have been counted.",
    )


class PanelRow(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="As in the address of its page.")
    rater = serializers.CharField(help_text="What boards and files call it.")
    rule = serializers.ChoiceField(Panel.Rule.choices)
    splits = serializers.ChoiceField(Panel.Splits.choices)
    contradictions = serializers.ChoiceField(Panel.Contradictions.choices)
    least = serializers.IntegerField(
        allow_null=True, help_text="Members who must have answered; null: all who may judge the pair."
    )
    margin = serializers.FloatField(help_text="How far from one half the mean must be.")
    spares_own = serializers.BooleanField(help_text="Whether members judge no models of their own maker.")
    decisions = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="By state, when they were counted last. Those that are out, or few, have no winner.",
    )
    members = MemberRow(many=True)
    by = serializers.CharField(allow_null=True, help_text="Who made it; null: a command.")
    created_at = serializers.DateTimeField()
    computed_at = serializers.DateTimeField(allow_null=True, help_text="When its decisions were counted last.")
    ended_at = serializers.DateTimeField(allow_null=True, help_text="Its comparisons were withdrawn then.")


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
    @property
    def known(self) -> Any:
        members = Prefetch("members", PanelMember.objects.select_related("rater").order_by("place"))
        return self.study.panels.select_related("rater", "user").prefetch_related(members)


class Panels(PanelView):
    query = PageQuery

    @extend_schema(
        operation_id="panels",
        summary="Panels of judges, with their members and how many decisions came out how",
        tags=["judges"],
        parameters=[PageQuery],
        responses=page_of(PanelRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return page(request, self.asked(), self.known, lambda some: map(_told, some))


class OnePanel(PanelView):
    @extend_schema(operation_id="panel", summary="One panel", tags=["judges"], responses=PanelRow)
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        return Response(_told(get_object_or_404(self.known, pk=number)))
