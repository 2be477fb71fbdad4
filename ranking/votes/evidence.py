"""Facts that help a reader judge a board, counted when its snapshot is computed.

As much as possible is counted in SQL, so that another vote on a pair is not another row to fetch.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, Max, Min, Q, QuerySet
from numpy.typing import NDArray

from annotation.merge_orders import UNDECIDED, merge
from annotation.models import Comparison, LanguageModel, Pair, RaterKind, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.voting import coverage
from ranking.methods.tally import TIE, X_WON, Y_WON
from ranking.statistics import agreement, bias
from ranking.votes import backgrounds, reader
from ranking.votes.reader import ALL, PEOPLE, Cut, Filters, Single, codes

type Facts = dict[str, Any]


def facts(study: Study, filters: Filters, line: Cut, baseline: str | None = None) -> Facts:
    """Returns numbers, dates, agreement and position bias of the comparisons, as JSON-compatible data.

    With `baseline`, only comparisons with that model count.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    rows = reader.selected(study, filters, line)
    if baseline is not None:
        model = LanguageModel.objects.filter(prompt_set=study.prompt_set_id, name=baseline)
        rows = rows.filter(Q(pair__model_x__in=model) | Q(pair__model_y__in=model))
    cluster = "rater" if filters.raters in {PEOPLE, ALL} else "pair__prompt"
    prompts, places = _by_prompt(rows), _by_place(rows, cluster)
    number, votes = places.number, int(places.number.sum())
    excluded = _excluded(study, filters, line).aggregate(raters=Count("rater", distinct=True), votes=Count("pk"))
    return {
        "votes": votes,
        "raters": len(np.unique(places.cluster)) if cluster == "rater" else 1,
        "prompts": len(prompts.prompt),
        "prompts_per_model": _prompts_per_model(rows),
        **_kinds(rows),
        "pairs": int(prompts.pairs.sum()),
        "first": places.first and places.first.isoformat(),
        "last": places.last and places.last.isoformat(),
        "excluded_raters": excluded["raters"],
        "excluded_votes": excluded["votes"],
        "ties": float(number[places.half_points == TIE].sum() / votes) if votes else None,
        # Raters of a mix may prefer different sides, so it is only tested within each of them.
        "position": _position(places, tested=filters.raters != ALL),
        **(_coverage(study, filters, prompts, rows) if filters.raters == PEOPLE and baseline is None else {}),
        **_agreement(study, filters, line, rows, prompts, restricted=baseline is not None),
    }


type Column = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ByPrompt:
    """Counts of the votes on the pairs of each prompt, (p,) each, in the order of the prompts' primary keys.

    Attributes:
        pairs: the number of pairs compared.
        covered: how many of them have all their planned votes.
        two, two_decided: twice the number of unordered pairs of votes on a turn of a pair, and of those without ties.
        same, same_decided: how many of them match.
    """

    prompt: Column
    pairs: Column
    covered: Column
    two: Column
    same: Column
    two_decided: Column
    same_decided: Column


@dataclass(frozen=True, slots=True, eq=False)
class ByPlace:
    """Counts of verdicts by cluster, side of x and winner, (k,) each.

    `first`, `last`: the times of the earliest and latest verdict; None if unknown.
    """

    cluster: Column
    side: Column
    half_points: Column
    number: Column
    first: datetime | None
    last: datetime | None


