"""The guard against silent skips, and the small cast that the tests share."""

import asyncio
import os
import random
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.db import connection, transaction
from django.test import Client, TransactionTestCase
from django.utils import translation

from tests.arena import Arena
from tests.both_databases import is_about_words
from tests.built_once import full_tables
from tests.groups import groups
from tests.places import REAL_DATA, WITHOUT_DATA

pytest_plugins = ["tests.redis_server"]

# The same examples in every run, on a machine that may be slow: what fails, fails because of the tree.
# `--hypothesis-profile=default` looks for others.
hypothesis.settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")


DATABASES = {"db", "transactional_db", "live_server"}
"""Fixtures that give a test a database; without one, and without the marker, it is refused any."""


def pytest_xdist_auto_num_workers() -> int:
    """Returns one process more than processors: tests of browsers, servers and commands often wait for another."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Tests that ask for no database are run once, whichever databases there are.

    Browser tests, which take the longest, are spread over the run, a file at a time, so that all workers get some.
    """
    for item in items:
        if item.get_closest_marker("django_db") is None and DATABASES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.once)
        for group in groups(item.path):
            item.add_marker(group)
        if is_about_words(item):
            item.add_marker(pytest.mark.words)
    yield
    items[:] = spread(items)


def spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """`items` in their order, but with the files of browser tests evenly among the others."""
    others = [item for item in items if item.get_closest_marker("browser") is None]
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("browser") is not None:
            files.setdefault(item.path, []).append(item)
    stretch = len(others) // (len(files) + 1)
    mixed, done = list[pytest.Item](), 0
    for place, file in enumerate(files.values(), 1):
        end = max(done, place * stretch)
        # A fixture of a whole file is not made twice.
        while 0 < end < len(others) and others[end].path == others[end - 1].path:
            end += 1
        mixed += [*others[done:end], *file]
        done = end
    return mixed + others[done:]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Hides the event loop that Playwright leaves running in the thread of the tests from all tests but its own.

    No other loop could run beside it. And Django keeps the connections of a thread with a loop apart from those of one
    without: fixtures and test have to see the same, so it is hidden before the first fixture is made.
    """
    loop = asyncio._get_running_loop()
    if loop is None or item.get_closest_marker("browser"):
        return (yield)
    asyncio._set_running_loop(None)
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(loop)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true nothing may be skipped but tests of real data, where none of it is there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [] if reporter is None else reporter.stats.get("skipped", [])
    if not REAL_DATA.exists():
        skipped = [report for report in skipped if WITHOUT_DATA not in str(report.longrepr)]
    if os.environ.get("CI") == "true" and reporter is not None and skipped:
        reporter.write_line("CI=true: something was skipped, and nothing may be.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def emptied() -> None:
    """Deletes every row that a test committed."""
    full = full_tables()
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
        for table in full:
            cursor.execute(f"DELETE FROM {table}")


@pytest.fixture(autouse=True, scope="session")
def only_full_tables_are_emptied() -> Iterator[None]:
    """After a test that commits Django truncates all tables and lays out the permissions anew: most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: emptied())
        yield


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any) -> Path:
    """The data of an installation whose SQLite has its tables and nothing else: what takes a first command its time."""
    data = tmp_path_factory.mktemp("migrated")
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(data / "llmfao.sqlite3")])
    else:
        made = tmp_path_factory.mktemp("made")
        Arena(made).run("manage.py", "migrate", "--verbosity", "0")
        shutil.copy(made / "llmfao.sqlite3", data)
    return data


@pytest.fixture(autouse=True)
def chance_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the site leaves to chance hangs on the seed that pytest-randomly says and begins every test with."""
    generator = np.random.default_rng

    def seeded(seed: Any = None) -> np.random.Generator:
        return generator(random.getrandbits(64) if seed is None else seed)

    monkeypatch.setattr(np.random, "default_rng", seeded)
    monkeypatch.setattr(secrets, "randbits", random.getrandbits)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """What a request leaves in its thread and process, its language and what was cached, reaches no other test."""
    translation.deactivate()
    yield
    translation.deactivate()
    for cache in caches.all(initialized_only=True):
        cache.clear()


@pytest.fixture
def owner(db: None) -> User:
    """Who made the study."""
    return User.objects.create_user("olga", password="owner's password")


@pytest.fixture
def colleague(db: None) -> User:
    """Whom the owner shares the study with."""
    return User.objects.create_user("colin", password="colleague's password")


@pytest.fixture
def outsider(db: None) -> User:
    """Somebody with an account here and nothing to do with the study."""
    return User.objects.create_user("otto", password="outsider's password")


@pytest.fixture
def administrator(db: None) -> User:
    """Who runs the site."""
    return User.objects.create_superuser("ada", password="administrator's password")


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    """A browser in which a user has signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in
