"""The pages on which prompts are evolved and reviewed, in a real browser: a run to its end, keys, sizes and axe."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from playwright.sync_api import Page, expect

from annotation.models import Prompt, PromptSet
from judges.evolve.planning import EvolvePlan, Recipe
from judges.evolve.runs import evolve_life
from judges.models import EvolvedPrompt, EvolveRun
from tests.browser.background import at_work
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.judges.conftest import Running, stand_in
from tests.judges.evolving import children, evolve, prompt_set, writer
from tests.waiting import PATIENCE

__all__ = ["stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def seeds(owner) -> PromptSet:
    made = prompt_set()
    PromptSet.objects.filter(pk=made.pk).update(owner=owner)
    return made


@pytest.fixture
def worker() -> Iterator[None]:
    """Runs background work during the test."""
    with at_work(evolve_life):
        yield


@pytest.mark.socket
def test_prompts_are_written_and_reviewed_with_keys(
    page: Page, live_server, seeds: PromptSet, stand_in: Callable[..., Running], worker, complaints
):
    writer(seeds, stand_in(latency=0.02).url, price_out=1)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/prompt-sets/seeds/")
    page.get_by_role("link", name="Evolve prompts").click()
    page.get_by_label("Reasoning problems:").check()
    page.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_text("Maximum cost")).to_be_visible()
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text("3 of 3 calls")).to_be_visible()
    page.get_by_role("link", name="Review prompts").click()
    expect(page.locator("html[data-review=ready]")).to_be_attached()
    expect(page.locator("article.evolved")).to_have_count(3)
    first, second, third = children(seeds)

    page.keyboard.press("a")
    expect(page.get_by_text("Accepted:")).to_be_visible()
    assert Prompt.objects.get(evolved=first).text == first.written
    page.keyboard.press("u")
    expect(page.get_by_text("Undone.")).to_be_visible()
    assert Prompt.objects.count() == 3

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.get_by_text("Rejected:")).to_be_visible()
    assert EvolvedPrompt.objects.get(pk=second.pk).review == "rejected"

    page.keyboard.press("e")
    # Letters typed into the field decide nothing.
    page.keyboard.type("Rather: ")
    page.get_by_role("button", name="Accept edited prompt").first.click()
    expect(page.get_by_text("Accepted:")).to_be_visible()
    made = Prompt.objects.get(evolved=first)
    assert "Rather: " in made.text
    assert made.references == [first.written_reference]
    assert EvolvedPrompt.objects.get(pk=third.pk).review == "waiting"


def evolved(seeds: PromptSet, url: str) -> None:
    """Has a model write two iterations, outside the thread of the browser, whose event loop would be in the way."""

    def work() -> None:
        try:
            evolve(seeds, writer(seeds, url), Recipe("reasoning"), EvolvePlan(iterations=2))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result(PATIENCE)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_fits_and_is_accessible(
    page: Page,
    live_server,
    seeds: PromptSet,
    stand_in: Callable[..., Running],
    size,
    accessible: Callable[[Page], None],
    complaints,
):
    Prompt.objects.filter(number=100).update(text="W" * 400)
    evolved(seeds, stand_in().url)
    first, second, *_rest = children(seeds)
    EvolvedPrompt.objects.filter(pk=first.pk).update(duplicate="exact", similarity=1.0, like=second)
    run = EvolveRun.objects.get()
    page.set_viewport_size(size)
    sign_in(page, live_server)
    for rest in (
        "",
        "evolve/",
        f"evolve/runs/{run.pk}/",
        f"evolve/runs/{run.pk}/calls/",
        f"evolve/calls/{first.call_id}/",
        "evolve/review/",
        "evolve/review/?review=accepted",
    ):
        page.goto(f"{live_server.url}/prompt-sets/seeds/{rest}")
        assert overflow(page) == 0, rest
        accessible(page)
