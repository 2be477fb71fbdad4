"""A plan in a real browser: asked for, followed while it is simulated, and read."""

import re
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Page, expect

from ranking.models import Plan
from ranking.plans import background, sheet
from ranking.plans.sheet import Request
from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import NOW
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setitem(sheet.plan.__kwdefaults__, "studies", 60)


def simulate(plan: Plan) -> None:
    """Simulates `plan` in a thread of its own, because Playwright's event loop occupies this one."""

    def work() -> None:
        try:
            background.fill(plan.pk, NOW)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)


def test_a_plan_is_asked_for_and_comes(page: Page, live_server, owner: User, complaints, monkeypatch):
    monkeypatch.setattr(background, "_enqueue", lambda pk: None)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/")
    page.get_by_role("link", name="Plan votes").click()
    page.get_by_label("Votes", exact=False).first.fill("300")
    page.get_by_label("Pay per hour").fill("12")
    page.get_by_text("Assumptions", exact=True).click()
    page.get_by_label("Spread of ratings").fill("200")
    page.get_by_role("button", name="Simulate studies").click()
    expect(page.get_by_role("heading", name="Simulating studies")).to_be_visible()
    simulate(Plan.objects.get())
    # Without a reload: the part that changes is asked for again.
    expect(page.get_by_role("heading", name="What 300 votes can tell")).to_be_visible()
    expect(page.get_by_text("2.5 hours, 30.00 in pay").first).to_be_visible()
    expect(page.locator(".plan-chart polyline")).to_have_count(3)
    expect(page.get_by_text(re.compile("standard deviation of 200 points"))).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_its_pages_fit_and_are_accessible(page: Page, live_server, owner: User, complaints, accessible, size):
    plan = background.submit(owner, Request(8, 20, votes=300, pay=9.5, goals=("tau=0.9", "found:3=0.8")), NOW)
    waiting = background.submit(owner, Request(8, 20, votes=300), NOW)
    simulate(plan)
    sign_in(page, live_server)
    page.set_viewport_size(size)
    for address in ("/plans/", f"/plans/{plan.pk}/", f"/plans/{waiting.pk}/"):
        page.goto(f"{live_server.url}{address}")
        accessible(page)
        assert overflow(page) == 0, address
