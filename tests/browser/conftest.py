"""A real Chromium, a console that has to stay quiet, and axe."""

import shutil
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from tests.waiting import eventually

WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
NARROWEST: Final[ViewportSize] = {"width": 320, "height": 640}

CHROMIUM: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""Its names; the first one draws no window that nobody sees, and takes three quarters of the time."""

LONGEST: Final = 120_000
"""Milliseconds that a machine which runs several suites at once may take; what is there is not waited for."""

expect.set_options(timeout=LONGEST)

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
AXE_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium-headless-shell")
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--no-sandbox"]}


@pytest.fixture(autouse=True)
def nothing_in_flight() -> Iterator[None]:
    """Requests that pages sent before they were closed have been answered when the database is emptied."""
    answering: set[threading.Thread] = set()

    def started(**_what: Any) -> None:
        answering.add(threading.current_thread())

    def finished(**_what: Any) -> None:
        answering.discard(threading.current_thread())

    request_started.connect(started)
    request_finished.connect(finished)
    yield
    answering.discard(threading.current_thread())
    idle = eventually(lambda: not any(thread.is_alive() for thread in list(answering)))
    request_started.disconnect(started)
    request_finished.disconnect(finished)
    assert idle


@pytest.fixture(autouse=True)
def patient_and_closed(nothing_in_flight: None, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever context a test opens has time, and ends with the test."""
    new_context = browser.new_context

    def patient(**options: Any) -> BrowserContext:
        context = new_context(**options)
        context.set_default_timeout(LONGEST)
        return context

    monkeypatch.setattr(browser, "new_context", patient)
    yield
    for context in browser.contexts:
        context.close()


@pytest.fixture
def complaints(page: Page) -> Iterator[list[str]]:
    """What scripts and the console complained of, a broken Content-Security-Policy among them; empty at the end."""
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    yield said
    assert said == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Call it with a page to have axe look at it as it stands."""

    def check(page: Page) -> None:
        # The package's own `run` hands over every rule that holds, with its nodes: most of the time it takes.
        page.evaluate(AXE)
        found = page.evaluate("rules => axe.run(document, rules).then(found => found.violations)", AXE_RULES)
        assert not found, [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]

    return check


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    # With a gutter kept for a scroll bar the content is narrower than the window.
    return max(0, int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")))
