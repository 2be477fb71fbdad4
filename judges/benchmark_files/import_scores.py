"""Imports scores of answers that were given elsewhere, such as those of an evaluation's scorers."""

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any

from annotation.importing import registry
from annotation.importing.rows import Batch, Intake, Refused
from annotation.importing.rows.texts import by_text
from annotation.interchange.faults import shown
from annotation.interchange.format import Record
from annotation.interchange.formats.score import KIND
from annotation.interchange.llmfao import RATER_LENGTH, is_reserved
from annotation.problems import gettext_noop
from judges.benchmark_files.import_rows import judges_asked_here
from judges.models import CallState, Judgment

FILE = "scores"
"""What stands for the file of a judgment, so that it is not written again as a row of MT-bench's."""


class ScoreRows:
    """Imports scores; see `Taker`. The scorer is the judge, and its answer is found by the texts of the row."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._texts = by_text(intake)
        if sink := intake.sink:
            self._batch = Batch(Judgment, sink.comparisons, sink.results)

    @cached_property
    def judgments(self) -> dict[tuple[str, int, int], str]:
        """Digests of stored judgments by judge, result and sample."""
        rows = Judgment.objects.filter(study=self.intake.study).exclude(result=None)
        found = rows.values_list("judge", "result__number", "sample", "digest")
        return {(judge, result, sample): digest for judge, result, sample, digest in found.iterator()}

    @cached_property
    def asked_here(self) -> set[str]:
        return judges_asked_here(self.intake.study)

    def take(self, file: str, record: Record) -> None:
        row = record.values
        judge = row["scorer"]
        if is_reserved(judge) or len(judge) > RATER_LENGTH:
            raise Refused("scorer", gettext_noop("A valid judge name is required."))
        if judge in self.asked_here:
            reason = gettext_noop("Judge %(judge)s was run in this study, so its replies cannot be loaded from a file.")
            raise Refused("scorer", reason, judge=shown(judge))
        number = self.intake.corpus.sample(
            "scorer", self._texts.prompt(row["prompt"]), self._texts.model(row["model"]), row["sample"]
        )
        digest = _digest(row)
        before = self.judgments.get((judge, number, 0))
        if before is not None and before != digest:
            raise Refused("scorer", gettext_noop("This conflicts with an earlier reply from the same judge."))
        self.intake.count(KIND).add(new=before is None)
        if before is None:
            self.judgments[judge, number, 0] = digest
            self._add(row, number, digest)

    def _add(self, row: Mapping[str, Any], number: int, digest: str) -> None:
        result = self.intake.corpus.results[number]
        value, at = row["value"], row["at"]
        if sink := self.intake.sink:
            self._batch.add(
                None,
                lambda: Judgment(
                    study=self.intake.study,
                    judge=row["scorer"],
                    result_id=result.pk,
                    # A scorer may say a word: it is kept, but is no number that could be averaged.
                    state=CallState.UNREADABLE if value is None else CallState.OK,
                    score=value,
                    words=row["text"],
                    stamp=None if at is None else at.timestamp(),
                    file=FILE,
                    digest=digest,
                    upload=sink.upload,
                ),
                len(row["text"]),
            )

    def settle(self) -> None:
        self._batch.flush()


def _digest(row: Mapping[str, Any]) -> str:
    said = (row["value"], row["text"], row["at"])
    return blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def register() -> None:
    """Registers the import of scores."""
    registry.register({KIND: gettext_noop("Scores from elsewhere")}, ScoreRows, (Judgment,), of_the_study=(KIND,))
