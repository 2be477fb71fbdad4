"""Files are dropped, read in the way a person says, checked and stored; and rows are edited by hand, in a browser."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from annotation.importing import uploads
from annotation.models import LanguageModel, Pair, Prompt, Result, Study, Upload
from tests.annotation.exchange import CORPUS, FILES
from tests.annotation.study_pages import study_of
from tests.browser.conftest import PHONE, WIDE, overflow
from tests.browser.test_administrator_journey import sign_in
from tests.builders import add_golden_pairs

pytestmark = pytest.mark.django_db(transaction=True)

QUESTIONS = "nr;what\n1;Où est le café ?\n2;Why?\n".encode("cp1252")


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner: User) -> Study:
    return study_of(owner, models=2, prompts=2, opened=False)


@pytest.fixture
def empty(owner: User) -> Study:
    return study_of(owner, models=0, prompts=0, opened=False)


def drop(page: Page, **files: bytes) -> None:
    """Drops files on the zone, as a person does from a folder."""
    contents = [[name.replace("__", "."), base64.b64encode(text).decode()] for name, text in files.items()]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        contents,
    )
    for event in ("dragover", "drop"):
        page.dispatch_event("[data-drop]", event, {"dataTransfer": transfer})


def check(page: Page) -> Upload:
    """Presses the button, does what the background would, and returns the upload."""
    page.get_by_role("button", name="Check").click()
    page.wait_for_url("**/data/uploads/**")
    return work(page)


def work(page: Page) -> Upload:
    expect(page.get_by_text("Queued")).to_be_visible()
    upload = Upload.objects.latest("pk")
    uploads.run(upload.pk)
    upload.refresh_from_db()
    return upload


def test_dropped_files_are_checked_and_stored_by_one_more_click(page: Page, live_server, empty: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/")
    drop(page, models__jsonl=FILES["models.jsonl"].encode())
    drop(page, **{name.replace(".", "__"): FILES[name].encode() for name in CORPUS if name != "models.jsonl"})
    expect(page.locator(".chosen li")).to_have_count(len(CORPUS))
    check(page)
    expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
    expect(page.get_by_role("heading", name="2 pairs as workers would see them")).to_be_visible()
    expect(page.get_by_role("paragraph").filter(has_text="Answer of 7 to 5")).to_be_visible()
    assert not Result.objects.exists()
    page.get_by_role("button", name="Save rows").click()
    work(page)
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    assert Result.objects.count() == 6


def test_a_strangers_file_is_mapped_by_hand(page: Page, live_server, empty: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/")
    drop(page, questions__csv=QUESTIONS)
    check(page)
    expect(page.get_by_text("No format recognises this file.").first).to_be_visible()
    expect(page.get_by_role("cell", name="1;Où est le café ?")).to_be_visible()
    expect(page.get_by_label("Separator")).to_have_value(";")
    assert not Prompt.objects.exists()
    page.get_by_label("What it holds").select_option("prompts")
    expect(page.get_by_label("Encoding")).to_have_value("windows-1252")
    page.get_by_role("button", name="Check again").click()
    work(page)
    page.get_by_label("id optional").select_option("nr")
    page.get_by_label("text optional").select_option("what")
    page.get_by_role("button", name="Check again").click()
    work(page)
    expect(page.get_by_text("The files are checked and fit.")).to_be_visible()
    page.get_by_role("button", name="Save rows").click()
    work(page)
    expect(page.get_by_text("Upload complete.")).to_be_visible()
    assert Prompt.objects.get(number=1).text == "Où est le café ?"


def test_errors_are_shown_with_line_field_and_row(page: Page, live_server, empty: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/")
    drop(page, models__jsonl=b'{"id": 1, "name": "A"}\n{"id": "two", "name": "B"}\n')
    check(page)
    row = page.locator("table.faults").get_by_role("row").nth(1)
    for told in ("models.jsonl", "2", "id", "Expected a whole number"):
        expect(row).to_contain_text(told)
    expect(page.get_by_role("button", name="Save rows")).to_have_count(0)
    assert not LanguageModel.objects.exists()


def test_files_are_uploaded_without_scripts(browser: Browser, live_server, empty: Study, tmp_path: Path):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/")
    path = tmp_path / "models.jsonl"
    path.write_text('{"id": 1, "name": "A"}\n')
    page.get_by_label("Files", exact=True).set_input_files(path)
    check(page)
    page.reload()
    page.get_by_role("button", name="Save rows").click()
    work(page)
    assert LanguageModel.objects.get().name == "A"


def test_a_template_is_there_for_each_kind(page: Page, live_server, study: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/")
    page.get_by_text("Templates and example rows").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="pairs-training.jsonl").click()
    assert "golden" in Path(started.value.path()).read_text()


def test_rows_are_added_changed_and_copied_by_hand(page: Page, live_server, study: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/prompt-sets/haiku/")
    page.get_by_role("link", name="View and edit models").click()
    page.get_by_role("link", name="Add model").click()
    page.get_by_label("Name").fill("Ptarmigan")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("Name").fill("Rock ptarmigan")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Rock ptarmigan")).to_be_visible()
    page.goto(f"{live_server.url}/prompt-sets/haiku/answers/?q=Answer+0+to+prompt+0")
    page.get_by_role("link", name="Answer 0 to prompt 0.").click()
    page.get_by_role("textbox", name="Answer", exact=False).first.fill("A **better** answer.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".sheet strong")).to_have_text("better")
    page.get_by_role("button", name="Save as the next sample").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Result.objects.get(text="A **better** answer.").sample == 1


def test_a_training_pair_is_written_by_hand(page: Page, live_server, study: Study, complaints):
    sign_in(page, live_server)
    page.goto(f"{live_server.url}/studies/haiku/data/training/")
    page.get_by_role("link", name="Add training pair").click()
    page.get_by_label("Prompt", exact=True).select_option(index=1)
    page.get_by_label("Prompt as shown").fill("Which is shorter?")
    page.get_by_label("Model of answer x").select_option(index=1)
    page.get_by_label("Answer x", exact=True).fill("Long.")
    page.get_by_label("Model of answer y").select_option(index=2)
    page.get_by_label("Answer y", exact=True).fill("S.")
    page.get_by_label("Golden answer").select_option("y")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="What workers see")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert Pair.objects.get(purpose="training").own_text == "Which is shorter?"


def places(study: Study) -> dict[str, str]:
    """Returns the addresses of the pages, by name, with an upload that waits for a choice among them."""
    (training,) = add_golden_pairs(study, ["x"])
    result, prompt = study.prompt_set.results.order_by("pk")[0], study.prompt_set.prompts.order_by("pk")[0]
    free = LanguageModel.objects.create(prompt_set=study.prompt_set, number=5, name="Ptarmigan")
    data = "/studies/haiku/data/"
    return {
        "data": data,
        "training": f"{data}training/",
        "training-pair": f"{data}training/{training.number}/",
        "check-new": f"{data}check/new/",
        "models": "/prompt-sets/haiku/models/",
        "model": f"/prompt-sets/haiku/models/{free.number}/",
        "prompt": f"/prompt-sets/haiku/prompts/{prompt.number}/",
        "prompts": "/prompt-sets/haiku/prompts/",
        "answers": "/prompt-sets/haiku/answers/",
        "answer": f"/prompt-sets/haiku/answers/{result.number}/",
        "answer-new": "/prompt-sets/haiku/answers/new/",
    }


def two_uploads(study: Study) -> dict[str, str]:
    """Returns the addresses of an upload with an error and one that waits for its confirmation."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    found = {}
    for name, files in {
        "upload-faulty": {"questions.csv": QUESTIONS},
        "upload-proposed": {name: FILES[name].encode() for name in CORPUS},
    }.items():
        sent = [SimpleUploadedFile(file, text) for file, text in files.items()]
        upload = uploads.propose(study, study.owner, sent)
        uploads.run(upload.pk)
        found[name] = f"/studies/haiku/data/uploads/{upload.pk}/"
    return found


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_and_is_accessible(
    page: Page, live_server, study: Study, size, scheme, accessible: Callable[[Page], None], complaints
):
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    sign_in(page, live_server)
    wide = {}
    for name, address in (places(study) | two_uploads(study)).items():
        page.goto(f"{live_server.url}{address}")
        if folder := os.environ.get("PICTURES"):
            page.screenshot(path=f"{folder}/{name}-{size['width']}-{scheme}.png", full_page=True)
        if overflow(page):
            wide[name] = overflow(page)
        accessible(page)
    assert not wide
