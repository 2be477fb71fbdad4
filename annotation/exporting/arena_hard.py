"""Exports the verdicts of judges and people as judgments of Arena-Hard: the games of two models share a row."""

import heapq
import json
from collections.abc import Iterator
from itertools import batched
from operator import itemgetter
from typing import Any, Final, cast

from annotation.exporting import votes
from annotation.exporting.file_formats import Batch, Column
from annotation.exporting.layouts import Layout
from annotation.exporting.selection import Selection
from annotation.exporting.votes import AT_ONCE, ONE_TURN, Vote
from annotation.interchange.formats import arena_hard
from annotation.interchange.formats.arena_hard import Part, Texts
from annotation.interchange.formats.battles import judge_of
from annotation.models import BattleRow, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.problems import gettext_noop
from annotation.scales import Side

COLUMNS: Final = tuple(Column(name, "json" if name == "games" else "text") for name in arena_hard.COLUMNS)


def batches(study: Study, asked: Selection) -> Iterator[Batch]:
    """Returns the rows of judgments in batches.

    Raises:
        NotPossible: no judge has the name or no prompt the category, or the study has no texts.
    """
    votes.need_texts(study)
    found = votes.votes(study, asked, ONE_TURN).order_by("pair__prompt__number", "rater", "pair", "trial", "pk")
    return _batches(study, asked, found)


def _batches(study: Study, asked: Selection, found: ComparisonQuerySet) -> Iterator[Batch]:
    voted = ((number, part) for some in votes.batches(found, asked.reading) for number, part in _parts(study, some))
    undecided = votes.rows_of(study, arena_hard.NAME, asked).filter(rater="").order_by("pair__prompt__number", "pk")
    without = (_undecided(row) for row in undecided.iterator(AT_ONCE))
    # In the order of prompts, as the files are.
    parts = (part for _number, part in heapq.merge(voted, without, key=itemgetter(0)))
    for lines in batched(arena_hard.written(parts), AT_ONCE, strict=False):
        rows = [json.loads(line) for line in lines]
        columns = {column.name: [row.get(column.name) for row in rows] for column in COLUMNS}
        yield Batch(columns, lines, sum(1 for row in rows for game in row["games"] if game))


def _undecided(row: BattleRow) -> tuple[int, Part]:
    """Returns a row in which a judge never decided, with the number of its prompt."""
    vote = Vote(row.pair, cast(Side, row.left), None)
    return row.pair.prompt.number, _part(vote, row.extra, row.extra.get("judge", ""))


def _part(vote: Vote, extra: dict[str, Any], rater: int | str) -> Part:
    prompt, ((left, *_more), (right, *_others)) = vote.pair.prompt, vote.answers
    return Part(
        str(extra.get("uid", prompt.slug or prompt.number)),
        prompt.type or "",
        rater,
        vote.models,
        vote.winner,
        None if vote.comparison is None else vote.comparison.weight,
        Texts(prompt.text, (left, right)),
        extra,
    )


def _parts(study: Study, some: list[Vote]) -> Iterator[tuple[int, Part]]:
    """Yields the games of votes, with what the files that they came from had beyond our columns."""
    rows = BattleRow.objects.filter(study=study, format=arena_hard.NAME, pair__in={vote.pair.pk for vote in some})
    extras: dict[tuple[int, str, int], dict[str, Any]] = {
        (pair, rater, trial): extra for pair, rater, trial, extra in rows.values_list("pair", "rater", "trial", "extra")
    }
    for vote in some:
        key = (vote.pair.pk, judge_of(vote.rater), vote.given.trial)
        yield vote.pair.prompt.number, _part(vote, extras.get(key, {}), vote.rater)


LAYOUT: Final = Layout(
    arena_hard.NAME,
    arena_hard.FORMAT.label,
    gettext_noop("A row is a rater’s verdicts on two answers to a prompt, one or two games."),
    "RATERS-judgments",
    ("jsonl", "json", "csv", "parquet"),
    lambda _study, _asked: COLUMNS,
    batches,
    cannot_carry=arena_hard.FORMAT.cannot_carry,
)
