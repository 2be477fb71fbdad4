"""The full export: every stored comparison and training answer with all its details."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from django.db.models import QuerySet

from annotation.exporting import fingerprints
from annotation.exporting.comparisons import ALL, ANSWERS, PEOPLE, Names, share_of_left
from annotation.exporting.rows import Columns, Table, seconds, time
from annotation.interchange import llmfao
from annotation.interchange.tables import csv_lines
from annotation.models import Comparison, Draw, DrawBatch, Purpose, Study, TextKind, TrainingAnswer
from annotation.scales import SCALES, Answer, Scale, Side, Winner, answer_of


def full(study: Study, chosen: QuerySet[Comparison], raters: str) -> Iterator[str]:
    """Yields the full file as CSV: the comparisons and, with those of people, the answers to training pairs."""
    yield from full_table(study, chosen).csv(llmfao.FULL_COLUMNS)
    if raters in (PEOPLE, ALL):
        for columns in training_table(study).batches():
            nothing = (None,) * len(columns["row"])
            yield csv_lines([columns.get(name, nothing) for name in llmfao.FULL_COLUMNS])


class _Pairs:
    """The columns about the compared pair and answers, and the digests of the texts as shown."""

    FIELDS: Final = (
        "number",
        "pk",
        "purpose",
        "golden",
        "prompt__number",
        "prompt",
        "model_x",
        "model_y",
        "result_x__number",
        "result_x",
        "result_y__number",
        "result_y",
    )
    """The fields of a pair that `told` takes."""

    def __init__(self, study: Study) -> None:
        self._names = Names.of(study)
        self._prompts = fingerprints.prompts()
        self._results = fingerprints.results()
        self._own = fingerprints.own_texts()

    def told(self, columns: Sequence[Sequence[Any]], left: Sequence[str]) -> Columns:
        """Returns the columns from those of the `FIELDS`, with the side `left` on the left."""
        number, pk, purpose, golden, prompt_number, prompt, model_x, model_y, number_x, x, number_y, y = columns
        votable = [each == Purpose.VOTE for each in purpose]
        self._prompts.prepare(key for key, vote in zip(prompt, votable, strict=True) if vote)
        self._results.prepare({*x, *y})
        self._own.prepare(key for key, vote in zip(pk, votable, strict=True) if not vote)
        texts = [
            (*self._prompts[key], *self._results[one], *self._results[other]) if vote else self._own[pair]
            for vote, key, one, other, pair in zip(votable, prompt, x, y, pk, strict=True)
        ]
        first = [side == "x" for side in left]
        numbers = [
            (None, None) if not vote else (one, other) if side else (other, one)
            for vote, one, other, side in zip(votable, number_x, number_y, first, strict=True)
        ]
        return {
            "id": number,
            "prompt": prompt_number,
            **self._names.shown(model_x, model_y, left),
            "purpose": purpose,
            "golden": [
                answer_of(cast(Winner, given), cast(Side, side)) if given else None
                for given, side in zip(golden, left, strict=True)
            ],
            "shown_left": left,
            "result_left": [one for one, _other in numbers],
            "result_right": [other for _one, other in numbers],
            "sha256_prompt": [text for text, _x, _y in texts],
            "sha256_left": [x if side else y for (_text, x, y), side in zip(texts, first, strict=True)],
            "sha256_right": [y if side else x for (_text, x, y), side in zip(texts, first, strict=True)],
        }


RATER_FIELDS: Final = ("name", "kind", "simulated", "excluded_at", "exclusion_reason")


def _rater_told(columns: Sequence[Sequence[Any]]) -> Columns:
    """Returns the columns about raters from those of the `RATER_FIELDS`."""
    name, kind, simulated, excluded_at, reason = columns
    return {
        "rater": [each or PEOPLE for each in name],
        "rater_kind": kind,
        "simulated": simulated,
        "excluded_at": list(map(time, excluded_at)),
        "exclusion_reason": [each or None for each in reason],
    }


_COMPARISON: Final = (
    *("left", "winner", "value", "scale_name", "turn", "trial", "weight", "share", "tie_kind", "trial_number"),
    *("shown_at", "answered_at", "visible_seconds", "device", "input_method"),
    *("instruction_version", "question_version", "scale_version", "reasoning_version", "reasons", "withdrawn"),
    *("superseded_by", "assignment__slot", "assignment__offer_probability", "supersedes", "rater__worker__number"),
)


def full_table(study: Study, comparisons: QuerySet[Comparison]) -> Table:
    """Returns `comparisons` of `study` with all their details, including superseded and withdrawn ones."""
    pairs, drawn = _Pairs(study), DrawBatch.objects.filter(study=study).exists()
    questions: dict[int | None, str] = dict(study.texts.filter(kind=TextKind.QUESTION).values_list("version", "text"))
    reasoning: dict[int | None, str] = dict(study.texts.filter(kind=TextKind.REASONING).values_list("version", "text"))
    fields = (
        "pk",
        *(f"pair__{name}" for name in _Pairs.FIELDS),
        *(f"rater__{name}" for name in RATER_FIELDS),
        *_COMPARISON,
    )

    def tell(some: Sequence[tuple[Any, ...]]) -> Columns:
        pk, *columns = zip(*some, strict=True)
        pair, columns = columns[: len(_Pairs.FIELDS)], columns[len(_Pairs.FIELDS) :]
        rater, columns = columns[: len(RATER_FIELDS)], columns[len(RATER_FIELDS) :]
        row = dict(zip(_COMPARISON, columns, strict=True))
        left, winner = row["left"], list(map(ANSWERS.__getitem__, zip(row["winner"], row["left"], strict=True)))
        told = pairs.told(pair, left)
        return {
            **told,
            **_rater_told(rater),
            "worker": row["rater__worker__number"],
            "row": [f"c{each}" for each in pk],
            "winner": winner,
            "as_golden": _as_golden(told["golden"], winner, row["value"], row["scale_name"]),
            "scale": row["scale_name"],
            "value": row["value"],
            "turn": row["turn"],
            "repetition": row["trial"],
            "weight": row["weight"],
            "share": share_of_left(row["share"], left),
            "tie_kind": [each or None for each in row["tie_kind"]],
            "trial": row["trial_number"],
            "offer_probability": row["assignment__offer_probability"],
            **(_draws_told(pair[1], row["assignment__slot"]) if drawn else {}),
            "shown_at": list(map(time, row["shown_at"])),
            "answered_at": list(map(time, row["answered_at"])),
            "seconds": list(map(seconds, row["shown_at"], row["answered_at"])),
            "visible_seconds": row["visible_seconds"],
            "device": [each or None for each in row["device"]],
            "input_method": [each or None for each in row["input_method"]],
            "instruction_version": row["instruction_version"],
            "question_version": row["question_version"],
            "question": list(map(questions.get, row["question_version"])),
            "scale_version": row["scale_version"],
            "reasoning_version": row["reasoning_version"],
            "reasoning": list(map(reasoning.get, row["reasoning_version"])),
            "reasons": [json.dumps(each, ensure_ascii=False) if each else None for each in row["reasons"]],
            "withdrawn": row["withdrawn"],
            "supersedes": [f"c{each}" if each else None for each in row["supersedes"]],
            "superseded_by": [f"c{each}" if each else None for each in row["superseded_by"]],
        }

    return Table(comparisons.order_by("pk").values_list(*fields), tell)


def _draws_told(pair: Sequence[int], slot: Sequence[int | None]) -> Columns:
    """Returns the columns about the draws that opened the places of the rows, by pair and slot."""
    keys = {key for key, number in zip(pair, slot, strict=True) if number is not None}
    found = {(draw.pair_id, draw.slot): draw for draw in Draw.objects.filter(pair__in=keys)}
    draws = [found.get((key, number)) if number is not None else None for key, number in zip(pair, slot, strict=True)]
    return {
        "draw_probability": [draw and draw.probability for draw in draws],
        "draw_strategy": [draw and f"{draw.strategy}:{draw.version}" for draw in draws],
    }


def _as_golden(
    golden: Sequence[Answer | None], winner: Sequence[Answer], value: Sequence[int | None], scale: Sequence[str]
) -> list[bool | None]:
    """Returns whether each answer to a check pair agrees with its golden answer; None for other pairs."""
    if not any(golden):
        return [None] * len(golden)
    return [
        None if right is None else SCALES[name].agrees(step, right) if step is not None else given == right
        for right, given, step, name in zip(golden, winner, value, scale, strict=True)
    ]


_TRAINING: Final = ("left", "value", "right", "attempt", "position", "shown_at", "answered_at", "worker__number")


def training_table(study: Study) -> Table:
    """Returns the answers to the study's training pairs, with the columns of comparisons that apply."""
    pairs = _Pairs(study)
    answers = TrainingAnswer.objects.filter(worker__study=study, value__isnull=False)
    fields = (
        "pk",
        *(f"pair__{name}" for name in _Pairs.FIELDS),
        *(f"worker__rater__{name}" for name in RATER_FIELDS),
        *_TRAINING,
    )

    def tell(some: Sequence[tuple[Any, ...]]) -> Columns:
        pk, *columns = zip(*some, strict=True)
        pair, columns = columns[: len(_Pairs.FIELDS)], columns[len(_Pairs.FIELDS) :]
        rater, columns = columns[: len(RATER_FIELDS)], columns[len(RATER_FIELDS) :]
        row = dict(zip(_TRAINING, columns, strict=True))
        return {
            **pairs.told(pair, row["left"]),
            **_rater_told(rater),
            "worker": row["worker__number"],
            "row": [f"t{each}" for each in pk],
            "winner": [_given(value, study.scale) for value in row["value"]],
            "as_golden": row["right"],
            "attempt": row["attempt"],
            "scale": [study.scale.name] * len(pk),
            "value": row["value"],
            "trial": row["position"],
            "shown_at": list(map(time, row["shown_at"])),
            "answered_at": list(map(time, row["answered_at"])),
            "seconds": list(map(seconds, row["shown_at"], row["answered_at"])),
        }

    return Table(answers.order_by("pk").values_list(*fields), tell)


def _given(value: int, scale: Scale) -> Answer | None:
    """Returns the answer of `value`; None if the study's scale has changed since and does not have it any more."""
    return scale.answer(value) if value in scale.values else None
