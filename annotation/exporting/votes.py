"""Votes with the texts that were compared, as other tools' files have them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final, cast

from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext as _

from annotation.exporting.comparisons import ALL, EVEN
from annotation.exporting.selection import Selection
from annotation.interchange.formats import battles
from annotation.models import BattleRow, Comparison, Pair, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.scales import Answer, Side, Winner, answer_of, other
from annotation.studies.lifecycle import NotPossible

AT_ONCE: Final = 200
"""Rows with texts in memory."""

RELATED: Final = ("prompt", "model_x", "model_y", "result_x", "result_y")

ONE_TURN: Final = Q(pair__prompt__turns=[], pair__result_x__turns=[], pair__result_y__turns=[])
"""Comparisons of answers to prompts without follow-up turns."""


@dataclass(frozen=True, slots=True)
class Vote:
    """A vote with the pair that it is about, with the side `left` on the left.

    `winner` is None where a row of a file has a pair that nobody has voted on.
    """

    pair: Pair
    left: Side
    comparison: Comparison | None
    reading: str = "forced"

    @property
    def models(self) -> tuple[str, str]:
        """The names of the models, the left one first."""
        return self.pair.model(self.left).name, self.pair.model(other(self.left)).name

    @property
    def prompt(self) -> tuple[str, ...]:
        """The user's turns."""
        return self.pair.prompt.text, *self.pair.prompt.turns

    @property
    def answers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The turns of both answers, those of the left one first. An answer that ended early has empty turns."""
        left, right = self._turns(self.left), self._turns(other(self.left))
        return left, right

    def _turns(self, side: Side) -> tuple[str, ...]:
        result = self.pair.result(side)
        said = (result.text, *result.turns)
        return (*said, *("" for _missing in range(len(self.prompt) - len(said))))

    @property
    def winner(self) -> Answer | None:
        """The side that won, as shown and as the selection reads it."""
        if self.comparison is None:
            return None
        even = self.comparison.scale_name == Study.ScaleName.EIGHT and self.comparison.value in EVEN
        if even and self.reading == "tie-allowed":
            return "tie"
        return answer_of(cast(Winner, self.comparison.winner), self.left)

    @property
    def given(self) -> Comparison:
        """The comparison. Raises ValueError for a row that nobody has voted on."""
        if self.comparison is None:
            raise ValueError("Nobody has voted on this row.")
        return self.comparison

    @property
    def decided(self) -> Answer:
        """The side that won. Raises ValueError for a row that nobody has voted on."""
        if self.winner is None:
            raise ValueError("Nobody has voted on this row.")
        return self.winner

    @property
    def share(self) -> float | None:
        """The left answer's part of a soft verdict."""
        share = None if self.comparison is None else self.comparison.share
        return share if share is None or self.left == "x" else 1 - share

    @property
    def rater(self) -> int | str:
        """The worker's number, or the name of a judge or of a crowd; empty without a vote."""
        if self.comparison is None:
            return ""
        rater = self.comparison.rater
        return rater.worker.number if rater.name is None else rater.name

    @property
    def at(self) -> datetime | None:
        return None if self.comparison is None else self.comparison.answered_at

    @property
    def key(self) -> str:
        """What the row is called, the same as in the full export."""
        return "" if self.comparison is None else f"c{self.comparison.pk}"


def need_texts(study: Study) -> None:
    """Raises NotPossible if the study's prompts and answers have no texts."""
    if study.prompt_set.textless:
        raise NotPossible(
            _("The prompts and answers of study “%(study)s” have no texts. Export counted votes instead.")
            % {"study": study.slug}
        )


def votes(study: Study, asked: Selection, within: Q = Q()) -> ComparisonQuerySet:  # noqa: B008  it is not changed
    """Returns the counted votes of whole conversations that `asked` selects, with what is compared.

    Raises:
        NotPossible: no judge has the name, or no prompt the category.
    """
    counted = asked.real(study).filter(within, turn=0, rater__derived=False)
    return counted.select_related("rater__worker", *(f"pair__{name}" for name in RELATED)).order_by("pk")


def pairs(study: Study) -> QuerySet[Pair]:
    """Returns the pairs of answers to prompts of one turn."""
    found = Pair.objects.filter(study=study, prompt__turns=[], result_x__turns=[], result_y__turns=[]).votable()
    return found.select_related(*RELATED).order_by("pk")


def rows_of(study: Study, name: str, asked: Selection) -> QuerySet[BattleRow]:
    """Returns the rows that came from files of the format `name`, in their order.

    Rows without a vote, such as those in which a judge did not decide, are only of all raters.
    """
    found = BattleRow.objects.filter(study=study, format=name)
    if asked.category:
        found = found.filter(pair__prompt__type=asked.category)
    if asked.raters != ALL:
        found = found.exclude(rater="")
    return found.select_related(*(f"pair__{each}" for each in RELATED)).order_by("pk")


def with_votes(
    rows: QuerySet[BattleRow], votes: QuerySet[Comparison], reading: str = "forced"
) -> Iterator[list[tuple[BattleRow, Vote]]]:
    """Yields batches of rows with their votes; leaves out those whose vote is not among `votes`."""
    for some in batched(rows.iterator(AT_ONCE), AT_ONCE, strict=False):
        theirs = {
            (vote.pair_id, battles.judge_of(_rater(vote)), vote.trial): vote
            for vote in votes.filter(pair__in={row.pair_id for row in some})
        }
        yield [
            (row, Vote(row.pair, cast(Side, row.left), vote, reading))
            for row in some
            if (vote := theirs.get((row.pair_id, row.rater, row.trial))) is not None or not row.rater
        ]


def _rater(vote: Comparison) -> int | str:
    return vote.rater.worker.number if vote.rater.name is None else vote.rater.name


def without_rows(votes: ComparisonQuerySet, study: Study, name: str) -> ComparisonQuerySet:
    """Returns the votes for which no row came from files of the format `name`."""
    number = Concat(Value("worker:"), Cast(OuterRef("rater__worker__number"), CharField()))
    row = BattleRow.objects.filter(
        study=study,
        format=name,
        pair=OuterRef("pair"),
        trial=OuterRef("trial"),
        rater=Coalesce(OuterRef("rater__name"), number, output_field=CharField()),
    )
    return votes.exclude(Exists(row))


def of(comparisons: Sequence[Comparison], reading: str) -> list[Vote]:
    """Returns comparisons with their pairs, as shown."""
    return [Vote(each.pair, cast(Side, each.left), each, reading) for each in comparisons]


def batches(found: ComparisonQuerySet, reading: str) -> Iterator[list[Vote]]:
    """Yields votes in batches, with `AT_ONCE` of them in memory."""
    for some in batched(found.iterator(AT_ONCE), AT_ONCE, strict=False):
        yield of(some, reading)
