"""What a reader has to know of a board to trust it, counted when its snapshot is made.

Whatever can be is counted in SQL: a vote more on a pair is not a row more to fetch.
"""

from dataclasses import asdict
from typing import Any, Final

import numpy as np
from django.db.models import Count, Max, Min, Q
from numpy.typing import NDArray

from annotation.models import Pair, RaterKind, Study
from annotation.models.work import ComparisonQuerySet
from annotation.orders import UNDECIDED, merge
from ranking import agreement, bias, comparisons
from ranking.comparisons import ALL, PEOPLE, Cut, Filters, Single
from ranking.methods.tally import TIE, X_WON

type Facts = dict[str, Any]

ITEM: Final = ("pair", "turn", "pair__prompt", "pair__wanted", "half_points", "number")


def facts(study: Study, filters: Filters, line: Cut, baseline: str | None = None) -> Facts:
    """Who compared what and when, how far they agree, and where the winners stood; as JSON has it.

    `baseline`: the model that a board is about whose other comparisons do not count.

    Raises:
        UnknownRater, UnknownCategory: a name that is not in the study.
    """
    rows = comparisons.selected(study, filters, line)
    if baseline is not None:
        rows = rows.filter(Q(pair__model_x__name=baseline) | Q(pair__model_y__name=baseline))
    times = rows.aggregate(first=Min("answered_at"), last=Max("answered_at"))
    cluster = "rater" if filters.raters in {PEOPLE, ALL} else "pair__prompt"
    items, places = _counted(rows, ITEM), _counted(rows, (cluster, "side", "half_points", "number"))
    number = items["number"]
    votes = int(number.sum())
    excluded = _excluded(study, filters, line)
    return {
        "votes": votes,
        "raters": len(np.unique(places["rater"])) if cluster == "rater" else 1,
        "prompts": len(np.unique(items["pair__prompt"])),
        "pairs": len(np.unique(items["pair"])),
        "first": times["first"] and times["first"].isoformat(),
        "last": times["last"] and times["last"].isoformat(),
        "excluded_raters": excluded.values("rater").distinct().count(),
        "excluded_votes": excluded.count(),
        "ties": float(number[items["half_points"] == TIE].sum() / votes) if votes else None,
        "position": _position(places, places[cluster]),
        **(_coverage(study, filters, items) if filters.raters == PEOPLE and baseline is None else {}),
        **_agreement(study, filters, line, items, baseline),
    }


type Columns = dict[str, NDArray[np.int64]]


def _counted(rows: ComparisonQuerySet, names: tuple[str, ...]) -> Columns:
    """How many of `rows` are alike in all of `names` but the last, which is that number; by column."""
    grouped = rows.order_by().values(*names[:-1]).annotate(number=Count("pk")).values_list(*names)
    table = np.array(list(grouped), dtype=np.int64).reshape(-1, len(names))
    return {name: table[:, column] for column, name in enumerate(names)}


def _excluded(study: Study, filters: Filters, line: Cut) -> ComparisonQuerySet:
    """The comparisons that would count if nobody had been excluded."""
    rows = study.comparisons.in_force_at(line.highest).votable().filter(rater__in=line.excluded)
    if filters.raters == PEOPLE:
        rows = rows.filter(rater__kind=RaterKind.WORKER)
    elif filters.raters != ALL:
        rows = rows.filter(rater__name=filters.raters)
    return rows if filters.category is None else rows.filter(pair__prompt__type=filters.category)


def _position(places: Columns, cluster: NDArray[np.int64]) -> dict[str, Any] | None:
    """Shares of left, tie and right, with a test over clusters; None where nothing was shown."""
    shown = places["side"] != 0
    if not shown.any():
        return None
    number = places["number"][shown]
    won = ((places["half_points"] - 1) * places["side"])[shown]
    return asdict(bias.position(np.repeat(won, number), np.repeat(_codes(cluster[shown]), number)))


