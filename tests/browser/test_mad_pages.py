"""A MAD competition in a real browser, from the measure to the pairs, in every size."""

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from annotation.models import PairRun
from annotation.pair_making import background
from judges.models import SimilarityRun
from judges.similarity import runs
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from tests.browser.background import at_work
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import NOW, build_study
from tests.judges.conftest import make_judge, stand_in
from tests.waiting import eventually

__all__ = ["stand_in"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mine(owner):
    study = build_study("haiku")
    study.owner = owner
    study.save()
    return study


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("light", PHONE), ("dark", WIDE), ("dark", PHONE)])
def test_axe_finds_nothing_and_no_page_is_wider_than_its_window(
    page: Page, live_server, complaints, accessible, stand_in, mine, scheme: str, size
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    filters = {"not-empty": None, "length-ratio": 4.0, "words": 4.0}
    judge = make_judge(stand_in().url, "embedder")
    run = runs.start(mine, Terms("sentences", filters, top=2), judge, NOW, detach=False)
    with at_work(similarity_life):
        eventually(lambda: SimilarityRun.objects.filter(pk=run.pk, state="done").exists())
    sign_in(page, live_server)
    below = f"{live_server.url}/studies/{mine.slug}/mad/"
    table = run.tables.first()
    for path in ("", f"runs/{run.pk}/", f"runs/{run.pk}/tables/{table.pk}/", f"runs/{run.pk}/calls/"):
        page.goto(below + path)
        accessible(page)
        assert overflow(page) == 0, path


def test_from_the_measure_to_the_pairs(page: Page, live_server, complaints, accessible, mine) -> None:
    mine.pairs.all().delete()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/{mine.slug}/pairs/")
    page.get_by_role("link", name="MAD competition").click()
    page.get_by_label("Prompts per pair of models").fill("2")
    page.get_by_role("button", name="Estimate cost").click()
    expect(page.get_by_role("heading", name="Estimate")).to_be_visible()
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_role("heading", name="Similarity of answers: Lexical")).to_be_visible()
    with at_work(similarity_life):
        expect(page.get_by_text("6 pairs of answers were chosen")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Make pairs").click()
    expect(page.get_by_role("heading", name="Pair generation")).to_be_visible()
    background.run(PairRun.objects.get().pk, timezone.now())
    expect(page.get_by_text("6 pairs added")).to_be_visible()
