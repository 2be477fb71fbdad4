"""The guard against silent skips, and the small cast that the tests share."""

import os
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.test import Client
from django.utils import translation


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves a running event loop behind, in which no other can be run."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CI=true nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("CI=true: something was skipped, and nothing may be.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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
