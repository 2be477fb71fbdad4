"""A study's figures on its overview come from places and indexes, and are those that the votes themselves give."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from django.db import connection
from django.db.models import Count, Min, Q
from django.test.utils import CaptureQueriesContext

from annotation import overview
from annotation.importing import load, undo
from annotation.models import Assignment, AssignmentState, Comparison, Pair, Purpose, Rater, RaterKind, Study, Worker
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.voting import assignments, coverage, erasure, exclusion, leaving, simulated_votes, votes
from annotation.voting.votes import Ballot
from tests.annotation import exchange
from tests.annotation.adaptive import adaptive_study, draw
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db

SOON: Final = NOW + timedelta(minutes=1)

type Build = Callable[[Path], Study]

STATES: Final[list[Build]] = []


def state(build: Build) -> Build:
    """Adds a state of a study to the table that every figure is compared in."""
    STATES.append(build)
    return build


def votes_by(study: Study, number: int, seed: int) -> Worker:
    """A worker who votes `number` times and has the next pair in hand."""
    worker, random = build_worker(study), rng(seed)
    for _place in range(number):
        held = assignments.current(worker, NOW, random)
        assert held is not None
        votes.vote(worker, held.pk, Ballot(value=1), NOW, random)
    worker.refresh_from_db()
    return worker


def voted(*numbers: int, overlap: int = 3) -> tuple[Study, list[Worker]]:
    """A study in which one worker votes for each of `numbers`, as often as it says."""
    study = build_study(models=3, prompts=5, overlap=overlap)
    return study, [votes_by(study, number, seed) for seed, number in enumerate(numbers)]


def compare(study: Study, rater: Rater, *, pairs: int = 4, trials: int = 1) -> None:
    for pair in Pair.objects.filter(study=study).order_by("pk")[:pairs]:
        for trial in range(trials):
            Comparison.objects.create(
                study=study, pair=pair, rater=rater, trial=trial, left="x", winner="x", answered_at=NOW
            )


@state
def without_votes(tmp_path: Path) -> Study:
    return build_study()


@state
def without_pairs(tmp_path: Path) -> Study:
    study = build_study(opened=False)
    study.pairs.all().delete()
    return study


@state
def under_way(tmp_path: Path) -> Study:
    return voted(3, 4, 5)[0]


@state
def paused(tmp_path: Path) -> Study:
    return lifecycle.pause(voted(3, 4)[0])


@state
def closed_with_pairs_in_hand(tmp_path: Path) -> Study:
    study = lifecycle.close(voted(3, 4)[0], NOW)
    assert study.assignments.filter(state=AssignmentState.OPEN).exists()
    return study


@state
def complete(tmp_path: Path) -> Study:
    return voted(15, overlap=1)[0]


@state
def skipped_and_expired(tmp_path: Path) -> Study:
    study, workers = voted(3, 4)
    votes.skip(workers[0], workers[0].assignments.get(state=AssignmentState.OPEN).pk, "unclear", NOW)
    assert assignments.expire(NOW + timedelta(days=1)) == 1
    return study


@state
def undone(tmp_path: Path) -> Study:
    study, (first, second) = voted(3, 4)
    votes.undo(first, NOW)
    votes.undo(second, NOW)
    assignments.expire(NOW + timedelta(days=1))
    return study


@state
def excluded(tmp_path: Path) -> Study:
    study, workers = voted(3, 4, 5)
    exclusion.exclude(workers[0], "a reason", NOW)
    return study


@state
def included_again_after_others_voted(tmp_path: Path) -> Study:
    study, workers = voted(9, 9, 9, overlap=2)
    exclusion.exclude(workers[0], "a reason", NOW)
    votes_by(study, 9, 7)
    exclusion.include(workers[0])
    return study


@state
def withdrawn(tmp_path: Path) -> Study:
    study, workers = voted(3, 4)
    leaving.withdraw(workers[0], NOW)
    return study


@state
def erased(tmp_path: Path) -> Study:
    study, workers = voted(3, 4, 5)
    erasure.erase(workers[0], NOW)
    erasure.erase(workers[1], NOW, withdraw=True)
    return study


@state
def with_checks_and_training_answered(tmp_path: Path) -> Study:
    study = build_study(models=3, prompts=5)
    add_golden_pairs(study, ["x", "y"], Purpose.CHECK)
    add_golden_pairs(study, ["x", "tie"])
    study = lifecycle.change_settings(study, {"check_rate": 0.5, "check_pass": 0.0})
    worker = votes_by(study, 6, 0)
    assert worker.checks
    return study


@state
def with_failed_checks(tmp_path: Path) -> Study:
    study = build_study(models=3, prompts=5)
    add_golden_pairs(study, ["y", "x"], Purpose.CHECK)
    changes = {"check_rate": 0.5, "check_least": 1, "check_pass": 1.0}
    study = lifecycle.change_settings(study, changes)
    worker, random = build_worker(study), rng()
    while (held := assignments.current(worker, NOW, random)) is not None:
        votes.vote(worker, held.pk, Ballot(value=2), NOW, random)
    assert Rater.objects.get(pk=worker.pk).excluded_at
    return study


@state
def with_fewer_votes_per_pair_than_before(tmp_path: Path) -> Study:
    return lifecycle.change_settings(voted(5, 6, 7)[0], {"overlap": 1})


@state
def with_votes_outside_the_filters(tmp_path: Path) -> Study:
    return lifecycle.change_settings(voted(5, 6)[0], {"exclude_types": ["code"]})


@state
def with_two_of_three_models(tmp_path: Path) -> Study:
    study = voted(5, 6)[0]
    return lifecycle.change_settings(study, {"language_models": list(study.prompt_set.models.order_by("pk")[:2])})


@state
def with_judges_and_a_panel(tmp_path: Path) -> Study:
    study = voted(3)[0]
    for name, derived in (("judge", False), ("panel", True)):
        compare(study, Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name, derived=derived), trials=2)
    return study


@state
def with_simulated_raters(tmp_path: Path) -> Study:
    study = voted(3)[0]
    compare(study, Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="drawn", simulated=True))
    simulated_votes.simulate(study, 30, seed=1)
    return study


@state
def simulated_before_the_start(tmp_path: Path) -> Study:
    study = build_study(opened=False)
    simulated_votes.simulate(study, 20, seed=1)
    return study


def loaded(tmp_path: Path, *, opened: bool = True) -> Study:
    load.load([exchange.write(tmp_path / "in")], study_slug="trees")
    study = Study.objects.get(slug="trees")
    return lifecycle.start(study) if opened else study


def more_votes(tmp_path: Path, *lines: str) -> load.Report:
    path = tmp_path / "more-comparisons.csv"
    path.write_text("\n".join(("id,prompt,model_x,model_y,worker,winner,left,right,rater", *lines)) + "\n")
    return load.load([path], study_slug="trees")


@state
def a_draft_with_loaded_votes(tmp_path: Path) -> Study:
    return loaded(tmp_path, opened=False)


@state
def with_votes_of_a_crowd_beyond_the_plan(tmp_path: Path) -> Study:
    study = loaded(tmp_path)
    more_votes(tmp_path, *["0,5,7,3,,left,Alder 7B,'=Birch,crowd:arena"] * 5)
    return study


@state
def with_loaded_votes_of_a_worker_who_was_excluded_before(tmp_path: Path) -> Study:
    study = loaded(tmp_path)
    exclusion.exclude(study.workers.get(number=0), "a reason", NOW)
    more_votes(tmp_path, "9,2,3,12,0,right,'=Birch,command,people")
    return study


@state
def with_loaded_votes_of_a_worker_who_is_included_again(tmp_path: Path) -> Study:
    study = with_loaded_votes_of_a_worker_who_was_excluded_before(tmp_path)
    exclusion.include(study.workers.get(number=0))
    return study


@state
def after_undoing_votes_of_a_worker_who_was_excluded(tmp_path: Path) -> Study:
    study = loaded(tmp_path)
    lines = ("9,2,3,12,8,right,'=Birch,command,people", "0,5,7,3,9,left,Alder 7B,'=Birch,people")
    upload = more_votes(tmp_path, *lines).upload
    assert upload is not None
    exclusion.exclude(study.workers.get(number=8), "a reason", NOW)
    undo.undo(upload)
    return study


@state
def adaptive(tmp_path: Path) -> Study:
    study = adaptive_study()
    draw(study)
    votes_by(study, 6, 0)
    votes_by(study, 4, 1)
    draw(study)
    return study


@state
def adaptive_before_the_start(tmp_path: Path) -> Study:
    return adaptive_study(opened=False)


@state
def adaptive_and_closed_with_an_excluded_worker(tmp_path: Path) -> Study:
    study = adaptive_study()
    workers = [votes_by(study, 6, 0), votes_by(study, 6, 1)]
    exclusion.exclude(workers[0], "a reason", NOW)
    return lifecycle.close(study, NOW)


@state
def adaptive_after_it_was_fixed(tmp_path: Path) -> Study:
    return lifecycle.change_settings(voted(3, 4)[0], {"offering": "adaptive"})


@state
def fixed_after_it_was_adaptive(tmp_path: Path) -> Study:
    return lifecycle.change_settings(adaptive(tmp_path), {"offering": "fixed"})


@pytest.fixture(params=STATES, ids=lambda build: build.__name__)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    build: Build = request.param
    return Study.objects.get(pk=build(tmp_path).pk)


def counted(study: Study) -> dict[int, int]:
    rows = Comparison.objects.counted().filter(study=study).order_by()
    return dict(rows.values_list("rater").annotate(Count("pk")))


def test_the_coverage_is_that_of_the_votes(study: Study) -> None:
    by_votes = coverage.totals(study, coverage.votes_of_people(study))
    assert coverage.totals(study) == by_votes
    assert coverage.totals_by_study(coverage.offered_in(study)).get(study.pk, coverage.Totals(0, 0, 0)) == by_votes
    by_prompt = coverage.coverage(study)
    assert (by_prompt.pairs, by_prompt.wanted, by_prompt.received) == (
        by_votes.pairs,
        by_votes.planned,
        by_votes.received,
    )


def test_the_coverage_of_a_category_is_that_of_its_votes(study: Study) -> None:
    by_votes = coverage.totals(study, coverage.votes_of_people(study), "prose")
    assert coverage.totals(study, category="prose") == by_votes


def test_a_place_is_taken_by_a_vote_that_counts_or_a_reservation(study: Study) -> None:
    """What lets the coverage be read from the pairs."""
    pairs = Pair.objects.filter(study=study).votable()
    open_now = Assignment.objects.filter(study=study, state=AssignmentState.OPEN, slot__isnull=False)
    for pair, taken in pairs.values_list("pk", "taken"):
        given = coverage.votes_of_people(study).filter(pair=pair).count()
        assert taken == given + open_now.filter(pair=pair).count()


def test_what_counts_of_each_rater_is_what_the_votes_say(study: Study) -> None:
    found = {rater.rater: rater.number for rater in coverage.counts_by_rater(study.raters.all())}
    assert found == counted(study)


def test_the_pace_is_that_of_the_votes(study: Study) -> None:
    for at in (SOON, SOON + timedelta(days=2), SOON + timedelta(days=30)):
        windows = {"hour": timedelta(hours=1), "day": coverage.LATELY, "week": coverage.LONG_AGO}
        within = {
            name: Count("pk", filter=Q(answered_at__gt=at - length, answered_at__lte=at))
            for name, length in windows.items()
        }
        seen = coverage.votes_of_people(study).aggregate(first=Min("answered_at"), **within)
        found = coverage.pace(study, at)
        assert (found.last_hour, found.last_day) == (seen["hour"], seen["day"])
        per_day = (coverage._per_day(seen[name], seen["first"], windows[name], at) for name in ("day", "week"))
        assert found.per_day == next(filter(None, per_day), None)
        assert found == coverage.pace(study, at, coverage.totals(study))


def test_those_who_vote_now_are_workers_with_a_pair_in_hand(study: Study) -> None:
    voting = Worker.objects.filter(
        study=study,
        rater__simulated=False,
        stage=Stage.VOTING,
        assignments__state=AssignmentState.OPEN,
        assignments__expires_at__gt=SOON,
    )
    number = voting.distinct().count() if study.status in ("open", "paused") else 0
    assert coverage.worker_counts(study, SOON).voting == number


def test_the_overview_counts_the_votes_of_people_judges_and_simulated_raters(study: Study) -> None:
    rows = Comparison.objects.counted().filter(study=study)
    people = rows.real().by_people().count()
    judges = rows.real().filter(rater__kind=RaterKind.JUDGE, rater__derived=False).count()
    simulated = rows.simulated().count()
    phrase = overview.export(study, SOON).phrase
    if people or judges or simulated:
        assert f"{people} by people" in phrase
        assert f"{judges} by judges" in phrase
        assert (f"{simulated} simulated" in phrase) == bool(simulated)
    else:
        assert phrase.startswith("no comparisons yet")
    (row,) = overview.rows([study])
    assert (f"{people} vote" in row.phrase) == bool(people and row.phrase != "no pairs yet")


def test_the_overview_reads_comparisons_only_through_their_indexes(study: Study) -> None:
    with CaptureQueriesContext(connection) as queries:
        overview.look(study, NOW)
    read = [each["sql"] for each in queries if 'FROM "annotation_comparison"' in each["sql"]]
    assert read or study.status == "draft"
    assert not any('JOIN "annotation_pair"' in sql or 'JOIN "annotation_rater"' in sql for sql in read)


def test_votes_beyond_the_plan_are_not_received(tmp_path: Path) -> None:
    study = with_fewer_votes_per_pair_than_before(tmp_path)
    assert 0 < coverage.totals(study).received < coverage.votes_of_people(study).count()


def test_simulated_votes_count_apart(tmp_path: Path) -> None:
    study = with_simulated_raters(tmp_path)
    assert 0 < coverage.votes_of_people(study).count() < sum(counted(study).values())
