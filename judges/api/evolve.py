"""Evolved prompts of a prompt set with their lineage."""

from typing import Any, cast

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import ApiView
from annotation.api.paging import PageQuery, page, page_of
from annotation.models import PromptSet
from annotation.studies import prompt_sets
from judges.evolve import lineage
from judges.models import Duplicate, Review


class EvolvedPromptRow(serializers.Serializer[Any]):
    """A prompt that a model wrote, with its lineage and its review."""

    number = serializers.IntegerField(help_text="ID of the evolved prompt.")
    text = serializers.CharField()
    reference = serializers.CharField(help_text="Its reference answer; empty if none was asked for.")
    seed = serializers.IntegerField(help_text="ID of the prompt of the set that its chain began from.")
    # A declared field: the metaclass takes it off the class, where serializers have another `parent`.
    parent = serializers.IntegerField(  # type: ignore[assignment]
        allow_null=True, help_text="The evolved prompt it was written from; null if that was the seed prompt."
    )
    scenario = serializers.CharField()
    iteration = serializers.IntegerField(help_text="From 1.")
    chain = serializers.IntegerField(help_text="Number of the chain of its seed prompt, from 0.")
    constraints = serializers.ListField(child=serializers.CharField(), help_text="The constraints drawn for it.")
    model = serializers.CharField(help_text="Name of the model that wrote it.")
    returned_model = serializers.CharField(help_text="Model name that the endpoint returned.")
    settings = serializers.DictField(help_text="Settings of the model.")
    temperature = serializers.FloatField(allow_null=True)
    template_version = serializers.IntegerField(help_text="Version of the scenario’s template; 0 for an own one.")
    recipe = serializers.CharField(help_text="Hash of scenario, template, settings and temperature.")
    random_seed = serializers.IntegerField(help_text="From which the constraints are drawn.")
    run = serializers.IntegerField()
    duplicate = serializers.ChoiceField(
        [choice for choice in Duplicate.choices if choice[0]], allow_blank=True, help_text="Empty if there is none."
    )
    similarity = serializers.FloatField(
        allow_null=True, help_text="To the most similar prompt, from 0 to 1; null until it has been searched."
    )
    like_prompt = serializers.IntegerField(allow_null=True, help_text="The most similar prompt, if it is in the set.")
    like = serializers.IntegerField(allow_null=True, help_text="The most similar prompt, if it is an evolved one.")
    review = serializers.ChoiceField(Review.choices)
    reviewer = serializers.CharField(allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    edited = serializers.BooleanField(help_text="Whether it was accepted with another text or answer.")
    written = serializers.CharField(help_text="The text as the model wrote it.")
    written_reference = serializers.CharField(help_text="The answer as the model wrote it.")
    prompt = serializers.IntegerField(allow_null=True, help_text="ID of the prompt of the set that it became.")
    created_at = serializers.DateTimeField()


class EvolvedQuery(PageQuery):
    """Query parameters of the list."""

    review = serializers.ChoiceField(Review.choices, required=False)


class EvolvedPrompts(ApiView):
    """Lists the evolved prompts of a set, for people who may read it."""

    query = EvolvedQuery

    @extend_schema(
        operation_id="evolved-prompts",
        summary="List a prompt set's evolved prompts with their parents, scenarios and iterations",
        tags=["prompt sets"],
        parameters=[EvolvedQuery],
        responses=page_of(EvolvedPromptRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked()
        found = lineage.evolved(_readable(cast(User, request.user), slug))
        if "review" in asked:
            found = found.filter(review=asked["review"])
        return page(request, asked, found, lambda some: map(lineage.row, some))


def _readable(user: User, slug: str) -> PromptSet:
    """Returns the set at `slug`.

    Raises:
        Http404: `user` does not know of it.
        PermissionDenied: they may not see its prompts; the message says whom to ask.
    """
    prompt_set = get_object_or_404(prompt_sets.seen_by(user), slug=slug)
    if not prompt_sets.read_by(user).filter(pk=prompt_set.pk).exists():
        raise PermissionDenied(prompt_sets.no_reader(prompt_set))
    return prompt_set
