"""A board is found by what was asked for, and what stands at its default is not asked for."""

from dataclasses import asdict, dataclass, fields, replace
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from annotation.snapshots import State
from ranking import models
from ranking.boards import snapshots
from ranking.methods.settings import Settings
from ranking.models import BoardRequest, Leaderboard, key_of
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import voted_study

migration = import_module("ranking.migrations.0007_keys_without_defaults")

ASKED = [
    (Filters(), Settings()),
    (Filters("all"), Settings(method="agreement")),
    (Filters(category="code", reading="tie-allowed"), Settings(method="elo")),
    (Filters("gpt9", inconsistent="tie"), Settings(anchor=("gpt1", 1000.0), first_place=True, seed=7)),
    (Filters(), Settings(method="elo-bootstrap", redraw="resample", rounds=200)),
]


@dataclass(frozen=True, slots=True)
class LaterFilters(Filters):
    language: str | None = None


@dataclass(frozen=True, slots=True)
class LaterSettings(Settings):
    shrinkage: float = 0.0


def test_what_is_asked_differently_has_another_key():
    assert len({key_of(*asked) for asked in ASKED}) == len(ASKED)
    assert key_of(LaterFilters(language="de"), Settings()) != key_of(Filters(), Settings())
    assert key_of(Filters(), LaterSettings(shrinkage=0.5)) != key_of(Filters(), Settings())


@pytest.mark.parametrize("asked", ASKED)
def test_a_field_that_is_added_later_changes_no_key(asked):
    filters, settings = asked
    assert key_of(LaterFilters(**asdict(filters)), LaterSettings(**asdict(settings))) == key_of(filters, settings)


@pytest.mark.django_db
def test_a_field_that_is_added_later_has_no_board_computed_again(monkeypatch):
    study = voted_study()
    for pk in snapshots.recompute_changed(NOW):
        assert snapshots.fill(pk, NOW)
    stored = Leaderboard.objects.of(study, Filters(), Settings()).get()
    for module in (models, snapshots):
        monkeypatch.setattr(module, "Filters", LaterFilters)
        monkeypatch.setattr(module, "Settings", LaterSettings)
    assert Leaderboard.objects.of(study, LaterFilters(), LaterSettings()).get() == stored
    assert stored.asked_filters() == LaterFilters()
    assert snapshots.recompute_changed(NOW) == []


LATER = ("k", "start", "scale", "background")
"""Filters and settings that came after the migration, so that no board of before has them."""


def told_then(asked: Filters | Settings, *, without: str = "") -> dict[str, object]:
    """The filters or settings as they were stored before the migration."""
    return {name: value for name, value in asdict(asked).items() if name not in {*LATER, without}}


def old_key(filters: Filters, settings: Settings, *, without: str = "") -> str:
    """The key of before, all fields told; `without` one that was added later."""
    return migration.digest(told_then(filters), told_then(settings, without=without))


def store(study, filters, settings, number=1, *, without="", state=State.READY) -> Leaderboard:
    told = told_then(settings, without=without)
    return Leaderboard.objects.create(
        study=study,
        key=old_key(filters, settings, without=without),
        filters=told_then(filters),
        settings=told,
        number=number,
        state=state,
        seed=0,
        basis="",
        created_at=NOW,
    )


def migrate(step) -> None:
    with connection.schema_editor() as editor:
        step(apps, editor)


@pytest.mark.django_db(transaction=True)
class TestTheMigration:
    def test_stored_boards_and_requests_are_found_by_their_new_keys(self):
        studies = [build_study(), build_study("other")]
        boards = {
            (study, asked): [store(study, *asked, number) for number in (1, 2)] for study in studies for asked in ASKED
        }
        for study in studies:
            for filters, settings in ASKED:
                BoardRequest.objects.create(
                    study=study,
                    key=old_key(filters, settings),
                    filters=told_then(filters),
                    settings=told_then(settings),
                    asked_at=NOW,
                )
        before = {row.pk: row.key for row in Leaderboard.objects.all()}
        migrate(migration.shorten)
        for (study, asked), rows in boards.items():
            assert list(Leaderboard.objects.of(study, *asked).order_by("number")) == rows
            assert BoardRequest.objects.get(study=study, key=key_of(*asked)).asked_settings() == asked[1]
        migrate(migration.lengthen)
        assert {row.pk: row.key for row in Leaderboard.objects.all()} == before

    def test_the_defaults_that_it_leaves_out_are_those_of_today(self):
        for defaults, asked in ((migration.FILTERS, Filters), (migration.SETTINGS, Settings)):
            assert defaults == {field.name: field.default for field in fields(asked) if field.name not in LATER}

    def test_boards_from_before_a_field_was_there_join_those_from_after(self):
        study = build_study()
        old = [store(study, *ASKED[0], number, without="first_place") for number in (1, 2)]
        lost = store(study, *ASKED[0], 3, without="first_place", state=State.WAITING)
        new = [store(study, *ASKED[0], number) for number in (1, 2)]
        waiting = store(study, *ASKED[0], 3, state=State.WAITING)
        for index, key in enumerate((old[0].key, new[0].key)):
            BoardRequest.objects.create(
                study=study, key=key, filters=old[0].filters, settings=new[0].settings, asked_at=NOW.replace(hour=index)
            )
        migrate(migration.shorten)
        found = Leaderboard.objects.of(study, *ASKED[0]).order_by("number")
        assert list(found) == [*old, *new, waiting]
        assert [board.number for board in found] == [1, 2, 3, 4, 5]
        assert not Leaderboard.objects.filter(pk=lost.pk).exists()
        assert BoardRequest.objects.get().asked_at == NOW.replace(hour=1)
        assert BoardRequest.objects.get().key == key_of(*ASKED[0])

    def test_a_database_without_boards_stays_as_it_is(self):
        migrate(migration.shorten)
        assert not Leaderboard.objects.exists()

    def test_an_anchor_that_the_database_made_a_whole_number_is_the_same_anchor(self):
        filters, settings = ASKED[3]
        board = store(build_study(), filters, settings)
        Leaderboard.objects.update(settings={**board.settings, "anchor": ["gpt1", 1000]})
        migrate(migration.shorten)
        board.refresh_from_db()
        assert board.key == key_of(filters, settings)
        assert board.asked_settings() == replace(settings)
