"""Searches the pairs of a study in SQL, in the stored order, a page at a time.

A study may have a million pairs and what is looked for may be rare, so no request looks at all of them: pairs
are looked at in stretches that grow, and a search that finds nothing for long says where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import BigIntegerField, BooleanField, Count, Exists, F, Max, Min, OuterRef, Q
from django.db.models.expressions import RawSQL

from annotation.models import Comparison, Pair, Rater, RaterKind, Study
from annotation.models.pair import PairQuerySet
from annotation.models.voting import ComparisonQuerySet
from annotation.studies.prompt_sets import public_pairs

FEW: Final = 20
"""Pairs in the first range of a search, per pair wanted."""

SPANS: Final = (500, 1_500, 3_000)
"""How many pairs, or comparisons of the rater looked for, a search looks at before the next, longer stretch.

Together they bound the time of a page, whatever is looked for: among 199,000 pairs with a million comparisons it takes
at most 0.17 s of a processor, on PostgreSQL and on SQLite (`make bench-kept`). What is rare may be 40 pages away there.
"""

NEAR: Final = 3
"""Ranges that are searched for the neighbours of a pair."""

MANY_VOTES: Final = 5
"""From so many on votes of people are not told apart."""

COUNTED: Final = 10_000
"""Most pairs for which matches are counted."""

OUTCOMES: Final = {"won": 1, "tied": 0, "lost": -1}

SPLITS: Final = {
    "judge": "said <> most",
    "orders": "asked_one > 0 AND asked_other > 0 AND (one IS NULL OR other IS NULL OR one <> other)",
}
"""Conditions for `_turn`: a judge differs from most people, or contradicts itself."""

type Condition = Q | Exists | RawSQL
"""A condition on a pair that depends on its comparisons."""

WINNERS: Final = ("x", "tie", "y")


@dataclass(frozen=True, slots=True)
class Sought:
    """The search conditions in the query of a URL. Empty values are no condition.

    Attributes:
        category: the category of the prompt.
        prompt: the number of the prompt.
        text: a part of the prompt's text.
        model, against: the numbers of the two models.
        outcome: `won`, `tied` or `lost` for `model`, by the verdict of `rater` or of most people.
        rater: the name of a judge or the number of a worker.
        split: who disagrees. `people`: people with one another; `judge:NAME`: the judge with most people;
            `orders:NAME`: the judge between the two orders.
        votes: the number of people who voted, from 0 on; `5+` means five or more.
    """

    category: str = ""
    prompt: str = ""
    text: str = ""
    model: str = ""
    against: str = ""
    outcome: str = ""
    rater: str = ""
    split: str = ""
    votes: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Sought:
        return cls(**{name: query[name].strip() for name in cls.__dataclass_fields__ if name in query})

    def but(self, **words: str) -> Sought:
        return replace(self, **words)

    def query(self, **more: str | int) -> str:
        """Returns the query of the URL, with the conditions and `more`; empty if there are none."""
        given = {name: word for name in self.__dataclass_fields__ if (word := getattr(self, name))} | more
        return "?" + urlencode(given) if given else ""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Found:
    """Primary keys of pairs, in the stored order.

    Attributes:
        more: whether there may be more matches in the direction of the search.
        stopped: the pair at which a search with few matches stopped.
    """

    pairs: tuple[int, ...]
    more: bool
    stopped: int | None = None


def shown(study: Study, at: datetime, *, to_all: bool) -> PairQuerySet:
    """Returns the pairs that the public (`to_all`) or only people who run the study may see.

    Training and check pairs are never shown, nor pairs without texts. What the public sees is
    `prompt_sets.public_pairs`.
    """
    if study.prompt_set.textless:
        return Pair.objects.none()
    return public_pairs(study, at) if to_all else Pair.objects.filter(study=study).votable()


@dataclass(frozen=True, slots=True)
class Search:
    """What `sought` asks for among `pairs`, made ready to be run."""

    study: Study
    candidates: PairQuerySet
    conditions: tuple[Condition, ...]
    rater: Rater | None

    @classmethod
    def of(cls, study: Study, pairs: PairQuerySet, sought: Sought) -> Search:
        """Prepares the search for `sought` among `pairs`. Values unknown in the study match nothing."""
        try:
            return _search(study, pairs, sought)
        except _UnknownValue:
            return cls(study, pairs.none(), (), None)

    def count(self) -> int | None:
        """Counts the matches; None if there are too many pairs to count."""
        if self.study.pairs.votable().order_by()[COUNTED : COUNTED + 1].exists():
            return None
        return self._matching().count()

    def find(self, start: int | None, size: int, *, back: bool = False, stretches: int | None = None) -> Found:
        """Finds up to `size` pairs after the one with the primary key `start`, or before it with `back`.

        The search stops after `stretches` ranges, by default after all of `SPANS`.
        """
        edge, far = start, None
        if self.rater is None:
            # Between these two the database looks at no pairs of other studies, however it goes about it.
            edge, far = self._ends(start, back=back)
        if not self.conditions and self.rater is None:
            return _found(self._between(edge, far, size + 1, back=back), size, back=back)
        ids: list[int] = []
        spans = SPANS if FEW * size >= SPANS[0] else (FEW * size, *SPANS)
        for span in spans[:stretches]:
            end = self._after(edge, far, span, back=back)
            ids += self._between(edge, far if end is None else end, size + 1 - len(ids), back=back)
            if end is None or len(ids) > size:
                return _found(ids, size, back=back)
            edge = end
        return replace(_found(ids, size, back=back), more=True, stopped=edge)

    def all(self, size: int) -> Iterator[tuple[int, ...]]:
        """Yields all matches, `size` at a time."""
        start: int | None = None
        more = True
        while more:
            found = self.find(start, size)
            if found.pairs:
                yield found.pairs
            more = found.more
            start = found.stopped or (found.pairs[-1] if found.pairs else None)

    def _ends(self, start: int | None, *, back: bool) -> tuple[int | None, int | None]:
        """Returns the ends of the search: `start` or just before the first pair, and the last pair."""
        # Two queries: SQLite finds one end from the index, but scans all rows for both.
        keys = self.study.pairs.order_by("pk").values_list("pk", flat=True)
        first, last = keys.first(), keys.last()
        if first is None or last is None:
            return start, None
        if back:
            return last + 1 if start is None else start, first
        return first - 1 if start is None else start, last

    def _after(self, edge: int | None, far: int | None, span: int, *, back: bool) -> int | None:
        """The pair at which a stretch of `span` after `edge` ends; None where it goes to the end of all, `far`."""
        if self.rater is None:
            rows = _beyond(self.candidates.order_by(), "pk", edge, far, back=back).values_list("pk", flat=True)
        else:
            mine = Comparison.objects.filter(study=self.study, rater=self.rater)
            rows = _beyond(mine, "pair", edge, None, back=back).values_list("pair", flat=True)
        return next(iter(rows[span - 1 : span]), None)

    def _between(self, edge: int | None, end: int | None, size: int, *, back: bool) -> list[int]:
        """Returns up to `size` matches after `edge` and up to `end`."""
        rows = _beyond(self._matching(edge, end, back=back), "pk", edge, end, back=back)
        return list(rows.values_list("pk", flat=True)[:size])

    def _matching(self, edge: int | None = None, end: int | None = None, *, back: bool = False) -> PairQuerySet:
        pairs = self.candidates
        if self.rater is not None:
            mine = in_force().filter(study=self.study, rater=self.rater)
            pairs = pairs.filter(pk__in=_beyond(mine, "pair", edge, end, back=back).order_by().values("pair"))
        return pairs.filter(*self.conditions)


def _found(ids: list[int], size: int, *, back: bool) -> Found:
    kept = ids[:size]
    return Found(tuple(reversed(kept)) if back else tuple(kept), len(ids) > size)


def _beyond(rows: Any, key: str, edge: int | None, end: int | None, *, back: bool) -> Any:
    """Orders `rows` by `key`, descending with `back`, and limits them to after `edge` and up to `end` if given."""
    after, until = ("lt", "gte") if back else ("gt", "lte")
    if edge is not None:
        rows = rows.filter(**{f"{key}__{after}": edge})
    if end is not None:
        rows = rows.filter(**{f"{key}__{until}": end})
    return rows.order_by(f"-{key}" if back else key)


class _UnknownValue(Exception):
    """A search value that does not exist in the study."""


def _search(study: Study, pairs: PairQuerySet, sought: Sought) -> Search:
    if "\0" in "".join(getattr(sought, name) for name in sought.__dataclass_fields__):
        raise _UnknownValue
    pairs = _about_prompts(study, pairs, sought)
    wanted = [_number(word) for word in (sought.model, sought.against) if word]
    models = dict(study.prompt_set.models.filter(number__in=wanted).values_list("number", "pk"))
    for number in wanted:
        if number not in models:
            raise _UnknownValue
        pairs = pairs.filter(Q(model_x=models[number]) | Q(model_y=models[number]))
    about = rater = rater_called(study, sought.rater) if sought.rater else None
    conditions: list[Condition] = []
    others = _others(study) if sought.votes or sought.split or sought.outcome else ()
    if sought.votes:
        conditions.append(_voted_on(sought.votes, others))
    if sought.split:
        split, judge = _split(study, sought.split, others)
        conditions.append(split)
        about = rater or judge
    if sought.outcome:
        if sought.outcome not in OUTCOMES or not sought.model:
            raise _UnknownValue
        conditions.append(_outcome(sought.outcome, models[_number(sought.model)], rater, others))
    if about and models and _said_much(study, about):
        # The pairs that a model has are fewer than those that the rater has said something of.
        conditions.insert(0, Exists(in_force().filter(pair=OuterRef("pk"), rater=about)))
        about = None
    return Search(study, pairs, tuple(conditions), about)


def _about_prompts(study: Study, pairs: PairQuerySet, sought: Sought) -> PairQuerySet:
    prompts = study.prompt_set.prompts.all()
    if sought.category:
        prompts = prompts.filter(type=sought.category)
    if sought.prompt:
        prompts = prompts.filter(number=_number(sought.prompt))
    if sought.text:
        prompts = prompts.filter(text__icontains=sought.text)
    if not (sought.category or sought.prompt or sought.text):
        return pairs
    return pairs.filter(prompt__in=list(prompts.values_list("pk", flat=True)))


def _number(word: str) -> int:
    """Converts `word` to an integer that fits in the 64 bits of the databases."""
    try:
        number = int(word)
    except ValueError as error:
        raise _UnknownValue from error
    if abs(number) > BigIntegerField.MAX_BIGINT:
        raise _UnknownValue
    return number


def rater_called(study: Study, word: str) -> Rater:
    """Returns the judge with that name, or else the worker with that number."""
    raters = study.raters.filter(excluded_at=None)
    found = raters.filter(kind=RaterKind.JUDGE, name=word).first()
    if found is None and word.isdecimal():
        found = raters.filter(worker__number=_number(word)).first()
    if found is None:
        raise _UnknownValue
    return found


def _said_much(study: Study, rater: Rater) -> bool:
    """Returns whether the rater has more comparisons than the first of `SPANS`."""
    return Comparison.objects.filter(study=study, rater=rater).order_by()[SPANS[0] : SPANS[0] + 1].exists()


def in_force() -> ComparisonQuerySet:
    """Like ComparisonQuerySet.in_force, but written so that SQLite looks rows up by their pair.

    With `superseded_by IS NULL`, SQLite uses the unique index on that column, in which every row in force is NULL.
    """
    return Comparison.objects.filter(withdrawn=False).exclude(superseded_by__isnull=False)


def _others(study: Study) -> tuple[int, ...]:
    """Returns the sorted primary keys of judges and excluded raters of `study`.

    There are few, and filtering by them is cheap. A join with raters could scan all raters for each pair.
    """
    found = study.raters.filter(Q(kind=RaterKind.JUDGE) | Q(excluded_at__isnull=False))
    return tuple(found.order_by("pk").values_list("pk", flat=True))


def _people(others: Sequence[int]) -> ComparisonQuerySet:
    """Returns people's votes on the pair of the outer query."""
    return in_force().filter(pair=OuterRef("pk")).exclude(rater__in=others)


