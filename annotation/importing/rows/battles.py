"""Importing battles: rows that bring models, a prompt, two answers, their pair and a vote at once."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from annotation.importing.rows.batches import Batch
from annotation.importing.rows.corpus import NAME_LENGTH, PROMPT_COLUMNS
from annotation.importing.rows.errors import Refused
from annotation.importing.rows.importer import Intake
from annotation.importing.rows.known_rows import KnownPair, condensed
from annotation.interchange.format import Record
from annotation.interchange.formats.battle import KIND
from annotation.interchange.formats.battles import judge_of
from annotation.models import BattleRow
from annotation.numbering import Numbering
from annotation.problems import gettext_noop
from annotation.scales import Side, winner_of


class BattleRows:
    """Imports battles; see `Taker`. Models go by their names, prompts and answers by their texts."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._numbering = {"prompts": Numbering(), "results": Numbering()}
        if sink := intake.sink:
            self._batch = Batch(BattleRow, sink.comparisons)

    @cached_property
    def prompts(self) -> dict[Any, int]:
        """The prompts of one turn by their condensed texts; of two with one text the first counts."""
        text, turns = (PROMPT_COLUMNS.index(column) for column in ("text", "turns"))
        found: dict[Any, int] = {}
        for number, known in self.intake.corpus.prompts.items():
            if known.values[turns] is None:
                found.setdefault(known.values[text], number)
        return found

    @cached_property
    def unvoted(self) -> set[tuple[str, int]]:
        """Format and pair of the stored rows without a vote."""
        rows = BattleRow.objects.filter(study=self.intake.study, rater="") if self.intake.study else ()
        by_key = {known.pk: known.index for known in self.intake.pairs.known.values()}
        return {(row.format, by_key[row.pair_id]) for row in rows if row.pair_id in by_key}

    def take(self, file: str, record: Record) -> None:
        row = record.values
        first, second = row["models"]
        if first == second:
            raise Refused("model_b", gettext_noop("The two models must be different."))
        models = [self._model(name) for name in (first, second)]
        prompt = self._prompt(row)
        results = [self._result(prompt, model, text) for model, text in zip(models, row["answers"], strict=True)]
        pair, fresh = self.intake.pairs.of_two(prompt, *results)
        if fresh:
            self.intake.count("pairs").add(new=True)
        side: Side = "x" if pair.values[3] == results[0] else "y"
        if row["winner"] is None:
            self._without_vote(row, pair, side)
        else:
            self._vote(row, pair, side)

    def _model(self, name: str) -> int:
        corpus = self.intake.corpus
        if name not in corpus.model_names:
            if len(name) > NAME_LENGTH:
                reason = gettext_noop("The name can have at most %(most)s characters.")
                raise Refused("name", reason, most=NAME_LENGTH)
            self.intake.count("models").add(new=corpus.take_model({"name": name}))
        return corpus.model_names[name]

    def _prompt(self, row: Mapping[str, Any]) -> int:
        key = condensed(row["prompt"])
        if key not in self.prompts:
            number = self._numbering["prompts"].draw(self.intake.corpus.prompts)
            language = {"lang": row["lang"]} if row["lang"] else {}
            new = self.intake.corpus.take_prompt({"id": number, "text": row["prompt"], **language})
            self.intake.count("prompts").add(new=new)
            self.prompts[key] = number
        return self.prompts[key]

    def _result(self, prompt: int, model: int, text: str) -> int:
        corpus, key = self.intake.corpus, condensed(text)
        for number in corpus.answers.get((prompt, model), ()):
            if corpus.results[number].values[2] == key:
                return number
        number = self._numbering["results"].draw(corpus.results)
        new = corpus.take_result({"id": number, "prompt": prompt, "model": model, "result": text})
        self.intake.count("results").add(new=new)
        return number

    def _without_vote(self, row: Mapping[str, Any], pair: KnownPair, side: Side) -> None:
        place = (row["format"], pair.index)
        self.intake.count(KIND).add(new=place not in self.unvoted)
        if place not in self.unvoted:
            self.unvoted.add(place)
            self._keep(row, pair, side, "", 0)

    def _vote(self, row: Mapping[str, Any], pair: KnownPair, side: Side) -> None:
        rater = row["rater"]
        winner = winner_of(row["winner"], side)
        new, trial = self.intake.comparisons.take_unnumbered(rater, pair, side, winner, row["at"])
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
