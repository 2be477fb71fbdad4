"""Judge verdicts in a browser: charts, answers side by side, and keyboard navigation between prompts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.importing import load
from annotation.models import Status, Study
from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.judges import benchmark

PAGES = ["/grades/bench/", "/grades/bench/questions/", "/grades/bench/questions/81/"]


@pytest.fixture
def bench(tmp_path: Path, transactional_db: None) -> Study:
    rows = benchmark.files("ja", questions=3)
    rows["model_judgment/elk_single.jsonl"] = [benchmark.grade(81, "alder", 2, judge=["elk", "single-v1"])]
    load.load([benchmark.write(tmp_path, rows)], study_slug="bench", format_name="mt-bench")
    Study.objects.update(status=Status.CLOSED, public=True)
    return Study.objects.get()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    live_server: LiveServer,
    bench: Study,
    page: Page,
    accessible: Callable[[Page], None],
    complaints: list[str],
    scheme: str,
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for size in (WIDE, PHONE, NARROWEST):
        page.set_viewport_size(size)
        for path in PAGES:
            page.goto(live_server.url + path)
            assert overflow(page) <= 0, (path, size)
            accessible(page)


def test_arrow_keys_lead_from_question_to_question(
    live_server: LiveServer, bench: Study, page: Page, complaints: list[str]
) -> None:
    page.goto(f"{live_server.url}/grades/bench/questions/81/?category=math")
    page.locator("html[data-questions]").wait_for()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(f"{live_server.url}/grades/bench/questions/83/?a=1&b=2&category=math")
    page.locator("html[data-questions]").wait_for()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(f"{live_server.url}/grades/bench/questions/81/?a=1&b=2&category=math")


def test_an_arrow_key_in_a_field_belongs_to_the_field(live_server: LiveServer, bench: Study, page: Page) -> None:
    page.goto(f"{live_server.url}/grades/bench/questions/81/")
    page.locator("html[data-questions]").wait_for()
    page.get_by_label("Only where judges disagree").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(f"{live_server.url}/grades/bench/questions/81/")


def test_a_filter_acts_at_once(live_server: LiveServer, bench: Study, page: Page) -> None:
    page.goto(f"{live_server.url}/grades/bench/questions/")
    page.locator("html[data-questions]").wait_for()
    page.get_by_label("Category").select_option("writing")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_judges_words_are_unfolded(live_server: LiveServer, bench: Study, page: Page) -> None:
    page.goto(f"{live_server.url}/grades/bench/questions/81/")
    words = page.get_by_role("group", name="Judge’s reply").first
    expect(words).to_be_hidden()
    page.locator("details.word summary").filter(has_text="owl").first.click()
    expect(words).to_be_visible()
    expect(words).to_contain_text("正しいです。")
