"""Snapshots: computed once when comparisons change, never changed, computed again to the same numbers."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection, transaction

from annotation.models import Comparison, Outcome, Worker
from annotation.snapshots import State
from annotation.voting import leaving
from ranking import tasks
from ranking.boards import recompute, requests, snapshots
from ranking.boards.recompute import CannotRecompute
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study
from tests.together import together
from tests.waiting import PATIENCE

KEPT = len(snapshots.STANDING)
REPORTS = len(snapshots.STANDING_REPORTS)


def compute_all(at=NOW):
    return [snapshots.fill(pk, at) for pk in snapshots.recompute_changed(at)]


def newest(study, **filters):
    return Leaderboard.objects.of(study, Filters(**filters), Settings()).finished().newest()


@pytest.mark.django_db
class TestTheSweep:
    def test_a_study_without_comparisons_gets_no_board(self):
        build_study()
        assert snapshots.recompute_changed(NOW) == []

    def test_people_each_judge_and_all_get_their_boards(self):
        study = voted_study()
        vote(judge(study), study.pairs.first(), "x")
        assert compute_all() == [True] * (3 * KEPT + REPORTS)
        assert set(Leaderboard.objects.values_list("raters", flat=True)) == {"people", "gpt9", "all"}
        assert newest(study).comparisons == 432
        assert newest(study, raters="all").comparisons == 433

    def test_without_judges_nothing_is_computed_of_all_raters_unless_somebody_asks(self):
        study = voted_study()
        assert compute_all() == [True] * (KEPT + REPORTS)
        assert newest(study, raters="all") is None
        requests.ask_for(study, Filters(raters="all"), Settings(), NOW)
        assert compute_all() == [True]
        assert newest(study, raters="all").comparisons == 432
        assert not snapshots.is_standing(study, Filters(raters="all"), Settings())
        vote(judge(study), study.pairs.first(), "x")
        assert snapshots.is_standing(study, Filters(raters="all"), Settings())
        assert not snapshots.is_standing(study, Filters(), Settings(method="newman"))

    def test_nothing_is_computed_again_while_nothing_changes(self):
        study = voted_study()
        compute_all()
        assert snapshots.recompute_changed(NOW) == []
        vote(person(study), study.pairs.first(), "x")
        assert len(snapshots.recompute_changed(NOW)) == KEPT + REPORTS

    def test_boards_of_other_numerics_are_computed_again(self, monkeypatch):
        study = voted_study()
        compute_all()
        monkeypatch.setattr(snapshots, "VERSION", "another")
        assert compute_all() == [True] * (KEPT + REPORTS)
        assert newest(study).version == "another"
        assert snapshots.recompute_changed(NOW) == []

    def test_an_exclusion_that_is_taken_back_is_two_changes(self):
        study = voted_study()
        rater = study.raters.first()
        compute_all()
        leaving.exclude(rater, "by hand", NOW)
        compute_all()
        assert newest(study).comparisons == 360
        leaving.include(rater)
        compute_all()
        assert newest(study).comparisons == 432
        assert newest(study).number == 3

    def test_a_board_nobody_finished_is_taken_up_again(self):
        voted_study()
        (pk, *_others) = snapshots.recompute_changed(NOW)
        Leaderboard.objects.filter(pk=pk).update(state=State.COMPUTING, claimed_at=NOW)
        assert pk not in snapshots.recompute_changed(NOW + timedelta(minutes=1))
        late = NOW + timedelta(minutes=1.5)
        assert snapshots.interrupted(late) == [pk]
        assert pk in snapshots.recompute_changed(late)
        assert snapshots.fill(pk, late)

    def test_a_board_that_kills_its_workers_is_taken_up_less_and_less(self):
        voted_study()
        (pk, *_others) = snapshots.recompute_changed(NOW)
        Leaderboard.objects.filter(pk=pk).update(state=State.COMPUTING, claimed_at=NOW, beat_at=NOW, interruptions=3)
        assert snapshots.interrupted(NOW + timedelta(minutes=10)) == []
        assert snapshots.interrupted(NOW + timedelta(minutes=16)) == [pk]

    def test_people_who_have_not_voted_get_no_board_but_a_reason(self):
        study = build_study()
        vote(judge(study), study.pairs.first(), "x")
        compute_all()
        assert newest(study).state == State.IMPOSSIBLE
        assert "join link" in newest(study).problem

    def test_a_finished_board_is_not_computed_a_second_time(self):
        voted_study()
        (pk, *_others) = snapshots.recompute_changed(NOW)
        assert snapshots.fill(pk, NOW)
        before = Leaderboard.objects.filter(pk=pk).values().get()
        assert not snapshots.fill(pk, NOW + timedelta(hours=1))
        assert Leaderboard.objects.filter(pk=pk).values().get() == before

    def test_the_task_asks_for_each_board_and_fills_it(self, settings, monkeypatch):
        study = voted_study()
        monkeypatch.setattr(tasks.fill, "delay", tasks.fill)
        tasks.recompute_changed()
        assert newest(study).state == State.READY


@pytest.mark.django_db
class TestComputingAgain:
    def test_the_numbers_are_the_same_after_more_votes_and_exclusions(self):
        study = voted_study()
        compute_all()
        snapshot = newest(study)
        for pair in study.pairs.all():
            vote(person(study), pair, "y")
        leaving.exclude(study.raters.first(), "by hand", NOW)
        again = recompute.recompute(snapshot)
        for one, other in zip(snapshot.sheet["groups"][0]["rows"], again.sheet["groups"][0]["rows"], strict=True):
            assert one["model"] == other["model"]
            for name in ("rating", "low", "high"):
                assert one[name] == pytest.approx(other[name], abs=1e-9)
        assert snapshot.digest == again.read.digest

    def test_a_vote_taken_back_since_cannot_be_used_again(self):
        study = voted_study()
        compute_all()
        row = study.comparisons.first()
        Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "x", withdrawn=True))
        with pytest.raises(CannotRecompute, match="1 of its votes"):
            recompute.recompute(newest(study))

    def test_the_votes_of_a_worker_who_withdrew_cannot_be_used_again(self):
        study = voted_study()
        compute_all()
        worker = Worker.objects.filter(study=study).first()
        leaving.withdraw(worker, NOW)
        assert worker.rater.comparisons.count() == 72
        with pytest.raises(CannotRecompute, match="72 of its votes"):
            recompute.recompute(newest(study))
        assert Worker.objects.get(pk=worker.pk).outcome == Outcome.WITHDRAWN

    def test_a_judges_board_comes_again_whatever_people_took_back(self):
        study = voted_study()
        rater = judge(study)
        for number, pair in enumerate(study.pairs.all()):
            vote(rater, pair, "y" if number % 5 == 0 else "x")
        compute_all()
        leaving.withdraw(Worker.objects.filter(study=study).first(), NOW)
        of_judge = Leaderboard.objects.get(study=study, raters=rater.name, method="bradley-terry")
        assert recompute.recompute(of_judge).read.digest == of_judge.digest
        with pytest.raises(CannotRecompute, match="72 of its votes"):
            recompute.recompute(Leaderboard.objects.get(study=study, raters="all", method="bradley-terry"))

    def test_comparisons_that_are_gone_are_noticed(self):
        study = voted_study()
        compute_all()
        study.comparisons.last().delete()
        with pytest.raises(CannotRecompute, match="some of its comparisons are no longer stored"):
            recompute.recompute(newest(study))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_sweeps_at_once_ask_for_each_board_once(self):
        voted_study()
        together(6, lambda _index: snapshots.recompute_changed(NOW))
        assert Leaderboard.objects.count() == KEPT + REPORTS
        assert set(Leaderboard.objects.values_list("number", flat=True)) == {1}

    def test_workers_at_once_compute_a_board_once(self):
        voted_study()
        (pk, *_others) = snapshots.recompute_changed(NOW)
        assert Counter(together(6, lambda _index: snapshots.fill(pk, NOW))) == {True: 1, False: 5}

    def test_a_comparison_stored_late_does_not_slip_under_the_line(self):
        if connection.vendor != "postgresql":
            # The writer is alone: a comparison stored later has a higher key.
            study = voted_study()
            line = snapshots.firm_cut(study)
            assert vote(person(study), study.pairs.first(), "x").pk > line.highest
            return
        study = voted_study()
        rater = person(study)
        stored, release = threading.Event(), threading.Event()

        def late():
            try:
                with transaction.atomic():
                    vote(rater, study.pairs.first(), "x")
                    stored.set()
                    release.wait(PATIENCE)
            finally:
                connection.close()

        thread = threading.Thread(target=late)
        thread.start()
        stored.wait(PATIENCE)
        # A key that is given out but not committed: no line is drawn above it.
        with pytest.raises(snapshots.Busy):
            snapshots.firm_cut(study)
        release.set()
        thread.join()
        assert snapshots.firm_cut(study).highest == Comparison.objects.latest("pk").pk

    def test_the_line_is_drawn_while_the_table_is_being_vacuumed(self):
        study = voted_study()
        locked, release = threading.Event(), threading.Event()

        def vacuum():
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    if connection.vendor == "postgresql":
                        # The lock that VACUUM and ANALYZE take; on SQLite the transaction has the only one.
                        cursor.execute("LOCK TABLE annotation_comparison IN SHARE UPDATE EXCLUSIVE MODE")
                    locked.set()
                    release.wait(PATIENCE)
            finally:
                connection.close()

        thread = threading.Thread(target=vacuum)
        thread.start()
        locked.wait(PATIENCE)
        try:
            assert snapshots.firm_cut(study).highest == Comparison.objects.latest("pk").pk
        finally:
            release.set()
            thread.join()

    def test_a_board_that_has_to_wait_stays_asked_for(self, monkeypatch):
        voted_study()
        (pk, *_others) = snapshots.recompute_changed(NOW)

        def busy(study):
            raise snapshots.Busy

        monkeypatch.setattr(snapshots, "firm_cut", busy)
        with pytest.raises(snapshots.Busy):
            snapshots.fill(pk, NOW)
        assert Leaderboard.objects.get(pk=pk).state == State.WAITING