def _voted_on(votes: str, others: Sequence[int]) -> Q | Exists:
    if votes == f"{MANY_VOTES}+":
        least, most = MANY_VOTES, None
    else:
        least = most = _number(votes)
    if least == 0:
        return Q(~Exists(_people(others)))
    counted = _people(others).order_by().values("pair").annotate(number=Count("pk")).filter(number__gte=least)
    return Exists(counted if most is None else counted.filter(number__lte=most))


def _split(study: Study, word: str, others: Sequence[int]) -> tuple[Condition, Rater | None]:
    """Returns the condition that raters disagree on a turn, and the judge it is about, if any."""
    kind, _colon, name = word.partition(":")
    if kind == "people" and not name:
        said = _people(others).order_by().values("turn").annotate(least=Min("winner"), most=Max("winner"))
        return Exists(said.filter(least__lt=F("most"))), None
    judge = study.raters.filter(excluded_at=None, kind=RaterKind.JUDGE, name=name).first()
    if judge is None or kind not in SPLITS:
        raise _UnknownValue
    return _turn(SPLITS[kind], judge, others), judge


def _outcome(outcome: str, model: int, rater: Rater | None, others: Sequence[int]) -> Q:
    """Returns the condition that `model` has this outcome by `rater`, or by most people if there is none."""
    said = "said" if rater else "most"
    won = OUTCOMES[outcome]
    as_x, as_y = (_turn(f"{said} = {result}", rater, others) for result in (won, -won))
    return Q(as_x, model_x=model) | Q(as_y, model_y=model)


