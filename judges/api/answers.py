"""Answer runs: models that answer a study's prompts, with every request, reply and cost."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api.access import StudyView
from annotation.api.paging import PageQuery, page, page_of
from judges.answers.runs import answer_life
from judges.api import rows
from judges.models import AnswerCall, AnswerReply, AnswerRun, AnswerState


class AnswerRunRow(rows.AnyRunRow):
    """A run that asks a model for answers."""

    model = serializers.IntegerField(help_text="ID of the model.")
    name = serializers.CharField(help_text="Name of the model.")
    options = serializers.JSONField(help_text="Options the run was started with.")


class AnswerRunDetail(AnswerRunRow):
    """An answer run with its progress."""

    progress = rows.AnyProgressRow()


class AnswerCallRow(serializers.Serializer[Any]):
    """A call to a model: one turn of a prompt in one sample."""

    number = serializers.IntegerField(help_text="ID in the address of its page.")
    run = serializers.IntegerField()
    prompt = serializers.IntegerField(help_text="ID of the prompt.")
    sample = serializers.IntegerField()
    turn = serializers.IntegerField(help_text="Number of the turn, from 1.")
    last = serializers.BooleanField(help_text="True for the last turn of the prompt.")
    state = serializers.ChoiceField(AnswerState.choices)
    sent_at = serializers.DateTimeField(allow_null=True)
    result = serializers.IntegerField(
        allow_null=True, help_text="ID of the result stored from the answers to the prompt."
    )


class AnswerReplyRow(rows.ExchangeRow):
    """A reply of a model, with the request it answers."""

    state = serializers.ChoiceField(AnswerState.choices)
    counts = serializers.BooleanField(help_text="True if the text of this reply is the answer in use.")
    text = serializers.CharField()
    thinking = serializers.CharField(help_text="The model's reasoning, which is not part of the answer.")


class AnswerCallDetail(AnswerCallRow):
    """A call to a model with all of its replies."""

    replies = AnswerReplyRow(many=True)


def _run_told(run: AnswerRun, cost: int, unsure: int) -> dict[str, Any]:
    model = run.source.model
    return {
        **rows.any_run_told(run, cost, unsure),
        "model": model.number,
        "name": model.name,
        "options": run.options,
    }


def _runs_told(runs: Sequence[AnswerRun]) -> list[dict[str, Any]]:
    costs = rows.costs_of(AnswerReply.objects.all(), runs)
    return [_run_told(run, *costs[run.pk]) for run in runs]


def _call_told(call: AnswerCall) -> dict[str, Any]:
    return {
        "number": call.pk,
        "run": call.run_id,
        "prompt": call.prompt.number,
        "result": call.result.number if call.result else None,
        **{name: getattr(call, name) for name in ("sample", "turn", "last", "state", "sent_at")},
    }


def _reply_told(reply: AnswerReply, call: AnswerCall) -> dict[str, Any]:
    return {
        **rows.exchange_told(reply),
        "state": reply.state,
        "counts": reply.pk == call.answer_id,
        "text": reply.text,
        "thinking": reply.thinking,
    }


class RunView(StudyView):
    """A view of a study's answer runs."""

    with_texts = True

    @property
    def known(self) -> QuerySet[AnswerRun]:
        return self.study.answer_runs.select_related("source__model", "user")

    def found(self, number: int) -> AnswerRun:
        return get_object_or_404(self.known, pk=number)


class Runs(RunView):
    """Lists a study's answer runs."""

    query = PageQuery

    @extend_schema(
        operation_id="answer-runs",
        summary="List a study's answer runs, newest first",
        tags=["answers"],
        parameters=[PageQuery],
        responses=page_of(AnswerRunRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return page(request, self.asked(), self.known, _runs_told, newest_first=True)


class OneRun(RunView):
    """Returns an answer run with its progress and cost."""

    @extend_schema(
        operation_id="answer-run",
        summary="Get an answer run with its progress and cost",
        tags=["answers"],
        responses=AnswerRunDetail,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        run = self.found(number)
        progress = answer_life.progress(run, timezone.now())
        told = _run_told(run, progress.cost, progress.unsure)
        return Response(told | {"progress": rows.any_progress_told(progress)})


class CallsQuery(PageQuery):
    """Query parameters of an answer run's calls."""

    state = serializers.ChoiceField(AnswerState.choices, required=False)


class Calls(RunView):
    """Lists the calls of an answer run, optionally those in one state."""

    query = CallsQuery

    @extend_schema(
        operation_id="answer-calls",
        summary="List the calls of an answer run, one per turn, with their states",
        tags=["answers"],
        parameters=[CallsQuery],
        responses=page_of(AnswerCallRow),
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        asked = self.asked()
        known = self.found(number).calls.select_related("prompt", "result").defer(*_TEXTS)
        if "state" in asked:
            known = known.filter(state=asked["state"])
        return page(request, asked, known, lambda some: map(_call_told, some))


_TEXTS = ("prompt__text", "prompt__turns", "prompt__references", "prompt__note", "result__text", "result__turns")


class OneCall(StudyView):
    """Returns a call to a model with its requests and replies."""

    with_texts = True

    @extend_schema(
        operation_id="answer-call",
        summary="Get a call to a model with its requests and replies",
        tags=["answers"],
        responses=AnswerCallDetail,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        self.asked()
        known = AnswerCall.objects.select_related("prompt", "result").defer(*_TEXTS).filter(run__study=self.study)
        call = get_object_or_404(known, pk=number)
        replies = [_reply_told(reply, call) for reply in call.replies.all()]
        return Response(_call_told(call) | {"replies": replies})
