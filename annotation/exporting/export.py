"""Exports a study in the exchange format, as chunks of text, never as a whole in memory or in a transaction.

Invalid requests raise before the first chunk. The columns and their order are those of `interchange.llmfao`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import batched
from typing import Any, Final, cast

from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from annotation.interchange import llmfao
from annotation.interchange.tables import csv_line, json_line
from annotation.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Draw,
    Outcome,
    Pair,
    Prompt,
    Purpose,
    Rater,
    RaterKind,
    Result,
    Study,
    TextKind,
    TrainingAnswer,
    Worker,
)
from annotation.models.voting import ComparisonQuerySet
from annotation.scales import SCALES, Answer, Scale, Side, Winner, answer_of, other
from annotation.studies.lifecycle import NotPossible

WHAT: Final = ("models", "prompts", "results", "pairs", "comparisons")

CHUNK_CHARACTERS: Final = 2**16
ROWS_AT_ONCE: Final = 100
PLAIN_AT_ONCE: Final = 2000
"""Rows per batch, for rows without texts."""
REMEMBERED: Final = 100_000
"""Maximum digests of texts to keep during a full export."""

PEOPLE: Final = "people"
ALL: Final = "all"


def export(
    study: Study,
    what: str,
    *,
    raters: str = PEOPLE,
    training: bool = False,
    check: bool = False,
    full: bool = False,
    simulated: bool = False,
) -> Iterator[str]:
    """Yields one file of the study in chunks of text.

    Args:
        what: models, prompts, results, pairs or comparisons.
        raters: with comparisons: people, all, or the name of a judge.
        training: with pairs: the training pairs instead.
        check: with pairs: the check pairs instead.
        full: with comparisons: every stored row with all its details, instead of counted votes.
        simulated: with comparisons: include simulated ones, marked in a column.

    Raises:
        NotPossible: the options cannot be combined, no judge has that name, or there are simulated comparisons
            without `simulated`.
    """
    if ((training or check) and what != "pairs") or (training and check):
        raise NotPossible(_("The options training and check work only for pairs, and only one at a time."))
    if what != "comparisons" and (full or simulated or raters != PEOPLE):
        raise NotPossible(_("The options raters, full and simulated work only for comparisons."))
    if what == "comparisons":
        theirs = chosen(study, raters)
        lines = _full(study, theirs, raters) if full else _plain(study, theirs, raters, simulated)
    elif what in WHAT:
        purpose = Purpose.TRAINING if training else Purpose.CHECK if check else Purpose.VOTE
        lines = map(json_line, rows(study, what, purpose).all())
    else:
        raise NotPossible(_("“%(what)s” cannot be exported.") % {"what": what})
    return _chunks(lines)


def file_name(
    what: str, *, raters: str = PEOPLE, training: bool = False, check: bool = False, full: bool = False
) -> str:
    """Returns a name for the downloaded file by which `load` recognises it."""
    if what == "comparisons":
        whose = "".join(letter if letter.isalnum() or letter in "-._ " else "_" for letter in raters)
        return f"{whose}-full-comparisons.csv" if full else f"{whose}-comparisons.csv"
    if what == "payments":
        return "payments.csv"
    suffix = "-training" if training else "-check" if check else ""
    return f"{what}{suffix}.jsonl"


def _chunks(lines: Iterable[str]) -> Iterator[str]:
    chunk: list[str] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= CHUNK_CHARACTERS:
            yield "".join(chunk)
            chunk, size = [], 0
    if chunk:
        yield "".join(chunk)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file before they are written.

    `query` returns model instances, or tuples whose first value is the primary key, in stored order; `tell`
    converts a batch of them to rows with the file's columns.
    """

    query: QuerySet[Any, Any]
    tell: Callable[[Sequence[Any]], Iterable[dict[str, Any]]]

    def all(self, at_once: int = ROWS_AT_ONCE) -> Iterator[dict[str, Any]]:
        """Yields every row, with `at_once` rows in memory."""
        for some in batched(self.query.iterator(at_once), at_once):
            yield from self.tell(some)


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


