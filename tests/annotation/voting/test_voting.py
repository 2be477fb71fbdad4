from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from annotation.models import Assignment, Comparison, Outcome, Pair, Purpose, Report
from annotation.models.voting import Stage
from annotation.studies import lifecycle
from annotation.voting import assignments, leaving, votes
from annotation.voting.votes import Ballot
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return build_study()


@pytest.fixture
def worker(study):
    return build_worker(study)


@pytest.fixture
def assignment(worker):
    return assignments.current(worker, NOW, rng())


LATER = NOW + timedelta(seconds=30)


@pytest.mark.parametrize(("value", "word"), [(1, "left"), (2, "tie"), (3, "right")])
@pytest.mark.parametrize("left", ["x", "y"])
def test_a_vote_is_stored_as_shown_and_as_won(worker, assignment, value, word, left):
    Assignment.objects.update(left=left)
    votes.vote(worker, assignment.pk, Ballot(value=value), LATER, rng())
    comparison = Comparison.objects.get()
    assert (comparison.answer, comparison.left, comparison.value) == (word, left, value)
    assert comparison.winner == {"tie": "tie", "left": left, "right": "y" if left == "x" else "x"}[word]


def test_a_vote_keeps_what_later_questions_need(worker, assignment, study):
    ballot = Ballot(value=1, reasons=["clearer"], visible_seconds=12.5, input_method="key", device="phone")
    votes.vote(worker, assignment.pk, ballot, LATER, rng())
    kept = Comparison.objects.get()
    assert (kept.shown_at, kept.answered_at, kept.visible_seconds) == (NOW, LATER, 12.5)
    assert (kept.device, kept.input_method, kept.reasons) == ("phone", "key", ["clearer"])
    assert (kept.instruction_version, kept.trial_number, kept.scale_name) == (study.instruction_version, 1, "three")


@pytest.mark.parametrize(("claimed", "kept"), [(1e9, 30.0), (-5.0, 0.0), (None, None)])
def test_the_visible_time_is_never_more_than_the_time_since_the_pair_was_shown(worker, assignment, claimed, kept):
    votes.vote(worker, assignment.pk, Ballot(value=1, visible_seconds=claimed), LATER, rng())
    assert Comparison.objects.get().visible_seconds == kept


def test_the_vote_brings_the_next_pair(worker, assignment):
    worker, following = votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    assert (worker.votes, following.trial) == (1, 2)
    assert following.pair_id != assignment.pair_id


def test_a_replayed_vote_changes_nothing(worker, assignment):
    votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    with pytest.raises(votes.Replayed):
        votes.vote(worker, assignment.pk, Ballot(value=3), LATER, rng())
    assert Comparison.objects.get().value == 1


def test_nobody_votes_for_another_worker(study, assignment):
    with pytest.raises(votes.NotYours):
        votes.vote(build_worker(study), assignment.pk, Ballot(value=1), LATER, rng())
    assert not Comparison.objects.exists()


@pytest.mark.parametrize("value", [0, 4, -1, 99])
def test_a_value_off_the_scale_is_refused_and_the_pair_stays_in_hand(worker, assignment, value):
    with pytest.raises(ValueError, match="not on the scale"):
        votes.vote(worker, assignment.pk, Ballot(value=value), LATER, rng())
    assert assignments.current(worker, LATER, rng()).pk == assignment.pk


def test_a_vote_after_its_reservation_ran_out_counts_where_a_place_is_free(worker, assignment):
    late = NOW + timedelta(hours=1)
    assignments.expire(late)
    votes.vote(worker, assignment.pk, Ballot(value=1), late, rng())
    assert Pair.objects.get(pk=assignment.pair_id).taken == 1
    assert Comparison.objects.get().shown_at == NOW


def test_a_vote_after_its_reservation_ran_out_is_gone_where_others_took_the_place():
    study = build_study(models=2, prompts=1, overlap=1)
    slow, quick = build_worker(study), build_worker(study)
    lost = assignments.current(slow, NOW, rng())
    assignments.expire(NOW + timedelta(hours=1))
    taken = assignments.current(quick, NOW, rng())
    votes.vote(quick, taken.pk, Ballot(value=1), NOW, rng())
    with pytest.raises(votes.Gone):
        votes.vote(slow, lost.pk, Ballot(value=3), NOW, rng())
    assert Comparison.objects.get().value == 1


def test_a_paused_study_still_takes_the_vote_on_the_pair_in_hand(study, worker, assignment):
    lifecycle.pause(study)
    worker, following = votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    assert (worker.votes, following) == (1, None)


def test_a_closed_study_takes_no_vote(study, worker, assignment):
    lifecycle.close(study)
    with pytest.raises(votes.Closed):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    assert leaving.complete(worker, LATER).outcome == Outcome.COMPLETED
    assert not Pair.objects.filter(taken__gt=0).exists()