def _by_prompt(rows: ComparisonQuerySet) -> ByPrompt:
    """Aggregates the votes in the database, from a row per pair to a row per prompt."""
    sql, parameters = _votes_on_turns(rows).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH item (prompt, pair, turn, wanted, x, tie, y) AS ({sql})
            SELECT prompt, COUNT(*), SUM(CASE WHEN wanted > 0 AND votes >= wanted THEN 1 ELSE 0 END),
                SUM(two), SUM(same), SUM(two_decided), SUM(same_decided)
            FROM (
                SELECT prompt, wanted, SUM(x + tie + y) AS votes,
                    SUM((x + tie + y) * (x + tie + y - 1)) AS two,
                    SUM(x * (x - 1) + tie * (tie - 1) + y * (y - 1)) AS same,
                    SUM((x + y) * (x + y - 1)) AS two_decided,
                    SUM(x * (x - 1) + y * (y - 1)) AS same_decided
                FROM item GROUP BY prompt, pair, wanted
            ) told GROUP BY prompt ORDER BY prompt
            """,  # noqa: S608  no external input in the statement
            parameters,
        )
        return ByPrompt(*np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 7).T)


def _votes_on_turns(rows: ComparisonQuerySet) -> QuerySet[Comparison, Any]:
    """Selects a row per turn of a pair: prompt, pair, turn, planned votes, and the votes for x, tie and y."""
    said = {
        name: Count("pk", filter=Q(half_points=points)) for name, points in (("x", X_WON), ("tie", TIE), ("y", Y_WON))
    }
    return rows.order_by().values_list("pair__prompt", "pair", "turn", "pair__wanted").annotate(**said)


def _by_place(rows: ComparisonQuerySet, cluster: str) -> ByPlace:
    ends = {"number": Count("pk"), "first": Min("answered_at"), "last": Max("answered_at")}
    found = list(rows.order_by().values_list(cluster, "side", "half_points").annotate(**ends))
    table = np.array([row[:4] for row in found], dtype=np.int64).reshape(-1, 4)
    times = [time for row in found for time in row[4:] if time is not None]
    at, side, half_points, number = table.T
    return ByPlace(at, side, half_points, number, min(times, default=None), max(times, default=None))


def _prompts_per_model(rows: ComparisonQuerySet) -> list[int] | None:
    """Counts the prompts on which each model was compared; returns the fewest and the most. None without models."""
    met: dict[int, set[int]] = {}
    for prompt, *models in rows.order_by().values_list("pair__prompt", "pair__model_x", "pair__model_y").distinct():
        for model in models:
            met.setdefault(model, set()).add(prompt)
    numbers = [len(prompts) for prompts in met.values()]
    return [min(numbers), max(numbers)] if numbers else None


def _kinds(rows: ComparisonQuerySet) -> Facts:
    """Counts the people, the crowds and the judges, the votes of each, and those with a weight or a share."""
    found = {
        kind: (raters, votes)
        for kind, raters, votes in rows.order_by()
        .values_list("rater__kind")
        .annotate(raters=Count("rater", distinct=True), votes=Count("pk"))
    }
    (judges, verdicts), (people, votes), (crowds, more) = (
        found.get(kind, (0, 0)) for kind in (RaterKind.JUDGE, RaterKind.WORKER, RaterKind.CROWD)
    )
    counts = {"people": people, "people_votes": votes + more, "judges": judges, "judge_votes": verdicts}
    weighted, soft = (rows.filter(**{f"{name}__isnull": False}).count() for name in ("weight", "share"))
    return {**counts, "crowds": crowds, "crowd_votes": more, "weighted": weighted, "soft": soft}


def _excluded(study: Study, filters: Filters, line: Cut) -> ComparisonQuerySet:
    """Returns the comparisons that would count if their raters were not excluded."""
    rows = study.comparisons.in_force_at(line.highest).votable().filter(rater__in=line.excluded)
    if filters.raters == PEOPLE:
        rows = rows.by_people()
    elif filters.raters != ALL:
        rows = rows.filter(rater__name=filters.raters)
    if filters.background is not None:
        theirs = backgrounds.members(study, filters.background, line.excluded)
        rows = rows.none() if theirs is None else rows.filter(theirs)
    return rows if filters.category is None else rows.filter(pair__prompt__type=filters.category)


def _position(places: ByPlace, *, tested: bool) -> dict[str, Any] | None:
    """Returns the shares of left, tie and right, if `tested` with a test over clusters; None if no sides are known."""
    shown = places.side != 0
    if not shown.any():
        return None
    won = ((places.half_points - 1) * places.side)[shown]
    found = bias.position(won, codes(places.cluster[shown]), places.number[shown])
    return asdict(found if tested else replace(found, p=None))


def _coverage(study: Study, filters: Filters, prompts: ByPrompt, rows: ComparisonQuerySet) -> Facts:
    """Counts the pairs offered to people, those of them that have all their planned votes, and the planned votes
    that are received, as the study's page counts them."""
    totals = coverage.totals(study, rows.real(), filters.category)
    offered = Pair.objects.votable().filter(study=study, wanted__gt=0)
    if filters.category is not None:
        offered = offered.filter(prompt__type=filters.category)
    return {
        "offered": offered.count(),
        "covered": int(prompts.covered.sum()),
        "planned": totals.planned,
        "received": totals.received,
    }


