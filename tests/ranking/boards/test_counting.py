"""Counting from where the last count ended comes to the same as counting anew, to the last comparison."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from annotation.models import Comparison, Rater, RaterKind, Study
from annotation.voting import leaving
from ranking.boards import counting, recompute, snapshots
from ranking.methods.settings import Settings
from ranking.methods.tally import tally
from ranking.models import KeptCounts, Leaderboard
from ranking.votes import reader
from ranking.votes.counts import NONE, Negative, fold, negated, packed, unpacked
from ranking.votes.reader import Filters, cut
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study
from tests.together import together

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
def test_counting_on_is_counting_anew_whatever_happens_in_between(seed):
    life = Life(seed)
    bases = dict.fromkeys(KINDS)
    went_on = 0
    for _round in range(6):
        life.step()
        line = cut(life.study)
        for filters in KINDS:
            base = bases[filters]
            later, anew = (counting.read(life.study, filters, line, each) for each in (base, None))
            assert later.digest == anew.digest
            assert later.counts.cells.tolist() == anew.counts.cells.tolist()
            for name in ("rows", "simulated", "inconsistent"):
                assert getattr(later.counts, name) == getattr(anew.counts, name)
            one_by_one = reader.read(life.study, filters, line)
            assert (tally(anew.votes).won == tally(one_by_one.votes).won).all()
            assert (anew.simulated, anew.inconsistent) == (one_by_one.simulated, one_by_one.inconsistent)
            went_on += base is not None and base.excluded == line.excluded
            bases[filters] = later.counts
    assert went_on > 10


def spied(monkeypatch) -> list[str]:
    """Which way counts were come by, in order."""
    ways: list[str] = []
    for name in ("_from", "_all"):
        original = getattr(counting, name)
        monkeypatch.setattr(
            counting, name, lambda *args, name=name, original=original: (ways.append(name), original(*args))[1]
        )
    return ways


@pytest.mark.django_db
class TestWhatIsCountedAnew:
    @pytest.fixture
    def ways(self, monkeypatch):
        return spied(monkeypatch)

    def again(self, study: Study, base, filters=Filters()):  # noqa: B008  frozen
        line = cut(study)
        later = counting.count(study, filters, line, base)
        assert later.cells.tolist() == counting.count(study, filters, line).cells.tolist()
        return later

    def test_nothing_that_only_grew(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(), cut(study))
        vote(person(study), study.pairs.first(), "x")
        self.again(study, base)
        assert ways == ["_all", "_from", "_all"]

    def test_what_somebody_was_excluded_from_or_taken_back_into(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(), cut(study))
        leaving.exclude(study.raters.first(), "by hand", NOW)
        base = self.again(study, base)
        leaving.include(study.raters.first())
        self.again(study, base)
        assert ways == ["_all"] * 5

    def test_what_lost_comparisons_even_where_as_many_came(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(), cut(study))
        study.comparisons.filter(pk=study.comparisons.first().pk).delete()
        vote(person(study), study.pairs.first(), "y")
        self.again(study, base)
        assert ways == ["_all"] * 3

    def test_what_has_grown_a_lot(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(), cut(study))
        for pair in study.pairs.all():
            for rater in [person(study), person(study)]:
                vote(rater, pair, "x")
        self.again(study, base)
        assert ways == ["_all"] * 3

    def test_a_line_below_the_base(self, ways):
        study = voted_study()
        early = cut(study)
        expected = counting.count(study, Filters(), early)
        vote(person(study), study.pairs.first(), "x")
        base = counting.count(study, Filters(), cut(study))
        assert counting.count(study, Filters(), early, base).cells.tolist() == expected.cells.tolist()
        assert ways == ["_all"] * 3

    def test_a_prompt_that_changed_its_category(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(category="code"), cut(study))
        prompt = study.prompt_set.prompts.filter(type="prose").first()
        type(prompt).objects.filter(pk=prompt.pk).update(type="code")
        self.again(study, base, Filters(category="code"))
        assert ways == ["_all"] * 3

    def test_a_base_that_cannot_be_right(self, ways):
        study = voted_study()
        base = counting.count(study, Filters(), cut(study))
        row = study.comparisons.first()
        Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "x", withdrawn=True))
        self.again(study, replace(base, cells=NONE))
        assert ways == ["_all", "_from", "_all", "_all"]


@pytest.mark.django_db
class TestWhatIsKept:
    def test_the_next_board_counts_on_and_comes_to_the_same(self, monkeypatch):
        study = voted_study()
        vote(judge(study), study.pairs.first(), "x")
        settings, filters = Settings(clusters="none"), Filters()
        first = self.board(study, filters, settings, 1)
        row = study.comparisons.filter(rater__kind=RaterKind.WORKER).first()
        Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "x", withdrawn=True))
        vote(person(study), study.pairs.first(), "y")
        ways = spied(monkeypatch)
        second = self.board(study, filters, settings, 2)
        assert ways == ["_from"]
        assert (first.comparisons, second.comparisons) == (432, 432)
        assert recompute.recompute(first.study.leaderboards.get(number=2)).read.digest == second.digest
        assert ways == ["_from", "_all"]
        assert KeptCounts.objects.count() == 1

    def board(self, study, filters, settings, number) -> Leaderboard:
        snapshots.ask(study, filters, settings, "", number, NOW)
        snapshot = Leaderboard.objects.of(study, filters, settings).newest()
        assert snapshots.fill(snapshot.pk, NOW)
        snapshot.refresh_from_db()
        return snapshot

    def test_the_mix_of_people_and_judges_is_counted_as_well(self):
        study = voted_study()
        vote(judge(study), study.pairs.first(), "x")
        self.board(study, Filters("all"), Settings(), 1)
        assert counting.kept(study, Filters("all")).cells[:, 4].sum() == 433
        assert counting.kept(study, Filters()) is None

    def test_what_is_kept_is_what_was_counted(self):
        study = voted_study()
        counts = counting.count(study, Filters(), cut(study))
        counting.keep(study, counts, NOW)
        found = counting.kept(study, Filters())
        assert found.cells.tolist() == counts.cells.tolist()
        for name in ("key", "highest", "excluded", "rows", "simulated", "inconsistent"):
            assert getattr(found, name) == getattr(counts, name)

    def test_an_earlier_count_does_not_take_the_place_of_a_later_one(self):
        study = voted_study()
        early = counting.count(study, Filters(), cut(study))
        vote(person(study), study.pairs.first(), "x")
        late = counting.count(study, Filters(), cut(study))
        counting.keep(study, late, NOW)
        counting.keep(study, early, NOW + timedelta(minutes=1))
        assert counting.kept(study, Filters()).highest == late.highest


@pytest.mark.django_db(transaction=True)
def test_of_those_who_keep_counts_at_once_the_latest_line_stays():
    study = voted_study(people=2)
    counts = []
    for _step in range(6):
        vote(person(study), study.pairs.first(), "x")
        counts.append(counting.count(study, Filters(), cut(study)))
    together(len(counts), lambda index: counting.keep(study, counts[index], NOW))
    found = counting.kept(study, Filters())
    anew = counting.count(study, Filters(), reader.Cut(found.highest, ()))
    assert found.cells.tolist() == anew.cells.tolist()
    assert KeptCounts.objects.count() == 1


def test_counts_are_added_and_taken_away_and_nothing_falls_below_zero():
    one = np.array([[7, 3, 2, 1, 4], [3, 7, 1, -1, 2], [7, 3, 2, 1, 1]])
    both = fold(one)
    assert both.tolist() == [[3, 7, 1, -1, 2], [7, 3, 2, 1, 5]]
    assert fold(both, negated(one[1:2])).tolist() == [[7, 3, 2, 1, 5]]
    assert fold(both, negated(both)).tolist() == []
    with pytest.raises(Negative):
        fold(both, negated(np.array([[7, 3, 2, 0, 1]])))


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_packing_loses_nothing(rows):
    rng = np.random.default_rng(rows)
    table = fold(np.stack([*rng.integers(1, 10**12, (2, rows)), *rng.integers(0, 2, (3, rows))], axis=1))
    assert unpacked(packed(table)).tolist() == table.tolist()
