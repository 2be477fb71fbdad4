"""The layouts of the exchange format: comparisons, every stored row, models, prompts, answers and pairs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import batched
from typing import Any, Final

from annotation.exporting import corpus
from annotation.exporting.comparisons import ALL, PEOPLE, copied, plain_columns, plain_table
from annotation.exporting.file_formats import Batch, Column, Kind
from annotation.exporting.full import full_table, training_table
from annotation.exporting.layouts import Layout
from annotation.exporting.rows import ROWS_AT_ONCE, Table
from annotation.exporting.selection import Selection
from annotation.interchange import llmfao
from annotation.interchange.tables import json_line
from annotation.models import Study
from annotation.problems import gettext_noop

WHOLE: Final = frozenset(
    {
        *("id", "prompt", "model", "model_x", "model_y", "worker", "turn", "repetition", "value", "trial", "attempt"),
        *("result_left", "result_right", "instruction_version", "question_version", "scale_version"),
        "reasoning_version",
    }
)
NUMBER: Final = frozenset(
    {
        *("weight", "share", "offer_probability", "draw_probability", "seconds", "visible_seconds"),
        *("duration", "rate", "price"),
    }
)
TRUTH: Final = frozenset({"simulated", "as_golden", "withdrawn"})
LISTS: Final = frozenset({"turns", "references"})


def _column(name: str) -> Column:
    kinds: dict[frozenset[str], Kind] = {WHOLE: "whole", NUMBER: "number", TRUTH: "truth", LISTS: "json"}
    return Column(name, next((kind for names, kind in kinds.items() if name in names), "text"))


def _batches(table: Table, *, counts: bool = True) -> Iterator[Batch]:
    for columns in table.batches():
        yield Batch(columns, read=len(columns["id"]) if counts else 0)


def _plain_columns(study: Study, asked: Selection) -> Sequence[Column]:
    return [*map(_column, plain_columns(study, asked.counted(study), asked.raters, asked.simulated))]


def _plain_batches(study: Study, asked: Selection) -> Iterator[Batch]:
    return _batches(plain_table(study, asked.counted(study), ties=asked.reading == "tie-allowed"))


def _copy(study: Study, asked: Selection) -> Iterator[str] | None:
    counted = asked.counted(study)
    columns = plain_columns(study, counted, asked.raters, asked.simulated)
    return copied(counted, columns, ties=asked.reading == "tie-allowed")


def _full_batches(study: Study, asked: Selection) -> Iterator[Batch]:
    comparisons = _batches(full_table(study, asked.stored(study)))
    if asked.raters not in (PEOPLE, ALL):
        return comparisons
    training = training_table(study)
    if asked.category:
        training = replace(training, query=training.query.filter(pair__prompt__type=asked.category))
    return _one_after_the_other(comparisons, _batches(training, counts=False))


def _one_after_the_other(*parts: Iterator[Batch]) -> Iterator[Batch]:
    for part in parts:
        yield from part


def _corpus(what: str, label: str, help_text: str) -> Layout:
    columns = [_column(column.name) for column in llmfao.KINDS[what].columns]

    def batches(study: Study, _asked: Selection) -> Iterator[Batch]:
        for some in batched(corpus.rows(study, what).all(), ROWS_AT_ONCE):
            yield Batch(_by_column(some, columns), [json_line(row).removesuffix("\n") for row in some])

    return Layout(
        what,
        label,
        help_text,
        what,
        ("jsonl", "csv", "parquet"),
        lambda _study, _asked: columns,
        batches,
        with_texts=what != "models",
        filters=frozenset(),
    )


def _by_column(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> dict[str, list[Any]]:
    return {column.name: [row.get(column.name) for row in rows] for column in columns}


COMPARISONS: Final = Layout(
    "comparisons",
    gettext_noop("Counted votes"),
    gettext_noop("A row is a vote, with the models and the winner as shown. Without prompts and answers."),
    "RATERS-comparisons",
    ("csv", "jsonl", "parquet"),
    _plain_columns,
    _plain_batches,
    with_texts=False,
    filters=frozenset({"raters", "category", "reading", "simulated"}),
    copy=_copy,
)
FULL: Final = Layout(
    "full",
    gettext_noop("All rows"),
    gettext_noop("A row is a stored vote with all its details, also if it is not counted."),
    "RATERS-full-comparisons",
    ("csv", "jsonl", "parquet"),
    lambda _study, _asked: [*map(_column, llmfao.FULL_COLUMNS)],
    _full_batches,
    filters=frozenset({"raters", "category"}),
)
OWN: Final = (
    COMPARISONS,
    FULL,
    _corpus("models", gettext_noop("Models"), gettext_noop("A row is a model.")),
    _corpus("prompts", gettext_noop("Prompts"), gettext_noop("A row is a prompt.")),
    _corpus("results", gettext_noop("Answers"), gettext_noop("A row is a model’s answer to a prompt.")),
    _corpus("pairs", gettext_noop("Pairs"), gettext_noop("A row is a pair with its prompt and both answers.")),
)
