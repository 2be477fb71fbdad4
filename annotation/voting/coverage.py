"""A study's progress: the votes on its pairs, their pace, and statistics of its workers.

Read-only. Votes are the counted votes of people; simulated votes are counted separately and do not add to
the coverage.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Sum, When
from django.db.models.functions import Least

from annotation.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Offering,
    Pair,
    Purpose,
    Rater,
    RaterKind,
    Status,
    Study,
    WinnerChoice,
    Worker,
)
from annotation.models.pair import PairQuerySet
from annotation.models.study import LIVE
from annotation.models.voting import ComparisonQuerySet, Stage

LATELY: Final = timedelta(days=1)
LONG_AGO: Final = timedelta(days=7)

ENOUGH: Final = 20
"""Minimum number of votes for a pace: with fewer, its standard error is above a fifth of it."""


MANY: Final = 50_000
"""Comparisons of a study that are counted while its page is made: about 0.2 s."""


def percent(share: float) -> int:
    """Returns a share of received votes in whole per cent, rounded down: 100 only if no vote is missing."""
    # 29 of 100 are 28.999... as floating point.
    return min(int(100 * share + 1e-9), 100)


@dataclass(frozen=True, slots=True)
class Part:
    """The offered pairs of a prompt, or of all prompts of a type."""

    name: str
    """The prompt's slug, or its number if it has none; or the type."""
    type: str
    pairs: int
    wanted: int
    """The votes planned."""
    votes: int
    received: int
    """The votes that the plan asked for: those beyond it on a pair do not make up for another pair's."""
    number: int | None = None
    """The prompt's number; None for a type."""

    @property
    def share(self) -> float:
        """The share of the planned votes that are received, in [0, 1]; 0 if none are planned."""
        return self.received / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The pairs that people are offered, the votes planned on them, and those of the planned votes that are received.

    Every page, command and leaderboard that shows the coverage of a study takes it from here.
    """

    pairs: int
    planned: int
    received: int

    @property
    def share(self) -> float:
        """The share of the planned votes that are received, in [0, 1]; 0 if none are planned."""
        return self.received / self.planned if self.planned else 0.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """Votes on the pairs that people are offered, or would be offered once the study starts."""

    prompts: list[Part]
    types: list[Part]
    histogram: list[tuple[int, int]]
    """(votes, number of pairs with that many votes), from 0 votes on without gaps."""
    outside: int
    """Votes on pairs outside the filters, such as imported ones."""
    simulated: int

    @property
    def pairs(self) -> int:
        return sum(part.pairs for part in self.prompts)

    @property
    def wanted(self) -> int:
        return sum(part.wanted for part in self.prompts)

    @property
    def votes(self) -> int:
        return sum(part.votes for part in self.prompts)

    @property
    def received(self) -> int:
        return sum(part.received for part in self.prompts)

    @property
    def missing(self) -> int:
        return self.wanted - self.received

    @property
    def beyond(self) -> int:
        """Votes on offered pairs that had all their planned votes, such as imported ones."""
        return self.votes - self.received

    @property
    def share(self) -> float:
        """The share of the planned votes that are received, in [0, 1]; 0 if none are planned."""
        return self.received / self.wanted if self.wanted else 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate at which votes arrive, by the times at which people answered."""

    last_hour: int
    last_day: int
    per_day: float | None
    """Over the last day, or the last seven days if that day has too few votes; None if unknown."""
    days_left: float | None
    """Days until every pair has its votes at this pace; None if the study is not open, the pace is unknown, or pairs
    are drawn as votes come in, so that no number is planned."""


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker's statistics."""

    number: int
    external_id: str | None
    stage: str
    outcome: str
    device: str
    training_score: float | None
    checks: int
    checks_right: int
    votes: int
    """Votes in force, without checks; those of an excluded worker included."""
    left: int
    tie: int
    right: int
    skips: int
    fast: int
    """Votes and checks in force that were answered faster than the study's `fast_seconds`."""
    median_seconds: float | None
    """From showing a pair to its vote; None if no vote has these times."""
    joined_at: datetime | None
    left_at: datetime | None
    excluded_at: datetime | None
    exclusion_reason: str
    simulated: bool
    erased_at: datetime | None

    @property
    def compared(self) -> int:
        """The pairs they answered, as their own pages count them: votes and checks."""
        return self.votes + self.checks

    @property
    def left_share(self) -> float | None:
        return self.left / self.votes if self.votes else None

    @property
    def tie_share(self) -> float | None:
        return self.tie / self.votes if self.votes else None

    @property
    def right_share(self) -> float | None:
        return self.right / self.votes if self.votes else None


