"""Judges in a real browser: a newcomer starts a run and follows it; every page in every language and size."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from annotation.models import Study
from judges.judging import runs
from judges.judging.demo_judge import install_stand_in
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeCall, JudgeRun, JudgeVersion
from ranking.boards import snapshots
from tests.annotation.study_pages import give_votes, study_of
from tests.browser.background import at_work
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.judges.conftest import Running, run_judge, stand_in
from tests.site.conftest import nobody_has_asked_the_api_yet
from tests.waiting import PATIENCE

__all__ = ["nobody_has_asked_the_api_yet", "stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def surroundings(page: Page, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "var"
    # Chromium requests this if it left a page before its icon had loaded.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))


@pytest.fixture
def study(owner) -> Study:
    owner.is_superuser = owner.is_staff = True
    owner.save()
    study = study_of(owner, prompts=3)
    give_votes(study, 6)
    return study


@pytest.fixture
def worker() -> Iterator[None]:
    """Runs background work during the test."""
    with at_work(judge_life):
        yield


@pytest.mark.socket
def test_a_newcomer_asks_the_stand_in_and_sees_it_through(
    page: Page, live_server, study: Study, stand_in: Running, worker, complaints
):
    judge = install_stand_in(stand_in(latency=0.02, lasting=0.5).url)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/{study.slug}/")
    page.get_by_role("link", name="Judges").last.click()
    asking = page.locator("section", has=page.get_by_role("heading", name="Ask a judge"))
    # The only judge is preselected.
    expect(asking.get_by_label("Judge", exact=True)).to_have_value(str(judge.pk))
    asking.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_role("heading", name="Estimate")).to_be_visible()
    page.get_by_role("button", name="Start run", exact=True).last.click()
    expect(page.get_by_role("heading", name="Run of stand-in")).to_be_visible()
    expect(page.get_by_text("built-in test judge")).to_be_visible()

    # The page refreshes itself until the run ends.
    expect(page.get_by_text("18 of 18 calls")).to_be_visible()
    expect(page.get_by_text("done", exact=True)).to_be_visible()
    ok = JudgeCall.objects.filter(state="ok").count()
    assert 0 < ok < 18
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="ok", exact=True))
    expect(row.get_by_role("cell")).to_have_text(str(ok))
    expect(page.locator(".figures")).to_contain_text("$0.00")

    # One verdict with its full reply.
    page.get_by_role("link", name="ok", exact=True).click()
    page.get_by_role("rowheader").get_by_role("link").first.click()
    expect(page.locator("pre.message").first).to_contain_text("One of them is closer to what was asked.")

    # Its leaderboard, and its agreement with people.
    for board in snapshots.recompute_changed(timezone.now()):
        snapshots.fill(board, timezone.now())
    page.go_back()
    page.go_back()
    page.get_by_role("link", name="results", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/leaderboard/{study.slug}/")
    page.goto(f"{live_server.url}/leaderboard/{study.slug}/?raters=stand-in")
    expect(page.get_by_role("rowheader", name="Quillfinch-0").first).to_be_visible()
    page.goto(f"{live_server.url}/leaderboard/{study.slug}/agreement/")
    expect(page.get_by_role("heading", name="stand-in").first).to_be_visible()


def judged(study: Study, judge: Judge) -> JudgeRun:
    """Works on a run to its end in a thread, because Playwright's event loop occupies this one."""

    def work() -> JudgeRun:
        try:
            return run_judge(study, judge)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(PATIENCE)


@pytest.fixture
def pages(study: Study, stand_in: Running) -> list[str]:
    """Every page of judges, with a successful run and a failed call."""
    judge = install_stand_in(stand_in(lasting=0.5).url)
    run = judged(study, judge)
    version = JudgeVersion.objects.get()
    good, bad = JudgeCall.objects.filter(state="ok")[0], JudgeCall.objects.exclude(state="ok")[0]
    below = f"/studies/{study.slug}/judges/"
    return [
        "/judges/",
        "/judges/new/",
        f"/judges/{judge.pk}/?study={study.pk}",
        "/judges/templates/",
        f"/judges/templates/{version.template_id}/",
        f"/judges/templates/new/?from={version.template_id}",
        below,
        f"{below}runs/{run.pk}/",
        f"{below}runs/{run.pk}/calls/",
        f"{below}runs/{run.pk}/calls/?state=pending",
        f"{below}calls/{good.pk}/",
        f"{below}calls/{bad.pk}/",
        "/api/",
        "/api/token/",
    ]


@pytest.mark.parametrize(("scheme", "size"), [("light", PHONE), ("dark", WIDE)])
def test_every_page_is_accessible_and_fits(
    page: Page, live_server, pages: list[str], accessible, complaints, scheme, size
):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    sign_in(page, live_server)
    for path in pages:
        page.goto(live_server.url + path)
        assert overflow(page) == 0, path
        if "/calls/" in path:
            page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        accessible(page)


def test_a_run_is_paused_resumed_and_cancelled_without_javascript(
    browser: Browser, live_server, study: Study, stand_in: Running
):
    judge = install_stand_in(stand_in().url)
    run = runs.start(study, judge.current, Plan(limit=2), timezone.now())
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)
    page = context.new_page()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/{study.slug}/judges/runs/{run.pk}/")
    for button, state in (("Pause", "paused"), ("Continue", "running"), ("Cancel", "cancelled")):
        page.locator("#run").get_by_role("button", name=button).click()
        expect(page.locator("#run").get_by_text(state, exact=True)).to_be_visible()
    context.close()


def test_a_token_is_made_shown_and_void_again(page: Page, live_server, owner, complaints):
    sign_in(page, live_server)
    page.get_by_role("link", name="API").click()
    page.get_by_role("link", name="API token").first.click()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("pre").first).to_contain_text("llmfao_")
    page.goto(f"{live_server.url}/api/token/")
    expect(page.get_by_text("Token created:")).to_be_visible()
    expect(page.get_by_text("llmfao_")).to_have_count(0)
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_text("You have no token.")).to_be_visible()
