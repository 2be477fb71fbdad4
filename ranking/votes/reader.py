"""Reads comparisons from the database into arrays. No other module does."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import numpy as np
from django.db import connection
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, SmallIntegerField, Value, When
from numpy.typing import NDArray

from annotation.draw_strategies import UNIFORM
from annotation.merge_orders import UNDECIDED, Inconsistent, merge
from annotation.models import Comparison, Draw, DrawBatch, LanguageModel, Rater, RaterKind, Study
from annotation.models.voting import ComparisonQuerySet
from annotation.numbering import ROOM
from annotation.problems import Failure
from ranking import problems
from ranking.methods import style
from ranking.methods.settings import Contradiction, Source
from ranking.methods.tally import TIE, X_WON, Y_WON, Votes
from ranking.votes import backgrounds

PEOPLE: Final = "people"
ALL: Final = "all"
RESERVED: Final = (PEOPLE, ALL)

CHUNK: Final = 20_000

TURNS: Final = 1 << 15
"""Upper bound on the turns of a prompt, whose field has 16 bits."""

type Reading = Literal["forced", "tie-allowed"]
"""How the scale from 1 to 8 is read. `forced`: 4 counts as left, 5 as right; `tie-allowed`: both are ties."""


class UnknownRater(Failure, ValueError):
    """Nobody of that name has compared anything in the study; the message lists who has."""


class UnknownCategory(Failure, ValueError):
    """No prompt of the study has that type; the message lists the types there are."""


class UnknownBackground(Failure, ValueError):
    """Too few people of the study have that background, or gave the comparisons that are asked for."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which comparisons of a study are used, and how they are read."""

    raters: str = PEOPLE
    category: str | None = None
    reading: Reading = "forced"
    inconsistent: Inconsistent = "drop"
    background: str | None = None
    """A group of people, as `ranking.votes.backgrounds.groups` names it."""


def refuse_idle(filters: Filters) -> None:
    """Raises Contradiction if one of `filters` has no effect in any study."""
    if filters.raters == PEOPLE and filters.inconsistent != "drop":
        raise Contradiction(problems.ONE_ORDER())
    if filters.raters != PEOPLE and filters.background is not None:
        raise Contradiction(problems.BACKGROUND_OF_PEOPLE())


@dataclass(frozen=True, slots=True)
class Cut:
    """A cut-off for reading: later comparisons and those of raters excluded at that time are ignored.

    Attributes:
        highest: the highest primary key to read.
        excluded: the sorted primary keys of the excluded raters.
    """

    highest: int
    excluded: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class State:
    """A fingerprint of a study's comparisons. It changes whenever they change."""

    rows: int
    highest: int
    excluded: int

    def __str__(self) -> str:
        return f"{self.rows}.{self.highest}.{self.excluded}"


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """Attributes:

    votes: the comparisons.
    source: who made them.
    simulated: how many of the comparisons a program made up.
    inconsistent: how many verdicts of judges on a pair contradicted one another.
    in_time: whether the votes are in the order in which they were given, rather than stored.
    one_order: whether every pair was shown in one order only, so that its place cannot be told from its answers.
    weighted: whether some comparisons have a weight or are soft verdicts.
    digest: SHA-256 of all that went in.
    """

    votes: Votes
    source: Source
    simulated: int
    inconsistent: int
    in_time: bool
    one_order: bool
    digest: str
    weighted: bool = False


def judges(study: Study) -> list[str]:
    """Returns the names of the judges with comparisons in `study`."""
    # EXISTS looks at one comparison of each judge, while a join would read all of them.
    raters = Rater.objects.filter(Exists(Comparison.objects.filter(rater=OuterRef("pk"))), study=study)
    names = raters.filter(kind=RaterKind.JUDGE).order_by("name").values_list("name", flat=True)
    return [name for name in names if name is not None]


def categories(study: Study) -> list[str]:
    """Returns the categories of the prompts of the pairs in `study`."""
    paired = Exists(study.pairs.votable().filter(prompt=OuterRef("pk")))
    types = study.prompt_set.prompts.filter(paired).order_by("type").values_list("type", flat=True).distinct()
    return [name for name in types if name is not None]


