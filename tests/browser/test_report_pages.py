"""Pairs, one model, ratings side by side, people against judges, in a browser: every width, by keyboard."""

from collections.abc import Callable

import pytest
from django.utils.text import slugify
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, Study
from ranking.boards import snapshots
from ranking.models import Leaderboard
from ranking.reports import agreement, by_rater
from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.builders import NOW, build_study
from tests.built_once import built_once
from tests.ranking.casting import judge, vote, voted_study

KEPT = ("bradley-terry", by_rater.METHOD, agreement.METHOD)


@pytest.fixture
@built_once
def study() -> Study:
    """Public and closed: people on the scale from 1 to 8, a judge who wavers over both orders."""
    study = voted_study("a-study", scale_name="eight")
    rater = judge(study, "a-judge-with-a-long-name")
    for number, pair in enumerate(study.pairs.order_by("pk")):
        for trial, left in enumerate("xy"):
            vote(rater, pair, "y" if number % 3 else left, left=left, trial=trial)
    rows = list(study.comparisons.filter(rater__kind="worker").exclude(winner="tie"))
    for number, row in enumerate(rows):
        row.scale_name = "eight"
        row.value = (1 + number % 4) if row.winner == row.left else (5 + number % 4)
    Comparison.objects.bulk_update(rows, ["scale_name", "value"])
    Study.objects.filter(pk=study.pk).update(public=True, status="closed")
    snapshots.recompute_changed(NOW)
    for pk in Leaderboard.objects.filter(method__in=KEPT).values_list("pk", flat=True):
        snapshots.fill(pk, NOW)
    return study


def addresses(study: Study) -> list[str]:
    pair, model = study.pairs.order_by("pk")[1], study.prompt_set.models.order_by("pk")[0]
    return [
        "pairs/?split=judge:a-judge-with-a-long-name&category=code",
        "pairs/?text=nothing+like+this",
        f"pairs/{pair.number}/",
        "columns/",
        "agreement/",
        f"models/{model.number}/",
    ]


def open_all(page: Page) -> None:
    for fold in page.locator("details > summary").all():
        fold.click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    study: Study,
    live_server: LiveServer,
    page: Page,
    accessible: Callable[[Page], None],
    complaints: list[str],
    scheme: str,
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    for address in addresses(study):
        page.goto(f"{live_server.url}/leaderboard/{study.slug}/{address}")
        open_all(page)
        accessible(page)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_no_page_is_wider_than_its_window(
    study: Study, live_server: LiveServer, page: Page, size: ViewportSize, language: str
) -> None:
    page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    page.set_viewport_size(size)
    for address in addresses(study):
        page.goto(f"{live_server.url}/leaderboard/{study.slug}/{address}")
        open_all(page)
        assert overflow(page) <= 0, address


def test_the_empty_pages_say_what_is_missing(
    live_server: LiveServer, page: Page, accessible: Callable[[Page], None]
) -> None:
    empty = build_study(slugify("nobody yet"), public=True)
    for address, words in (
        ("columns/", "No ratings yet"),
        ("agreement/", "Nothing to compare yet"),
        ("pairs/", "No pairs to show yet"),
    ):
        page.goto(f"{live_server.url}/leaderboard/{empty.slug}/{address}")
        expect(page.locator(".empty-title")).to_contain_text(words)
        accessible(page)


def test_the_arrow_keys_go_from_pair_to_pair_but_not_out_of_a_field(
    study: Study, live_server: LiveServer, page: Page
) -> None:
    numbers = list(study.pairs.order_by("pk").values_list("number", flat=True))
    base = f"{live_server.url}/leaderboard/{study.slug}/pairs/"
    page.goto(f"{base}{numbers[0]}/")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(f"{base}{numbers[1]}/")
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(f"{base}{numbers[0]}/")
    page.goto(base)
    page.get_by_label("Prompt text").fill("Prompt")
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(base)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{base}?text=Prompt")
