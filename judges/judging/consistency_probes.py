"""Asking a judge again what it was asked before: sentinels, round by round, and a test by repetition.

Probes are runs like others, with the same states, limits and budget, and every reply is kept. What they
are told never becomes a comparison: no board and no export of votes has anything of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Final

import numpy as np
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import planning, runs
from judges.judging.planning import Plan
from judges.models import CallState, Judge, JudgeCall, JudgeRun, RunKind, SentinelSet, Verdict
from judges.models.call import VerdictQuerySet
from judges.statistics import consistency
from judges.statistics.consistency import Estimate

MOST: Final = 1000
"""Pairs, or results, of one probe."""


def _checked(count: int) -> int:
    if not 0 < count <= MOST:
        raise NotPossible(_("From 1 to %(most)d can be asked about.") % {"most": MOST})
    return count


def sentinels_of(study: Study, judge: Judge) -> SentinelSet | None:
    return SentinelSet.objects.filter(study=study, judge=judge).first()


@transaction.atomic
def choose(study: Study, judge: Judge, count: int, seed: int, at: datetime, *, user: User | None = None) -> SentinelSet:
    """Chooses the sentinels of `judge` in `study`, once and for all: `count` of its pairs, or results where it
    grades, each category with its share.

    Raises:
        NotPossible: there is nothing to choose from, or they were chosen before.
    """
    version, plan = judge.current, Plan()
    targets = planning.results_of(study, plan) if version.grades else planning.pairs_of(study, plan)
    rows = list(targets.order_by("pk").values_list("pk", "prompt__type"))
    if not rows:
        raise NotPossible(problems.NOTHING_TO_JUDGE())
    rng = np.random.default_rng(seed)
    places = consistency.drawn([kind or "" for _pk, kind in rows], _checked(count), rng)
    try:
        with transaction.atomic():
            chosen = SentinelSet.objects.create(study=study, judge=judge, seed=seed, user=user, created_at=at)
    except IntegrityError:
        raise NotPossible(_("The sentinels were chosen already: rounds can be compared because they stay.")) from None
    (chosen.results if version.grades else chosen.pairs).set([rows[place][0] for place in places])
    return chosen


def begin_round(
    sentinels: SentinelSet,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
    schedule: int | None = None,
) -> JudgeRun:
    """Asks the sentinels once more, with the judge's settings of today.

    Raises:
        NotPossible: a round is at work, the judge's key cannot be had, or the sentinels are not for what it does now.
    """
    version = sentinels.judge.current
    if not (sentinels.results if version.grades else sentinels.pairs).exists():
        raise NotPossible(problems.SENTINELS_GONE())
    options = {} if schedule is None else {"schedule": schedule}
    return runs.start_probe(sentinels.study, version, RunKind.SENTINEL, options, at, user=user, detach=detach)


def retest(
    study: Study,
    judge: Judge,
    count: int,
    seed: int,
    at: datetime,
    *,
    user: User | None = None,
    detach: bool = True,
) -> JudgeRun:
    """Asks `judge` once more about `count` of the pairs, or results, that it gave a verdict on with its settings
    of today: each in the orders and turns that it was asked in, each category with its share.

    Raises:
        NotPossible: there are none, a test is at work, or the judge's key cannot be had.
    """
    version = judge.current
    about = "result" if version.grades else "pair"
    done = JudgeCall.objects.filter(
        run__study=study, version=version, run__kind=RunKind.JUDGING, sample=0, state=CallState.OK
    )
    rows = list(done.order_by(about).values_list(about, f"{about}__prompt__type").distinct())
    if not rows:
        raise NotPossible(_("This judge has given no verdict on this study yet that it could be asked for again."))
    rng = np.random.default_rng(seed)
    chosen = {rows[place][0] for place in consistency.drawn([kind or "" for _pk, kind in rows], _checked(count), rng)}
    calls = [pk for pk, key in done.order_by("pk").values_list("pk", about) if key in chosen]
    options = {"calls": calls, "seed": seed, "count": len(chosen)}
    return runs.start_probe(study, version, RunKind.RETEST, options, at, user=user, detach=detach)


type Place = tuple[int | None, int | None, int, str]
"""Pair, result, turn and side on the left."""


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict of a probe: who won, or the score; whether the left won, of those that are no tie."""

    verdict: str | float
    left_won: bool | None
    score: float | None
    model: str
    fingerprint: str


