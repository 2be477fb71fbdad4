"""Studies and their data: the rows of the exports, a page at a time."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api import rows
from annotation.api.access import ApiView, StudyView
from annotation.api.paging import BIGGEST, PageQuery, page, page_of
from annotation.exporting import export
from annotation.exporting.export import Rows
from annotation.interchange.llmfao import FULL_COLUMNS
from annotation.models import Comparison, LanguageModel, Purpose, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.studies.lifecycle import NotPossible


class Studies(ApiView):
    query = PageQuery
    of_the_public = True

    @extend_schema(
        operation_id="studies",
        summary="The studies you run, and those whose results are public",
        tags=["studies"],
        parameters=[PageQuery],
        responses=page_of(rows.StudyRow),
    )
    def get(self, request: Request) -> Response:
        own = Study.objects.visible_to(request.user).values("pk")
        found = Study.objects.filter(Q(pk__in=own) | Q(pk__in=Study.objects.public().values("pk")))

        def tell(some: Sequence[Study]) -> list[dict[str, Any]]:
            yours = set(own.filter(pk__in=[study.pk for study in some]).values_list("pk", flat=True))
            return [study_told(study, study.pk in yours) for study in some]

        return page(request, self.asked(), found.select_related("prompt_set"), tell, newest_first=True)


def study_told(study: Study, yours: bool) -> dict[str, Any]:
    return {
        "slug": study.slug,
        "name": study.name,
        "status": study.status,
        "public": study.public,
        "yours": yours,
        "language": study.language,
        "scale": study.scale_name,
        "overlap": study.overlap,
        "prompt_set": study.prompt_set.slug,
        "created_at": study.created_at,
    }


class OneStudy(StudyView):
    of_the_public = True

    @extend_schema(
        operation_id="study",
        summary="A study, with how much there is of everything",
        tags=["studies"],
        responses=rows.StudyDetail,
    )
    def get(self, request: Request, slug: str) -> Response:
        self.asked()
        told = study_told(self.study, self.own is not None)
        return Response(told | {"counts": counts(self.study)} if self.own else told)


def counts(study: Study) -> dict[str, int]:
    corpus, comparisons = study.prompt_set, Comparison.objects.filter(study=study)
    return {
        "models": corpus.models.count(),
        "prompts": corpus.prompts.count(),
        "results": corpus.results.count(),
        "pairs": study.pairs.votable().count(),
        "workers": study.workers.count(),
        "comparisons": comparisons.counted().count(),
        "simulated": comparisons.counted().simulated().count(),
    }


class Corpus(StudyView):
    """Rows of one kind, as the file of that kind has them."""

    query = PageQuery
    what: ClassVar[str]

    def wanted(self, asked: dict[str, Any]) -> Rows:
        return export.rows(self.study, self.what)

    def give(self, request: Request) -> Response:
        asked = self.asked()
        found = self.wanted(asked)
        return page(request, asked, found.query, found.tell)


class Models(Corpus):
    what = "models"
    of_the_public = True

    @extend_schema(
        operation_id="models",
        summary="Language models: the rows of models.jsonl",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ModelRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Prompts(Corpus):
    what = "prompts"
    once_settled = True

    @extend_schema(
        operation_id="prompts",
        summary="Prompts: the rows of prompts.jsonl",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.PromptRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Results(Corpus):
    what = "results"
    once_settled = True

    @extend_schema(
        operation_id="results",
        summary="Results: the rows of results.jsonl",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ResultRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class PairsQuery(PageQuery):
    purpose = serializers.ChoiceField(
        Purpose.choices,
        default=Purpose.VOTE.value,
        help_text="vote; or, for those who run the study, training or check.",
    )


class Pairs(Corpus):
    query = PairsQuery
    what = "pairs"
    once_settled = True

    def wanted(self, asked: dict[str, Any]) -> Rows:
        if asked["purpose"] != Purpose.VOTE:
            self.need_to_run_it()
        return export.rows(self.study, self.what, Purpose(asked["purpose"]))

    @extend_schema(
        operation_id="pairs",
        summary="Pairs: the rows of pairs.jsonl",
        tags=["data"],
        parameters=[PairsQuery],
        responses=page_of(rows.PairRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class ComparisonsQuery(PageQuery):
    rater = serializers.CharField(
        default=export.ALL, max_length=200, trim_whitespace=False, help_text="people, all, or the name of a judge."
    )
    model = serializers.IntegerField(
        required=False, min_value=-BIGGEST, max_value=BIGGEST, help_text="Only those with the model of this id."
    )
    since = serializers.DateTimeField(required=False, help_text="Only those stored at this time or later.")
    full = serializers.BooleanField(
        default=False,
        help_text="Every row stored, with everything known of it: superseded and withdrawn ones, those on check "
        "pairs and those of excluded workers as well; for those who run the study. Without it, those that count.",
    )
    simulated = serializers.BooleanField(default=False, help_text="Those that a program made up as well.")


def full_rows(found: Rows) -> Rows:
    """`found` with every column in every row: a cell that a file leaves empty is null."""
    return Rows(found.query, lambda some: ({name: row.get(name) for name in FULL_COLUMNS} for row in found.tell(some)))


class Comparisons(Corpus):
    query = ComparisonsQuery
    what = "comparisons"
    once_settled = True

    def wanted(self, asked: dict[str, Any]) -> Rows:
        found = self.chosen(asked)
        if not asked["full"]:
            return export.plain_rows(self.study, found)
        self.need_to_run_it()
        return full_rows(export.full_rows(self.study, found))

    def chosen(self, asked: dict[str, Any]) -> ComparisonQuerySet:
        try:
            found = export.chosen(self.study, asked["rater"])
        except NotPossible as refusal:
            raise serializers.ValidationError({"rater": str(refusal)}) from None
        if not asked["full"]:
            found = found.counted()
        if not asked["simulated"]:
            found = found.real()
        if "since" in asked:
            found = found.filter(stored_at__gte=asked["since"])
        if "model" in asked:
            # By key: the pairs of one model are found by an index, those of a model's number by none.
            model = LanguageModel.objects.filter(prompt_set=self.study.prompt_set_id, number=asked["model"]).first()
            found = found.filter(Q(pair__model_x=model) | Q(pair__model_y=model)) if model else found.none()
        return found

    @extend_schema(
        operation_id="comparisons",
        summary="Comparisons: the rows of `export comparisons`",
        description="In the order in which they were stored. What is stored while you read stands behind what you "
        "have read.",
        tags=["data"],
        parameters=[ComparisonsQuery],
        responses=page_of(rows.ComparisonRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class TrainingAnswers(Corpus):
    what = "training-answers"

    def wanted(self, asked: dict[str, Any]) -> Rows:
        return full_rows(export.training_rows(self.study))

    @extend_schema(
        operation_id="training-answers",
        summary="Answers to training pairs: the rows of `export comparisons --full` that are none of comparisons",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ComparisonRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Workers(StudyView):
    query = PageQuery

    @extend_schema(
        operation_id="workers",
        summary="The people who came, with their ids of the platform",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.WorkerRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        of_rater = {"simulated": "rater__simulated", "excluded_at": "rater__excluded_at"}
        columns = [str(name) for name in rows.WorkerRow().fields]
        query = self.study.workers.values_list("pk", *(of_rater.get(name, name) for name in columns))

        def tell(some: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
            return [dict(zip(columns, row[1:], strict=True)) for row in some]

        return page(request, self.asked(), query, tell)
