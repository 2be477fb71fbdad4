"""Prompt sets: who owns one, who may use it, and which studies do. Changed on the set's page."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ApiView
from annotation.api.paging import PageQuery, page, page_of
from annotation.api.rows import Row
from annotation.models import PromptSet, Status, Study
from annotation.studies import prompt_sets


class PromptSetRow(Row):
    """A prompt set, and what you can do with it."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    owner = serializers.CharField(allow_null=True, help_text="Account name; null if only superusers manage it.")
    yours = serializers.BooleanField(help_text="Whether you decide who can use it, as its owner or a superuser.")
    reads = serializers.BooleanField(help_text="Whether you can read it and use it in new studies.")
    edits = serializers.BooleanField(help_text="Whether you can also change it and spend the budgets of its models.")
    created_at = serializers.DateTimeField()


class SetStudyRow(Row):
    """A study that uses a prompt set."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    owner = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(Status.choices)
    public = serializers.BooleanField()
    detached_at = serializers.DateTimeField(allow_null=True, help_text="When the set’s owner ended its use there.")


class ReaderRow(Row):
    """A user who may use a prompt set besides its owner."""

    user = serializers.CharField()
    edits = serializers.BooleanField()
    study = serializers.SlugField(allow_null=True, help_text="If set, access ends when the user leaves this study.")


class PromptSetDetail(PromptSetRow):
    """A prompt set with its studies and, for its owner, the people who may use it."""

    studies = SetStudyRow(many=True, help_text="All studies for the owner, else those you can see.")
    readers = ReaderRow(many=True, required=False, help_text="Only for the owner.")


def _told(user: User, some: Sequence[PromptSet]) -> list[dict[str, Any]]:
    rights = {
        "yours": PromptSet.objects.owned_by(user),
        "reads": PromptSet.objects.readable_by(user),
        "edits": PromptSet.objects.editable_by(user),
    }
    keys = [each.pk for each in some]
    held = {name: set(sets.filter(pk__in=keys).values_list("pk", flat=True)) for name, sets in rights.items()}
    return [
        {
            "slug": each.slug,
            "name": each.name,
            "owner": each.owner.get_username() if each.owner else None,
            **{name: each.pk in sets for name, sets in held.items()},
            "created_at": each.created_at,
        }
        for each in some
    ]


class PromptSets(ApiView):
    """The prompt sets that the user may read, and those that their studies use."""

    query = PageQuery

    @extend_schema(
        operation_id="prompt-sets",
        summary="List the prompt sets that you can read or that your studies use",
        tags=["prompt sets"],
        parameters=[PageQuery],
        responses=page_of(PromptSetRow),
    )
    def get(self, request: Request) -> Response:
        user = cast(User, request.user)
        found = prompt_sets.seen_by(user).select_related("owner")
        return page(request, self.asked(), found, lambda some: _told(user, some), newest_first=True)


class OnePromptSet(ApiView):
    """One prompt set with the studies that use it; for its owner all of them, and its readers."""

    @extend_schema(
        operation_id="prompt-set",
        summary="Get a prompt set and the studies that use it",
        tags=["prompt sets"],
        responses=PromptSetDetail,
    )
    def get(self, request: Request, slug: str) -> Response:
        self.asked()
        user = cast(User, request.user)
        found = get_object_or_404(prompt_sets.seen_by(user).select_related("owner"), slug=slug)
        (told,) = _told(user, [found])
        told["studies"] = [
            {
                "owner": study.owner.get_username() if study.owner else None,
                **{name: getattr(study, name) for name in ("slug", "name", "status", "public", "detached_at")},
            }
            for study in Study.objects.of_set(found, user).select_related("owner").order_by("pk")
        ]
        if told["yours"]:
            told["readers"] = _readers(found)
        return Response(told)


def _readers(prompt_set: PromptSet) -> list[dict[str, Any]]:
    direct = prompt_set.readers.filter(study=None).select_related("user").order_by("user__username")
    rows = [{"user": each.user.get_username(), "edits": each.edits, "study": None} for each in direct]
    return rows + [
        {
            "user": each.user.get_username(),
            "edits": each.reader is None or each.reader.edits,
            "study": each.study.slug,
        }
        for each in prompt_sets.through_studies(prompt_set)
    ]