type Sayings = Mapping[Place, Said]


def _cluster(place: Place) -> tuple[int | None, int | None]:
    return place[0], place[1]


def _sayings(verdicts: VerdictQuerySet) -> dict[int, dict[Place, Said]]:
    """What `verdicts` in force say, by run and place."""
    found: dict[int, dict[Place, Said]] = {}
    rows = verdicts.in_force().filter(state=CallState.OK).order_by("pk")
    for run, pair, result, turn, left, winner, score, model, fingerprint in rows.values_list(
        "call__run",
        "call__pair",
        "call__result",
        "call__turn",
        "call__left",
        "winner",
        "score",
        "reply__model",
        "reply__fingerprint",
    ):
        said = Said(
            verdict=winner if score is None else score,
            left_won=None if winner in {"", "tie"} else winner == left,
            score=score,
            model=model,
            fingerprint=fingerprint,
        )
        found.setdefault(run, {})[pair, result, turn, left] = said
    return found


def _agreement(first: Sayings, second: Sayings, left: str | None = None) -> Estimate | None:
    """The share of the places that both have a verdict on where it is the same; of one order where it is given."""
    both = [place for place in first if place in second and left in {None, place[3]}]
    return consistency.share(
        [first[place].verdict == second[place].verdict for place in both], [_cluster(place) for place in both]
    )


def _position(sayings: Sayings) -> Estimate | None:
    """The share of the verdicts, ties left out, that went to the left."""
    decided = [(place, said.left_won) for place, said in sayings.items() if said.left_won is not None]
    return consistency.share([won for _place, won in decided], [_cluster(place) for place, _won in decided])


def _mean_score(sayings: Sayings) -> Estimate | None:
    scored = [(place, said.score) for place, said in sayings.items() if said.score is not None]
    return consistency.mean([score for _place, score in scored], [_cluster(place) for place, _score in scored])


SETTINGS: Final = "settings"
MODEL: Final = "model"
FINGERPRINT: Final = "fingerprint"

AT_ONCE: Final = 50
"""Rounds whose verdicts are in memory together."""


@dataclass(frozen=True, slots=True)
class Round:
    """One asking of the sentinels, beside the first with the same settings (`first` where it is this one) and
    the one before.

    `models` and `fingerprints` are those that the endpoint named, and `changes` which of settings, model and
    fingerprint are others than in the round before.
    """

    number: int
    run: JudgeRun
    first: bool
    answered: int
    against_first: Estimate | None
    against_before: Estimate | None
    position: Estimate | None
    score: Estimate | None
    models: tuple[str, ...]
    fingerprints: tuple[str, ...]
    changes: tuple[str, ...]


def rounds(study: Study, judge: Judge, last: int | None = None) -> Iterator[Round]:
    """The rounds of the judge's sentinels, oldest first; the `last` so many alone where that is given."""
    found = list(
        study.judge_runs.filter(kind=RunKind.SENTINEL, version__judge=judge)
        .select_related("version__judge")
        .order_by("pk")
    )
    answered = set(
        JudgeCall.objects.filter(run__in=[run.pk for run in found], state=CallState.OK).values_list("run", flat=True)
    )
    first: dict[int, int] = {}
    before: dict[int, JudgeRun | None] = {}
    latest: JudgeRun | None = None
    for run in found:
        before[run.pk] = latest
        if run.pk in answered:
            first.setdefault(run.version_id, run.pk)
            latest = run
    references = _sayings(Verdict.objects.filter(call__run__in=first.values()))
    numbered = list(enumerate(found, 1))
    for batch in batched(numbered if last is None else numbered[-last:], AT_ONCE, strict=False):
        wanted = [run.pk for _number, run in batch] + [other.pk for _number, run in batch if (other := before[run.pk])]
        sayings = references | _sayings(Verdict.objects.filter(call__run__in=set(wanted) - references.keys()))
        for number, run in batch:
            reference, previous = first.get(run.version_id), before[run.pk]
            yield _round(number, run, sayings, reference, previous)


