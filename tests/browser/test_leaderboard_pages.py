"""The leaderboard in a browser: light and dark, wide and narrow, by keyboard, and without scripts."""

from collections.abc import Callable
from operator import itemgetter

import numpy as np
import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from annotation.models import Comparison, Study
from ranking.boards import requests, snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.votes.reader import Filters
from tests.browser.conftest import NARROWEST, PHONE, WIDE, overflow
from tests.builders import NOW, build_study
from tests.built_once import built_once
from tests.ranking.casting import judge, vote, voted_study


@pytest.fixture
def board(live_server: LiveServer) -> str:
    """The address of a study's leaderboard, its models' ratings well apart."""
    return f"{live_server.url}/leaderboard/{study_with_boards().slug}/"


@built_once
def study_with_boards() -> Study:
    study = voted_study("a-study", models=5, scale_name="eight")
    # Votes by rule cancel out within prompts and people, so no interval would have a width.
    rng, rows = np.random.default_rng(7), list(study.comparisons.order_by("pk"))
    for row in rows:
        row.winner = str(rng.choice(["x", "tie", "y"], p=[0.6, 0.1, 0.3]))
    Comparison.objects.bulk_update(rows, ["winner"])
    rater = judge(study, "a-judge-with-a-long-name")
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "x" if number % 4 else "y")
    study.prompt_set.models.update(licence="Apache-2.0")
    Study.objects.update(public=True)
    compute_all()
    return study


def compute_all() -> None:
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)


def unfold(page: Page) -> None:
    """Opens everything at once, menus too, of which clicks would close all but the last."""
    page.evaluate(
        "document.querySelectorAll('details').forEach(fold => { fold.removeAttribute('name'); fold.open = true; })"
    )