def _plurality(counts: str) -> str:
    """Returns SQL for the most common winner: 1 for x, 0 for a tie, -1 for y, NULL if there is not exactly one."""
    x, tie, y = (f"{counts}_{winner}" for winner in WINNERS)
    return (
        f"CASE WHEN {x} > {tie} AND {x} > {y} THEN 1 WHEN {tie} > {x} AND {tie} > {y} THEN 0 "
        f"WHEN {y} > {x} AND {y} > {tie} THEN -1 END"
    )


def _count(which: str, counts: str) -> str:
    """Returns SQL that counts the rows `which` for x, tie and y."""
    return ", ".join(
        f"COUNT(CASE WHEN {which} AND winner = '{winner}' THEN 1 END) AS {counts}_{winner}" for winner in WINNERS
    )


# The rule of merge_orders in SQL, so that a million pairs can be searched. Within an order, a rater's verdict is the
# strict plurality of its samples. The two orders must agree; a contradiction is a tie. Panels, which are not shown
# anything, count as the first order. The double negation keeps SQLite from using the index on superseded_by, in which
# every row in force is NULL.
def _turn(condition: str, rater: Rater | None, others: Sequence[int]) -> RawSQL:
    """Returns a condition on a pair: that `condition` is true for one of its turns.

    `condition` may use `most`, the most common vote of people; `said`, the merged verdict of `rater`; `one` and
    `other`, its verdicts in each order; and `asked_one` and `asked_other`, their numbers. `others` are the raters not
    counted as people.
    """
    mine = rater.pk if rater else None
    people = f"rater_id NOT IN ({', '.join(['%s'] * len(others))})" if others else "1 = 1"
    turn = f"""EXISTS (SELECT 1 FROM (
        SELECT one, other, most, asked_one, asked_other, CASE
            WHEN one = other THEN one
            WHEN asked_one > 0 AND asked_other > 0 THEN 0
            WHEN asked_one > 0 THEN COALESCE(one, 0)
            WHEN asked_other > 0 THEN COALESCE(other, 0) END AS said
        FROM (
            SELECT {_plurality("one")} AS one, {_plurality("other")} AS other, {_plurality("people")} AS most,
                one_x + one_tie + one_y AS asked_one, other_x + other_tie + other_y AS asked_other
            FROM (
                SELECT {_count("mine AND side <> 'y'", "one")}, {_count("mine AND side = 'y'", "other")},
                    {_count("people", "people")}
                FROM (
                    SELECT turn, winner, "left" AS side, rater_id = %s AS mine, {people} AS people
                    FROM annotation_comparison
                    WHERE pair_id = annotation_pair.id AND NOT withdrawn AND NOT (superseded_by_id IS NOT NULL)
                ) told
                GROUP BY turn
            ) counted
        ) decided
    ) turns WHERE {condition})"""  # noqa: S608  no external input in the statement
    return RawSQL(turn, [mine, *others], BooleanField())  # noqa: S611  conditions come from this file, keys are parameters
