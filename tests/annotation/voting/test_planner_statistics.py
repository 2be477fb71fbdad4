"""After a load the query planner knows the new size of the tables."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from annotation.importing import load
from annotation.models import Comparison, Pair, Study
from annotation.pair_making import make
from annotation.voting import simulated_votes
from tests.annotation import exchange
from tests.builders import build_study

pytestmark = pytest.mark.django_db


def expected_rows(table: str) -> float:
    """Returns the number of rows that the planner expects in `table`; on SQLite, the actual number."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [table])
        else:
            cursor.execute(f"SELECT count(*) FROM {table}")
        return float(cursor.fetchone()[0])


def load_files(study: Study, folder: Path) -> None:
    load.load([exchange.write(folder)], study_slug="trees")


def simulate_votes(study: Study, folder: Path) -> None:
    simulated_votes.simulate(study, 3, 0)


def make_all_pairs(study: Study, folder: Path) -> None:
    Pair.objects.all().delete()
    make.make_pairs(study, "all")


@pytest.mark.parametrize(
    ("fill", "model"), [(load_files, Comparison), (simulate_votes, Comparison), (make_all_pairs, Pair)]
)
def test_tables_that_were_filled_are_known_to_be_full(
    tmp_path: Path, fill: Callable[[Study, Path], None], model: type[Comparison] | type[Pair]
) -> None:
    study = build_study()
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {table}")
    fill(study, tmp_path)
    assert expected_rows(table) == model.objects.count() > 0