def readings(study: Study, filters: Filters, line: Cut) -> tuple[Reading, ...]:
    """Returns both readings if any of the raters used the scale from 1 to 8, else only `forced`.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    rows = selected(study, filters, line)
    eight = rows.filter(scale_name=Study.ScaleName.EIGHT, value__isnull=False).exists()
    return ("forced", "tie-allowed") if eight else ("forced",)


def source_of(raters: str) -> Source:
    """Returns whether the filter `raters` selects people, a single judge, or all raters."""
    if raters == PEOPLE:
        return "people"
    return "all" if raters == ALL else "judge"


def state(study: Study) -> State:
    """Returns a fingerprint of the comparisons of `study`. Equal states mean equal boards."""
    table = f'FROM "{Comparison._meta.db_table}" WHERE study_id = %s'
    with connection.cursor() as cursor:
        # One statement reads both at the same moment. As separate subqueries, each is answered by an index alone.
        cursor.execute(f"SELECT (SELECT COUNT(*) {table}), (SELECT MAX(id) {table})", [study.pk, study.pk])
        rows, highest = cursor.fetchone()
    excluded = excluded_raters(study)
    mark = int.from_bytes(hashlib.sha256(repr(excluded).encode()).digest()[:6]) if excluded else 0
    return State(rows, highest or 0, mark)


def cut(study: Study) -> Cut:
    """Returns a cut after the newest visible comparison. A transaction still open may later add rows before it."""
    return Cut(Comparison.objects.aggregate(highest=Max("pk"))["highest"] or 0, excluded_raters(study))


def excluded_raters(study: Study) -> tuple[int, ...]:
    """Returns the sorted primary keys of the excluded raters of `study`."""
    raters = study.raters.filter(excluded_at__isnull=False)
    return tuple(raters.order_by("pk").values_list("pk", flat=True))


def read(study: Study, filters: Filters, line: Cut, *, in_order: bool = False, with_style: bool = False) -> Read:
    """Reads the comparisons of `study` up to `line` that `filters` select, with raters and prompts.

    `in_order` sorts them by time, `with_style` also reads the answers. If only the numbers of wins and ties matter,
    `counting.read` is faster.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    rows = selected(study, filters, line)
    source = source_of(filters.raters)
    simulated = rows.simulated().count()
    in_time = in_order and not rows.filter(answered_at=None).exists()
    columns = fetch(rows, in_time=in_time)
    weighted = rows.weighted().exists()
    soft = _soft(rows, columns, in_time=in_time) if weighted else None
    crowds = [] if source == "judge" else _crowds(rows)
    inconsistent = 0
    if source != "people":
        columns, inconsistent, soft = merged_with_shares(columns, filters.inconsistent, soft, crowds)
    votes = as_votes(study, columns, detailed=True)
    if soft is not None:
        votes = replace(votes, importance=soft.weight, soft=soft.share)
    if crowds:
        # The members of a crowd are not known, so no votes can be clustered by rater.
        votes = replace(votes, rater=None)
    if study.prompt_set.textless and rows.filter(pair__prompt__number__gte=ROOM).exists():
        # Rows of a file without prompts: each is its own, so there is nothing to cluster by.
        votes = replace(votes, prompt=None)
    if source != "judge" and is_drawn(study, line):
        votes = _with_draws(study, rows, votes, in_time=in_time, aligned=source == "people")
    if with_style:
        votes = replace(votes, style=_style(study, columns))
    one_order = bool(len(votes)) and is_one_order(columns)
    return Read(votes, source, simulated, inconsistent, in_time, one_order, digest(votes, in_order=in_order), weighted)


def _crowds(rows: ComparisonQuerySet) -> list[int]:
    """Returns the primary keys of the crowds that gave some of `rows`."""
    return list(rows.filter(rater__kind=RaterKind.CROWD).order_by().values_list("rater", flat=True).distinct())


def is_drawn(study: Study, line: Cut) -> bool:
    """Returns whether people gave some of the comparisons of `study` up to `line` on pairs drawn adaptively."""
    if not DrawBatch.objects.filter(study=study).exists():
        return False
    draws = Draw.objects.filter(pair=OuterRef("pair"), slot=OuterRef("assignment__slot"), batch__study=study)
    return Comparison.objects.filter(Exists(draws), study=study, pk__lte=line.highest).exists()


