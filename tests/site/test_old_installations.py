"""What version 0.1.0 left behind works: its database is migrated, and its messages are still understood.

`version_0_1_0/database.sql` is the SQLite database of a small study with votes, a judge's run, one that failed, stored
leaderboards and a request for another, written by that version. `message.json` is a message of its file broker.
"""

import json
import shutil
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from llmfao_site.celery import app
from tests.arena import Arena
from tests.places import ROOT
from tests.waiting import eventually

OLD = ROOT / "tests" / "site" / "version_0_1_0"

OWN = {"annotation": "annotation", "judges": "judges", "ranking": "ranking", "llmfao_site": "site"}
"""Labels of our apps, by package."""

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the old database, migrated."""
    folder = tmp_path_factory.mktemp("old")
    database = sqlite3.connect(folder / "llmfao.sqlite3")
    database.executescript((OLD / "database.sql").read_text(encoding="utf-8"))
    database.close()
    Arena(folder).run("manage.py", "migrate", "--verbosity", "0")
    return folder


@pytest.fixture(scope="module")
def found(migrated: Path) -> Any:
    """Contents of pages and rows of the migrated installation."""
    # In debug mode pages need no collected static files.
    arena = Arena(migrated, DJANGO_SETTINGS_MODULE="llmfao_site.settings", LLMFAO_DEBUG="true")
    return json.loads(arena.run("-m", "tests.site.old_installation"))


def test_an_old_database_is_migrated_and_its_pages_open(found: Any) -> None:
    assert {address: status for address, status in found["statuses"].items() if status != 200} == {}
    assert found["comparisons"] == 8


def test_old_leaderboards_and_requests_are_still_found(found: Any) -> None:
    assert found["keys"] == [True]
    assert found["board"].startswith("Quillfinch")


def test_problems_of_old_rows_are_told_in_their_words(found: Any) -> None:
    assert "No judge of this study is called nobody." in found["impossible"]
    assert any("The text was filtered." in page for page in found["calls"])


def test_a_message_left_in_the_folder_of_the_broker_is_done(migrated: Path, tmp_path: Path) -> None:
    arena = Arena(tmp_path, migrated)
    queue = tmp_path / "broker" / "queue"
    queue.mkdir(parents=True, exist_ok=True)
    shutil.copy(OLD / "message.json", queue / f"001796058142837_{uuid.UUID(int=1)}.celery.msg")
    headers = json.loads((OLD / "message.json").read_text(encoding="utf-8"))["headers"]
    worker = arena.worker()
    try:
        assert eventually(lambda: arena.has_done(headers["task"], headers["id"])), arena.log.read_text()
    finally:
        worker.kill()
        worker.wait()


TASKS = {
    "annotation.expire_assignments",
    "annotation.make_pairs",
    "annotation.run_upload",
    "annotation.sweep_pair_runs",
    "annotation.sweep_uploads",
    "judges.answer",
    "judges.benchmark",
    "judges.make_panel",
    "judges.sweep",
    "judges.work",
    "ranking.fill",
    "ranking.recompute_changed",
    "ranking.thin",
}
"""Names that messages of earlier versions may carry."""


@pytest.mark.django_db
def test_every_task_that_an_old_message_names_exists() -> None:
    # Importing the tasks runs Django's checks, which read the features of the database.
    app.loader.import_default_modules()
    assert app.tasks.keys() >= TASKS


def test_labels_tables_and_permissions_keep_their_names() -> None:
    """Rows of content types, permissions and migrations name apps and models; raw SQL names tables."""
    own = [model for model in apps.get_models() if model.__module__.split(".")[0] in OWN]
    assert {(model.__module__.split(".")[0], model._meta.app_label) for model in own} == set(OWN.items())
    assert all(model._meta.db_table == f"{model._meta.app_label}_{model._meta.model_name}" for model in own)
    old = (OLD / "database.sql").read_text(encoding="utf-8")
    tables = {model._meta.db_table for model in own}
    tables |= {field.m2m_db_table() for model in own for field in model._meta.local_many_to_many}
    gone = {line.split('"')[1] for line in old.splitlines() if line.startswith('CREATE TABLE IF NOT EXISTS "')} - tables
    assert {name for name in gone if name.split("_")[0] in OWN.values()} <= WITHDRAWN


WITHDRAWN = {"ranking_keptcounts", "ranking_keptmarks"}
"""Tables dropped by a migration because nothing is stored in them any more."""
