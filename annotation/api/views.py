"""Studies and their data: the rows of the exports, page by page."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.api import rows
from annotation.api.access import AS_SHOWN, ONCE_SETTLED, ApiView, StudyView
from annotation.api.paging import BIGGEST, PageQuery, page, page_of
from annotation.exporting import comparisons, corpus, full
from annotation.exporting.rows import Rows
from annotation.interchange.llmfao import FULL_COLUMNS
from annotation.models import Comparison, LanguageModel, Purpose, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.studies.lifecycle import NotPossible


class Studies(ApiView):
    """The studies that the user manages and those with public results, newest first."""

    query = PageQuery
    of_the_public = True

    @extend_schema(
        operation_id="studies",
        summary="List the studies you manage and those with public results",
        tags=["studies"],
        parameters=[PageQuery],
        responses=page_of(rows.StudyRow),
    )
    def get(self, request: Request) -> Response:
        own = Study.objects.visible_to(request.user).values("pk")
        found = Study.objects.listed().filter(Q(pk__in=own) | Q(pk__in=Study.objects.public().values("pk")))

        def tell(some: Sequence[Study]) -> list[dict[str, Any]]:
            yours = set(own.filter(pk__in=[study.pk for study in some]).values_list("pk", flat=True))
            return [study_row(study, study.pk in yours) for study in some]

        return page(request, self.asked(), found.select_related("prompt_set"), tell, newest_first=True)


def study_row(study: Study, yours: bool) -> dict[str, Any]:
    """Returns the columns of a `StudyRow`; `yours` says whether the user manages the study."""
    return {
        "slug": study.slug,
        "name": study.name,
        "status": study.status,
        "public": study.public,
        "yours": yours,
        "language": study.language,
        "scale": study.scale_name,
        "offering": study.offering,
        "overlap": study.overlap,
        "prompt_set": study.prompt_set.slug,
        "created_at": study.created_at,
    }


class OneStudy(StudyView):
    """One study, with its counts for the people who manage it."""

    of_the_public = True

    @extend_schema(
        operation_id="study",
        summary="Get a study and its counts",
        tags=["studies"],
        responses=rows.StudyDetail,
    )
    def get(self, request: Request, slug: str) -> Response:
        self.asked()
        row = study_row(self.study, self.own is not None)
        return Response(row | {"counts": counts(self.study)} if self.own else row)


def counts(study: Study) -> dict[str, int]:
    """Returns the columns of a `CountsRow`."""
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
    """Rows of one kind, as in the export file of that kind."""

    query = PageQuery
    what: ClassVar[str]
    answers: ClassVar[tuple[str, ...]] = ()
    """The columns with answers of models. Beside them, `turns` has those to follow-up prompts."""

    def wanted(self, asked: dict[str, Any]) -> Rows:
        return corpus.rows(self.study, self.what)

    def give(self, request: Request) -> Response:
        asked = self.asked()
        found = self.as_shown(self.wanted(asked))
        return page(request, asked, found.query, found.tell)

    def as_shown(self, found: Rows) -> Rows:
        """Returns `found` without the reasoning in answers, if the study does not show it and others read it."""
        cuts = self.study.reasoning == Study.Reasoning.CUT and self.answers and not self.reads
        return Rows(found.query, lambda some: map(self.cut, found.tell(some))) if cuts else found

    def cut(self, row: dict[str, Any]) -> dict[str, Any]:
        """Returns the row without the reasoning in its answers."""
        shown: dict[str, Any] = {name: self.study.answer_as_shown(row[name])[1] for name in self.answers}
        if "turns" in row:
            shown["turns"] = [self.study.answer_as_shown(text)[1] for text in row["turns"]]
        return row | shown


class Models(Corpus):
    """The models of a study's prompt set; public with the results, even while people vote."""

    what = "models"
    of_the_public = True

    @extend_schema(
        operation_id="models",
        summary="List language models (rows of models.jsonl)",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ModelRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Prompts(Corpus):
    """The prompts of a study's prompt set."""

    what = "prompts"
    once_settled = True
    with_texts = True

    @extend_schema(
        operation_id="prompts",
        summary="List prompts (rows of prompts.jsonl)",
        description=ONCE_SETTLED,
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.PromptRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Results(Corpus):
    """The models' answers in a study's prompt set."""

    what = "results"
    answers = ("result",)
    once_settled = True
    with_texts = True

    @extend_schema(
        operation_id="results",
        summary="List answers (rows of results.jsonl)",
        description=f"{ONCE_SETTLED} {AS_SHOWN}",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ResultRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class PairsQuery(PageQuery):
    """Query parameters of the list of pairs."""

    purpose = serializers.ChoiceField(
        Purpose.choices,
        default=Purpose.VOTE.value,
        help_text="vote, or, if you manage the study, training or check.",
    )


class Pairs(Corpus):
    """A study's pairs of one purpose; training and check pairs only for people who manage it."""

    query = PairsQuery
    what = "pairs"
    answers = ("result_x", "result_y")
    once_settled = True
    with_texts = True

    def wanted(self, asked: dict[str, Any]) -> Rows:
        if asked["purpose"] != Purpose.VOTE:
            self.need_to_run_it()
            self.need_to_read_it()
        return corpus.rows(self.study, self.what, Purpose(asked["purpose"]))

    @extend_schema(
        operation_id="pairs",
        summary="List pairs (rows of pairs.jsonl)",
        description=f"{ONCE_SETTLED} {AS_SHOWN}",
        tags=["data"],
        parameters=[PairsQuery],
        responses=page_of(rows.PairRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class ComparisonsQuery(PageQuery):
    """Query parameters of the list of comparisons."""

    rater = serializers.CharField(
        default=comparisons.ALL,
        max_length=200,
        trim_whitespace=False,
        help_text="“people”, “all”, or the name of a judge.",
    )
    model = serializers.IntegerField(
        required=False,
        min_value=-BIGGEST,
        max_value=BIGGEST,
        help_text="Only comparisons with the model that has this id.",
    )
    since = serializers.DateTimeField(required=False, help_text="Only comparisons stored at or after this time.")
    full = serializers.BooleanField(
        default=False,
        help_text="Every stored row with all its details: also superseded and withdrawn rows, those on check pairs and "
        "those of excluded workers. Only if you manage the study. By default, only counted comparisons.",
    )
    simulated = serializers.BooleanField(default=False, help_text="Include simulated comparisons.")


def full_rows(found: Rows) -> Rows:
    """Returns `found` with every column in every row; a cell that is empty in the file is null."""
    return Rows(found.query, lambda some: ({name: row.get(name) for name in FULL_COLUMNS} for row in found.tell(some)))


class Comparisons(Corpus):
    """A study's comparisons; the full rows, whose digests tell whose an answer is, only for people who may read it."""

    query = ComparisonsQuery
    what = "comparisons"
    once_settled = True

    def wanted(self, asked: dict[str, Any]) -> Rows:
        found = self.chosen(asked)
        if not asked["full"]:
            return comparisons.plain_table(self.study, found).rows
        self.need_to_run_it()
        self.need_to_read_it()
        return full_rows(full.full_table(self.study, found).rows)

    def chosen(self, asked: dict[str, Any]) -> ComparisonQuerySet:
        try:
            found = comparisons.chosen(self.study, asked["rater"])
        except NotPossible as refusal:
            raise serializers.ValidationError({"rater": str(refusal)}) from None
        if not asked["full"]:
            found = found.counted()
        if not asked["simulated"]:
            found = found.real()
        if "since" in asked:
            found = found.filter(stored_at__gte=asked["since"])
        if "model" in asked:
            # By primary key, for which there is an index; there is none by the model's number.
            model = LanguageModel.objects.filter(prompt_set=self.study.prompt_set_id, number=asked["model"]).first()
            found = found.filter(Q(pair__model_x=model) | Q(pair__model_y=model)) if model else found.none()
        return found

    @extend_schema(
        operation_id="comparisons",
        summary="List comparisons (rows of `export comparisons`)",
        description="In stored order. Rows stored while you read come after those you have read. " + ONCE_SETTLED,
        tags=["data"],
        parameters=[ComparisonsQuery],
        responses=page_of(rows.ComparisonRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class TrainingAnswers(Corpus):
    """The answers to a study's training pairs, for people who manage it."""

    what = "training-answers"
    with_texts = True

    def wanted(self, asked: dict[str, Any]) -> Rows:
        return full_rows(full.training_table(self.study).rows)

    @extend_schema(
        operation_id="training-answers",
        summary="List answers to training pairs (rows of `export comparisons --full` that are not comparisons)",
        tags=["data"],
        parameters=[PageQuery],
        responses=page_of(rows.ComparisonRow),
    )
    def get(self, request: Request, slug: str) -> Response:
        return self.give(request)


class Workers(StudyView):
    """A study's workers with their participant IDs, for people who manage it."""

    query = PageQuery

    @extend_schema(
        operation_id="workers",
        summary="List workers with their participant IDs",
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
