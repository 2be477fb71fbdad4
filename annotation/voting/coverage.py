"""A study's progress: the votes on its pairs, their pace, and statistics of its workers.

Read-only. Votes are the counted votes of people; simulated votes are counted separately and do not add to
the coverage.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.functions import Greatest

from annotation.models import (
    Assignment,
    AssignmentState,
    Comparison,
    Pair,
    Purpose,
    RaterKind,
    Status,
    Study,
    WinnerChoice,
    Worker,
)
from annotation.models.study import PairQuerySet
from annotation.models.voting import ComparisonQuerySet

LATELY: Final = timedelta(days=1)
LONG_AGO: Final = timedelta(days=7)

ENOUGH: Final = 20
"""Minimum number of votes for a pace: with fewer, its standard error is above a fifth of it."""


MANY: Final = 50_000
"""Comparisons of a study that are counted while its page is made: about 0.2 s."""


@dataclass(frozen=True, slots=True)
class Part:
    """The offered pairs of a prompt, or of all prompts of a type."""

    name: str
    """The prompt's slug, or its number if it has none; or the type."""
    type: str
    pairs: int
    wanted: int
    votes: int
    number: int | None = None
    """The prompt's number; None for a type."""

    @property
    def share(self) -> float:
        """The share of the planned votes that are received, in [0, 1]; 0 if none are planned."""
        return min(1.0, self.votes / self.wanted) if self.wanted else 0.0


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
    def missing(self) -> int:
        return max(0, self.wanted - self.votes)

    @property
    def share(self) -> float:
        """The share of the planned votes that are received, in [0, 1]; 0 if none are planned."""
        return min(1.0, self.votes / self.wanted) if self.wanted else 0.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate at which votes arrive, by the times at which people answered."""

    last_hour: int
    last_day: int
    per_day: float | None
    """Over the last day, or the last seven days if that day has too few votes; None if unknown."""
    days_left: float | None
    """Days until every pair has its votes at this pace; None if the study is not open or the pace is unknown."""


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
    median_seconds: float | None
    """From showing a pair to its vote; None if no vote has these times."""
    joined_at: datetime | None
    left_at: datetime | None
    excluded_at: datetime | None
    exclusion_reason: str
    simulated: bool

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
    return Comparison.objects.counted().real().by_people().filter(study=study)


def coverage(study: Study) -> Coverage:
    """Returns the coverage of the pairs within the study's filters, by prompt and by type, in five queries."""
    offered = Pair.objects.within(study)
    votes = votes_of_people(study)
    votes_within = votes.filter(pair__in=offered.values("pk"))
    # The pairs of a draft have wanted = 0; show what starting the study would set.
    wanted = Sum(Greatest("taken", study.overlap) if study.status == Status.DRAFT else F("wanted"))
    places = offered.order_by("prompt").values("prompt", "prompt__number", "prompt__slug", "prompt__type")
    votes_on = dict(votes_within.order_by().values_list("pair__prompt").annotate(Count("pk")))
    prompts = [
        Part(
            name=row["prompt__slug"] or str(row["prompt__number"]),
            type=row["prompt__type"] or "",
            number=row["prompt__number"],
            pairs=row["pairs"],
            wanted=row["places"],
            votes=votes_on.get(row["prompt"], 0),
        )
        for row in places.annotate(pairs=Count("pk"), places=wanted)
    ]
    return Coverage(
        prompts=prompts,
        types=_by_type(prompts),
        histogram=_histogram(offered, votes),
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
        )
        for name, parts in sorted(groups.items())
    ]


def _histogram(offered: PairQuerySet, votes: ComparisonQuerySet) -> list[tuple[int, int]]:
    # Grouped by pair instead of a subquery per pair, for which SQLite would read all votes each time.
    within = votes.filter(pair__in=offered.values("pk"))
    found = Counter(within.order_by().values_list("pair").annotate(votes=Count("pk")).values_list("votes", flat=True))
    found[0] = offered.count() - found.total()
    return [(number, found.get(number, 0)) for number in range(max(found) + 1)] if any(found.values()) else []


def pace(study: Study, at: datetime) -> Pace:
    """Returns the recent votes and the pace they give; nights and quiet hours are part of the window."""
    seen = votes_of_people(study).aggregate(
        first=Min("answered_at"),
        hour=Count("pk", filter=_answered_since(at - timedelta(hours=1), at)),
        day=Count("pk", filter=_answered_since(at - LATELY, at)),
        week=Count("pk", filter=_answered_since(at - LONG_AGO, at)),
    )
    per_day = _per_day(seen["day"], seen["first"], LATELY, at) or _per_day(seen["week"], seen["first"], LONG_AGO, at)
    days_left = None
    if per_day and study.status == Status.OPEN:
        places = Pair.objects.within(study).aggregate(wanted=Sum("wanted"))["wanted"] or 0
        votes = votes_of_people(study).filter(pair__in=Pair.objects.within(study).values("pk")).count()
        days_left = max(0, places - votes) / per_day
    return Pace(seen["hour"], seen["day"], per_day, days_left)


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


def workers(study: Study, *, simulated: bool = False) -> list[WorkerRow]:
    """Returns the people of `study` by number, or only the simulated workers, in four queries."""
    listed = Worker.objects.filter(study=study, rater__simulated=simulated).select_related("rater").order_by("number")
    votes = Comparison.objects.in_force().filter(
        study=study, rater__kind=RaterKind.WORKER, rater__simulated=simulated, pair__purpose=Purpose.VOTE
    )
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
    medians = _median_seconds(votes)
    skipped = Assignment.objects.filter(study=study, state=AssignmentState.SKIPPED).order_by()
    skips = dict(skipped.values_list("worker").annotate(skips=Count("pk")))
    return [
        _worker_row(worker, sides.get(worker.pk), skips.get(worker.pk, 0), medians.get(worker.pk)) for worker in listed
    ]


def _median_seconds(votes: ComparisonQuerySet) -> dict[int, float]:
    """Returns the median seconds of each rater, computed in Python because SQLite has no median."""
    seconds: dict[int, list[float]] = defaultdict(list)
    for rater, shown, answered in votes.order_by().values_list("rater", "shown_at", "answered_at").iterator():
        if shown is not None and answered is not None:
            seconds[rater].append((answered - shown).total_seconds())
    return {rater: float(np.median(times)) for rater, times in seconds.items()}


def _worker_row(worker: Worker, sides: Mapping[str, Any] | None, skips: int, median_seconds: float | None) -> WorkerRow:
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
        median_seconds=median_seconds,
        joined_at=worker.joined_at,
        left_at=worker.left_at,
        excluded_at=worker.rater.excluded_at,
        exclusion_reason=worker.rater.exclusion_reason,
        simulated=worker.rater.simulated,
    )
