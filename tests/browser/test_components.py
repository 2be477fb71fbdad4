"""The components that pages are built from."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow

pytestmark = pytest.mark.urls("tests.browser.gallery")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_in_any_component(
    live_server: LiveServer, page: Page, accessible: Callable[[Page], None], size: ViewportSize, scheme: str
) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/gallery/")
    accessible(page)


@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_wide_things_scroll_in_their_frame_and_not_with_the_page(
    live_server: LiveServer, page: Page, size: ViewportSize
) -> None:
    page.set_viewport_size(size)
    page.goto(f"{live_server.url}/gallery/")
    assert overflow(page) <= 0


def test_what_scrolls_can_be_reached_by_keyboard_and_what_does_not_is_no_stop(
    live_server: LiveServer, page: Page
) -> None:
    page.goto(f"{live_server.url}/gallery/")
    code = page.locator(".answer pre").first
    page.set_viewport_size(PHONE)
    expect(code).to_have_attribute("tabindex", "0")
    page.set_viewport_size({"width": 2200, "height": 800})
    expect(code).not_to_have_attribute("tabindex", "0")


def test_a_target_is_44_px_where_a_finger_presses_it(live_server: LiveServer, browser: Browser) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport=PHONE)
    page = context.new_page()
    page.goto(f"{live_server.url}/gallery/")
    targets = page.locator(
        ".button, .chip, .link-button, input:not([type=checkbox], [type=radio], [type=hidden]), select, .tabs a"
    )
    heights = targets.evaluate_all("targets => targets.map(target => target.getBoundingClientRect().height)")
    assert len(heights) > 20
    assert min(heights) >= 44
    context.close()


def test_focus_is_always_visible(live_server: LiveServer, page: Page) -> None:
    page.goto(f"{live_server.url}/gallery/")
    seen = set()
    for _ in range(45):
        page.keyboard.press("Tab")
        mark = page.evaluate(
            """() => {
                const focused = document.activeElement;
                const shown = focused.closest(".chip") ?? focused;
                return [focused.outerHTML.slice(0, 80), getComputedStyle(shown).outlineStyle,
                        parseFloat(getComputedStyle(shown).outlineWidth)];
            }"""
        )
        seen.add(mark[0])
        if not mark[0].startswith("<body"):
            assert mark[1] == "solid", mark
            assert mark[2] >= 2, mark
    assert len(seen) > 30


def test_paper_shows_the_content_and_none_of_the_controls(live_server: LiveServer, page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"{live_server.url}/gallery/")
    expect(page.locator(".site-header")).to_be_hidden()
    expect(page.locator(".button").first).to_be_hidden()
    expect(page.locator(".answer").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"


def test_nothing_moves_for_who_asked_for_less_motion(live_server: LiveServer, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{live_server.url}/gallery/")
    seconds = page.locator(".button").first.evaluate("button => getComputedStyle(button).transitionDuration")
    assert all(float(part.strip().rstrip("s")) < 0.001 for part in seconds.split(","))