def chosen(study: Study, raters: str) -> ComparisonQuerySet:
    """Returns every stored comparison of the selected raters; `all` leaves out derived raters such as panels.

    Raises:
        NotPossible: no judge has that name.
    """
    comparisons = Comparison.objects.filter(study=study)
    if raters == ALL:
        return comparisons.filter(rater__derived=False)
    if raters == PEOPLE:
        return comparisons.by_people()
    # PostgreSQL refuses text with a NUL, even in a query.
    if "\0" in raters or not Rater.objects.filter(study=study, name=raters).exists():
        raise NotPossible(
            _("No judge in study “%(study)s” is named “%(name)s”.") % {"study": study.slug, "name": raters}
        )
    return comparisons.filter(rater__name=raters)


@dataclass(frozen=True, slots=True)
class _Names:
    """The columns about models, by their primary keys."""

    numbers: dict[int, int]
    names: dict[int, str]

    @classmethod
    def of(cls, study: Study) -> "_Names":
        rows = study.prompt_set.models.values_list("pk", "number", "name")
        return cls({pk: number for pk, number, _name in rows}, {pk: name for pk, _number, name in rows})


PLAIN_FIELDS: Final = (
    "pk",
    "pair__number",
    "pair__prompt__number",
    "pair__model_x",
    "pair__model_y",
    "left",
    "winner",
    "rater__worker__number",
    "rater__name",
    "rater__simulated",
    "turn",
    "trial",
    "weight",
    "share",
)


def _as_shown(row: Sequence[Any], names: _Names) -> dict[str, Any]:
    """Returns the exchange columns of a comparison from its `PLAIN_FIELDS`, and its rater."""
    _pk, number, prompt, model_x, model_y, left, winner, worker, judge, simulated, turn, trial, weight, share = row
    on_left, on_right = (model_x, model_y) if left == "x" else (model_y, model_x)
    return {
        "id": number,
        "prompt": prompt,
        "model_x": names.numbers[on_left],
        "model_y": names.numbers[on_right],
        "worker": worker,
        "winner": answer_of(cast(Winner, winner), cast(Side, left)),
        "left": names.names[on_left],
        "right": names.names[on_right],
        "rater": PEOPLE if judge is None else judge,
        "simulated": simulated,
        "turn": turn,
        "repetition": trial,
        "weight": weight,
        "share": _share_of_left(share, left),
    }


def _share_of_left(share: float | None, left: str) -> float | None:
    return share if share is None or left == "x" else 1 - share


def _plain(study: Study, chosen: ComparisonQuerySet, raters: str, simulated: bool) -> Iterator[str]:
    counted = chosen.counted()
    if not simulated and counted.simulated().exists():
        raise NotPossible(
            _(
                "Study “%(study)s” has simulated comparisons. Add --simulated to export them. A “simulated” "
                "column then marks them."
            )
            % {"study": study.slug}
        )
    columns: tuple[str, ...] = llmfao.JUDGE_COLUMNS
    if raters in (PEOPLE, ALL):
        with_names = raters == ALL or counted.filter(rater__kind=RaterKind.CROWD).exists()
        columns = llmfao.ALL_COLUMNS if with_names else llmfao.PEOPLE_COLUMNS
    if counted.exclude(turn=0, trial=0).exists():
        columns = (*columns, *llmfao.REPEATED_COLUMNS)
    if simulated:
        columns = (*columns, "simulated")
    if counted.weighted().exists():
        columns = (*columns, *llmfao.WEIGHT_COLUMNS)
    return _csv_lines(columns, plain_rows(study, counted).all(PLAIN_AT_ONCE))


def with_simulated(study: Study) -> set[str]:
    """Returns the choices of `raters` whose plain file has simulated comparisons, which have to be marked."""
    names = (
        Comparison.objects.counted().simulated().filter(study=study).order_by().values_list("rater__name", flat=True)
    )
    found = {PEOPLE if name is None else name for name in names.distinct()}
    return found | {ALL} if found else found


def plain_rows(study: Study, comparisons: QuerySet[Comparison]) -> Rows:
    """Returns `comparisons` of `study` with the columns of the plain files and the rater."""
    names = _Names.of(study)
    query = comparisons.order_by("pk").values_list(*PLAIN_FIELDS)
    return Rows(query, lambda some: (_as_shown(row, names) for row in some))