def _with_draws(study: Study, rows: ComparisonQuerySet, votes: Votes, *, in_time: bool, aligned: bool) -> Votes:
    """Returns `votes` with the probability of the draw that each row's pair came from, found by pair and slot.

    Without `aligned`, rows were merged, so none has a probability.
    """
    draws = Draw.objects.filter(batch__study=study)
    drawn = {(pair, slot): (batch, chance) for pair, slot, batch, chance in draws.values_list(*DRAWN)}
    asked = rows.order_by(*(["answered_at", "pk"] if in_time else ["pk"])).values_list("pair", "assignment__slot")
    found = [drawn.get(place) for place in asked.iterator(chunk_size=CHUNK)]
    used = {draw[0] for draw in found if draw is not None}
    if not used:
        return votes
    batches = DrawBatch.objects.filter(study=study, late=False).values_list("pk", "mix")
    some_left_out = any(pk in used and mix and not mix.get(UNIFORM) for pk, mix in batches)
    chance = [math.nan if draw is None or draw[1] is None else draw[1] for draw in found]
    return replace(
        votes,
        chance=np.array(chance) if aligned else np.full(len(votes), np.nan),
        every_pair=not some_left_out,
    )


def selected(study: Study, filters: Filters, line: Cut) -> ComparisonQuerySet:
    """Returns a queryset of the comparisons, annotated with `half_points` of x and the `side` of x.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    rows = Comparison.objects.filter(study=study).in_force_at(line.highest).votable()
    if line.excluded:
        rows = rows.exclude(rater__in=line.excluded)
    # A panel is not shown anything, so its verdicts have no sides.
    unsided = [When(rater__derived=True, then=Value(0))]
    match filters.raters:
        case "people":
            rows, unsided = by_people(rows, study), []
        case "all":
            # A panel's verdicts are derived from those of its members, which are included already.
            rows, unsided = rows.exclude(rater__in=Rater.objects.filter(study=study, derived=True)), []
        case name:
            known = judges(study)
            if name not in known:
                raise UnknownRater(problems.NO_SUCH_JUDGE(name=name, known=", ".join([*RESERVED, *known])))
            rows = rows.filter(rater__kind=RaterKind.JUDGE, rater__name=name)
    if filters.category is not None:
        types = categories(study)
        if filters.category not in types:
            raise UnknownCategory(problems.NO_SUCH_TYPE(name=filters.category, known=", ".join(types) or "-"))
        rows = rows.filter(pair__prompt__type=filters.category)
    if filters.background is not None:
        theirs = backgrounds.members(study, filters.background, line.excluded)
        if theirs is None:
            known_groups = ", ".join(backgrounds.groups(study, line.excluded)) or "-"
            raise UnknownBackground(problems.NO_SUCH_BACKGROUND(name=filters.background, known=known_groups))
        rows = rows.filter(theirs)
        if rows.order_by().values("rater").distinct()[: backgrounds.LEAST].count() < backgrounds.LEAST:
            # Of a group that is large enough, too few may have voted on prompts of one category.
            raise UnknownBackground(problems.NONE_OF_BACKGROUND(background=filters.background))
    middle = Q(winner="tie")
    if filters.reading == "tie-allowed":
        middle |= Q(scale_name=Study.ScaleName.EIGHT, value__in=(4, 5))
    return rows.annotate(
        half_points=Case(
            When(middle, then=Value(TIE)),
            When(winner="x", then=Value(X_WON)),
            default=Value(Y_WON),
            output_field=SmallIntegerField(),
        ),
        side=Case(
            *unsided,
            When(left="x", then=Value(1)),
            default=Value(-1),
            output_field=SmallIntegerField(),
        ),
    )


def by_people(rows: ComparisonQuerySet, study: Study) -> ComparisonQuerySet:
    """Returns the rows given by people, known or not. All of `rows` are from `study`.

    There are few judges, so excluding their keys is cheaper for the database than looking up the kind of each rater.
    """
    return rows.exclude(rater__in=Rater.objects.filter(study=study, kind=RaterKind.JUDGE))


def raters_by_kind(study: Study, filters: Filters, line: Cut) -> dict[str, int]:
    """Maps the kinds of the raters whose comparisons `filters` select to their numbers."""
    compared = Exists(selected(study, filters, line).filter(rater=OuterRef("pk")))
    found = Rater.objects.filter(compared, study=study).order_by().values_list("kind").annotate(number=Count("pk"))
    return dict(found)


type Columns = dict[str, NDArray[np.int64]]

DRAWN: Final = ("pair", "slot", "batch", "probability")
COUNTED: Final = ("pair__model_x", "pair__model_y", "half_points", "side")
DETAILED: Final = (*COUNTED, "pair__prompt", "rater", "pair", "turn", "pair__result_x", "pair__result_y")


def fetch(rows: ComparisonQuerySet, *, in_time: bool = False) -> Columns:
    """Reads the columns `DETAILED` of `rows`, ordered by primary key or, with `in_time`, by time."""
    return _columns(rows.order_by(*(["answered_at", "pk"] if in_time else ["pk"])).values_list(*DETAILED), DETAILED)


@dataclass(frozen=True, slots=True, eq=False)
class Soft:
    """Weights and shares of n comparisons; None where none of them has any.

    Attributes:
        weight: (n,) how many times as much each counts.
        share: (n,) x's share of each verdict.
    """

    weight: NDArray[np.float64] | None
    share: NDArray[np.float64] | None


def _soft(rows: ComparisonQuerySet, columns: Columns, *, in_time: bool) -> Soft:
    """Reads the weights and shares of `rows`, in the order in which `fetch` read `columns`."""
    found = rows.order_by(*(["answered_at", "pk"] if in_time else ["pk"])).values_list("weight", "share")
    table = np.array(list(found.iterator(chunk_size=CHUNK)), dtype=np.float64).reshape(-1, 2)
    weight, share = (None if np.isnan(column).all() else column for column in table.T)
    return Soft(
        None if weight is None else np.where(np.isnan(weight), 1.0, weight),
        None if share is None else np.where(np.isnan(share), columns["half_points"] / 2, share),
    )


def merged_with_shares(
    columns: Columns, inconsistent: Inconsistent, soft: Soft | None, crowds: Sequence[int]
) -> tuple[Columns, int, Soft | None]:
    """Merges each judge's verdicts on the same pair and turn, as `merged_columns`, with their mean weight and share.

    Soft verdicts do not contradict one another: their mean says which model is better, and by how much. The votes of
    `crowds` stay apart, because several people gave them.
    """
    if soft is None or soft.share is None:
        merged, contradicted, label = _merge(columns, inconsistent, crowds)
    else:
        merged, contradicted, label = _merge(columns, "tie", crowds)
        contradicted = 0
    if soft is None:
        return merged, contradicted, None

    weight, share = (
        None if values is None else _means(values, label)[merged["group"]] for values in (soft.weight, soft.share)
    )
    if share is not None:
        merged["half_points"] = _half_points(share)
    return merged, contradicted, Soft(weight, share)


def _means(values: NDArray[np.float64], label: NDArray[np.int64]) -> NDArray[np.float64]:
    """(g,) the mean of the values (n,) in each of the groups 0, ..., g - 1."""
    return np.bincount(label, values) / np.bincount(label)


def _half_points(share: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) half points of x, for the model that got the larger share."""
    return np.where(share > 0.5, X_WON, np.where(share < 0.5, Y_WON, TIE))


