"""Exports votes as preferences that models are trained on: a row per vote, or per pair by the majority of its votes."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from django.db.models import Q

from annotation.exporting import votes
from annotation.exporting.battles import Battles
from annotation.exporting.file_formats import Batch, Column
from annotation.exporting.layouts import Layout
from annotation.exporting.selection import Selection
from annotation.exporting.votes import AT_ONCE, ONE_TURN, Vote
from annotation.interchange.formats import preferences, remainder
from annotation.models import BattleRow, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.problems import gettext_noop
from annotation.scales import Side, other

COLUMNS: Final = tuple(Column(name) for name in preferences.COLUMNS)


def _row(vote: Vote, chosen: Side) -> dict[str, Any]:
    pair, rejected = vote.pair, other(chosen)
    texts = pair.result(chosen).text, pair.result(rejected).text
    return preferences.built(pair.prompt.text, *texts, (pair.model(chosen).name, pair.model(rejected).name))


def _by_vote(vote: Vote) -> dict[str, Any] | None:
    """Returns the row of a vote; None for a tie, which prefers nothing."""
    if vote.winner in (None, "tie"):
        return None
    return _row(vote, vote.left if vote.winner == "left" else other(vote.left))


def _batches(study: Study, asked: Selection) -> Iterator[Batch]:
    """Returns a row per pair that has a majority.

    Raises:
        NotPossible: no judge has the name or no prompt the category, or the study has no texts.
    """
    votes.need_texts(study)
    return _by_majority(study, votes.votes(study, asked, ONE_TURN).order_by("pair", "pk"), asked.reading)


def _by_majority(study: Study, found: ComparisonQuerySet, reading: str) -> Iterator[Batch]:
    each = (vote for some in votes.batches(found, reading) for vote in some)
    held: list[tuple[Vote, Side]] = []
    read = 0
    for _pair, group in groupby(each, key=lambda vote: vote.pair.pk):
        given = list(group)
        read += len(given)
        if (chosen := _majority(given)) is not None:
            held.append((given[0], chosen))
        if len(held) >= AT_ONCE:
            yield _batch(study, held, read)
            held, read = [], 0
    yield _batch(study, held, read)


def _majority(given: list[Vote]) -> Side | None:
    """Returns the side that got more than half of the votes, by their weights and shares; ties are half each."""
    lead = 0.0
    for vote in given:
        share = vote.share
        points = {"left": 1.0, "tie": 0.5, "right": 0.0, None: 0.5}[vote.winner] if share is None else share
        towards = 2 * points - 1
        lead += (towards if vote.left == "x" else -towards) * (vote.given.weight or 1.0)
    if abs(lead) < EQUAL:
        return None
    return "x" if lead > 0 else "y"


EQUAL: Final = 1e-9
"""Leads below this come from rounding."""


def _batch(study: Study, rows: list[tuple[Vote, Side]], read: int) -> Batch:
    keys = {vote.pair.pk for vote, _chosen in rows}
    known = BattleRow.objects.filter(study=study, format=preferences.NAME, pair__in=keys).order_by("-pk")
    extras: dict[int, dict[str, Any]] = dict(known.values_list("pair", "extra"))
    built = [(_row(vote, chosen), extras.get(vote.pair.pk, {})) for vote, chosen in rows]
    lines = [remainder.line(row, extra, preferences.ORDER) for row, extra in built]
    whole = [json.loads(line) for line in lines]
    return Batch(
        {column.name: [row.get(column.name) for row in whole] for column in COLUMNS},
        lines,
        read,
    )


BY_VOTE: Final = Battles(preferences.FORMAT, COLUMNS, preferences.ORDER, _by_vote, ONE_TURN & ~Q(winner="tie"))

FORMATS: Final = ("jsonl", "json", "csv", "parquet")

LAYOUTS: Final = (
    Layout(
        preferences.NAME,
        gettext_noop("Preferences (by majority)"),
        gettext_noop("A row is a pair with the answer that got more than half of its votes as chosen, for training."),
        "preferences",
        FORMATS,
        lambda _study, _asked: COLUMNS,
        _batches,
        cannot_carry=preferences.FORMAT.cannot_carry,
    ),
    Layout(
        "preferences-by-vote",
        gettext_noop("Preferences (per vote)"),
        gettext_noop("A row is a vote that is no tie, with the answer that won as chosen, for training."),
        "preferences",
        FORMATS,
        lambda _study, _asked: COLUMNS,
        BY_VOTE.batches,
        cannot_carry=preferences.FORMAT.cannot_carry,
    ),
)
