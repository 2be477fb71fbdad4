"""Which pairs of a study are like what somebody looks for: found in SQL, in the stored order, a page at a time.

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

from annotation.models import AssignmentState, Comparison, Pair, Rater, RaterKind, Status, Study
from annotation.models.study import PairQuerySet
from annotation.models.voting import ComparisonQuerySet

FEW: Final = 20
"""How many pairs a search for a few looks at first, for each of them."""

SPANS: Final = (500, 1_500, 3_000)
"""How many pairs, or comparisons of the rater looked for, a search looks at before the next, longer stretch.

Together they bound the time of a page, whatever is looked for: among 199,000 pairs with a million comparisons it takes
0.11 to 0.17 s of a processor, on PostgreSQL and on SQLite (`make bench-kept`). What is rare may be 40 pages away there.
"""

NEAR: Final = 3
"""Stretches in which a pair's neighbours are looked for."""

MANY_VOTES: Final = 5
"""From so many on votes of people are not told apart."""

COUNTED: Final = 10_000
"""Of so many pairs and fewer it is counted how many are found."""

OUTCOMES: Final = {"won": 1, "tied": 0, "lost": -1}

SPLITS: Final = {
    "judge": "said <> most",
    "orders": "asked_one > 0 AND asked_other > 0 AND (one IS NULL OR other IS NULL OR one <> other)",
}
"""What a judge may say differently from most people, or from itself; of a turn, as `_turn` has it."""

type Condition = Q | Exists | RawSQL
"""Of a pair, by the comparisons of it."""

WINNERS: Final = ("x", "tie", "y")


@dataclass(frozen=True, slots=True)
class Sought:
    """Which pairs an address asks for, in its own words; empty words ask for nothing.

    Attributes:
        category: the type of the prompt.
        prompt: its number.
        text: a part of its text.
        model, against: numbers of models that the pair is between.
        outcome: won, tied or lost by `model`, by the verdict of `rater` or else of most people.
        rater: a judge's name or a worker's number.
        split: `people`: people say different things; `judge:NAME`: most people and the judge do;
            `orders:NAME`: the judge does in both orders.
        votes: how many people voted, from 0 on; `5+`: five and more.
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
        """The address's query, of the words that ask for something and of `more`; empty where there are none."""
        given = {name: word for name in self.__dataclass_fields__ if (word := getattr(self, name))} | more
        return "?" + urlencode(given) if given else ""

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Found:
    """Primary keys of pairs, in the stored order.

    Attributes:
        more: whether the search has more to find, or to look at, in its direction.
        stopped: the pair at which a search that looked at many and found few has stopped for now.
    """

    pairs: tuple[int, ...]
    more: bool
    stopped: int | None = None


def shown(study: Study, at: datetime, *, to_all: bool) -> PairQuerySet:
    """The pairs that may be looked at: `to_all`, by anybody, or by those who run the study alone.

    Training and check pairs are nobody's to see here. Where people vote, all see the pairs that are through:
    whoever has one before them on the voting page, or can have it back by taking their vote back, shall not find
    out here which models wrote its answers.
    """
    pairs = Pair.objects.filter(study=study).votable()
    if not to_all or study.status == Status.CLOSED:
        return pairs
    open_now = study.assignments.filter(state=AssignmentState.OPEN).values("pair")
    lately = Comparison.objects.filter(
        pair=OuterRef("pk"), assignment__isnull=False, answered_at__gte=study.undoable_since(at)
    )
    return pairs.filter(~Exists(lately), taken__gte=F("wanted")).exclude(pk__in=open_now)


@dataclass(frozen=True, slots=True)
class Search:
    """What `sought` asks for among `pairs`, made ready to be run."""

    study: Study
    candidates: PairQuerySet
    conditions: tuple[Condition, ...]
    rater: Rater | None

    @classmethod
    def of(cls, study: Study, pairs: PairQuerySet, sought: Sought) -> Search:
        """A word that means nothing in the study finds nothing."""
        try:
            return _search(study, pairs, sought)
        except _Unheard:
            return cls(study, pairs.none(), (), None)

    def count(self) -> int | None:
        """How many pairs there are, where there are not too many to count."""
        if self.study.pairs.votable().order_by()[COUNTED : COUNTED + 1].exists():
            return None
        return self._matching().count()

    def find(self, start: int | None, size: int, *, back: bool = False, stretches: int | None = None) -> Found:
        """Up to `size` pairs after the one with the primary key `start`, or, `back`, before it.

        It gives up for now after so many `stretches`, by default after all there are.
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
        """All that is found, `size` at a time."""
        start: int | None = None
        more = True
        while more:
            found = self.find(start, size)
            if found.pairs:
                yield found.pairs
            more = found.more
            start = found.stopped or (found.pairs[-1] if found.pairs else None)

    def _ends(self, start: int | None, *, back: bool) -> tuple[int | None, int | None]:
        """`start`, or else just before the study's first pair, and its last pair; `back`, the other way round."""
        # One by one: SQLite finds an end at once, but looks through all for both.
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
        """Up to `size` pairs after `edge` and up to `end`."""
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
    """`rows` in the order of `key` or against it, after `edge` and up to `end`, where those are given."""
    after, until = ("lt", "gte") if back else ("gt", "lte")
    if edge is not None:
        rows = rows.filter(**{f"{key}__{after}": edge})
    if end is not None:
        rows = rows.filter(**{f"{key}__{until}": end})
    return rows.order_by(f"-{key}" if back else key)


