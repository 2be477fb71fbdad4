"""Votes, pace and workers on the administrator's page."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Greatest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotation.models import Comparison, Pair, Purpose, Rater, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.voting import coverage
from tests.builders import NOW, add_golden_pairs, build_study

pytestmark = pytest.mark.django_db


def person(study: Study, number: int, *, simulated: bool = False) -> Rater:
    rater = Rater.objects.create(study=study, kind="worker", simulated=simulated)
    Worker.objects.create(rater=rater, study=study, number=number, stage=Stage.VOTING)
    return rater


def vote(
    rater: Rater, pair: Pair, winner: str = "x", *, left: str = "x", at: datetime | None = NOW, seconds: float = 10
) -> Comparison:
    if pair.purpose == Purpose.VOTE and not rater.simulated:
        # People's votes take the places of their pair.
        Pair.objects.filter(pk=pair.pk).update(taken=F("taken") + 1, wanted=Greatest(F("wanted"), F("taken") + 1))
    return Comparison.objects.create(
        study=rater.study,
        pair=pair,
        rater=rater,
        left=left,
        winner=winner,
        answered_at=at,
        shown_at=at and at - timedelta(seconds=seconds),
    )


def pairs_of(study: Study) -> list[Pair]:
    return list(Pair.objects.filter(study=study).votable().order_by("pk"))


def test_votes_wanted_and_votes_in_are_counted_by_prompt_and_type() -> None:
    study = build_study(models=3, prompts=3, overlap=2)
    first, second = person(study, 1), person(study, 2)
    pairs = pairs_of(study)
    for rater, pair in ((first, pairs[0]), (second, pairs[0]), (first, pairs[1]), (first, pairs[3])):
        vote(rater, pair)
    found = coverage.coverage(study)
    assert (found.pairs, found.wanted, found.votes, found.missing) == (9, 18, 4, 14)
    assert found.share == pytest.approx(4 / 18)
    assert [(part.name, part.type, part.pairs, part.wanted, part.votes) for part in found.prompts] == [
        ("prompt-0", "prose", 3, 6, 3),
        ("prompt-1", "code", 3, 6, 1),
        ("prompt-2", "prose", 3, 6, 0),
    ]
    assert [(part.name, part.pairs, part.votes, part.share) for part in found.types] == [
        ("code", 3, 1, pytest.approx(1 / 6)),
        ("prose", 6, 3, pytest.approx(3 / 12)),
    ]
    assert found.histogram == [(0, 6), (1, 2), (2, 1)]


def test_what_is_no_real_vote_in_force_by_an_included_person_covers_nothing() -> None:
    study = build_study(models=2, prompts=2, overlap=3)
    pair, other = pairs_of(study)
    vote(person(study, 1), pair)
    excluded = person(study, 2)
    vote(excluded, pair)
    Rater.objects.filter(pk=excluded.pk).update(excluded_at=NOW)
    vote(person(study, 3, simulated=True), pair)
    vote(Rater.objects.create(study=study, kind="judge", name="A judge"), pair)
    undone = person(study, 4)
    withdrawn = vote(undone, pair)
    last = Comparison.objects.create(
        study=study, pair=pair, rater=undone, left="x", winner="x", withdrawn=True, answered_at=NOW
    )
    Comparison.objects.filter(pk=withdrawn.pk).update(superseded_by=last)
    vote(person(study, 5), add_golden_pairs(study, ["x"], Purpose.CHECK)[0])
    found = coverage.coverage(study)
    assert found.votes == 1
    assert found.simulated == 1
    assert found.histogram == [(0, 1), (1, 1)]
    assert other.number != pair.number


def test_votes_outside_the_filters_are_counted_apart() -> None:
    study = build_study(models=2, prompts=2, overlap=2)
    rater = person(study, 1)
    for pair in pairs_of(study):
        vote(rater, pair)
    study = lifecycle.change_settings(study, {"exclude_types": ["code"]})
    found = coverage.coverage(study)
    assert (found.pairs, found.wanted, found.votes, found.outside) == (1, 2, 1, 1)


def test_a_draft_shows_what_it_would_want() -> None:
    found = coverage.coverage(build_study(models=3, prompts=2, overlap=4, opened=False))
    assert (found.pairs, found.wanted, found.share) == (6, 24, 0.0)


def test_a_study_without_pairs_has_an_empty_coverage() -> None:
    study = build_study(opened=False)
    Pair.objects.all().delete()
    found = coverage.coverage(study)
    assert (found.pairs, found.wanted, found.share, found.histogram, found.prompts) == (0, 0, 0.0, [], [])


def test_the_queries_do_not_grow_with_the_study() -> None:
    counts = []
    for models, prompts in ((2, 2), (4, 8)):
        study = build_study(f"s{models}", models=models, prompts=prompts)
        for number, pair in enumerate(pairs_of(study)):
            vote(person(study, number), pair)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            coverage.coverage(study)
            coverage.workers(study)
            coverage.pace(study, NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def fill(study: Study, rater: Rater, times: list[datetime]) -> None:
    for pair, time in zip(pairs_of(study), times, strict=False):
        vote(rater, pair, at=time)


def test_a_young_study_is_measured_from_its_first_vote() -> None:
    study = build_study(models=6, prompts=4, overlap=2)
    times = [NOW - timedelta(hours=12) + timedelta(minutes=10 * index) for index in range(31)]
    fill(study, person(study, 1), times)
    found = coverage.pace(study, NOW)
    assert (found.last_hour, found.last_day) == (0, 31)
    assert found.per_day == pytest.approx(60)
    assert found.days_left == pytest.approx((120 - 31) / 60)


def test_the_last_hour_counts_from_then_on() -> None:
    study = build_study(models=6, prompts=4)
    fill(study, person(study, 1), [NOW - timedelta(minutes=30 * index) for index in range(25)])
    assert coverage.pace(study, NOW).last_hour == 2


def test_an_older_study_is_measured_over_the_latest_day() -> None:
    study = build_study(models=6, prompts=4, overlap=1)
    times = [NOW - timedelta(days=5, minutes=index) for index in range(10)]
    times += [NOW - timedelta(hours=3, minutes=index) for index in range(24)]
    fill(study, person(study, 1), times)
    found = coverage.pace(study, NOW)
    assert found.per_day == pytest.approx(24)
    assert found.days_left == pytest.approx((60 - 34) / 24)


def test_a_day_with_few_votes_falls_back_to_the_week() -> None:
    study = build_study(models=6, prompts=4, overlap=1)
    times = [NOW - timedelta(days=9)]
    times += [NOW - timedelta(days=3, minutes=index) for index in range(21)]
    fill(study, person(study, 1), times)
    found = coverage.pace(study, NOW)
    assert found.last_day == 0
    assert found.per_day == pytest.approx(3)


def test_few_votes_or_votes_long_ago_make_no_pace() -> None:
    study = build_study(models=6, prompts=4)
    fill(study, person(study, 1), [NOW - timedelta(minutes=index) for index in range(coverage.ENOUGH - 1)])
    assert coverage.pace(study, NOW).per_day is None
    assert coverage.pace(study, NOW).days_left is None
    assert coverage.pace(study, NOW + timedelta(days=30)).per_day is None


def test_loaded_votes_without_a_time_make_no_pace() -> None:
    study = build_study(models=6, prompts=4)
    rater = person(study, 1)
    for pair in pairs_of(study):
        vote(rater, pair, at=None)
    found = coverage.pace(study, NOW)
    assert (found.last_day, found.per_day, found.days_left) == (0, None, None)


def test_a_paused_study_has_no_days_left() -> None:
    study = build_study(models=6, prompts=4)
    fill(study, person(study, 1), [NOW - timedelta(minutes=index) for index in range(40)])
    assert coverage.pace(study, NOW).days_left is not None
    found = coverage.pace(lifecycle.pause(study), NOW)
    assert found.days_left is None
    assert found.per_day is not None


def test_workers_have_their_votes_sides_and_median_seconds() -> None:
    study = build_study(models=3, prompts=2)
    rater = person(study, 7)
    Worker.objects.filter(pk=rater.pk).update(
        external_id="P-7", training_score=0.75, checks=4, checks_right=3, device="phone"
    )
    person(study, 8)
    shown = [("x", "x", 4), ("y", "x", 9), ("tie", "y", 5), ("y", "y", 100)]
    for pair, (winner, left, seconds) in zip(pairs_of(study), shown, strict=False):
        vote(rater, pair, winner, left=left, seconds=seconds)
    busy, idle = coverage.workers(study)
    assert (busy.number, busy.external_id, busy.device, busy.training_score) == (7, "P-7", "phone", 0.75)
    assert (busy.checks, busy.checks_right, busy.stage, busy.outcome) == (4, 3, "voting", "")
    assert (busy.votes, busy.left, busy.tie, busy.right) == (4, 2, 1, 1)
    assert (busy.left_share, busy.tie_share, busy.right_share) == (0.5, 0.25, 0.25)
    assert busy.median_seconds == 7
    assert (idle.votes, idle.left_share, idle.median_seconds) == (0, None, None)


def test_an_excluded_worker_is_shown_with_the_reason() -> None:
    study = build_study(models=2, prompts=2)
    rater = person(study, 1)
    vote(rater, pairs_of(study)[0])
    at = timezone.now()
    Rater.objects.filter(pk=rater.pk).update(excluded_at=at, exclusion_reason="clicked through")
    [row] = coverage.workers(study)
    assert (row.excluded_at, row.exclusion_reason, row.votes) == (at, "clicked through", 1)


def test_simulated_workers_are_listed_apart() -> None:
    study = build_study(models=2, prompts=2)
    vote(person(study, 1), pairs_of(study)[0])
    vote(person(study, 2, simulated=True), pairs_of(study)[0])
    assert [row.number for row in coverage.workers(study)] == [1]
    assert [(row.number, row.votes) for row in coverage.workers(study, simulated=True)] == [(2, 1)]
