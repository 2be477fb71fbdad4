"""A judge's stability pages in a real browser, with a real endpoint, in every language and size."""

import pytest
from playwright.sync_api import Page, expect

from annotation.models import Study
from judges.models import Judge, JudgeRun, RunKind
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.browser.test_judge_pages import judged, study, surroundings, worker
from tests.judges.conftest import make_judge, stand_in
from tests.waiting import PATIENCE

__all__ = ["stand_in", "study", "surroundings", "worker"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge(study: Study, stand_in) -> Judge:
    return make_judge(stand_in().url, "judy", price_in="1")


def ended(page: Page, address: str, kind: RunKind) -> None:
    """Waits until a probe is done and reloads the page."""
    for _look in range(int(PATIENCE)):
        if JudgeRun.objects.filter(kind=kind, state="done").exists():
            page.goto(address)
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"no {kind} has ended")


@pytest.fixture
def address(live_server, study: Study, judge: Judge) -> str:
    return f"{live_server.url}/studies/{study.slug}/judges/{judge.pk}/steadiness/"


def test_buttons_ask_again_and_show_what_came_of_it(
    page: Page, live_server, complaints, study: Study, judge: Judge, address: str, worker
) -> None:
    judged(study, judge)
    sign_in(page, live_server)
    page.goto(address)
    page.get_by_label("Number of pairs or answers").first.fill("4")
    page.get_by_role("button", name="Create set and start first round").click()
    ended(page, address, RunKind.SENTINEL)
    expect(page.get_by_role("table", name="Rounds, newest first")).to_contain_text("first round")
    page.get_by_role("button", name="Start round now").click()
    page.get_by_label("Number of pairs or answers").first.fill("3")
    page.get_by_role("button", name="Start retest").click()
    ended(page, address, RunKind.RETEST)
    expect(page.get_by_role("table", name="Retests, newest first")).to_contain_text("%")


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("light", PHONE), ("dark", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    page: Page, live_server, complaints, accessible, study: Study, judge: Judge, address: str, worker, scheme: str, size
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    judged(study, judge)
    sign_in(page, live_server)
    page.goto(address)
    accessible(page)
    page.get_by_label("Number of pairs or answers").first.fill("3")
    page.get_by_role("button", name="Create set and start first round").click()
    ended(page, address, RunKind.SENTINEL)
    page.get_by_label("Number of pairs or answers").first.fill("3")
    page.get_by_role("button", name="Start retest").click()
    ended(page, address, RunKind.RETEST)
    accessible(page)
    assert overflow(page) == 0