def _coverage(study: Study, filters: Filters, items: Columns) -> Facts:
    """How many pairs people were offered, and how many of these have all the votes wanted."""
    offered = Pair.objects.votable().filter(study=study, wanted__gt=0)
    if filters.category is not None:
        offered = offered.filter(prompt__type=filters.category)
    first, codes = np.unique(items["pair"], return_index=True, return_inverse=True)[1:]
    votes = np.bincount(codes, weights=items["number"], minlength=len(first))
    wanted = items["pair__wanted"][first]
    return {"offered": offered.count(), "covered": int(((wanted > 0) & (votes >= wanted)).sum())}


def _agreement(study: Study, filters: Filters, line: Cut, items: Columns, baseline: str | None) -> Facts:
    """Of two votes on a pair, the share that say the same; of a judge, those of its verdict and a person's vote."""
    if filters.raters == ALL:
        return {}
    if filters.raters == PEOPLE:
        counts, prompt, _keys = _by_item(items)
        total, decided = counts.sum(axis=1), counts[:, 0] + counts[:, 2]
        same, apart = (counts * (counts - 1) / 2), [total * (total - 1) / 2, decided * (decided - 1) / 2]
        return {
            "agreement": asdict(agreement.ratio(same.sum(axis=1), apart[0], prompt)),
            "agreement_without_ties": asdict(agreement.ratio(same[:, 0] + same[:, 2], apart[1], prompt)),
        }
    verdicts = comparisons.single(study, filters, line)
    # Of a board about one model only the pairs with an answer of its own.
    verdicts = verdicts if baseline is None else verdicts.where(np.isin(verdicts.pair, items["pair"]))
    people = comparisons.selected(study, Filters(PEOPLE, filters.category, filters.reading), line)
    return {**_with_people(verdicts, _counted(people, ITEM)), **_orders(verdicts)}


def _by_item(items: Columns) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """(i, 3) the votes on each turn of a pair for x, a tie and y; (i,) its prompt's code; (i, 2) pair and turn."""
    keys = np.stack([items["pair"], items["turn"]], axis=1)
    keys, first, codes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    cell = codes.ravel() * 3 + (X_WON - items["half_points"])
    counts = np.bincount(cell, weights=items["number"], minlength=3 * len(first)).reshape(-1, 3)
    return counts, _codes(items["pair__prompt"][first]), keys


def _with_people(verdicts: Single, items: Columns) -> Facts:
    merged = comparisons.merged(verdicts)
    counts, prompt, keys = _by_item(items)
    place = {(pair, turn): row for row, (pair, turn) in enumerate(keys.tolist())}
    judged = zip(merged.pair.tolist(), merged.turn.tolist(), merged.winner.tolist(), strict=True)
    found = [(place[pair, turn], winner) for pair, turn, winner in judged if (pair, turn) in place]
    at, winner = np.array(found, dtype=np.int64).reshape(-1, 2).T
    same = counts[at, 1 - winner]
    decided = np.where(winner == 0, 0, counts[at, 0] + counts[at, 2])
    prompt = _codes(prompt[at])
    return {
        "agreement": asdict(agreement.ratio(same, counts[at].sum(axis=1), prompt)),
        "agreement_without_ties": asdict(agreement.ratio(np.where(winner == 0, 0, same), decided, prompt)),
    }


def _orders(verdicts: Single) -> Facts:
    """Of the turns of pairs that a judge saw in both orders, how many there are and how many it decided alike."""
    group = np.unique(np.stack([verdicts.rater, verdicts.pair, verdicts.turn]), axis=1, return_inverse=True)[1].ravel()
    found = merge(group, verdicts.left, verdicts.winner + 1)
    sides = [np.bincount(group[verdicts.left == side], minlength=len(found.first)) > 0 for side in (1, -1)]
    both = sides[0] & sides[1]
    return {"both_orders": int(both.sum()), "consistent": int((found.outcome[both] != UNDECIDED).sum())}


def _codes(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(keys, return_inverse=True)[1].ravel().astype(np.int64)
