"""Benchmarks in a real browser: start with a file, and every call, in every language and size."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from judges.models import BenchmarkRun
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.browser.test_panel_pages import benchmark
from tests.judges.conftest import make_judge, stand_in

__all__ = ["benchmark", "stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def who_adds_judges(owner) -> None:
    owner.is_superuser = True
    owner.save()


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("light", PHONE), ("dark", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    page: Page, live_server, complaints, accessible, benchmark: BenchmarkRun, scheme: str, size
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    sign_in(page, live_server)
    below = f"{live_server.url}/judges/{benchmark.version.judge_id}/benchmarks/"
    call = benchmark.calls.all()[0]
    for path in ("new/", f"{benchmark.pk}/", f"{benchmark.pk}/calls/", f"{benchmark.pk}/calls/{call.pk}/"):
        page.goto(below + path)
        accessible(page)
        assert overflow(page) == 0, path


def test_a_benchmark_is_begun_with_a_file_paused_and_cancelled(
    page: Page, live_server, complaints, accessible, stand_in, tmp_path: Path
) -> None:
    judge = make_judge(stand_in().url, "judy")
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/judges/{judge.pk}/benchmarks/")
    page.get_by_role("link", name="New benchmark").click()
    file = tmp_path / "known.jsonl"
    file.write_text('{"prompt": "?", "chosen": "a"}\n')
    page.get_by_label("Preference files").set_input_files(file)
    page.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_role("alert")).to_contain_text("1 row is not a valid preference")
    accessible(page)
    file.write_text(json.dumps({"prompt": "?", "chosen": "a", "rejected": "b"}) + "\n")
    page.get_by_label("Preference files").set_input_files(file)
    page.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_role("heading", name="Estimate")).to_be_visible()
    expect(page.get_by_label("known (1 row")).to_be_checked()
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_role("heading", name="known")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