class _Unheard(Exception):
    """A word that means nothing in the study."""


def _search(study: Study, pairs: PairQuerySet, sought: Sought) -> Search:
    if "\0" in "".join(getattr(sought, name) for name in sought.__dataclass_fields__):
        raise _Unheard
    pairs = _about_prompts(study, pairs, sought)
    wanted = [_number(word) for word in (sought.model, sought.against) if word]
    models = dict(study.prompt_set.models.filter(number__in=wanted).values_list("number", "pk"))
    for number in wanted:
        if number not in models:
            raise _Unheard
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
            raise _Unheard
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
    """A number that something of a study may have; both databases hold those of 64 bits."""
    try:
        number = int(word)
    except ValueError as error:
        raise _Unheard from error
    if abs(number) > BigIntegerField.MAX_BIGINT:
        raise _Unheard
    return number


def rater_called(study: Study, word: str) -> Rater:
    """The judge of that name, or else the worker of that number."""
    raters = study.raters.filter(excluded_at=None)
    found = raters.filter(kind=RaterKind.JUDGE, name=word).first()
    if found is None and word.isdecimal():
        found = raters.filter(worker__number=_number(word)).first()
    if found is None:
        raise _Unheard
    return found


def _said_much(study: Study, rater: Rater) -> bool:
    """Whether the rater's comparisons are more than the first long stretch."""
    return Comparison.objects.filter(study=study, rater=rater).order_by()[SPANS[0] : SPANS[0] + 1].exists()


def in_force() -> ComparisonQuerySet:
    """As ComparisonQuerySet.in_force, in words that leave SQLite no choice but to find rows by their pair.

    Given `superseded_by IS NULL` it takes the unique index on that column, in which every row in force is NULL.
    """
    return Comparison.objects.filter(withdrawn=False).exclude(superseded_by__isnull=False)


def _others(study: Study) -> tuple[int, ...]:
    """The raters of `study` who are not people in force, by primary key.

    Rows are told apart by these few: joined to their raters, a database may look through all raters for each pair.
    """
    found = study.raters.filter(~Q(kind=RaterKind.WORKER) | Q(excluded_at__isnull=False))
    return tuple(found.order_by("pk").values_list("pk", flat=True))


def _people(others: Sequence[int]) -> ComparisonQuerySet:
    """People's votes on the pair of the query around."""
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
    """Where raters say different things of a turn, and the judge whom it is about, if it is about one."""
    kind, _colon, name = word.partition(":")
    if kind == "people" and not name:
        said = _people(others).order_by().values("turn").annotate(least=Min("winner"), most=Max("winner"))
        return Exists(said.filter(least__lt=F("most"))), None
    judge = study.raters.filter(excluded_at=None, kind=RaterKind.JUDGE, name=name).first()
    if judge is None or kind not in SPLITS:
        raise _Unheard
    return _turn(SPLITS[kind], judge, others), judge


def _outcome(outcome: str, model: int, rater: Rater | None, others: Sequence[int]) -> Q:
    """How it went for `model`, by `rater` or else by most people."""
    said = "said" if rater else "most"
    won = OUTCOMES[outcome]
    as_x, as_y = (_turn(f"{said} = {result}", rater, others) for result in (won, -won))
    return Q(as_x, model_x=model) | Q(as_y, model_y=model)


def _plurality(counts: str) -> str:
    """What more say than each of the other two: 1 for x, 0 for a tie, -1 for y, NULL where there is no such."""
    x, tie, y = (f"{counts}_{winner}" for winner in WINNERS)
    return (
        f"CASE WHEN {x} > {tie} AND {x} > {y} THEN 1 WHEN {tie} > {x} AND {tie} > {y} THEN 0 "
        f"WHEN {y} > {x} AND {y} > {tie} THEN -1 END"
    )


def _count(which: str, counts: str) -> str:
    """How many of the rows `which` say x, tie and y."""
    return ", ".join(
        f"COUNT(CASE WHEN {which} AND winner = '{winner}' THEN 1 END) AS {counts}_{winner}" for winner in WINNERS
    )


# The rule of merge_orders in SQL, so that a million pairs can be looked through: within an order the strict
# plurality of a rater's samples, between the orders agreement, a contradiction being a tie. Who was shown nothing,
# as a panel, stands in the first order. What is negated twice keeps SQLite from the index on superseded_by, in which
# every row in force is NULL.
def _turn(condition: str, rater: Rater | None, others: Sequence[int]) -> RawSQL:
    """That `condition` holds of a turn of a pair.

    It speaks of what most people say, `most`, of what the verdicts of `rater` come to, `said`, in each order, `one`
    and `other`, and of how many there are in each, `asked_one` and `asked_other`. Of `others` not one is of the people.
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
    ) turns WHERE {condition})"""  # noqa: S608  of what is put in, nothing is from outside
    return RawSQL(turn, [mine, *others], BooleanField())  # noqa: S611  conditions are of this file, keys are parameters
