"""Downloads on the administrator's pages."""

import csv
import html
import io
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from annotation.exporting import export, payments
from annotation.importing import uploads
from annotation.models import Comparison, Rater, RaterKind, Study, Upload, UploadState
from annotation.studies import drafts
from tests.annotation.exchange import FILES
from tests.annotation.study_pages import give_votes, study_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    """Gives each test its own folder: uploads of rolled-back tests have the same numbers."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


@pytest.fixture
def study(owner):
    return study_of(owner)


def download(client, what, query="", study="haiku"):
    return client.get(f"/studies/{study}/export/{what}/{query}")


def named(response):
    return response.headers["Content-Disposition"].partition('filename="')[2].rstrip('"')


@pytest.mark.parametrize(("what", "query", "name"), [
    ("models", "", "models.jsonl"),
    ("prompts", "", "prompts.jsonl"),
    ("results", "", "results.jsonl"),
    ("pairs", "", "pairs.jsonl"),
    ("pairs", "?training=1", "pairs-training.jsonl"),
    ("pairs", "?check=1", "pairs-check.jsonl"),
    ("comparisons", "", "people-comparisons.csv"),
    ("comparisons", "?raters=all", "all-comparisons.csv"),
    ("comparisons", "?full=1", "people-full-comparisons.csv"),
    ("payments", "", "payments.csv"),
])  # fmt: skip
def test_every_file_has_its_name_and_is_what_the_command_writes(client, study, what, query, name):
    give_votes(study, 3)
    response = download(client, what, query)
    assert response.status_code == 200
    assert named(response) == name
    wishes = dict.fromkeys(query.lstrip("?").partition("=")[:1], True) if query and "raters" not in query else {}
    raters = {"raters": "all"} if "raters" in query else {}
    written = payments.payments(study) if what == "payments" else export.export(study, what, **wishes, **raters)
    assert response.getvalue().decode("utf-8-sig") == "".join(written)


def test_what_is_no_export_is_not_found(client, study):
    assert download(client, "passwords").status_code == 404


def test_a_judge_that_is_not_there_is_explained(client, study):
    response = download(client, "comparisons", "?raters=nobody")
    assert response.status_code == 409
    assert "is named “nobody”" in text_of(response)


def test_a_judge_whose_name_no_database_could_hold_is_not_there_either(client, study):
    assert download(client, "comparisons", "?raters=%00").status_code == 409


def test_the_page_offers_each_judge(client, study):
    Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="robin & co")
    assert "?raters=robin%20%26%20co" in text_of(client.get("/studies/haiku/export/"))


def test_simulated_votes_are_not_passed_off_as_real_ones(client, study):
    worker = give_votes(study, 3)
    Rater.objects.filter(pk=worker.pk).update(simulated=True)
    refused = download(client, "comparisons")
    assert refused.status_code == 409
    assert "Some of these votes are simulated" in text_of(refused)
    assert 'href="?simulated=1"' in text_of(refused)
    rows = list(csv.DictReader(io.StringIO(download(client, "comparisons", "?simulated=1").getvalue().decode())))
    assert [row["simulated"] for row in rows] == ["true"] * 3


def test_the_page_offers_the_marked_file_where_votes_are_simulated(client, study):
    worker = give_votes(study, 3)
    Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="owl")
    page = text_of(client.get("/studies/haiku/export/"))
    assert "simulated" not in page
    Rater.objects.filter(pk=worker.pk).update(simulated=True)
    page = text_of(client.get("/studies/haiku/export/"))
    addresses = re.findall(r'href="(/studies/haiku/export/comparisons/[^"]*)"', page)
    assert len(addresses) == 12
    for address in addresses:
        assert client.get(html.unescape(address)).status_code == 200, address


def test_no_link_of_a_page_hides_a_refusal_from_the_browser():
    """A browser that follows a link with `download` to a page saves nothing and says nothing."""
    assert not [
        path for path in Path("templates").rglob("*.html") if re.search(r"<a [^>]* download\b", path.read_text())
    ]


@pytest.mark.parametrize(("address", "marked"), [
    ("export/payments/", True),
    ("workers.csv", True),
    ("workers/reports.csv", True),
    ("data/flags.csv", True),
    ("export/comparisons/", False),
    ("pairs/coverage.csv", False),
])  # fmt: skip
def test_files_for_people_open_right_in_excel_and_either_can_be_chosen(client, study, address, marked):
    mark = b"\xef\xbb\xbf"
    address = f"/studies/haiku/{address}"
    assert client.get(address).getvalue().startswith(mark) is marked
    assert client.get(f"{address}?bom=1").getvalue().startswith(mark)
    assert not client.get(f"{address}?bom=0").getvalue().startswith(mark)


def test_data_that_is_no_csv_has_no_mark(client, study):
    assert client.get("/studies/haiku/export/models/?bom=1").getvalue().startswith(b"{")


def test_the_command_writes_the_mark_on_request(study, tmp_path):
    for options, marked in (([], False), (["--excel"], True)):
        call_command("export", "payments", "haiku", "-o", str(tmp_path / "p.csv"), *options)
        assert (tmp_path / "p.csv").read_bytes().startswith(b"\xef\xbb\xbf") is marked
    with pytest.raises(CommandError, match="CSV"):
        call_command("export", "models", "haiku", "--excel")


def test_a_downloaded_study_can_be_uploaded_as_another(client, owner):
    for slug in ("first", "second"):
        drafts.draft_study(owner, name=slug, slug=slug, language="en", prompt_set=None)
    upload(client, "first", {name: text.encode() for name, text in FILES.items()})
    wanted = [("models", ""), ("prompts", ""), ("results", ""), ("pairs", ""), ("pairs", "?training=1")]
    wanted += [("comparisons", ""), ("comparisons", "?raters=robin")]
    files = {}
    for what, query in wanted:
        response = download(client, what, query, "first")
        files[named(response)] = response.getvalue()
    upload(client, "second", files)
    for what, query in wanted:
        assert download(client, what, query, "second").getvalue() == download(client, what, query, "first").getvalue()
    assert Comparison.objects.filter(study__slug="second").count() == 6


def upload(client, study, files):
    sent = [SimpleUploadedFile(name, content) for name, content in files.items()]
    client.post(f"/studies/{study}/data/", {"exchange_files": sent})
    sent_last = Upload.objects.latest("pk").pk
    uploads.run(sent_last)
    client.post(f"/studies/{study}/data/uploads/{sent_last}/store/")
    uploads.run(sent_last)
    assert Upload.objects.latest("pk").state == UploadState.STORED, Upload.objects.latest("pk").report
    assert Study.objects.get(slug=study).prompt_set.results.count() == 6
