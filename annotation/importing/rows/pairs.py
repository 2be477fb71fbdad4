"""Importing pairs: to vote on, for training and for checks."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from django.db.models.functions import Coalesce

from annotation.importing.rows.context import ImportContext
from annotation.importing.rows.corpus import PROMPT_COLUMNS, Corpus
from annotation.importing.rows.errors import Refused
from annotation.importing.rows.known_rows import KnownPair, condensed, quoted, refuse_contradiction, size
from annotation.interchange.side_words import side_named
from annotation.models import Pair, Purpose
from annotation.numbering import Numbering
from annotation.problems import gettext_noop
from annotation.scales import winner_of

PAIR_COLUMNS: Final = ("prompt", "model_x", "model_y", "result_x", "result_y", "golden", "text", "reason")

PURPOSES: Final = {"pairs": Purpose.VOTE, "training": Purpose.TRAINING, "check": Purpose.CHECK}
"""The purpose of each kind of row."""


VOTABLE: Final = {
    "purpose": str(Purpose.VOTE),
    "golden": "",
    **dict.fromkeys(("own_text", "own_x", "own_y", "reason")),
}
"""What every pair to vote on has in the columns of training and check pairs."""


class Pairs:
    """Imports pairs; `made` counts the pairs that no file defines, created for comparisons on them."""

    def __init__(self, context: ImportContext, corpus: Corpus) -> None:
        self.context = context
        self.corpus = corpus
        self.made = 0
        self.side_words: dict[int, str] = {}
        """By the number of a new pair, the words of its reason that may name a side."""
        self._numbering = Numbering()

    # The stored rows, and those that the files have added so far.

    @cached_property
    def known(self) -> dict[int, KnownPair]:
        """Pairs by number."""
        if self.context.study is None:
            return {}
        shown_text = Coalesce("own_text", "prompt__text")
        of_training = self.context.kinds & {"training", "check"}
        golden = ("golden", shown_text, "reason", "own_x", "own_y") if of_training else ()
        rows = Pair.objects.filter(study=self.context.study, **self.context.below).values_list(
            "pk",
            "purpose",
            "number",
            "prompt__number",
            "model_x__number",
            "model_y__number",
            "result_x__number",
            "result_y__number",
            *golden,
        )
        found: dict[int, KnownPair] = {}
        for pk, purpose, number, prompt, model_x, model_y, result_x, result_y, *own in rows.iterator():
            values: tuple[Any, ...]
            if purpose == Purpose.VOTE:
                values = (prompt, model_x, model_y, result_x, result_y)
            elif own:
                values = (prompt, model_x, model_y, own[3], own[4], *own[:3])
            else:
                values = (prompt, model_x, model_y)
            found[number] = KnownPair(pk, tuple(map(condensed, values)), purpose, len(found))
        return found

    @cached_property
    def paired(self) -> dict[frozenset[int], KnownPair]:
        """Pairs to vote on, by their two results."""
        votable = [pair for pair in self.known.values() if pair.purpose == Purpose.VOTE]
        # If a study has two pairs of the same results, the first one counts.
        return {frozenset(pair.values[3:5]): pair for pair in reversed(votable)}

    @property
    def _knows_paired(self) -> bool:
        return "paired" in self.__dict__

    # Importing rows; each method returns whether the row is new.

    def take_pair(self, row: Mapping[str, Any]) -> bool:
        prompt, _model_x, _model_y = self.corpus.contestants(row)
        for column in ("text", "type", "slug", "note"):
            refuse_contradiction(row, column, prompt.values[PROMPT_COLUMNS.index(column)])
        results = tuple(
            self.corpus.answer(f"result_{side}", row["prompt"], row[f"model_{side}"], row[f"result_{side}"])
            for side in "xy"
        )
        values = (row["prompt"], row["model_x"], row["model_y"], *results)
        if stored := self.known.get(row["id"]):
            _refuse_other_pair(stored, Purpose.VOTE, values)
            self.context.meet(stored)
            return False
        self._add(row["id"], values)
        return True

    def take_golden_pair(self, row: Mapping[str, Any], purpose: Purpose) -> bool:
        prompt, model_x, model_y = self.corpus.contestants(row)
        golden = winner_of(row["golden"], "x")
        values = (
            *(row[column] for column in ("prompt", "model_x", "model_y", "result_x", "result_y")),
            *(golden, row["text"], row.get("reason")),
        )
        condensed_values = tuple(map(condensed, values))
        if stored := self.known.get(row["id"]):
            _refuse_other_pair(stored, purpose, condensed_values)
            self.context.meet(stored)
            return False
        if found := side_named(row.get("reason") or ""):
            self.side_words[row["id"]] = found
        known = self.known[row["id"]] = KnownPair(0, condensed_values, purpose, len(self.known), self.context.file)
        if sink := self.context.sink:
            assert self.context.study is not None  # noqa: S101  with a sink it exists
            study, upload = self.context.study.pk, sink.upload.pk
            sink.pairs.add(
                known,
                lambda: {
                    "study_id": study,
                    "number": row["id"],
                    "purpose": str(purpose),
                    "prompt_id": prompt.pk,
                    "model_x_id": model_x.pk,
                    "model_y_id": model_y.pk,
                    "result_x_id": None,
                    "result_y_id": None,
                    "key": sink.rng.random(),
                    "own_text": row["text"],
                    "own_x": row["result_x"],
                    "own_y": row["result_y"],
                    "golden": golden,
                    "reason": row.get("reason"),
                    "upload_id": upload,
                },
                size(row),
            )
        return True

    def _add(self, number: int, values: tuple[int, ...]) -> KnownPair:
        """Adds a new pair to vote on; `values` are the numbers of its prompt, models and results."""
        known = self.known[number] = KnownPair(0, values, Purpose.VOTE, len(self.known), self.context.file)
        if self._knows_paired:
            self.paired.setdefault(frozenset(values[3:5]), known)
        if sink := self.context.sink:
            prompt = self.corpus.prompts[values[0]]
            model_x, model_y = (self.corpus.models[model] for model in values[1:3])
            result_x, result_y = (self.corpus.results[result] for result in values[3:5])
            assert self.context.study is not None  # noqa: S101  with a sink it exists
            study, upload = self.context.study.pk, sink.upload.pk
            sink.pairs.add(
                known,
                lambda: {
                    **VOTABLE,
                    "study_id": study,
                    "number": number,
                    "prompt_id": prompt.pk,
                    "model_x_id": model_x.pk,
                    "model_y_id": model_y.pk,
                    "result_x_id": result_x.pk,
                    "result_y_id": result_y.pk,
                    "key": sink.rng.random(),
                    "upload_id": upload,
                },
            )
        return known

    # Looking up the pair of a comparison.

    def of_results(self, prompt: int, first: int, second: int) -> KnownPair:
        """Returns the pair of these two results, creating it with the first as x if it does not exist."""
        pair, fresh = self.of_two(prompt, first, second)
        self.made += fresh
        return pair

    def of_two(self, prompt: int, first: int, second: int) -> tuple[KnownPair, bool]:
        """Returns the pair that a row defines by its two results, and whether it is new; then the first is x."""
        if pair := self.paired.get(frozenset((first, second))):
            return pair, False
        models = [self.corpus.results[result].values[1] for result in (first, second)]
        return self._add(self._numbering.draw(self.known), (prompt, *models, first, second)), True

    def compared(self, row: Mapping[str, Any]) -> KnownPair:
        """Returns the pair of a comparison, creating it if no file defines it and its results are unambiguous.

        Raises:
            Refused: the row does not fit the pair, or its results are ambiguous.
        """
        if pair := self.known.get(row["id"]):
            _refuse_misnamed(pair, row)
            return pair
        self.context.tainted.pass_number("pairs", row["id"])
        results = []
        for column in ("model_x", "model_y"):
            found = self.corpus.answers.get((row["prompt"], row[column]), [])
            if len(found) != 1:
                self.context.tainted.pass_result()
                raise Refused(
                    "id",
                    gettext_noop(
                        "No file defines pair %(number)s, so model %(model)s must have exactly one answer to "
                        "prompt %(prompt)s. It has %(count)s. Upload a file of pairs too."
                    ),
                    number=row["id"],
                    model=row[column],
                    count=len(found),
                    prompt=row["prompt"],
                )
            results.extend(found)
        self.made += 1
        return self._add(row["id"], (row["prompt"], row["model_x"], row["model_y"], *results))


def _refuse_misnamed(pair: KnownPair, row: Mapping[str, Any]) -> None:
    """Refuses a comparison whose columns differ from its pair."""
    if pair.purpose != Purpose.VOTE:
        raise Refused(
            "id",
            gettext_noop("Pair %(number)s is a training or check pair. Use the ID of a pair for voting."),
            number=row["id"],
        )
    if pair.values[0] != row["prompt"]:
        raise Refused(
            "prompt",
            gettext_noop("Pair %(number)s belongs to prompt %(stored)s, not %(found)s."),
            number=row["id"],
            stored=pair.values[0],
            found=row["prompt"],
        )
    if {pair.values[1], pair.values[2]} != {row["model_x"], row["model_y"]}:
        raise Refused(
            "model_x",
            gettext_noop("Pair %(number)s compares models %(x)s and %(y)s, not %(left)s and %(right)s."),
            number=row["id"],
            x=pair.values[1],
            y=pair.values[2],
            left=row["model_x"],
            right=row["model_y"],
        )


def _refuse_other_pair(stored: KnownPair, purpose: str, values: tuple[Any, ...]) -> None:
    """Refuses a pair that differs from the stored pair with its id."""
    if stored.purpose != purpose:
        raise Refused(
            "id",
            gettext_noop("The stored pair with this ID has the purpose %(stored)s, not %(found)s."),
            stored=stored.purpose,
            found=str(purpose),
        )
    for column, before, now in zip(PAIR_COLUMNS, stored.values, values, strict=False):
        if before != now:
            raise Refused(
                column,
                gettext_noop("The stored pair with this ID has %(stored)s in this column, not %(found)s."),
                stored=quoted(before),
                found=quoted(now),
            )
