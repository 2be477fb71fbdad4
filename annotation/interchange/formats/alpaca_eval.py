"""AlpacaEval: answers of a model, and preferences of an annotator between two answers.

An outputs file has rows of `instruction, output, generator, dataset`, an annotations file rows of `instruction,
output_1, generator_1, dataset, output_2, generator_2, annotator, preference`, both as one JSON list. A preference is 1
for the first output, 2 for the second, 1.5 for a tie, and anything between for a soft verdict; older files write 0 for
a tie, and null means that the annotator gave none.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import answer, battle, remainder
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.battles import judge_of
from annotation.interchange.formats.cells import unguarded
from annotation.interchange.formats.chatbot_arena import rater
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import Wrong, name, number, text
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop
from annotation.scales import Answer

NAME: Final = "alpaca-eval"
FILE: Final = "annotations.json"

OUTPUTS: Final = "outputs"
ANNOTATIONS: Final = "annotations"

COLUMNS: Final = (
    *("instruction", "output_1", "generator_1", "dataset", "output_2", "generator_2", "annotator", "preference"),
)
ORDER: Final[Order] = {"": (*COLUMNS, "price_per_example", "time_per_example", "raw_completion")}
OUTPUT: Final = frozenset({"instruction", "output", "generator", "dataset"})

FIRST: Final = 1.0
SECOND: Final = 2.0
TIE: Final = 1.5
OLD_TIE: Final = 0.0


def recognised(head: Head) -> Named | None:
    """Recognises a file by its columns. Outputs without a generator are told apart by their dataset."""
    keys = frozenset(head.keys)
    if keys >= {"instruction", "output_1", "output_2", "preference"}:
        whose = bool(keys & {"annotator", "annotator_index"})
        return Named(ANNOTATIONS, of_one_judge=not whose, of_a_crowd=not whose, matched=len(keys & {*COLUMNS}))
    if keys >= {"instruction", "output"} and keys & {"generator", "dataset"} and "response_1" not in keys:
        return Named(OUTPUTS, asks=() if "generator" in keys else ("model",), matched=len(keys & OUTPUT))
    return None


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields an answer or a preference for each row, or its errors."""
    take = _preference if kind == ANNOTATIONS else _output
    for row in unguarded(rows(file, progress)):
        if isinstance(row, Fault):
            yield row
        else:
            yield from take(file, row)


def _optional(value: Any) -> str:
    return "" if value is None else text(value)


def _output(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt = battle.joined(fields("instruction", text), fields("input", _optional, ""))
    said = fields("output", text)
    model = fields("generator", name, file.model or None)
    category = fields("dataset", _optional, "")
    if fields.faults:
        yield from fields.faults
        return
    values = answer.values(
        prompt=(prompt,),
        model=model,
        answer=(said,),
        category=category,
        format_name=NAME,
        file=file.plain_name.rpartition("/")[2],
    )
    yield Record(answer.KIND, row.line, values)


def verdict_of(preference: float) -> tuple[Answer, float | None]:
    """Returns who a preference is for, and the first output's share of it; None if it is not a soft verdict."""
    if preference in (TIE, OLD_TIE):
        return "tie", None
    share = None if preference in (FIRST, SECOND) else SECOND - preference
    return ("left" if preference < TIE else "right"), share


def preference_of(winner: Answer | None, share: float | None) -> float | int | None:
    """Returns what is written for a verdict: whole numbers for those that are not soft; None without one."""
    if winner is None:
        return None
    if share is not None:
        return SECOND - share
    return {"left": 1, "right": 2, "tie": TIE}[winner]


def built(
    prompt: str,
    models: tuple[str, str],
    answers: tuple[str, str],
    winner: Answer | None,
    share: float | None,
    rater: int | str,
    dataset: str = "",
) -> dict[str, Any]:
    """Returns an annotation as it is written from what the database has; `share` is the first answer's."""
    return {
        "instruction": prompt,
        "output_1": answers[0],
        "generator_1": models[0],
        "dataset": dataset,
        "output_2": answers[1],
        "generator_2": models[1],
        "annotator": judge_of(rater),
        "preference": preference_of(winner, share),
    }


def _preferred(value: Any) -> float | None:
    found = value
    if isinstance(value, str):
        with suppress(ValueError):
            found = float(value) if value.strip() else None
    preference = number(found)
    if preference is not None and preference != OLD_TIE and not FIRST <= preference <= SECOND:
        reason = gettext_noop("Expected a number from 1 (first output) to 2 (second output), not %(found)s.")
        raise Wrong(reason, found=shown(value))
    return preference


def _preference(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt = battle.joined(fields("instruction", text), fields("input", _optional, ""))
    answers = fields("output_1", text), fields("output_2", text)
    models = fields("generator_1", name), fields("generator_2", name)
    preference: float | None = fields("preference", _preferred)
    whose = "annotator" if "annotator" in row.values else "annotator_index"
    by: int | str = fields(whose, rater, "")
    category = fields("dataset", _optional, "")
    if fields.faults:
        yield from fields.faults
        return
    winner, share = (None, None) if preference is None else verdict_of(preference)
    # Who gave no preference is not stored with a vote, so it is part of the remainder.
    plain = built(prompt, models, answers, winner, share, "" if winner is None else by, category)
    yield Record(
        battle.KIND,
        row.line,
        battle.values(
            models=models,
            prompt=(prompt,),
            answers=((answers[0],), (answers[1],)),
            winner=winner,
            share=share,
            rater=by,
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
            extra=remainder.of_row(row, plain, ORDER),
            category=category,
        ),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("AlpacaEval"),
    gettext_noop("model outputs and annotations as JSON lists."),
    (OUTPUTS, ANNOTATIONS),
    recognised,
    read,
    gettext_noop(
        "These are not files of AlpacaEval: outputs need instruction, output and generator, annotations instruction, "
        "output_1, output_2, generator_1, generator_2 and preference."
    ),
    rows={OUTPUTS: answer.ROWS, ANNOTATIONS: battle.ROWS},
    columns={"prompt": "instruction", "result": "output_1", "name": "generator_1"},
    cannot_carry=(
        gettext_noop("pairs without a vote"),
        gettext_noop("votes generated by a program"),
        gettext_noop("when people voted, their response times, devices and reasons"),
        gettext_noop("weights of votes, and ties in which both answers were good or bad"),
        gettext_noop("the notes, references and languages of prompts"),
        gettext_noop("prompts with follow-up turns, and answers without a pair"),
        gettext_noop("training and check pairs"),
    ),
)