def _columns(found: QuerySet[Comparison, Any], names: tuple[str, ...]) -> Columns:
    """Reads rows of integers into columns, a chunk at a time."""
    blocks: list[NDArray[np.int64]] = []
    block: list[tuple[int, ...]] = []
    for row in found.iterator(chunk_size=CHUNK):
        block.append(row)
        if len(block) == CHUNK:
            blocks.append(np.array(block, dtype=np.int64))
            block.clear()
    blocks.append(np.array(block, dtype=np.int64).reshape(len(block), len(names)))
    table = np.concatenate(blocks)
    return {name: table[:, column] for column, name in enumerate(names)}


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """Single verdicts in n rows, for agreement and bias.

    Attributes:
        pair, turn, prompt, rater, model_x, model_y, result_x, result_y: (n,) primary keys, and the turn.
        winner: (n,) 1 where x won, 0 for a tie, -1 where y won.
        left: (n,) 1 where x was on the left, -1 where y was, 0 for panels, which are not shown anything.
        value: (n,) the value on the scale from 1 to 8; 0 if another scale was used.
        weight, share: (n,) how many times as much each counts, and x's share of it; None where none has any.
    """

    pair: NDArray[np.int64]
    turn: NDArray[np.int64]
    prompt: NDArray[np.int64]
    rater: NDArray[np.int64]
    model_x: NDArray[np.int64]
    model_y: NDArray[np.int64]
    result_x: NDArray[np.int64]
    result_y: NDArray[np.int64]
    winner: NDArray[np.int64]
    left: NDArray[np.int64]
    value: NDArray[np.int64]
    weight: NDArray[np.float64] | None = None
    share: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.pair)

    def digest(self) -> bytes:
        """Returns the SHA-256 of all columns."""
        columns = [column for field in fields(self) if (column := getattr(self, field.name)) is not None]
        # Weights and shares enter with all their bits.
        whole = [column.view(np.int64) if column.dtype.kind == "f" else column for column in columns]
        return hashlib.sha256(b"".join(column.astype("<i8").tobytes() for column in whole)).digest()

    def where(self, mask: NDArray[Any]) -> Single:
        """Returns the rows selected by a mask or index."""
        columns: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen: dict[str, Any] = {name: None if column is None else column[mask] for name, column in columns.items()}
        return Single(**chosen)

    @property
    def item(self) -> NDArray[np.int64]:
        """(n,) an ID for each turn of a pair: pair * `TURNS` + turn."""
        return self.pair * TURNS + self.turn


