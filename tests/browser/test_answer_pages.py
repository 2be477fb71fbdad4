"""Model answers in a real browser: adding a model, running it, and every page in every language and size."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, expect

from annotation.models import Result, Study
from judges.answers.runs import answer_life
from judges.models import AnswerCall, AnswerRun
from tests.browser.background import at_work
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.judges.answering import NEW, ask, source, talking_study
from tests.judges.conftest import Running, stand_in
from tests.waiting import PATIENCE

__all__ = ["stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "var"


@pytest.fixture
def study(owner) -> Study:
    owner.is_superuser = owner.is_staff = True
    owner.save()
    study = talking_study()
    study.owner = owner
    study.save()
    return study


@pytest.fixture
def worker() -> Iterator[None]:
    """Runs background work during the test."""
    with at_work(answer_life):
        yield


@pytest.mark.socket
def test_a_model_is_added_asked_and_seen_through(
    page: Page, live_server, study: Study, stand_in: Callable[..., Running], worker, complaints
):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/{study.slug}/")
    page.get_by_role("link", name="Answers", exact=True).first.click()
    page.get_by_role("link", name="Add model").first.click()
    page.get_by_label("Name", exact=True).fill(NEW)
    page.get_by_label("Endpoint", exact=True).fill(stand_in(latency=0.02).url)
    page.locator("[name=api_id]").fill("stand-in")
    page.get_by_role("button", name="Save").click()
    page.get_by_label(NEW).check()
    page.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_role("heading", name="Estimate")).to_be_visible()
    page.get_by_role("button", name="Start run", exact=True).last.click()
    expect(page.get_by_role("heading", name=f"Answers by {NEW}")).to_be_visible()

    expect(page.get_by_text("Built-in test model")).to_be_visible()

    # The page refreshes itself until the run ends.
    expect(page.get_by_text("6 of 6 turns")).to_be_visible()
    expect(page.get_by_role("link", name="Make pairs")).to_be_visible()
    assert Result.objects.filter(model__name=NEW).count() == 4
    page.get_by_role("link", name="ok", exact=True).click()
    page.get_by_role("rowheader", name="prompt-1").first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Turn 2")).to_be_visible()


def asked_study(study: Study, url: str) -> AnswerRun:
    """Works on a run to its end in a thread, because Playwright's event loop occupies this one."""

    def work() -> AnswerRun:
        try:
            return ask(study, source(study, url, price_out=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(PATIENCE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_of_answers_is_accessible(
    browser: Browser, live_server, study: Study, stand_in: Callable[..., Running], accessible, scheme, size
):
    run = asked_study(study, stand_in(lasting=0.5).url)
    call = AnswerCall.objects.filter(run=run).order_by("pk")[0]
    home = f"/studies/{study.slug}/answers/"
    pages = ["", "sources/new/", f"runs/{run.pk}/", f"runs/{run.pk}/turns/", f"talks/{call.pk}/"]
    with browser.new_context(color_scheme=scheme, viewport=size) as context:
        page = context.new_page()
        sign_in(page, live_server)
        for address in pages:
            page.goto(f"{live_server.url}{home}{address}")
            accessible(page)
            assert overflow(page) == 0, address


def test_everything_works_without_scripts(
    browser: Browser, live_server, study: Study, stand_in: Callable[..., Running]
):
    run = asked_study(study, stand_in().url)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        sign_in(page, live_server)
        page.goto(f"{live_server.url}/studies/{study.slug}/answers/")
        page.get_by_label(NEW).check()
        page.get_by_label("Answers per prompt").fill("2")
        page.get_by_role("button", name="Start run", exact=True).last.click()
        expect(page.get_by_text("Queued")).to_be_visible()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text("paused", exact=True)).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("cancelled", exact=True)).to_be_visible()
        page.goto(f"{live_server.url}/studies/{study.slug}/answers/runs/{run.pk}/")
        expect(page.get_by_text("6 of 6 turns")).to_be_visible()
