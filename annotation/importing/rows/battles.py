"""Importing battles: rows that bring models, a prompt, two answers, their pair and a vote at once."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from annotation.importing.rows.batches import Batch
from annotation.importing.rows.comparisons import NO_SUCH_TURN
from annotation.importing.rows.errors import Refused
from annotation.importing.rows.importer import Intake
from annotation.importing.rows.known_rows import KnownPair
from annotation.importing.rows.texts import by_text, columns_of
from annotation.interchange.format import Record
from annotation.interchange.formats.battle import KIND
from annotation.interchange.formats.battles import judge_of
from annotation.models import BattleRow
from annotation.scales import Side


class BattleRows:
    """Imports battles; see `Taker`. Models go by their names, prompts and answers by their texts."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._texts = by_text(intake)
        if sink := intake.sink:
            self._batch = Batch(BattleRow, sink.comparisons)

    @cached_property
    def unvoted(self) -> set[tuple[str, int]]:
        """Format and pair of the stored rows without a vote."""
        rows = BattleRow.objects.filter(study=self.intake.study, rater="") if self.intake.study else ()
        by_key = {known.pk: known.index for known in self.intake.pairs.known.values()}
        return {(row.format, by_key[row.pair_id]) for row in rows if row.pair_id in by_key}

    def take(self, file: str, record: Record) -> None:
        row = record.values
        models = self._texts.two_models(row["models"])
        prompt = self._texts.prompt(row["prompt"], **columns_of(row))
        if row["turn"] > (turns := len(row["prompt"])):
            raise Refused("turn", NO_SUCH_TURN, prompt=prompt, turns=turns, turn=row["turn"])
        results = [
            self._texts.result(prompt, model, answer)[0] for model, answer in zip(models, row["answers"], strict=True)
        ]
        pair, fresh = self.intake.pairs.of_two(prompt, *results)
        if fresh:
            self.intake.count("pairs").add(new=True)
        side: Side = "x" if pair.values[3] == results[0] else "y"
        if row["winner"] is None:
            self._without_vote(row, pair, side)
        else:
            self._vote(row, pair, side)

    def _without_vote(self, row: Mapping[str, Any], pair: KnownPair, side: Side) -> None:
        place = (row["format"], pair.index)
        self.intake.count(KIND).add(new=place not in self.unvoted)
        if place not in self.unvoted:
            self.unvoted.add(place)
            self._keep(row, pair, side, "", 0)

    def _vote(self, row: Mapping[str, Any], pair: KnownPair, side: Side) -> None:
        rater = row["rater"]
        new, trial = self.intake.comparisons.take_unnumbered(rater, pair, side, row)
        self.intake.count("comparisons").add(new=new)
        self.intake.count(KIND).add(new=new)
        if new:
            self._keep(row, pair, side, judge_of(rater), trial)

    def _keep(self, row: Mapping[str, Any], pair: KnownPair, side: Side, rater: str, trial: int) -> None:
        if sink := self.intake.sink:
            self._batch.add(
                None,
                lambda: BattleRow(
                    study=self.intake.study,
                    format=row["format"],
                    file=row["file"],
                    pair_id=pair.pk,
                    left=side,
                    rater=rater,
                    trial=trial,
                    extra=row["extra"],
                    upload=sink.upload,
                ),
                sum(len(str(value)) for value in row["extra"].values()),
            )

    def settle(self) -> None:
        self._batch.flush()
