"""Repeats calls to a judge to test its stability: rounds of a sentinel set, and retests.

Probes are runs like others, with the same states, limits and budget, and every reply is stored. Their verdicts never
become comparisons, so they appear in no leaderboard or export of votes.
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
from annotation.studies.lifecycle import NotPossible, check_shown
from judges import problems
from judges.judging import planning, runs
from judges.judging.planning import Plan
from judges.models import CallState, Judge, JudgeCall, JudgeRun, RunKind, SentinelSet, Verdict
from judges.models.call import VerdictQuerySet
from judges.statistics import consistency
from judges.statistics.consistency import Estimate

MOST: Final = 1000
"""Maximum pairs or results of one probe."""


def _checked(count: int) -> int:
    if not 0 < count <= MOST:
        raise NotPossible(_("Choose from 1 to %(most)d pairs or answers.") % {"most": MOST})
    return count


def sentinels_of(study: Study, judge: Judge) -> SentinelSet | None:
    """Returns the sentinel set of `judge` in `study`; None if it has none."""
    return SentinelSet.objects.filter(study=study, judge=judge).first()


@transaction.atomic
def choose(study: Study, judge: Judge, count: int, seed: int, at: datetime, *, user: User | None = None) -> SentinelSet:
    """Creates the sentinel set of `judge` in `study`: `count` pairs, or results if it grades, proportional by category.

    Raises:
        NotPossible: there is nothing to choose from, the set already exists, or the study is hidden.
    """
    check_shown(study)
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
        raise NotPossible(
            _("The sentinel set already exists. It stays the same so that rounds can be compared.")
        ) from None
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
    """Starts a round of the sentinel set with the judge's current settings.

    Raises:
        NotPossible: a round is running, the API key is not available, or the set does not match what the judge
            does now.
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
    """Asks `judge` again about `count` pairs or results that it has judged with its current settings.

    The sample is proportional by category, and each item is asked in the same orders and turns.

    Raises:
        NotPossible: there are no such items, a retest is running, or the API key is not available.
    """
    version = judge.current
    about = "result" if version.grades else "pair"
    done = JudgeCall.objects.filter(
        run__study=study, version=version, run__kind=RunKind.JUDGING, sample=0, state=CallState.OK
    )
    rows = list(done.order_by(about).values_list(about, f"{about}__prompt__type").distinct())
    if not rows:
        raise NotPossible(_("This judge has no verdicts in this study to ask for again."))
    rng = np.random.default_rng(seed)
    chosen = {rows[place][0] for place in consistency.drawn([kind or "" for _pk, kind in rows], _checked(count), rng)}
    calls = [pk for pk, key in done.order_by("pk").values_list("pk", about) if key in chosen]
    options = {"calls": calls, "seed": seed, "count": len(chosen)}
    return runs.start_probe(study, version, RunKind.RETEST, options, at, user=user, detach=detach)


type Place = tuple[int | None, int | None, int, str]
"""Pair, result, turn and side on the left."""


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict of a probe: the winner or the score, and whether the left answer won (unless it is a tie)."""

    verdict: str | float
    left_won: bool | None
    score: float | None
    model: str
    fingerprint: str


type Sayings = Mapping[Place, Said]


def _cluster(place: Place) -> tuple[int | None, int | None]:
    return place[0], place[1]


def _sayings(verdicts: VerdictQuerySet) -> dict[int, dict[Place, Said]]:
    """Maps runs to places to the verdicts in force."""
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
    """Estimates the agreement on places with a verdict in both; with `left`, only in that order."""
    both = [place for place in first if place in second and left in {None, place[3]}]
    return consistency.share(
        [first[place].verdict == second[place].verdict for place in both], [_cluster(place) for place in both]
    )


def _position(sayings: Sayings) -> Estimate | None:
    """Estimates the share of verdicts for the left answer, without ties."""
    decided = [(place, said.left_won) for place, said in sayings.items() if said.left_won is not None]
    return consistency.share([won for _place, won in decided], [_cluster(place) for place, _won in decided])


def _mean_score(sayings: Sayings) -> Estimate | None:
    scored = [(place, said.score) for place, said in sayings.items() if said.score is not None]
    return consistency.mean([score for _place, score in scored], [_cluster(place) for place, _score in scored])


SETTINGS: Final = "settings"
MODEL: Final = "model"
FINGERPRINT: Final = "fingerprint"

AT_ONCE: Final = 50
"""Rounds whose verdicts are loaded per batch."""


@dataclass(frozen=True, slots=True)
class Round:
    """A round of the sentinel set, compared with the first round under the same settings and with the previous one.

    `first` marks that first round. `models` and `fingerprints` are those that the endpoint returned; `changes` lists
    which of settings, model and fingerprint differ from the previous round.
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
    """Yields the rounds of the judge's sentinel set, oldest first; optionally only the `last` ones."""
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
    """A retest: how often the judge repeated its earlier verdicts.

    `orders` is the agreement with x on the left and with y on the left; `flips` is the number of changed verdicts,
    `gone` the number of calls without a verdict. `apart` is the mean absolute difference of scores.
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
    """Returns the judge's retests in the study, newest first."""
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
