"""The migrations that add codes to problems leave rows from before as they are."""

import pytest
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.utils import translation

from annotation.models import PairRun
from judges.models import JudgeReply, JudgeRun, Schedule, ScheduleKind, Verdict
from ranking.models import Leaderboard, State
from tests.builders import NOW, build_study
from tests.judges.conftest import make_judge


@pytest.fixture
def migrations():
    """Those that add the columns, each with what the models were before it."""
    loader = MigrationLoader(connection, replace_migrations=False)
    found = [
        each
        for (_app, name), each in loader.disk_migrations.items()
        if name.endswith("_problem_codes") and not each.replaces
    ]
    assert sorted(each.app_label for each in found) == ["annotation", "judges", "ranking"]
    return [(each, loader.project_state((each.app_label, each.name), at_end=False)) for each in found]


def columns_of(model):
    with connection.cursor() as cursor:
        described = connection.introspection.get_table_description(cursor, model._meta.db_table)
    return {column.name for column in described}


def run(migration: Migration, state, *, backwards: bool) -> None:
    with connection.schema_editor(atomic=True) as editor:
        (migration.unapply if backwards else migration.apply)(state.clone(), editor)


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_keep_their_text_and_are_told_by_it(migrations):
    study = build_study()
    judge = make_judge("http://127.0.0.1:9/v1")
    rows = [
        PairRun.objects.create(study=study, strategy="all", problem="Something went wrong. See the log for details."),
        JudgeRun.objects.create(study=study, version=judge.current, created_at=NOW, problem="The budget is used up."),
        Schedule.objects.create(
            study=study,
            judge=judge,
            kind=ScheduleKind.NEW,
            every=1,
            next_at=NOW,
            created_at=NOW,
            problem="The previous run was still in progress.",
        ),
        Leaderboard.objects.create(
            study=study,
            key="x",
            number=1,
            filters={},
            settings={},
            seed=0,
            state=State.IMPOSSIBLE,
            created_at=NOW,
            problem="no optimum after 100 Newton steps",
        ),
    ]
    tables = {type(row) for row in rows} | {JudgeReply, Verdict}
    for migration, before in reversed(migrations):
        run(migration, before, backwards=True)
    try:
        assert not [table for table in tables if "problem_data" in columns_of(table)]
    finally:
        for migration, before in migrations:
            run(migration, before, backwards=False)
    assert not [table for table in tables if "problem_data" not in columns_of(table)]
    for row in rows:
        text = row.problem
        row.refresh_from_db()
        assert (row.problem, row.problem_data) == (text, None)
        with translation.override("ja"):
            assert row.told_problem == text