def _round(
    number: int, run: JudgeRun, sayings: Mapping[int, Sayings], reference: int | None, previous: JudgeRun | None
) -> Round:
    mine = sayings.get(run.pk, {})
    theirs: Sayings = {} if previous is None else sayings[previous.pk]
    changes = []
    if mine and previous is not None:
        if previous.version_id != run.version_id:
            changes.append(SETTINGS)
        if _models(mine) != _models(theirs):
            changes.append(MODEL)
        if _fingerprints(mine) != _fingerprints(theirs):
            changes.append(FINGERPRINT)
    return Round(
        number=number,
        run=run,
        first=reference == run.pk,
        answered=len(mine),
        against_first=None if reference in {None, run.pk} else _agreement(sayings[reference or 0], mine),
        against_before=_agreement(theirs, mine),
        position=_position(mine),
        score=_mean_score(mine),
        models=_models(mine),
        fingerprints=_fingerprints(mine),
        changes=tuple(changes),
    )


def _models(sayings: Sayings) -> tuple[str, ...]:
    return tuple(sorted({said.model for said in sayings.values() if said.model}))


def _fingerprints(sayings: Sayings) -> tuple[str, ...]:
    return tuple(sorted({said.fingerprint for said in sayings.values() if said.fingerprint}))


@dataclass(frozen=True, slots=True)
class Retest:
    """A test by repetition: how often the judge said the same of what it had given a verdict on before.

    `orders` is the agreement where x stood on the left and where y did; `flips` are the verdicts that are
    others now, `gone` the calls that ended without one. `apart` is how far scores are from each other, on
    average.
    """

    run: JudgeRun
    same: Estimate | None
    orders: tuple[tuple[str, Estimate], ...]
    kappa: float | None
    apart: Estimate | None
    flips: int
    gone: int

    @property
    def flip_rate(self) -> Estimate | None:
        same = self.same
        return None if same is None else Estimate(1 - same.value, 1 - same.high, 1 - same.low, same.of)


def retests(study: Study, judge: Judge, last: int = 20) -> list[Retest]:
    """The judge's tests by repetition in the study, the latest first."""
    found = study.judge_runs.filter(kind=RunKind.RETEST, version__judge=judge).select_related("version__judge")
    return [_retest(run) for run in found.order_by("-pk")[:last]]


def _retest(run: JudgeRun) -> Retest:
    again = _sayings(Verdict.objects.filter(call__run=run)).get(run.pk, {})
    calls = run.options["calls"]
    before: dict[Place, Said] = {}
    for keys in batched(calls, planning.BATCH, strict=False):
        for said in _sayings(Verdict.objects.filter(call__in=keys)).values():
            before |= said
    both = [place for place in before if place in again]
    ones, others = [before[place] for place in both], [again[place] for place in both]
    first, second = [said.verdict for said in ones], [said.verdict for said in others]
    apart = [
        abs(one.score - other.score)
        for one, other in zip(ones, others, strict=True)
        if one.score is not None and other.score is not None
    ]
    orders = ((left, _agreement(before, again, left)) for left in ("x", "y"))
    return Retest(
        run=run,
        same=_agreement(before, again),
        orders=tuple((left, found) for left, found in orders if found is not None),
        kappa=_weighted(first, second) if run.version.grades else consistency.kappa(first, second),
        apart=consistency.mean(apart, [_cluster(place) for place in both]) if run.version.grades else None,
        flips=sum(one != other for one, other in zip(first, second, strict=True)),
        gone=len(calls) - len(both),
    )


def _weighted(first: Sequence[str | float], second: Sequence[str | float]) -> float | None:
    return consistency.weighted_kappa([float(score) for score in first], [float(score) for score in second])