def has_many_votes(study: Study) -> bool:
    """Returns whether counting the study's votes takes longer than a page may."""
    return Comparison.objects.filter(study=study).order_by()[: MANY + 1].count() > MANY


def votes_of_people(study: Study) -> ComparisonQuerySet:
    """Returns the votes that count towards the coverage of `study`."""
    return Comparison.objects.votes_of_people().filter(study=study)


def _planned(pair: str = "") -> Case:
    """Returns the votes planned on a pair: the places it was given while one is free, else the study's overlap.

    Votes above the overlap raise the places of a pair, as an import does, but are not planned for that. In an adaptive
    study the places are those that were drawn or taken, and nothing else is planned.
    """
    overlap = F(f"{pair}study__overlap")
    given = Q(**{f"{pair}wanted__gt": F(f"{pair}taken")}) | Q(**{f"{pair}study__offering": Offering.ADAPTIVE})
    return Case(When(given, then=F(f"{pair}wanted")), default=overlap, output_field=IntegerField())


def offered_in(study: Study) -> PairQuerySet:
    """Returns the pairs that people are offered, or would be once the study starts; of an adaptive one, those that
    were drawn or taken until now."""
    pairs = Pair.objects.within(study)
    return pairs.filter(wanted__gt=0) if study.is_adaptive else pairs


def totals(study: Study, votes: ComparisonQuerySet | None = None, category: str | None = None) -> Totals:
    """Returns the coverage of the pairs within the study's filters; of a draft, what is planned.

    `votes` are those to count, by default all that people gave; with `category`, only pairs of its prompts count.
    """
    offered = offered_in(study)
    if category is not None:
        offered = offered.filter(prompt__type=category)
    if votes is None:
        return totals_by_study(offered).get(study.pk, Totals(0, 0, 0))
    places = offered.aggregate(pairs=Count("pk"), planned=Sum(_planned()))
    received = _by_pair(votes.filter(pair__in=offered.values("pk"))).aggregate(all=Sum("received"))
    return Totals(places["pairs"], places["planned"] or 0, received["all"] or 0)


def totals_by_study(offered: PairQuerySet) -> dict[int, Totals]:
    """Returns the coverage of the `offered` pairs of several studies, by the studies' keys, in three queries.

    The places taken on a pair are people's votes on it, and reservations. No vote is read, however many there are.
    """
    rows = offered.order_by().values("study")
    sums = rows.annotate(pairs=Count("*"), planned=Sum(_planned()), received=Sum(_received("taken")))
    found = {row["study"]: Totals(row["pairs"], row["planned"], row["received"]) for row in sums}
    held = Assignment.objects.filter(study__in=found.keys(), state=AssignmentState.OPEN, slot__isnull=False)
    reserved = dict(held.order_by().values_list("pair").annotate(Count("pk")))
    places = offered.filter(pk__in=held.values("pair")).values_list("study", "pk", "taken", _planned())
    for study, pair, taken, planned in places:
        # A place that is only reserved has no vote yet.
        early = min(taken, planned) - min(taken - reserved.get(pair, 0), planned)
        found[study] = replace(found[study], received=found[study].received - early)
    return found


def _received(votes: str) -> Least:
    """Returns how many of the votes in the column `votes` of a pair were planned."""
    return Least(F(votes), _planned(), output_field=IntegerField())


def _by_pair(votes: ComparisonQuerySet) -> QuerySet[Comparison, Any]:
    """Groups `votes` by pair, with the number of `votes` and of those that are planned, `received`."""
    return votes.order_by().values("pair", "pair__prompt").annotate(**_RECEIVED)


_RECEIVED: Final[dict[str, Any]] = {
    "votes": Count("pk"),
    "received": Least(Count("pk"), _planned("pair__"), output_field=IntegerField()),
}


