"""The front page, the sign-in and error pages, in a browser."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.builders import build_study

PAGES = ["/", "/sign-in/", "/no-such-page/", "/help/", "/help/reference/addresses/", "/help/guides/operate/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(
    live_server: LiveServer,
    page: Page,
    accessible: Callable[[Page], None],
    path: str,
    scheme: str,
) -> None:
    build_study(public=True)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(live_server.url + path)
    accessible(page)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_no_page_is_wider_than_its_window(live_server: LiveServer, page: Page, path: str, size: ViewportSize) -> None:
    build_study("a-study-with-a-very-long-name-that-nobody-would-give-it-" + "x" * 40, public=True)
    page.set_viewport_size(size)
    page.goto(live_server.url + path)
    assert overflow(page) <= 0


def test_signing_in_by_keyboard_leads_where_one_wanted_to_go(live_server: LiveServer, page: Page) -> None:
    User.objects.create_superuser("ada", password="correct horse battery")
    page.goto(f"{live_server.url}/sign-in/?next=/admin/")
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/admin/")


def test_a_wrong_password_is_said_to_a_screen_reader(
    live_server: LiveServer, page: Page, accessible: Callable[[Page], None]
) -> None:
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("don’t match")
    accessible(page)


def test_the_language_changes_on_the_page_one_is_on(live_server: LiveServer, page: Page) -> None:
    page.goto(f"{live_server.url}/sign-in/")
    page.get_by_role("button", name="日本語").click()
    expect(page).to_have_url(f"{live_server.url}/sign-in/")
    assert page.locator("html").get_attribute("lang") == "ja"
    page.get_by_role("button", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_first_tab_leads_past_the_navigation(live_server: LiveServer, page: Page) -> None:
    page.goto(live_server.url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