def _agreement(
    study: Study, filters: Filters, line: Cut, rows: ComparisonQuerySet, prompts: ByPrompt, *, restricted: bool
) -> Facts:
    """Returns how often two people's votes on a pair match or, for a judge, its verdict and a person's vote.

    `restricted`: whether `rows` are only a part of what the filters select.
    """
    if filters.raters == ALL:
        return {}
    if filters.raters == PEOPLE:
        if rows.filter(rater__kind=RaterKind.CROWD).exists():
            # Two votes of a crowd may be by the same person.
            prompts = _by_prompt(rows.exclude(rater__kind=RaterKind.CROWD))
        place = np.arange(len(prompts.prompt))
        return {
            "agreement": asdict(agreement.ratio(prompts.same / 2, prompts.two / 2, place)),
            "agreement_without_ties": asdict(agreement.ratio(prompts.same_decided / 2, prompts.two_decided / 2, place)),
        }
    verdicts = reader.single(study, filters, line)
    if restricted:
        pairs = np.array(list(rows.order_by().values_list("pair", flat=True).distinct()), dtype=np.int64)
        verdicts = verdicts.where(np.isin(verdicts.pair, pairs))
    people = reader.selected(study, Filters(PEOPLE, filters.category, filters.reading), line)
    return {**_with_people(verdicts, people), **_orders(verdicts)}


def _with_people(verdicts: Single, people: ComparisonQuerySet) -> Facts:
    merged = reader.merged(verdicts)
    table = np.array(list(_votes_on_turns(people)), dtype=np.int64).reshape(-1, 7)
    prompt, counts = table[:, 0], table[:, 4:].astype(np.float64)
    place = {(pair, turn): row for row, (pair, turn) in enumerate(table[:, 1:3].tolist())}
    judged = zip(merged.pair.tolist(), merged.turn.tolist(), merged.winner.tolist(), strict=True)
    found = [(place[pair, turn], winner) for pair, turn, winner in judged if (pair, turn) in place]
    at, winner = np.array(found, dtype=np.int64).reshape(-1, 2).T
    same = counts[at, 1 - winner]
    decided = np.where(winner == 0, 0, counts[at, 0] + counts[at, 2])
    prompt = codes(prompt[at])
    return {
        "agreement": asdict(agreement.ratio(same, counts[at].sum(axis=1), prompt)),
        "agreement_without_ties": asdict(agreement.ratio(np.where(winner == 0, 0, same), decided, prompt)),
    }


def _orders(verdicts: Single) -> Facts:
    """Counts the turns of pairs that a judge saw in both orders, and those with the same verdict in both."""
    group = np.unique(np.stack([verdicts.rater, verdicts.pair, verdicts.turn]), axis=1, return_inverse=True)[1].ravel()
    found = merge(group, verdicts.left, verdicts.winner + 1)
    sides = [np.bincount(group[verdicts.left == side], minlength=len(found.first)) > 0 for side in (1, -1)]
    both = sides[0] & sides[1]
    return {"both_orders": int(both.sum()), "consistent": int((found.outcome[both] != UNDECIDED).sum())}
