"""Counting in the database comes to what reading every comparison comes to."""

import numpy as np
import pytest

from annotation.models import Comparison, Rater, RaterKind
from annotation.voting import leaving
from ranking.boards import counting, recompute, snapshots
from ranking.boards.counting import fold
from ranking.methods.settings import Settings
from ranking.methods.tally import tally
from ranking.models import Leaderboard
from ranking.votes import reader
from ranking.votes.reader import Filters, cut
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study

KINDS = [
    Filters(),
    Filters(reading="tie-allowed"),
    Filters(category="code"),
    Filters("gpt8"),
    Filters("gpt9", inconsistent="tie"),
    Filters("all"),
    Filters("all", inconsistent="tie", category="prose"),
]


class Life:
    """A study in which, at random, all happens that can happen to comparisons."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.study = build_study(models=3, prompts=3)
        self.pairs = list(self.study.pairs.order_by("pk"))
        self.people = [person(self.study, simulated=index == 0) for index in range(4)]
        self.judges = [judge(self.study, "gpt8"), judge(self.study, "gpt9")]
        for rater in self.judges:
            vote(rater, self.pairs[0], "x")
        vote(self.people[0], self.pairs[0], "y")

    def one_of(self, things):
        return things[self.rng.integers(len(things))]

    def step(self) -> None:
        for _time in range(self.rng.integers(1, 5)):
            self.one_of([self.vote, self.vote, self.ask, self.ask, self.ask, self.undo, self.change, self.exclude])()

    def vote(self) -> None:
        self.say(self.one_of(self.people), self.one_of(self.pairs), trial=0)

    def ask(self) -> None:
        """A judge, in one of both orders, for the first or the second time."""
        self.say(self.one_of(self.judges), self.one_of(self.pairs), trial=int(self.rng.integers(4)), turn=1)

    def say(self, rater: Rater, pair, *, trial: int, turn: int = 0) -> None:
        standing = rater.comparisons.in_force().filter(pair=pair, turn=turn, trial=trial)
        if not standing.exists():
            value = int(self.rng.integers(1, 9))
            left = "xy"[trial % 2] if turn else self.one_of("xy")
            winner = self.one_of("xyt").replace("t", "tie")
            vote(rater, pair, winner, left=left, trial=trial, turn=turn, value=value, scale_name="eight")

    def undo(self) -> None:
        row = self.one_of(list(self.study.comparisons.in_force()))
        withdrawn = vote(row.rater, row.pair, "x", turn=row.turn, trial=row.trial, withdrawn=True)
        Comparison.objects.filter(pk=row.pk).update(superseded_by=withdrawn)

    def change(self) -> None:
        """What is read again from a judge's reply, or said otherwise, replaces what was there."""
        row = self.one_of(list(self.study.comparisons.in_force()))
        aside = vote(row.rater, row.pair, self.one_of("xy"), left=row.left, turn=row.turn, trial=row.trial + 100)
        Comparison.objects.filter(pk=row.pk).update(superseded_by=aside)
        Comparison.objects.filter(pk=aside.pk).update(trial=row.trial)

    def exclude(self) -> None:
        if self.rng.random() < 0.2:
            rater = self.one_of([*self.people, *self.judges])
            if not leaving.exclude(rater, "by hand", NOW):
                leaving.include(rater)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_the_database_counts_what_the_reader_reads_whatever_happened(seed):
    life = Life(seed)
    for _round in range(6):
        life.step()
        line = cut(life.study)
        for filters in KINDS:
            counted, one_by_one = counting.read(life.study, filters, line), reader.read(life.study, filters, line)
            assert counted.votes.names == one_by_one.votes.names
            assert counted.votes.total == len(one_by_one.votes)
            for name in ("won", "wins", "ties"):
                assert (getattr(tally(counted.votes), name) == getattr(tally(one_by_one.votes), name)).all()
            assert (counted.simulated, counted.inconsistent) == (one_by_one.simulated, one_by_one.inconsistent)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(2))
def test_what_stood_under_a_line_is_counted_again_to_the_same_digest(seed):
    life = Life(seed)
    life.step()
    line = cut(life.study)
    before = [counting.read(life.study, filters, line).digest for filters in KINDS]
    for _round in range(4):
        life.step()
    assert [counting.read(life.study, filters, line).digest for filters in KINDS] == before


@pytest.mark.django_db
def test_a_counted_board_is_recomputed_from_its_line_after_more_votes():
    study = voted_study()
    vote(judge(study), study.pairs.first(), "x")
    filters, settings = Filters("all"), Settings()
    snapshots.ask(study, filters, settings, "", 1, NOW)
    board = Leaderboard.objects.of(study, filters, settings).get()
    assert snapshots.fill(board.pk, NOW)
    row = study.comparisons.filter(rater__kind=RaterKind.WORKER).first()
    Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "y", trial=1))
    board.refresh_from_db()
    assert board.comparisons == 433
    assert recompute.recompute(board).read.digest == board.digest


def test_counts_of_one_kind_are_added_up_and_in_order():
    one = np.array([[7, 3, 2, 1, 4], [3, 7, 1, -1, 2], [7, 3, 2, 1, 1]])
    assert fold(one).tolist() == [[3, 7, 1, -1, 2], [7, 3, 2, 1, 5]]
    assert fold(one, one[1:2]).tolist() == [[3, 7, 1, -1, 4], [7, 3, 2, 1, 5]]
    assert fold().tolist() == []
