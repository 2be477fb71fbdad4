"""Importing votes without texts: two models, who won, and at most a key of the prompt.

A row without a key is its own prompt. Its prompt, answers and pair have numbers from `ROOM` on that are computed from
the row and from how many such rows came before it, so a file that is loaded again finds its rows. Nothing else can
refer to them, so nothing of them stays in memory but counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import blake2b
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.importing.rows.batches import Batch, KeyChecks, Table, Values
from annotation.importing.rows.comparisons import (
    Judged,
    answer_in,
    counts_as_person,
    is_crowd,
    refuse_no_judge,
    values_of,
)
from annotation.importing.rows.errors import Refused
from annotation.importing.rows.importer import Intake
from annotation.importing.rows.known_rows import Known, KnownRater
from annotation.importing.rows.pairs import VOTABLE
from annotation.importing.rows.texts import by_text
from annotation.interchange.format import Record
from annotation.interchange.formats.vote import KIND, Person
from annotation.models import Comparison, Pair, Prompt, PromptSet, Result, Worker
from annotation.numbering import ROOM, Numbering
from annotation.problems import gettext_noop
from annotation.scales import Side

HAS_TEXTS: Final = gettext_noop(
    "The study’s prompt set has texts, and this file has none. Load it into a new study with a prompt set of its own."
)

OWN: Final = ("prompts", "results", "results", "pairs")
"""The kinds of the rows that one row becomes, beside its votes."""

ROWS_AT_ONCE: Final = 2000
PAIR_COLUMNS: Final = (
    *("number", "prompt_id", "model_x_id", "model_y_id", "result_x_id", "result_y_id"),
    *("key", "wanted", "taken"),
)
COMPARISON_COLUMNS: Final = (
    *("pair_id", "rater_id", "turn", "trial", "left", "winner"),
    *("weight", "share", "tie_kind", "answered_at"),
)
_identity: Final = itemgetter("models", "winner", "weight", "share", "tie_kind", "turn", "at")
"""What two rows with equal votes have in common, beside the rater."""
_in_order: Final = itemgetter(*COMPARISON_COLUMNS)


@dataclass(slots=True)
class _Row:
    """A row that is its own prompt: the half of its numbers that is computed, its two models and the votes on it.

    `stored` is how many of its votes the study has already; None if the row is new.
    """

    half: int
    models: tuple[int, int]
    stored: int | None
    votes: dict[int | str, tuple[KnownRater, Judged]] = field(default_factory=dict)


class VoteRows:
    """Imports votes without texts; see `Taker`."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._texts = by_text(intake)
        self._times: dict[bytes, int] = {}
        self._counts = {kind: intake.count(kind) for kind in (*OWN, "comparisons", KIND)}
        self._row: _Row | None = None
        self._workers = Numbering()
        self._check_set()
        self._waiting: list[_Row] = []
        if sink := intake.sink:
            self._comparisons = Batch(Comparison, sink.workers, sink.raters)
            self._keys = KeyChecks()

    def _check_set(self) -> None:
        """Makes the prompt set one without texts. If it has some, the first row of each file is refused."""
        prompt_set = self.intake.prompt_set
        self._refused = (
            prompt_set is not None and not prompt_set.textless and Prompt.objects.filter(prompt_set=prompt_set).exists()
        )
        self._refused_files: set[str] = set()
        if self._refused:
            return
        self.intake.textless = True
        if self.intake.sink and prompt_set is not None and not prompt_set.textless:
            PromptSet.objects.filter(pk=prompt_set.pk).update(textless=True)
            prompt_set.textless = True

    # Stored rows.

    @cached_property
    def _stored(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n,) each: the numbers of stored pairs that are rows of their own, in order, and how many votes each has."""
        if self.intake.study is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        rows = Comparison.objects.filter(study=self.intake.study, pair__number__gte=ROOM).in_force().order_by()
        pairs = np.fromiter(rows.values_list("pair__number", flat=True).iterator(), dtype=np.int64)
        return np.unique(pairs, return_counts=True)

    def _votes_on(self, half: int) -> int | None:
        """Returns how many votes are stored on a pair; None if there is no such pair."""
        numbers, votes = self._stored
        if not len(numbers):
            return None
        at = int(numbers.searchsorted(ROOM + half))
        return int(votes[at]) if at < len(numbers) and numbers[at] == ROOM + half else None

    @cached_property
    def _people(self) -> dict[str, int]:
        """Workers' numbers by the id that a file gave them."""
        if self.intake.study is None:
            return {}
        rows = Worker.objects.filter(study=self.intake.study).exclude(external_id=None)
        return {external_id: number for external_id, number in rows.values_list("external_id", "number") if external_id}

    # Importing rows.

    def take(self, file: str, record: Record) -> None:
        if self._refused:
            # The reason is the same for every row, so a file has it once: 100,000 votes are one error.
            if file in self._refused_files:
                return
            self._refused_files.add(file)
            raise Refused("", HAS_TEXTS)
        row = record.values
        if row["winner"] is None:
            self._texts.prompt_with_key(row["prompt"], row["category"])
            return
        rater = self._rater(row["rater"])
        if not isinstance(rater, int) and not is_crowd(rater):
            refuse_no_judge("rater", rater)
        if row["prompt"] is None:
            self._own(record, rater)
        else:
            self._on_prompt(row, rater)

    def _rater(self, rater: int | str | Person) -> int | str:
        if not isinstance(rater, Person):
            return rater
        number = self._people.get(rater.id)
        if number is None:
            number = self._people[rater.id] = self._workers.draw(self.intake.comparisons.raters)
            self.intake.comparisons.external_ids[number] = rater.id
        return number

    def _on_prompt(self, row: Mapping[str, Any], rater: int | str) -> None:
        """Imports a vote on a prompt that has a key."""
        models = self._texts.two_models(row["models"])
        prompt = self._texts.prompt_with_key(row["prompt"], row["category"])
        results = [self._texts.result(prompt, model, [""])[0] for model in models]
        pair, fresh = self.intake.pairs.of_two(prompt, *results)
        if fresh:
            self.intake.count("pairs").add(new=True)
        side: Side = "x" if pair.values[3] == results[0] else "y"
        new, _trial = self.intake.comparisons.take_unnumbered(rater, pair, side, row)
        self._count(new=new)

    def _count(self, *, new: bool) -> None:
        self._counts["comparisons"].add(new=new)
        self._counts[KIND].add(new=new)

    def _own(self, record: Record, rater: int | str) -> None:
        """Imports a vote on a pair of its own, or another rater's vote on the pair before."""
        row = record.values
        # Not by the line: a JSON list may have all of its rows on one.
        if self._row is None or not row["again"]:
            self._write()
            self._row = self._begin(row, rater)
        current = self._row
        if rater in current.votes:
            raise Refused("rater", gettext_noop("This row has two votes of the same rater."))
        answer = answer_in(row, "x")
        known = self.intake.comparisons.rater(rater, background=row["background"])
        current.votes[rater] = (known, answer)
        if current.stored is None:
            known.votes += 1
            self._count(new=True)
        else:
            self._count(new=len(current.votes) > current.stored and self._add_to_stored(current, rater))

    def _begin(self, row: Mapping[str, Any], rater: int | str) -> _Row:
        models = self._texts.two_models(row["models"])
        content = blake2b(repr((rater, *_identity(row))).encode(), digest_size=12).digest()
        times = self._times[content] = self._times.get(content, 0) + 1
        digest = blake2b(content + times.to_bytes(8), digest_size=8).digest()
        # 61 bits: of five million loads of a million rows, one has two rows with one number.
        half = int.from_bytes(digest) >> 3
        stored = self._votes_on(half)
        for kind in OWN:
            self._counts[kind].add(new=stored is None)
        return _Row(half, models, stored)

    def _add_to_stored(self, current: _Row, rater: int | str) -> bool:
        """Adds a rater's vote to a stored pair; returns False if it has one."""
        pair = Pair.objects.get(study=self.intake.study, number=ROOM + current.half)
        known, answer = current.votes[rater]
        if known.pk and Comparison.objects.filter(pair=pair, rater=known.pk).exists():
            return False
        known.votes += 1
        if (sink := self.intake.sink) and self.intake.study:
            study, key = self.intake.study.pk, pair.pk
            if counts_as_person(rater, known):
                sink.taken[key] += 1
            self._comparisons.add(None, partial(_comparison, answer, study, Known(key, ()), known, sink.upload.pk))
        return True

    def _write(self) -> None:
        """Keeps the row whose votes are complete until enough are there to be stored."""
        current, self._row = self._row, None
        if current is None or current.stored is not None or self.intake.sink is None:
            return
        self._waiting.append(current)
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        """Stores the rows that wait, each kind at once: prompts, answers, pairs and votes."""
        waiting, self._waiting = self._waiting, []
        sink, study = self.intake.sink, self.intake.study
        if not waiting or sink is None or study is None:
            return
        self._keys.wait()
        for batch in (sink.models, sink.raters, sink.workers):
            batch.flush()
        upload, rng = sink.upload.pk, sink.rng
        model = {number: self.intake.corpus.models[number].pk for row in waiting for number in row.models}
        owner = {"prompt_set_id": study.prompt_set_id, "upload_id": upload, "text": ""}
        prompts = Table(Prompt, ["number"], owner).store([(ROOM + row.half,) for row in waiting])
        results = Table(Result, ["number", "prompt_id", "model_id"], owner).store(
            [
                (ROOM + 2 * row.half + side, prompt, model[row.models[side]])
                for row, prompt in zip(waiting, prompts, strict=True)
                for side in (0, 1)
            ]
        )
        places = zip(waiting, prompts, results[::2], results[1::2], strict=True)
        pairs = Table(Pair, PAIR_COLUMNS, {**VOTABLE, "study_id": study.pk, "upload_id": upload}).store(
            [
                (ROOM + row.half, prompt, *(model[each] for each in row.models), x, y, rng.random(), votes, votes)
                for row, prompt, x, y in places
                # Nobody is offered such a pair: it wants the votes that it has.
                for votes in (sum(counts_as_person(rater, known) for rater, (known, _answer) in row.votes.items()),)
            ]
        )
        Table(Comparison, COMPARISON_COLUMNS, {"study_id": study.pk, "upload_id": upload}).store(
            [
                _in_order(values_of(answer, study.pk, pair, known.pk, upload))
                for row, pair in zip(waiting, pairs, strict=True)
                for known, answer in row.votes.values()
            ]
        )
        self._keys.start()

    def settle(self) -> None:
        self._write()
        self._flush()
        self._keys.wait()
        self._comparisons.flush()


def _comparison(answer: Judged, study: int, pair: Known, rater: KnownRater, upload: int) -> Values:
    return values_of(answer, study, pair.pk, rater.pk, upload)