def states(address: str) -> list[str]:
    number = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk").pk
    return [address, f"{address}?method=eigen", f"{address}wins/", f"{address}boards/{number}/"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    board: str, page: Page, accessible: Callable[[Page], None], complaints: list[str], scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    for address in states(board):
        page.goto(address)
        unfold(page)
        accessible(page)


@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_no_page_is_wider_than_its_window(board: str, page: Page, size: ViewportSize) -> None:
    page.set_viewport_size(size)
    for address in states(board):
        page.goto(address)
        unfold(page)
        assert overflow(page) <= 0, address


LONG_NAMES = (
    "averyveryverylongmodelnamewithoutanyspaceatallanditgoesonandon_Q4_K_M.gguf",
    "The Extraordinarily Long-Named Instruction-Tuned Mixture-of-Experts Model v2 (preview, 8x22B, 128k)",
    "مدل زبانی بزرگ فارسی",
)


@pytest.mark.parametrize("size", [WIDE, PHONE, NARROWEST], ids=["wide", "phone", "narrowest"])
def test_long_names_widen_no_page(live_server: LiveServer, page: Page, size: ViewportSize) -> None:
    study = voted_study("long-names", models=3)
    for model, name in zip(study.prompt_set.models.all(), LONG_NAMES, strict=True):
        model.name, model.org = name, ""
        model.save()
    Study.objects.update(public=True)
    compute_all()
    page.set_viewport_size(size)
    for name in ("", "wins/", "columns/", "pairs/", f"models/{study.prompt_set.models.all()[0].number}/"):
        page.goto(f"{live_server.url}/leaderboard/long-names/{name}")
        assert overflow(page) <= 0, name


def test_a_phone_tells_every_column_by_its_heading(board: str, page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto(board)
    table = page.locator("table.board")
    headings = table.get_by_role("columnheader").all_inner_texts()
    cells = table.locator("tbody tr").first.get_by_role("cell").count()
    # The model is a heading of its own.
    assert len(headings) == cells + 1
    votes = table.locator("tbody tr").first.locator("[data-label=Votes]")
    expect(votes).to_be_visible()
    assert votes.inner_text() == "288"


def test_both_names_of_a_cell_stay_in_view(board: str, page: Page) -> None:
    page.set_viewport_size({"width": 240, "height": 260})
    page.goto(f"{board}wins/")
    wrap = page.locator(".heat-wrap")
    wrap.evaluate("frame => frame.scrollTo(20, 40)")
    frame = wrap.bounding_box()
    assert frame is not None
    assert wrap.evaluate("frame => [frame.scrollLeft > 0, frame.scrollTop > 0]") == [True, True]
    for name, place in (("thead th:last-child", itemgetter("y")), ("tbody tr:last-child th", itemgetter("x"))):
        box = wrap.locator(name).bounding_box()
        assert box is not None
        assert abs(place(box) - place(frame)) <= 1


def test_every_label_of_the_axis_is_whole(board: str, page: Page) -> None:
    for size in (WIDE, PHONE):
        page.set_viewport_size(size)
        page.goto(board)
        last = page.locator(".axis text:visible").last
        last.scroll_into_view_if_needed()
        box, frame = last.bounding_box(), page.locator(".table-wrap").bounding_box()
        assert box is not None
        assert frame is not None
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        # Nothing lies over it.
        middle = (box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
        name = page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('th').className", middle)
        assert "axis-cell" in name


def test_focus_keeps_the_rows_that_cannot_be_told_apart(board: str, page: Page) -> None:
    page.goto(board)
    rows = page.locator("table.board tbody tr")
    faded = rows.and_(page.locator(".faded"))
    sheet = Leaderboard.objects.filter(method="bradley-terry", raters="people").latest("pk").sheet
    alike = [row["alike"] for row in sheet["groups"][0]["rows"]]
    assert any(len(places) < 5 for places in alike)
    links = page.locator("table.board tbody th a")
    page.locator("summary").first.focus()
    links.first.focus()
    for places in alike:
        expect(faded).to_have_count(5 - len(places))
        for place in range(5):
            classes = rows.nth(place).get_attribute("class") or ""
            assert ("faded" not in classes) == (place in places)
        page.keyboard.press("Tab")
    expect(faded).to_have_count(0)
    links.first.hover()
    expect(faded).to_have_count(5 - len(alike[0]))


def test_the_drawing_says_its_numbers(board: str, page: Page) -> None:
    page.goto(board)
    row = page.locator("table.board tbody tr").first
    rating = row.locator(".rating").inner_text().split()[0]
    assert rating in (row.get_by_role("img").get_attribute("aria-label") or "")


def test_a_board_is_asked_for_and_shown_when_it_is_there(board: str, page: Page, complaints: list[str]) -> None:
    page.goto(f"{board}?method=newman")
    page.get_by_role("button", name="Compute leaderboard").click()
    expect(page.get_by_text("This leaderboard is being computed.")).to_be_visible()
    compute_all()
    expect(page.locator("table.board")).to_be_visible()
    expect(page.get_by_text("This leaderboard is being computed.")).to_have_count(0)


def test_without_scripts_everything_can_be_asked_for(board: str, browser: Browser, live_server: LiveServer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(board)
    raters, options = page.locator(".filters summary").first, page.locator(".more-switches summary")
    raters.click()
    page.get_by_role("link", name="a-judge-with-a-long-name").click()
    expect(page.locator("table.board")).to_be_visible()
    options.click()
    page.get_by_role("link", name="Eigenvector").click()
    page.get_by_role("button", name="Compute leaderboard").click()
    expect(page.get_by_text("This leaderboard is being computed.")).to_be_visible()
    compute_all()
    page.reload()
    expect(page.locator("table.board")).to_be_visible()
    page.goto(board)
    options.click()
    page.get_by_label("Anchored at 1,000 points").select_option("Quillfinch-1")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(f"{board}?anchor=Quillfinch-1")
    context.close()


@pytest.mark.parametrize("signed_in", [False, True], ids=["visitor", "owner"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_first_rows_are_on_the_first_screen(
    board: str, live_server: LiveServer, page: Page, size: ViewportSize, signed_in: bool
) -> None:
    if signed_in:
        User.objects.create_superuser("ada", password="correct horse battery")
        page.goto(f"{live_server.url}/sign-in/")
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.set_viewport_size(size)
    for address in (board, f"{board}?raters=a-judge-with-a-long-name"):
        page.goto(address)
        second = page.locator("table.board tbody tr").nth(1).bounding_box()
        assert second is not None
        assert second["y"] + second["height"] <= size["height"], address
        menus = [box["y"] for box in map(Locator.bounding_box, page.locator(".filters summary").all()) if box]
        assert len(menus) > 1
        assert len(set(menus)) == 1


def test_a_menu_closes_on_escape_and_when_another_opens(board: str, page: Page) -> None:
    page.goto(board)
    raters, options = page.locator(".filters details").first, page.locator(".filters details").last
    raters.locator("summary").click()
    expect(raters).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(raters).not_to_have_attribute("open", "")
    raters.locator("summary").click()
    options.locator("summary").click()
    expect(raters).not_to_have_attribute("open", "")
    page.locator("h1").click()
    expect(options).not_to_have_attribute("open", "")


def test_a_notice_is_one_row_until_it_is_opened(live_server: LiveServer, page: Page) -> None:
    voted_study("few", models=3, prompts=4, public=True)
    Study.objects.update(public=True)
    compute_all()
    page.set_viewport_size(PHONE)
    page.goto(f"{live_server.url}/leaderboard/few/")
    notice = page.locator("details.notices").first
    closed = notice.bounding_box()
    assert closed is not None
    assert closed["height"] < 60
    notice.locator("summary").click()
    expect(notice.get_by_text("exactly these prompts")).to_be_visible()
    opened = notice.bounding_box()
    assert opened is not None
    assert opened["height"] > closed["height"]


def test_an_empty_board_says_so(live_server: LiveServer, page: Page, accessible: Callable[[Page], None]) -> None:
    build_study("empty", public=True)
    page.goto(f"{live_server.url}/leaderboard/empty/")
    expect(page.get_by_text("No votes yet")).to_be_visible()
    accessible(page)


def test_waiting_is_accessible(board: str, page: Page, accessible: Callable[[Page], None]) -> None:
    study = Study.objects.get(slug="a-study")
    requests.ask_for(study, Filters(), Settings(method="pagerank"), NOW)
    page.goto(f"{board}?method=pagerank")
    expect(page.get_by_role("status")).to_contain_text("being computed")
    accessible(page)
