"""The goal of a study in a browser: chosen in the settings, told on the page and the overview, at every width."""

import os
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Study
from ranking.boards import snapshots
from ranking.models import Leaderboard
from ranking.reports import goal
from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import NOW
from tests.ranking.casting import aim, voting_study


def owned(study: Study, owner: User) -> Study:
    study.owner = owner
    study.save()
    return study


def looked(study: Study) -> Study:
    snapshots.recompute_changed(NOW)
    for pk in Leaderboard.objects.filter(method=goal.METHOD).values_list("pk", flat=True):
        snapshots.fill(pk, NOW)
    return study


@pytest.mark.parametrize(
    ("shape", "wanted", "told"),
    [
        ({}, ("top", 1), "Reached after 600 votes."),
        ({"lead": 0.4, "votes": 300}, ("top", 1), "more votes are needed"),
        ({"lead": 0.0, "votes": 1500}, ("ranks", 0), "Probably out of reach."),
        ({"raters": 29}, ("top", 1), "Too early to say."),
    ],
    ids=["reached", "open", "far", "early"],
)
def test_a_goal_is_told_at_every_width(
    owner: User,
    live_server: LiveServer,
    page: Page,
    accessible: Callable[[Page], None],
    complaints: list[str],
    shape: dict[str, float],
    wanted: tuple[str, int],
    told: str,
) -> None:
    study = looked(aim(owned(voting_study(**shape), owner), *wanted, goal_pauses=True))  # type: ignore[arg-type]
    sign_in(page, live_server)
    for width in (WIDE, PHONE, NARROWEST):
        page.set_viewport_size(width)
        for address in ("goal/", "", "settings/goal/"):
            page.goto(f"{live_server.url}/studies/{study.slug}/{address}")
            if "settings" not in address:
                expect(page.get_by_text(told).first).to_be_visible()
            assert overflow(page) == 0
            if folder := os.environ.get("PICTURES"):
                name = f"{told.split()[0]}-{address.replace('/', '-') or 'overview'}-{width['width']}.png"
                page.screenshot(path=f"{folder}/{name}", full_page=True)
    page.goto(f"{live_server.url}/studies/{study.slug}/goal/")
    accessible(page)
    assert not complaints


def test_a_goal_is_chosen_and_checked_in_the_browser(owner: User, live_server: LiveServer, page: Page) -> None:
    study = owned(voting_study(), owner)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/{study.slug}/goal/")
    page.get_by_role("link", name="Choose goal").click()
    page.get_by_label("separate the top K models from all others").check()
    page.get_by_label("K, R or N").fill("1")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{live_server.url}/studies/{study.slug}/goal/")
    expect(page.get_by_text("Not checked yet.")).to_be_visible()
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("The goal is checked in the background.")).to_be_visible()
    looked(study)
    page.reload()
    expect(page.get_by_text("Reached after 600 votes.")).to_be_visible()