def coverage(study: Study) -> Coverage:
    """Returns the coverage of the pairs within the study's filters, by prompt and by type, in five queries."""
    offered = offered_in(study)
    votes = votes_of_people(study)
    places = offered.order_by("prompt").values("prompt", "prompt__number", "prompt__slug", "prompt__type")
    votes_on: Counter[int] = Counter()
    received: Counter[int] = Counter()
    histogram: Counter[int] = Counter()
    for row in _by_pair(votes.filter(pair__in=offered.values("pk"))).iterator():
        votes_on[row["pair__prompt"]] += row["votes"]
        received[row["pair__prompt"]] += row["received"]
        histogram[row["votes"]] += 1
    prompts = [
        Part(
            name=row["prompt__slug"] or str(row["prompt__number"]),
            type=row["prompt__type"] or "",
            number=row["prompt__number"],
            pairs=row["pairs"],
            wanted=row["places"],
            votes=votes_on[row["prompt"]],
            received=received[row["prompt"]],
        )
        for row in places.annotate(pairs=Count("pk"), places=Sum(_planned()))
    ]
    histogram[0] = sum(part.pairs for part in prompts) - histogram.total()
    return Coverage(
        prompts=prompts,
        types=_by_type(prompts),
        histogram=[(number, histogram[number]) for number in range(max(histogram) + 1)] if prompts else [],
        outside=votes.count() - sum(part.votes for part in prompts),
        simulated=Comparison.objects.counted().simulated().filter(study=study).count(),
    )


def _by_type(prompts: list[Part]) -> list[Part]:
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in prompts:
        groups[part.type].append(part)
    return [
        Part(
            name=name,
            type=name,
            pairs=sum(part.pairs for part in parts),
            wanted=sum(part.wanted for part in parts),
            votes=sum(part.votes for part in parts),
            received=sum(part.received for part in parts),
        )
        for name, parts in sorted(groups.items())
    ]


def pace(study: Study, at: datetime, known: Totals | None = None) -> Pace:
    """Returns the recent votes and the pace they give; nights and quiet hours are part of the window.

    `known` is the coverage of the study, where the caller has it already.
    """
    # Without a join, which would start at all the pairs or raters instead of the latest votes.
    not_people = Q(kind=RaterKind.JUDGE) | Q(simulated=True) | Q(excluded_at__isnull=False)
    others = Rater.objects.filter(not_people, study=study).values("pk")
    golden = golden_pairs([study.pk])
    answered = Comparison.objects.in_force().filter(study=study, answered_at__isnull=False).exclude(rater__in=others)

    def since(window: timedelta) -> int:
        votes = answered.filter(_answered_since(at - window, at))
        return votes.count() - (votes.filter(pair__in=golden).count() if golden else 0)

    first = answered.exclude(pair__in=golden).order_by("answered_at").values_list("answered_at", flat=True).first()
    day = since(LATELY)
    # The week is only counted if the day is not enough: most studies that are under way have enough votes of a day.
    per_day = _per_day(day, first, LATELY, at) or _per_day(since(LONG_AGO), first, LONG_AGO, at)
    days_left = None
    if per_day and study.status == Status.OPEN and not study.is_adaptive:
        found = known or totals(study)
        days_left = (found.planned - found.received) / per_day
    return Pace(since(timedelta(hours=1)), day, per_day, days_left)


def _answered_since(start: datetime, at: datetime) -> Q:
    return Q(answered_at__gt=start, answered_at__lte=at)


def _per_day(votes: int, first: datetime | None, window: timedelta, at: datetime) -> float | None:
    """Returns votes per day over `window`, or since the first vote if that is later; None if there are too few."""
    if votes < ENOUGH or first is None:
        return None
    if first > at - window:
        # The first vote starts the clock and is not counted in the interval after it.
        return (votes - 1) / ((at - first) / timedelta(days=1)) if at > first else None
    return votes / (window / timedelta(days=1))


@dataclass(frozen=True, slots=True)
class WorkerCounts:
    """How many people take part in a study; simulated workers are not counted."""

    all: int
    under_way: int
    voting: int
    """With a pair in hand. 0 in a study that takes no votes."""
    excluded: int


def worker_counts(study: Study, at: datetime) -> WorkerCounts:
    """Returns the numbers of the workers of `study` at the time `at`."""
    found = Worker.objects.filter(study=study, rater__simulated=False).aggregate(
        all=Count("pk"),
        under_way=Count("pk", filter=~Q(stage=Stage.DONE)),
        excluded=Count("pk", filter=Q(rater__excluded_at__isnull=False)),
    )
    voting = 0
    if study.status in LIVE:
        # A worker has at most one open assignment. Those that are over are many, and an index leaves them out.
        in_hand = Assignment.objects.filter(study=study, state=AssignmentState.OPEN, expires_at__gt=at)
        voting = in_hand.filter(worker__stage=Stage.VOTING, worker__rater__simulated=False).count()
    return WorkerCounts(**found, voting=voting)


