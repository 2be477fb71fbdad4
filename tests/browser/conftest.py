"""A real Chromium, a console that has to stay quiet, and axe."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}
NARROWEST: Final = {"width": 320, "height": 640}

# A machine that runs several suites at once takes its time; a page that is there is not waited for.
expect.set_options(timeout=20_000)

AXE_RULES: Final = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is missing; on Debian: apt-get install chromium")
    return {**browser_type_launch_args, "executable_path": chromium, "args": ["--no-sandbox"]}


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
        found = Axe().run(page, options=AXE_RULES).response["violations"]
        assert not found, [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]

    return check


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    # With a gutter kept for a scroll bar the content is narrower than the window.
    return max(0, int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")))