def single(study: Study, filters: Filters, line: Cut) -> Single:
    """Reads every verdict that `filters` select, without merging the orders and samples of a judge.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
    """
    eight = When(scale_name=Study.ScaleName.EIGHT, value__isnull=False, then=F("value"))
    rows = selected(study, filters, line).annotate(
        eight=Case(eight, default=Value(0), output_field=SmallIntegerField())
    )
    sides = ("pair__model_x", "pair__model_y", "pair__result_x", "pair__result_y")
    names = ("pair", "turn", "pair__prompt", "rater", *sides, "half_points", "side", "eight")
    table = _columns(rows.order_by("pk").values_list(*names), names)
    soft = _soft(rows, table, in_time=False) if rows.weighted().exists() else Soft(None, None)
    return Single(
        pair=table["pair"],
        turn=table["turn"],
        prompt=table["pair__prompt"],
        rater=table["rater"],
        model_x=table["pair__model_x"],
        model_y=table["pair__model_y"],
        result_x=table["pair__result_x"],
        result_y=table["pair__result_y"],
        winner=table["half_points"] - 1,
        left=table["side"],
        value=table["eight"],
        weight=soft.weight,
        share=soft.share,
    )


def codes(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the keys renumbered 0, 1, ... in their order, without gaps."""
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def merged(verdicts: Single, inconsistent: Inconsistent = "tie") -> Single:
    """Merges the verdicts of each rater on each turn of a pair. Contradictory ones become ties or are dropped.

    Soft verdicts do not contradict one another: their mean says which model is better, and by how much.
    """
    group = np.stack([verdicts.rater, verdicts.pair, verdicts.turn], axis=1)
    label = np.unique(group, axis=0, return_inverse=True)[1].ravel()
    found = merge(label, verdicts.left, verdicts.winner + 1)
    weight, share = (None if values is None else _means(values, label) for values in (verdicts.weight, verdicts.share))
    outcome = found.outcome if share is None else _half_points(share)
    contradicted = outcome == UNDECIDED
    result = replace(
        verdicts.where(found.first),
        winner=np.where(contradicted, 0, outcome - 1),
        left=found.left,
        weight=weight,
        share=share,
    )
    return result if inconsistent == "tie" else result.where(~contradicted)


def lengths(study: Study, verdicts: Single) -> NDArray[np.int64]:
    """(n,) characters by which x's answer is longer than y's."""
    results = np.unique(np.concatenate([verdicts.result_x, verdicts.result_y]))
    found = np.zeros(len(results), dtype=np.int64)
    for pk, text, turns in study.prompt_set.results.values_list("pk", "text", "turns").iterator(chunk_size=CHUNK):
        place = np.searchsorted(results, pk)
        if place < len(results) and results[place] == pk:
            found[place] = len(text) + sum(map(len, turns))
    x, y = (found[np.searchsorted(results, side)] for side in (verdicts.result_x, verdicts.result_y))
    return x - y


def merged_columns(columns: Columns, inconsistent: Inconsistent) -> tuple[Columns, int]:
    """Merges each judge's verdicts on the same pair and turn. Returns them and the number of contradictions."""
    merged, contradicted, _label = _merge(columns, inconsistent)
    return merged, contradicted


def _merge(
    columns: Columns, inconsistent: Inconsistent, crowds: Sequence[int] = ()
) -> tuple[Columns, int, NDArray[np.int64]]:
    """Returns the merged verdicts, the number of contradictions, and (n,) the group that each verdict went into.

    The merged columns have one more, `group`.
    """
    # A worker has one row per pair and turn, so merging leaves it unchanged. A judge may have several in both orders. A
    # crowd may have several too, by different people, so each of them is a group of its own.
    alone = np.where(np.isin(columns["rater"], crowds), np.arange(len(columns["rater"])), -1)
    group = np.stack([columns["rater"], columns["pair"], columns["turn"], alone], axis=1)
    label = np.unique(group, axis=0, return_inverse=True)[1].ravel()
    merged = merge(label, columns["side"], columns["half_points"])
    order = np.argsort(merged.first, kind="stable")
    first, outcome, left = merged.first[order], merged.outcome[order], merged.left[order]
    contradicted = outcome == UNDECIDED
    kept = ~contradicted if inconsistent == "drop" else np.ones(len(first), dtype=bool)
    result = {name: column[first][kept] for name, column in columns.items()}
    result["half_points"] = np.where(contradicted, TIE, outcome)[kept]
    result["side"] = left[kept]
    result["group"] = label[first][kept]
    return result, int(contradicted.sum()), label


def as_votes(study: Study, columns: Columns, *, detailed: bool) -> Votes:
    """Converts `columns` to the input of methods. Without `detailed`, they are counted and have a column `number`."""
    models = np.unique(np.concatenate([columns["pair__model_x"], columns["pair__model_y"]]))
    names = dict(LanguageModel.objects.filter(prompt_set=study.prompt_set_id).values_list("pk", "name"))
    return Votes(
        names=tuple(names[model] for model in models.tolist()),
        x=np.searchsorted(models, columns["pair__model_x"]),
        y=np.searchsorted(models, columns["pair__model_y"]),
        outcome=columns["half_points"].astype(np.int8),
        left=columns["side"].astype(np.int8),
        prompt=codes(columns["pair__prompt"]) if detailed else None,
        rater=codes(columns["rater"]) if detailed else None,
        count=None if detailed else columns["number"],
    )


def _style(study: Study, columns: Columns) -> NDArray[np.float64]:
    """(n, 4) the differences in style between the answers of x and y."""
    x, y = columns["pair__result_x"], columns["pair__result_y"]
    results = np.unique(np.concatenate([x, y]))
    found = np.zeros((len(results), len(style.FEATURES)))
    rows = study.prompt_set.results.values_list("pk", "text", "turns")
    for pk, text, turns in rows.iterator(chunk_size=CHUNK):
        place = np.searchsorted(results, pk)
        if place < len(results) and results[place] == pk:
            found[place] = style.features("\n".join([text, *turns]))
    return style.differences(found[np.searchsorted(results, x)], found[np.searchsorted(results, y)])


def is_one_order(columns: Columns) -> bool:
    """Returns whether no pair was shown in both orders."""
    # A side is -1, 0 or 1.
    seen = np.unique(3 * columns["pair"] + columns["side"])
    return bool((columns["side"] != 0).all() and len(seen) == len(np.unique(columns["pair"])))


def digest(votes: Votes, *, in_order: bool) -> str:
    """Returns the SHA-256 of the comparisons, sorted unless `in_order`."""
    parts = [votes.x, votes.y, votes.outcome, votes.left, votes.prompt, votes.rater, votes.count]
    # Weights and shares enter with all their bits.
    exact = [part.view(np.int64) for part in (votes.importance, votes.soft) if part is not None]
    table = np.stack([*(part.astype(np.int64) for part in parts if part is not None), *exact], axis=1)
    if not in_order and len(table):
        table = table[np.lexsort(table.T[::-1])]
    digest = hashlib.sha256("\0".join(votes.names).encode())
    digest.update(table.astype("<i8").tobytes())
    return digest.hexdigest()
