"""A prompt set's pages in a real browser: a reader is invited and removed, a study detached and attached again."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from annotation.models import PromptSetReader, Study
from annotation.studies import lifecycle, prompt_sets, sharing
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import build_study

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def study(owner: User, colleague: User) -> Study:
    """Returns the owner's study, with a colleague and another study on its prompt set."""
    study = build_study(models=2, prompts=2)
    prompt_sets.change_study_owner(study, owner)
    sharing.share(study, [colleague])
    rita = User.objects.create_user("rita")
    prompt_sets.change_access(study.prompt_set, readers=[rita], editors=[])
    lifecycle.create_study("second", study.prompt_set, name="How well do models explain rain?", owner=rita)
    return study


def test_readers_and_studies_are_managed_on_the_page(page: Page, live_server, study: Study, outsider, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/")
    page.get_by_role("link", name="Prompt sets").click()
    page.get_by_role("link", name="haiku").click()
    page.get_by_role("textbox", name="Readers").fill("rita\notto")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert PromptSetReader.objects.count() == 2
    page.get_by_role("row", name="How well").get_by_role("link", name="Detach").click()
    expect(page.get_by_text("Nothing is deleted.")).to_be_visible()
    page.get_by_role("button", name="Detach study").click()
    expect(page.get_by_text("was detached.")).to_be_visible()
    page.get_by_role("row", name="How well").get_by_role("button", name="Attach").click()
    expect(page.get_by_text("can use the prompt set again.")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("rest", ["", "haiku/", "haiku/owner/", "haiku/studies/second/detach/"])
def test_every_page_fits_and_is_accessible(
    page: Page, live_server, study: Study, size, rest: str, accessible: Callable[[Page], None], complaints
):
    page.set_viewport_size(size)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/prompt-sets/{rest}")
    assert overflow(page) == 0
    accessible(page)