def _csv_lines(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield csv_line(columns)
    for row in rows:
        yield csv_line(row.get(column) for column in columns)


# The full export.


class _Digests:
    """SHA-256 digests of texts, in batches; each text is fetched once while its digest is kept."""

    def __init__(self, texts: Callable[[set[int]], Iterable[tuple[int, Sequence[str]]]]) -> None:
        self._texts = texts
        self._known: dict[int, tuple[str, ...]] = {}

    def prepare(self, keys: Iterable[int | None]) -> None:
        wanted = {key for key in keys if key is not None}
        if len(self._known) > REMEMBERED:
            self._known.clear()
        if missing := wanted - self._known.keys():
            for key, texts in self._texts(missing):
                self._known[key] = tuple(hashlib.sha256(text.encode()).hexdigest() for text in texts)

    def __getitem__(self, key: int) -> tuple[str, ...]:
        return self._known[key]


def _whole(text: str, turns: Sequence[str]) -> str:
    """Returns the text that a conversation's digest covers: its turns, separated by NUL, which no text contains."""
    return "\0".join([text, *turns])


def _prompt_texts(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    for pk, text, turns in Prompt.objects.filter(pk__in=keys).values_list("pk", "text", "turns"):
        yield pk, [_whole(text, turns)]


def _result_texts(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    for pk, text, turns in Result.objects.filter(pk__in=keys).values_list("pk", "text", "turns"):
        yield pk, [_whole(text, turns)]


def _own_texts(keys: set[int]) -> Iterator[tuple[int, list[str]]]:
    """Returns the texts of training and check pairs: prompt, x, y."""
    rows = Pair.objects.filter(pk__in=keys)
    for pk, text, own_x, own_y in rows.values_list("pk", Coalesce("own_text", "prompt__text"), "own_x", "own_y"):
        yield pk, [text, own_x, own_y]


class _Fingerprints:
    """The columns about the compared results and the digests of the texts as shown."""

    def __init__(self) -> None:
        self._prompts = _Digests(_prompt_texts)
        self._results = _Digests(_result_texts)
        self._own = _Digests(_own_texts)

    def prepare(self, pairs: Sequence[Pair]) -> None:
        votable = [pair for pair in pairs if pair.purpose == Purpose.VOTE]
        self._prompts.prepare(pair.prompt_id for pair in votable)
        self._results.prepare(result for pair in votable for result in (pair.result_x_id, pair.result_y_id))
        self._own.prepare(pair.pk for pair in pairs if pair.purpose != Purpose.VOTE)

    def of(self, pair: Pair, left: Side) -> dict[str, Any]:
        if pair.purpose != Purpose.VOTE:
            prompt, x, y = self._own[pair.pk]
            sides: dict[str, tuple[int | None, str]] = {"x": (None, x), "y": (None, y)}
        else:
            (prompt,) = self._prompts[pair.prompt_id]
            sides = {
                side: (result.number, self._results[result.pk][0])
                for side, result in (("x", pair.result_x), ("y", pair.result_y))
                if result is not None
            }
        (number_left, hash_left), (number_right, hash_right) = sides[left], sides[other(left)]
        return {
            "result_left": number_left,
            "result_right": number_right,
            "sha256_prompt": prompt,
            "sha256_left": hash_left,
            "sha256_right": hash_right,
        }


PAIR_TEXTS: Final = ("pair__own_text", "pair__own_x", "pair__own_y", "pair__reason")
RESULT_TEXTS: Final = ("pair__result_x__text", "pair__result_x__turns", "pair__result_y__text", "pair__result_y__turns")


def _full(study: Study, chosen: QuerySet[Comparison], raters: str) -> Iterator[str]:
    yield from _csv_lines(llmfao.FULL_COLUMNS, full_rows(study, chosen).all())
    if raters in (PEOPLE, ALL):
        for row in training_rows(study).all():
            yield csv_line(row.get(column) for column in llmfao.FULL_COLUMNS)


def full_rows(study: Study, comparisons: QuerySet[Comparison]) -> Rows:
    """Returns `comparisons` of `study` with all their details, including superseded and withdrawn ones."""
    names, fingerprints = _Names.of(study), _Fingerprints()
    questions: dict[int | None, str] = dict(study.texts.filter(kind=TextKind.QUESTION).values_list("version", "text"))
    shown: dict[int | None, str] = dict(study.texts.filter(kind=TextKind.REASONING).values_list("version", "text"))
    query = (
        comparisons.select_related("rater__worker", "assignment", "supersedes", "pair__prompt", "pair__result_x")
        .select_related("pair__result_y")
        .defer(*PAIR_TEXTS, *RESULT_TEXTS, "pair__prompt__text", "pair__prompt__turns", "pair__prompt__references")
    )

    def tell(some: Sequence[Comparison]) -> Iterator[dict[str, Any]]:
        fingerprints.prepare([row.pair for row in some])
        draws = _draws(some)
        for row in some:
            place = (row.pair_id, row.assignment.slot) if row.assignment else None
            told = _comparison_told(row, names, questions, shown) | _draw_told(draws.get(place))
            yield told | fingerprints.of(row.pair, cast(Side, row.left))

    return Rows(query.order_by("pk"), tell)


def _draws(some: Sequence[Comparison]) -> dict[tuple[int, int | None] | None, Draw]:
    """Returns the draws that opened the places of the rows, by pair and slot."""
    pairs = {row.pair_id for row in some if row.assignment and row.assignment.slot is not None}
    return {(draw.pair_id, draw.slot): draw for draw in Draw.objects.filter(pair__in=pairs)}


def _draw_told(draw: Draw | None) -> dict[str, Any]:
    if draw is None:
        return {}
    return {"draw_strategy": f"{draw.strategy}:{draw.version}", "draw_probability": draw.probability}


def training_rows(study: Study) -> Rows:
    """Returns the answers to the study's training pairs, with the columns of comparisons that apply."""
    names, fingerprints = _Names.of(study), _Fingerprints()
    query = (
        TrainingAnswer.objects.filter(worker__study=study, value__isnull=False)
        .select_related("worker__rater", "pair__prompt")
        .defer(*PAIR_TEXTS, "pair__prompt__text")
    )

    def tell(some: Sequence[TrainingAnswer]) -> Iterator[dict[str, Any]]:
        fingerprints.prepare([answer.pair for answer in some])
        for answer in some:
            yield _training_told(answer, names, study.scale) | fingerprints.of(answer.pair, answer.shown_left)

    return Rows(query.order_by("pk"), tell)


def _rater_told(rater: Rater, worker: int | None) -> dict[str, Any]:
    return {
        "worker": worker,
        "rater": rater.name or PEOPLE,
        "rater_kind": rater.kind,
        "simulated": rater.simulated,
        "excluded_at": _time(rater.excluded_at),
        "exclusion_reason": rater.exclusion_reason or None,
    }


def _shown_told(pair: Pair, left: Side, names: _Names) -> dict[str, Any]:
    on_left, on_right = (pair.model_x_id, pair.model_y_id) if left == "x" else (pair.model_y_id, pair.model_x_id)
    return {
        "id": pair.number,
        "prompt": pair.prompt.number,
        "model_x": names.numbers[on_left],
        "model_y": names.numbers[on_right],
        "left": names.names[on_left],
        "right": names.names[on_right],
        "purpose": pair.purpose,
        "golden": pair.golden_as_shown(left) if pair.golden else None,
        "shown_left": left,
    }


def _comparison_told(
    row: Comparison, names: _Names, questions: Mapping[int | None, str], shown: Mapping[int | None, str]
) -> dict[str, Any]:
    left = cast(Side, row.left)
    worker = row.rater.worker.number if row.rater.kind == RaterKind.WORKER else None
    superseded = getattr(row, "supersedes", None)
    return {
        **_rater_told(row.rater, worker),
        **_shown_told(row.pair, left, names),
        "row": f"c{row.pk}",
        "winner": row.answer,
        "as_golden": _as_golden(row, left),
        "scale": row.scale_name,
        "value": row.value,
        "turn": row.turn,
        "repetition": row.trial,
        "weight": row.weight,
        "share": _share_of_left(row.share, left),
        "trial": row.trial_number,
        "offer_probability": row.assignment.offer_probability if row.assignment else None,
        "shown_at": _time(row.shown_at),
        "answered_at": _time(row.answered_at),
        "seconds": _seconds(row.shown_at, row.answered_at),
        "visible_seconds": row.visible_seconds,
        "device": row.device or None,
        "input_method": row.input_method or None,
        "instruction_version": row.instruction_version,
        "question_version": row.question_version,
        "question": questions.get(row.question_version),
        "scale_version": row.scale_version,
        "reasoning_version": row.reasoning_version,
        "reasoning": shown.get(row.reasoning_version),
        "reasons": json.dumps(row.reasons, ensure_ascii=False) if row.reasons else None,
        "withdrawn": row.withdrawn,
        "supersedes": f"c{superseded.pk}" if superseded else None,
        "superseded_by": f"c{row.superseded_by_id}" if row.superseded_by_id else None,
    }


def _as_golden(row: Comparison, left: Side) -> bool | None:
    """Returns whether the answer to a check pair agrees with its golden answer."""
    if not row.pair.golden:
        return None
    golden = row.pair.golden_as_shown(left)
    return SCALES[row.scale_name].agrees(row.value, golden) if row.value is not None else row.answer == golden


def _training_told(answer: TrainingAnswer, names: _Names, scale: Scale) -> dict[str, Any]:
    given: Answer | None = None
    # The study's scale may have changed since.
    if answer.value is not None and answer.value in scale.values:
        given = scale.answer(answer.value)
    return {
        **_rater_told(answer.worker.rater, answer.worker.number),
        **_shown_told(answer.pair, answer.shown_left, names),
        "row": f"t{answer.pk}",
        "winner": given,
        "as_golden": answer.right,
        "attempt": answer.attempt,
        "scale": scale.name,
        "value": answer.value,
        "trial": answer.position,
        "shown_at": _time(answer.shown_at),
        "answered_at": _time(answer.answered_at),
        "seconds": _seconds(answer.shown_at, answer.answered_at),
    }


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    return (until - since).total_seconds() if since and until else None


# Payments.


def payments(study: Study) -> Iterator[str]:
    """Yields the CSV for payments, with a row for each worker, without simulated ones.

    `minutes` run from joining to leaving, or to the latest vote of a worker who has not left. `votes` and `skips`
    show what a completion code was given for: a worker who skips until no pair is left gets one too. `votes` are
    those of the workers' page, without checks.
    """
    codes = dict(study.exits.values_list("outcome", "code"))
    skipped = Assignment.objects.filter(worker=OuterRef("pk"), state=AssignmentState.SKIPPED).order_by()
    skips = skipped.values("worker").annotate(count=Count("pk")).values("count")
    workers = (
        Worker.objects.filter(study=study, joined_at__isnull=False, rater__simulated=False)
        .annotate(
            latest=Max("rater__comparisons__answered_at"),
            skips=Coalesce(Subquery(skips), 0),
            given=F("votes") - F("checks"),
        )
        .order_by("number")
        .values_list("external_id", "outcome", "joined_at", "left_at", "latest", "given", "skips")
    )
    return _chunks(_payment_lines(codes, workers.iterator()))


def prolific_approvals(study: Study) -> Iterator[str]:
    """Yields the participant IDs of workers who completed the study, as Prolific's bulk approval takes them."""
    for external_id in _of_platform(study).values_list("external_id", flat=True).iterator():
        yield f"{external_id}\n"


def prolific_bonuses(study: Study, per_vote: Decimal) -> Iterator[str]:
    """Yields a line `ID,amount` for everybody who did more pairs than required, as Prolific's bulk bonuses take them.

    The bonus is `per_vote`, in the study's currency, for each pair above the minimum; excluded workers get none.
    """
    workers = _of_platform(study).filter(votes__gt=study.least_votes, rater__excluded_at=None)
    for external_id, votes in workers.values_list("external_id", "votes").iterator():
        amount = (per_vote * (votes - study.least_votes)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        if amount:
            yield f"{external_id},{amount}\n"


def _of_platform(study: Study) -> QuerySet[Worker]:
    """Returns the people who completed the study and have a participant ID that Prolific could have given."""
    workers = Worker.objects.filter(study=study, rater__simulated=False, outcome=Outcome.COMPLETED)
    return workers.filter(external_id__regex=r"^[A-Za-z0-9_-]+$").order_by("number")


def _payment_lines(codes: dict[str, str], workers: Iterable[Any]) -> Iterator[str]:
    yield csv_line(llmfao.PAYMENT_COLUMNS)
    for external_id, outcome, joined_at, left_at, latest, votes, skips in workers:
        seconds = _seconds(joined_at, left_at or latest)
        minutes = round(seconds / 60, 1) if seconds is not None else None
        yield csv_line((external_id, outcome, codes.get(outcome), minutes, votes, skips))
