"""Old snapshots give up their numbers but for the last of each day, and can be computed again."""

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from annotation import snapshots as mechanism
from annotation.models import Comparison
from annotation.snapshots import State
from ranking.boards import recompute, retention, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.reports.agreement import METHOD
from ranking.votes.reader import Filters
from tests.builders import NOW
from tests.ranking.casting import person, vote, voted_study
from tests.together import together

LATER = NOW.replace(hour=12) + timedelta(days=30)
"""When the sweep comes; the boards below are of days long past."""


def board(study, at, number, *, filters=None, method="bradley-terry", state=State.READY) -> Leaderboard:
    filters, settings = filters or Filters(), Settings(method=method)
    snapshots.ask(study, filters, settings, f"{number}", number, at)
    made = Leaderboard.objects.of(study, filters, settings).get(number=number)
    Leaderboard.objects.filter(pk=made.pk).update(
        state=state, cut=1, claimed_at=at, finished_at=at, seconds=0.1, sheet={"groups": [number]}, digest="d"
    )
    return made


def with_numbers() -> list[int]:
    return sorted(Leaderboard.objects.exclude(sheet={}).values_list("pk", flat=True))


@pytest.mark.django_db
class TestWhichAreEmptied:
    def test_of_every_day_the_last_of_a_kind_stays(self):
        study, day = voted_study(), NOW.replace(hour=1)
        first = [board(study, day + timedelta(hours=hour), hour + 1) for hour in range(4)]
        second = [board(study, day + timedelta(days=1, hours=hour), hour + 5) for hour in range(2)]
        other = board(study, day, 1, filters=Filters("all"))
        report = [board(study, day + timedelta(hours=hour), hour + 1, method=METHOD) for hour in range(2)]
        assert retention.thin(LATER) == 5
        assert with_numbers() == sorted(row.pk for row in (first[-1], second[-1], other, report[-1]))
        assert retention.thin(LATER) == 0

    def test_nothing_of_the_last_week_is_touched(self):
        study = voted_study()
        for number in range(3):
            board(study, LATER - timedelta(days=7) + timedelta(minutes=1 + number), number + 1)
        assert retention.thin(LATER) == 0
        assert retention.thin(LATER + timedelta(hours=1)) == 2

    def test_what_could_not_be_computed_follows_nothing(self):
        study = voted_study()
        kept = board(study, NOW, 1)
        board(study, NOW + timedelta(seconds=1), 2, state=State.IMPOSSIBLE)
        assert retention.thin(LATER) == 0
        assert kept.pk in with_numbers()

    def test_many_are_emptied_a_few_at_a_time(self, monkeypatch):
        study = voted_study()
        for number in range(7):
            board(study, NOW + timedelta(seconds=number), number + 1)
        monkeypatch.setattr(retention, "BATCH", 2)
        monkeypatch.setattr(retention, "MOST", 2)
        assert [retention.thin(LATER) for _sweep in range(3)] == [4, 2, 0]


@pytest.mark.django_db
def test_an_emptied_board_keeps_its_address_and_its_numbers_can_be_had_again():
    study = voted_study()
    study.public = True
    study.save()
    filters, settings = Filters(), Settings()
    for number in (1, 2):
        snapshots.ask(study, filters, settings, f"{number}", number, NOW)
        assert snapshots.fill(Leaderboard.objects.get(number=number, study=study).pk, NOW)
        vote(person(study), study.pairs.first(), "y")
    old = Leaderboard.objects.get(study=study, number=1)
    assert retention.thin(LATER) == 1
    emptied = Leaderboard.objects.get(pk=old.pk)
    assert emptied.sheet == {}
    for name in ("digest", "cut", "excluded", "comparisons", "version", "filters", "settings", "finished_at"):
        assert getattr(emptied, name) == getattr(old, name)
    again = recompute.recompute(emptied)
    assert again.read.digest == old.digest
    for one, other in zip(old.sheet["groups"][0]["rows"], again.sheet["groups"][0]["rows"], strict=True):
        assert [one[name] for name in ("model", "rank")] == [other[name] for name in ("model", "rank")]
        assert one["rating"] == pytest.approx(other["rating"], abs=1e-9)
        assert one["low"] == pytest.approx(other["low"], abs=1e-9)
    page = Client().get(f"/leaderboard/{study.slug}/boards/{old.pk}/")
    assert f"--recompute {old.pk}" in page.content.decode()
    assert Client().get(f"/leaderboard/{study.slug}/boards/{old.pk}/board.csv").status_code == 404
    out = io.StringIO()
    call_command("leaderboard", study.slug, "--recompute", str(old.pk), "--csv", stdout=out, stderr=io.StringIO())
    assert out.getvalue().startswith("model,rating,low,high")


@pytest.mark.django_db(transaction=True)
def test_sweeps_at_once_empty_each_board_once():
    study = voted_study(people=2)
    for number in range(6):
        board(study, NOW + timedelta(seconds=number), number + 1)
    assert sum(together(4, lambda _index: retention.thin(LATER))) == 5


@pytest.mark.django_db
class TestThePace:
    """Computing a board takes no more than a twentieth of the time."""

    @pytest.fixture(autouse=True)
    def _long_boards_wait(self, _no_board_takes_long, monkeypatch):
        monkeypatch.setattr(mechanism, "LONG", 3.0)

    def asked(self, study, seconds, after) -> bool:
        for pk in snapshots.recompute_changed(NOW):
            snapshots.fill(pk, NOW)
        Leaderboard.objects.update(seconds=seconds)
        vote(person(study), study.pairs.first(), "x")
        return bool(snapshots.recompute_changed(NOW + timedelta(seconds=after)))

    @pytest.mark.parametrize(
        ("seconds", "after", "asked"), [(0.5, 0, True), (3.0, 60, True), (10.0, 199, False), (10.0, 200, True)]
    )
    def test_a_board_that_takes_long_waits_its_time(self, seconds, after, asked):
        assert self.asked(voted_study(), seconds, after) == asked

    def test_what_came_meanwhile_is_in_the_next(self):
        study = voted_study()
        self.asked(study, 10.0, 60)
        for pk in snapshots.recompute_changed(NOW + timedelta(seconds=200)):
            snapshots.fill(pk, NOW + timedelta(seconds=200))
        newest = Leaderboard.objects.of(study, Filters(), Settings()).newest()
        assert newest.cut == Comparison.objects.latest("pk").pk
