"""The administrator's work in a real browser, from the sign-in to the exported file."""

import re

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from annotation.importing import uploads
from annotation.models import Comparison, PairRun, Rater, Report, Status, Study, Upload, UploadState, Worker
from annotation.pair_making import background
from tests.annotation.exchange import write
from tests.annotation.study_pages import counted, give_votes, study_of
from tests.browser.conftest import NARROWEST, PHONE, overflow

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def surroundings(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "var"


@pytest.fixture
def files(tmp_path):
    """Writes the small study as files; returns them by name."""
    return {path.name: path for path in write(tmp_path / "files").iterdir()}


def sign_in(page: Page, live_server) -> None:
    """As `sign_in_by_the_form`, but without the form and what it takes."""
    client = Client()
    client.force_login(User.objects.get(username="olga"))
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    page.goto(f"{live_server.url}/studies/")
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()


def sign_in_by_the_form(page: Page, live_server) -> None:
    page.goto(f"{live_server.url}/studies/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("owner's password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()


def upload(page: Page, address: str, paths) -> None:
    page.goto(f"{address}/data/")
    page.get_by_label("Files", exact=True).set_input_files(paths)
    page.get_by_role("button", name="Check files").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    # The background task runs, and the open page updates itself.
    sent = Upload.objects.latest("pk")
    uploads.run(sent.pk)
    sent.refresh_from_db()
    if sent.state == UploadState.PROPOSED:
        if not page.get_by_role("button", name="Save rows").is_visible():
            page.reload()
        page.get_by_role("button", name="Save rows").click()
        uploads.run(sent.pk)


def test_from_an_empty_site_to_an_open_study_and_its_votes(page: Page, live_server, owner, files, complaints, tmp_path):
    sign_in_by_the_form(page, live_server)
    expect(page.get_by_text("No studies yet.")).to_be_visible()
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Name").fill("Ten small haiku")
    expect(page.get_by_label("Address")).to_have_value("ten-small-haiku")
    page.get_by_role("button", name="Create draft").click()
    address = f"{live_server.url}/studies/ten-small-haiku"
    expect(page).to_have_url(f"{address}/")

    page.get_by_role("link", name="Upload files").click()
    upload(page, address, [files["models.jsonl"], files["prompts.jsonl"], files["results.jsonl"]])
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    page.get_by_role("link", name="Go to overview").click()
    expect(page.get_by_text("3 models, 2 prompts, 6 answers")).to_be_visible()

    page.get_by_role("link", name="Make pairs").click()
    page.get_by_label("All: pair every two answers to a prompt").check()
    page.get_by_role("button", name="Make pairs").click()
    expect(page.get_by_text("Queued")).to_be_visible()
    background.run(PairRun.objects.get().pk, timezone.now())
    expect(page.get_by_text("6 pairs added. 0 already existed.")).to_be_visible()

    page.goto(f"{address}/start/")
    page.locator("main").get_by_role("button", name="Start study").click()
    expect(page.get_by_text("The study is now open.")).to_be_visible()
    study = Study.objects.get()
    assert study.status == Status.OPEN

    give_votes(study, 4, "PAT-1")
    page.get_by_role("link", name="Workers").first.click()
    expect(page.get_by_role("cell", name="PAT-1")).to_be_visible()

    page.get_by_role("link", name="Pause study").click()
    expect(page.get_by_text("Their vote still counts")).to_be_visible()
    page.get_by_role("button", name="Pause study").click()
    expect(page.get_by_text("The study is now paused.")).to_be_visible()
    study.refresh_from_db()
    assert study.status == Status.PAUSED


def test_a_downloaded_file_is_loaded_back(page: Page, live_server, owner, files, complaints, tmp_path):
    sign_in(page, live_server)
    for name in ("First", "Second"):
        page.goto(f"{live_server.url}/new-study/")
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Create draft").click()
    upload(page, f"{live_server.url}/studies/first", list(files.values()))
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    page.goto(f"{live_server.url}/studies/first/export/")
    main = page.locator("main section")
    links = [main.get_by_role("link", name=name, exact=True) for name in ("Models", "Prompts", "Answers", "Pairs")]
    links.append(page.get_by_role("row", name="People").get_by_role("link").first)
    saved = [save(page, link, tmp_path) for link in links]
    upload(page, f"{live_server.url}/studies/second", saved)
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    assert Comparison.objects.filter(study__slug="second").count() == 4


def save(page: Page, link, folder):
    with page.expect_download() as download:
        link.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_faults_are_shown_where_they_are(page: Page, live_server, owner, files, complaints, accessible):
    study_of(owner, opened=False)
    sign_in(page, live_server)
    files["models.jsonl"].write_text('{"id": 1, "name": "One"}\n{"id": 1, "name": "Two"}\n')
    upload(page, f"{live_server.url}/studies/haiku", [files["models.jsonl"]])
    row = page.get_by_role("row", name="models.jsonl").first
    expect(row).to_contain_text("2")
    expect(page.get_by_text("Nothing was saved")).to_be_visible()
    accessible(page)


def test_wording_is_previewed_without_leaving_the_page(page: Page, live_server, owner, complaints):
    study = study_of(owner)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/settings/")
    page.get_by_label("Instruction").fill("Say which one is **funnier**.\nThink twice.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#previews strong", has_text="funnier")).to_be_visible()
    study.refresh_from_db()
    assert study.instruction_version == 1
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    study.refresh_from_db()
    assert study.instruction == "Say which one is **funnier**.\nThink twice."
    assert (study.instruction_version, study.consent_version) == (2, 1), "the consent went back as it came"


def test_a_worker_is_excluded_and_included_again(page: Page, live_server, owner, complaints):
    study = study_of(owner)
    give_votes(study, 3)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/workers/")
    page.get_by_role("link", name=re.compile("^Exclude")).click()
    page.get_by_label("Reason").fill("Clicks left")
    page.get_by_role("button", name="Exclude").click()
    expect(page.get_by_text("excluded.")).to_be_visible()
    assert counted(study) == 0
    page.get_by_role("link", name=re.compile("^Include")).click()
    page.get_by_role("button", name="Include worker").click()
    expect(page.get_by_text("count again.")).to_be_visible()
    assert counted(study) == 3


@pytest.mark.parametrize("width", [1280, 900])
def test_the_table_of_workers_fits_its_page_whatever_their_ids_look_like(
    page: Page, live_server, owner, complaints, width
):
    study = study_of(owner)
    give_votes(study, 4, "5f3a9c0d7e1b2c4d6f8a9b01")
    give_votes(study, 1, "0123456789abcdef" * 12)
    Rater.objects.filter(worker__isnull=False).update(
        excluded_at=timezone.now(), exclusion_reason="Chose the left one every time, within a second"
    )
    Worker.objects.filter(pk=give_votes(study, 1, "still-there").pk).update(outcome="failed-training", stage="done")
    sign_in(page, live_server)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/studies/haiku/workers/")
    expect(page.get_by_role("cell", name="5f3a9c0d7e1b2c4d6f8a9b01")).to_be_visible()
    assert overflow(page) == 0


def test_the_link_for_workers_is_copied(page: Page, live_server, owner, complaints):
    study_of(owner)
    sign_in(page, live_server)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/studies/haiku/")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{live_server.url}/s/haiku/"


def test_coverage_follows_the_votes_while_the_page_is_open(page: Page, live_server, owner, complaints):
    study = study_of(owner, overlap=1)
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/pairs/")
    expect(page.get_by_text("0% covered")).to_be_visible()
    give_votes(study, 6)
    page.evaluate("htmx.trigger('#coverage', 'refresh')")
    expect(page.get_by_text("50% covered")).to_be_visible()


def test_without_javascript_a_study_is_made_filled_and_started(browser: Browser, live_server, owner, files):
    page = browser.new_context(java_script_enabled=False).new_page()
    sign_in_by_the_form(page, live_server)
    page.goto(f"{live_server.url}/new-study/")
    page.get_by_label("Name").fill("Plain haiku")
    page.get_by_role("button", name="Create draft").click()
    upload(page, f"{live_server.url}/studies/plain-haiku", list(files.values()))
    page.get_by_role("link", name="Reload").click()
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    page.goto(f"{live_server.url}/studies/plain-haiku/start/")
    page.locator("main").get_by_role("button", name="Start study").click()
    expect(page.get_by_text("The study is now open.")).to_be_visible()


PAGES = (
    "",
    "data/",
    "data/flags/",
    "pairs/",
    "workers/",
    "workers/reports/",
    "workers/0/exclude/",
    "workers/0/include/",
    "settings/wording/",
    "settings/screen/",
    "settings/pairs/",
    "settings/platform/",
    "settings/access/",
    "export/",
    "start/",
    "pause/",
    "close/",
    "delete/",
)


def test_every_page_is_accessible_and_fits_a_phone(page: Page, live_server, owner, complaints, accessible):
    study = study_of(owner)
    worker = give_votes(study, 4, "PAT-1")
    Report.objects.create(study=study, pair=study.pairs.all()[0], worker=worker, kind="named", comment="Look at B.")
    Rater.objects.create(study=study, kind="judge", name="robin")
    sign_in(page, live_server)
    for path in ("/studies/", "/new-study/", *(f"/studies/haiku/{path}" for path in PAGES)):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(live_server.url + path)
        accessible(page)
        for size in (PHONE, NARROWEST):
            page.set_viewport_size(size)
            assert overflow(page) <= 0, (path, size)
    page.emulate_media(color_scheme="dark")
    for path in PAGES[:5]:
        page.goto(f"{live_server.url}/studies/haiku/{path}")
        accessible(page)