def test_the_most_votes_end_the_way_with_the_completion_code():
    study = build_study(most_votes=2)
    worker = build_worker(study)
    following = assignments.current(worker, NOW, rng())
    for _vote in range(2):
        worker, following = votes.vote(worker, following.pk, Ballot(value=1), LATER, rng())
    assert (worker.outcome, following) == (Outcome.COMPLETED, None)


def test_a_worker_may_finish_once_the_least_votes_are_given():
    study = build_study(least_votes=2)
    worker = build_worker(study)
    following = assignments.current(worker, NOW, rng())
    worker, following = votes.vote(worker, following.pk, Ballot(value=1), LATER, rng())
    with pytest.raises(leaving.NotYet):
        leaving.finish(worker, LATER)
    worker, following = votes.vote(worker, following.pk, Ballot(value=1), LATER, rng())
    assert leaving.finish(worker, LATER).outcome == Outcome.COMPLETED
    assert Assignment.objects.get(pk=following.pk).slot is None


def test_who_finished_early_can_go_on_while_the_study_is_open(worker, assignment):
    worker, _following = votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    worker = leaving.finish(worker, LATER)
    assert leaving.may_resume(worker)
    assert leaving.resume(worker).stage == Stage.VOTING


class TestUndo:
    def test_the_pair_comes_back_as_it_was_shown(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        again = votes.undo(worker, LATER)
        assert (again.pk, again.left, again.slot) == (assignment.pk, assignment.left, 0)
        worker.refresh_from_db()
        assert (worker.votes, worker.seconds) == (0, 0.0)

    def test_what_was_undone_is_kept_and_superseded_by_a_withdrawn_row(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        votes.undo(worker, LATER)
        first, second = Comparison.objects.order_by("pk")
        assert (first.superseded_by, first.withdrawn) == (second, False)
        assert (second.superseded_by, second.withdrawn) == (None, True)
        assert not Comparison.objects.in_force().exists()

    def test_the_second_vote_stands(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        votes.undo(worker, LATER)
        votes.vote(worker, assignment.pk, Ballot(value=3), LATER, rng())
        assert Comparison.objects.in_force().get().value == 3

    def test_the_pair_that_was_in_hand_comes_back_after_it(self, worker, assignment):
        _worker, following = votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        votes.undo(worker, LATER)
        assert Assignment.objects.get(pk=following.pk).slot is None
        _worker, after = votes.vote(worker, assignment.pk, Ballot(value=3), LATER, rng())
        assert (after.pk, after.left, after.trial) == (following.pk, following.left, following.trial)

    def test_a_second_undo_is_refused(self, worker, assignment):
        _worker, following = votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        votes.vote(worker, following.pk, Ballot(value=1), LATER, rng())
        votes.undo(worker, LATER)
        with pytest.raises(votes.NothingToUndo):
            votes.undo(worker, LATER)

    def test_before_the_first_vote_there_is_nothing_to_undo(self, worker, assignment):
        with pytest.raises(votes.NothingToUndo):
            votes.undo(worker, LATER)

    def test_after_the_time_that_a_pair_stays_reserved_a_vote_stands(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        with pytest.raises(votes.NothingToUndo):
            votes.undo(worker, LATER + timedelta(minutes=worker.study.reservation_minutes, seconds=1))
        assert votes.undo(worker, LATER + timedelta(minutes=worker.study.reservation_minutes)) == assignment

    def test_a_check_that_is_undone_counts_no_longer(self):
        study = build_study(check_rate=0.5, check_least=100)
        add_golden_pairs(study, ["x"] * 8, Purpose.CHECK)
        worker = build_worker(study)
        random = rng(3)
        held = assignments.current(worker, NOW, random)
        while held.pair.purpose != Purpose.CHECK:
            worker, held = votes.vote(worker, held.pk, Ballot(value=2), LATER, random)
        worker, _following = votes.vote(worker, held.pk, Ballot(value=1 if held.left == "x" else 3), LATER, random)
        assert (worker.checks, worker.checks_right) == (1, 1)
        votes.undo(worker, LATER)
        worker.refresh_from_db()
        assert (worker.checks, worker.checks_right) == (0, 0)


class TestSkip:
    def test_it_frees_the_place_and_the_pair_does_not_come_back(self, worker, assignment):
        votes.skip(worker, assignment.pk, "too-long", LATER)
        skipped = Assignment.objects.get(pk=assignment.pk)
        assert (skipped.state, skipped.slot, skipped.skip_reason) == ("skipped", None, "too-long")
        assert Pair.objects.get(pk=assignment.pair_id).taken == 0
        assert assignments.current(worker, LATER, rng()).pair_id != assignment.pair_id

    def test_twice_is_refused(self, worker, assignment):
        votes.skip(worker, assignment.pk, "", LATER)
        with pytest.raises(votes.NotInHand):
            votes.skip(worker, assignment.pk, "", LATER)

    def test_of_a_pair_that_was_voted_on_is_refused(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        with pytest.raises(votes.NotInHand):
            votes.skip(worker, assignment.pk, "", LATER)

    def test_nobody_skips_for_another_worker(self, study, assignment):
        with pytest.raises(votes.NotYours):
            votes.skip(build_worker(study), assignment.pk, "", LATER)


class TestChecks:
    @pytest.fixture
    def checked(self):
        study = build_study(models=4, prompts=8, check_rate=0.5, check_least=3, check_pass=0.5, most_votes=60)
        add_golden_pairs(study, ["x"] * 12, Purpose.CHECK)
        return study

    def vote(self, study, choose):
        worker, random = build_worker(study), rng(1)
        held = assignments.current(worker, NOW, random)
        while held is not None:
            worker, held = votes.vote(worker, held.pk, Ballot(value=choose(held)), LATER, random)
        return worker

    def test_who_answers_them_right_goes_on(self, checked):
        worker = self.vote(checked, lambda held: 1 if held.left == "x" else 3)
        assert worker.checks == worker.checks_right > 3
        assert worker.votes == 60

    def test_who_fails_them_leaves_and_their_votes_count_no_longer(self, checked):
        worker = self.vote(checked, lambda held: 3 if held.left == "x" else 1)
        assert (worker.outcome, worker.checks, worker.checks_right) == (Outcome.FAILED_CHECKS, 3, 0)
        worker.rater.refresh_from_db()
        assert worker.rater.exclusion_reason == "failed checks"
        assert not Comparison.objects.counted().exists()
        assert not Pair.objects.filter(taken__gt=0).exists()

    def test_their_answers_are_no_part_of_boards_and_plain_exports(self, checked):
        worker = self.vote(checked, lambda held: 1 if held.left == "x" else 3)
        assert Comparison.objects.counted().count() == worker.votes - worker.checks


class TestWithdrawing:
    def test_votes_count_no_longer_and_their_places_are_free(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        worker = leaving.withdraw(worker, LATER)
        assert (worker.outcome, worker.left_at) == (Outcome.WITHDRAWN, LATER)
        assert not Comparison.objects.counted().exists()
        assert Comparison.objects.count() == 1
        assert not Pair.objects.filter(taken__gt=0).exists()

    def test_it_can_be_done_after_finishing(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        leaving.finish(worker, LATER)
        assert leaving.withdraw(worker, LATER).outcome == Outcome.WITHDRAWN

    def test_who_withdrew_cannot_vote(self, worker, assignment):
        leaving.withdraw(worker, LATER)
        with pytest.raises(votes.Closed):
            votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())

    def test_excluding_and_including_again_holds_the_places_again(self, worker, assignment):
        votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
        before = list(Pair.objects.order_by("pk").values_list("taken", "wanted"))
        with transaction.atomic():
            assert leaving.exclude(worker.rater, "spam", LATER)
            assert not leaving.exclude(worker.rater, "spam", LATER)
            assert leaving.include(worker.rater)
        after = list(Pair.objects.order_by("pk").values_list("taken", "wanted"))
        assert sum(taken for taken, _wanted in after) == 1
        assert sum(taken for taken, _wanted in before) == 2
        assert Assignment.objects.get(pk=assignment.pk).slot == 0


def test_a_report_is_kept_and_the_pair_stays_in_hand(worker, assignment):
    votes.report(worker, assignment.pk, Report.Kind.OFFENSIVE, "The second one.")
    assert Report.objects.get().pair_id == assignment.pair_id
    assert assignments.current(worker, LATER, rng()).pk == assignment.pk


def test_a_script_that_reports_a_pair_again_and_again_fills_nothing(worker, assignment):
    for number in range(3 * votes.MOST_REPORTS):
        votes.report(worker, assignment.pk, Report.Kind.OTHER, f"Number {number}.")
    assert Report.objects.count() == votes.MOST_REPORTS


def test_a_comparison_is_never_changed(worker, assignment):
    votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    comparison = Comparison.objects.get()
    comparison.winner = "tie"
    with pytest.raises(TypeError, match="append-only"):
        comparison.save()


def test_the_database_refuses_a_second_vote_of_a_rater_on_a_pair(worker, assignment):
    votes.vote(worker, assignment.pk, Ballot(value=1), LATER, rng())
    first = Comparison.objects.get()
    with pytest.raises(IntegrityError, match=r"comparison_once|annotation_comparison"), transaction.atomic():
        Comparison.objects.create(study=first.study, pair=first.pair, rater=first.rater, left="x", winner="x")


def test_progress_tells_the_time_left_from_the_third_vote_on(worker, assignment):
    held, at = assignment, NOW
    for given in range(1, 4):
        at += timedelta(seconds=60)
        worker, held = votes.vote(worker, held.pk, Ballot(value=1), at, rng())
        progress = assignments.progress(worker)
        assert (progress.done, progress.minutes_left is None) == (given, given < 3)
    assert progress.minutes_left == 37