def golden_pairs(studies: Collection[int]) -> list[int]:
    """Returns the keys of the training and check pairs of `studies`, which are few."""
    golden = Pair.objects.filter(study__in=studies).exclude(purpose=Purpose.VOTE).order_by()
    return list(golden.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class RaterCount:
    """How many comparisons of a rater count; those of excluded raters do not."""

    study: int
    rater: int
    kind: str
    simulated: bool
    derived: bool
    number: int


def counts_by_rater(raters: QuerySet[Rater]) -> list[RaterCount]:
    """Returns how many comparisons of each of `raters` count, as `ComparisonQuerySet.counted` has it; without zeros.

    They are counted in an index alone, and those on training and check pairs, which are few, are subtracted.
    """
    raters = raters.filter(excluded_at=None).order_by()
    rows = list(raters.values_list("study", "pk", "kind", "simulated", "derived"))
    studies = {row[0] for row in rows}
    theirs = Comparison.objects.in_force().filter(study__in=studies, rater__in=raters.values("pk"))
    by_rater = theirs.order_by().values_list("rater").annotate(number=Count("*"))
    numbers = Counter(dict(by_rater))
    if golden := golden_pairs(studies):
        numbers.subtract(dict(by_rater.filter(pair__in=golden)))
    return [RaterCount(*row, number=numbers[row[1]]) for row in rows if numbers[row[1]]]


def workers(study: Study, *, simulated: bool = False) -> list[WorkerRow]:
    """Returns the people of `study` by number, or only the simulated workers, in four queries."""
    listed = Worker.objects.filter(study=study, rater__simulated=simulated).select_related("rater").order_by("number")
    votes = Comparison.objects.votes_of_workers().filter(study=study, rater__simulated=simulated)
    sides = {
        row["rater"]: row
        for row in votes.order_by()
        .values("rater")
        .annotate(
            votes=Count("pk"),
            left=Count("pk", filter=Q(winner=F("left"))),
            tie=Count("pk", filter=Q(winner=WinnerChoice.TIE)),
        )
    }
    seconds = _seconds(study, simulated=simulated)
    skipped = Assignment.objects.filter(study=study, state=AssignmentState.SKIPPED).order_by()
    skips = dict(skipped.values_list("worker").annotate(skips=Count("pk")))
    return [
        _worker_row(worker, sides.get(worker.pk), skips.get(worker.pk, 0), seconds.get(worker.pk, []), study)
        for worker in listed
    ]


def _seconds(study: Study, *, simulated: bool) -> dict[int, list[tuple[bool, float]]]:
    """Returns how long each rater looked at each pair, from showing it to its answer, and whether it was for a vote
    and not a check. Medians are computed in Python because SQLite has none."""
    answers = Comparison.objects.in_force().filter(
        study=study, rater__kind=RaterKind.WORKER, rater__simulated=simulated, shown_at__isnull=False
    )
    seconds: dict[int, list[tuple[bool, float]]] = defaultdict(list)
    columns = ("rater", "pair__purpose", "shown_at", "answered_at")
    for rater, purpose, shown, answered in answers.order_by().values_list(*columns).iterator():
        if answered is not None:
            seconds[rater].append((purpose == Purpose.VOTE, (answered - shown).total_seconds()))
    return seconds


def _worker_row(
    worker: Worker, sides: Mapping[str, Any] | None, skips: int, seconds: list[tuple[bool, float]], study: Study
) -> WorkerRow:
    of_votes = [time for is_vote, time in seconds if is_vote]
    sides = sides or {"votes": 0, "left": 0, "tie": 0}
    return WorkerRow(
        number=worker.number,
        external_id=worker.external_id,
        stage=worker.stage,
        outcome=worker.outcome,
        device=worker.device,
        training_score=worker.training_score,
        checks=worker.checks,
        checks_right=worker.checks_right,
        votes=sides["votes"],
        left=sides["left"],
        tie=sides["tie"],
        right=sides["votes"] - sides["left"] - sides["tie"],
        skips=skips,
        fast=sum(time < study.fast_seconds for _is_vote, time in seconds),
        median_seconds=float(np.median(of_votes)) if of_votes else None,
        joined_at=worker.joined_at,
        left_at=worker.left_at,
        excluded_at=worker.rater.excluded_at,
        exclusion_reason=worker.rater.exclusion_reason,
        simulated=worker.rater.simulated,
        erased_at=worker.erased_at,
    )
