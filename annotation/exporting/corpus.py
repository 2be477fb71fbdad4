"""The rows of a study's models, prompts, answers and pairs, with the columns of the exchange files."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from annotation.exporting.rows import Rows
from annotation.interchange import llmfao
from annotation.models import Purpose, Study
from annotation.scales import Winner, answer_of


def rows(study: Study, what: str, purpose: Purpose = Purpose.VOTE) -> Rows:
    """Returns the study's models, prompts, results, or pairs of `purpose`.

    Raises:
        KeyError: `what` is something else.
    """
    if what == "pairs" and purpose != Purpose.VOTE:
        return _golden_pairs(study, purpose)
    everything: dict[str, QuerySet[Any]] = {
        "models": study.prompt_set.models.all(),
        "prompts": study.prompt_set.prompts.all(),
        "results": study.prompt_set.results.all(),
        "pairs": study.pairs.votable(),
    }
    fields = FIELDS[what]
    query = everything[what].order_by("pk").values_list("pk", *fields.values())

    def tell(some: Sequence[Any]) -> Iterator[dict[str, Any]]:
        return (llmfao.row_of(what, dict(zip(fields, row[1:], strict=True))) for row in some)

    return Rows(query, tell)


FIELDS: Final = {
    "models": {column.name: column.name for column in llmfao.MODELS} | {"id": "number"},
    "prompts": {column.name: column.name for column in llmfao.PROMPTS} | {"id": "number"},
    "results": {
        "id": "number",
        "model": "model__number",
        "result": "text",
        "duration": "duration",
        "rate": "rate",
        "prompt": "prompt__number",
        "api_id": "model__api_id",
        "name": "model__name",
        "api": "model__api",
        "type": "model__type",
        "org": "model__org",
        "slug": "prompt__slug",
        "turns": "turns",
    },
    "pairs": {
        "id": "number",
        "prompt": "prompt__number",
        "text": "prompt__text",
        "type": "prompt__type",
        "slug": "prompt__slug",
        "note": "prompt__note",
        "model_x": "model_x__number",
        "result_x": "result_x__text",
        "model_y": "model_y__number",
        "result_y": "result_y__text",
    },
}
"""The model field of each column."""


def _golden_pairs(study: Study, purpose: Purpose) -> Rows:
    columns = [column.name for column in llmfao.GOLDEN_PAIRS]
    query = (
        study.pairs.filter(purpose=purpose)
        .order_by("pk")
        .values_list(
            "pk",
            "number",
            "prompt__number",
            Coalesce("own_text", "prompt__text"),
            "model_x__number",
            "own_x",
            "model_y__number",
            "own_y",
            "golden",
            "reason",
        )
    )

    def tell(some: Sequence[Any]) -> Iterator[dict[str, Any]]:
        for _pk, *row, golden, reason in some:
            # In the file, x is on the left.
            values = (*row, answer_of(cast(Winner, golden), "x"), reason)
            yield llmfao.row_of(purpose, dict(zip(columns, values, strict=True)))

    return Rows(query, tell)
