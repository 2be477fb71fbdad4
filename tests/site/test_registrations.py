"""A rating method, a reader of replies or an import format that is registered is seen wherever such things are."""

import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command, load_command_class
from django.test import Client
from django.urls import reverse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

from annotation.exporting import study_formats
from annotation.exporting.study_formats import Writer
from annotation.forms.data import UploadForm
from annotation.importing import load
from annotation.interchange import registry
from annotation.interchange.format import Named, Record
from annotation.interchange.reading import Head
from annotation.interchange.registry import FORMATS
from annotation.models import Study
from judges.evolve.scenarios import SCENARIOS
from judges.forms.judges import JudgeForm
from judges.judging import judges, lookup
from judges.prompting.readers import READERS
from ranking.boards import compute, snapshots
from ranking.methods.registry import METHODS
from ranking.methods.settings import Settings
from ranking.pages import text
from ranking.pages.options import Asked, Names, switches
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import voted_study

DOCS = settings.BASE_DIR / "docs"


def named_in(table: Iterable[str]) -> set[str]:
    """What the rows of a Markdown table are about: the code in their first cells."""
    return {name for row in table for name in re.findall(r"`([^`]+)`", row.split("|")[1])}


def undocumented(names: Iterable[str]) -> set[str]:
    """Which of `names` no row has in the table of docs/ that is about most of them."""
    pages = (page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    tables = [named_in(found.splitlines()) for page in pages for found in re.findall(r"(?:^\|.*\n)+", page, re.M)]
    return set(names) - max(tables, key=lambda found: len(found & set(names)))


def command(app: str, name: str) -> str:
    """What a command says of itself with --help."""
    return load_command_class(app, name).create_parser("manage.py", name).format_help()


@pytest.mark.parametrize(
    "names", [METHODS, READERS, FORMATS, SCENARIOS], ids=["methods", "readers", "formats", "scenarios"]
)
def test_everything_registered_has_a_row_in_the_documentation(names: dict[str, object]) -> None:
    assert not undocumented(names)
    assert undocumented([*names, "coin-toss"]) == {"coin-toss"}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.django_db
def test_ratings_have_the_unit_that_their_method_is_registered_with(name: str) -> None:
    study = voted_study()
    more = {"baseline": Names.of(study).models[0]} if name == "baseline-win-rate" else {}
    if name == "elo-bootstrap":
        more = {"redraw": "permute"}
    groups = compute.compute(study, Filters(), Settings(method=name, **more)).sheet["groups"]
    assert {group["unit"] for group in groups} == {METHODS[name].unit}


@pytest.mark.django_db
def test_a_rating_method_appears_by_its_registration(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    coin_toss = replace(METHODS["bradley-terry"], label="Coin toss", help="Heads or tails.", unit="share")
    monkeypatch.setitem(METHODS, "coin-toss", coin_toss)
    study = voted_study()
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)

    offered = {str(choice.label): str(choice.about) for choice in switches(Asked(), Names.of(study)).methods.choices}
    assert offered["Coin toss"] == "Heads or tails."
    page = client.get(reverse("leaderboard", args=[study.slug])).content.decode()
    assert "Coin toss" in page
    assert "Heads or tails." in page
    assert text.method("coin-toss") == "Coin toss"
    chosen = Asked(method="coin-toss")
    assert "anchor" not in {select.field for select in switches(chosen, Names.of(study)).selects}

    assert "coin-toss" in command("ranking", "leaderboard")
    out = io.StringIO()
    call_command("leaderboard", study.slug, method="coin-toss", stdout=out)
    assert "Quillfinch-0" in out.getvalue()

    schema = SchemaGenerator().get_schema(request=None, public=True)
    asked = schema["paths"]["/api/studies/{slug}/leaderboards/"]["get"]["parameters"]
    assert "coin-toss" in next(each for each in asked if each["name"] == "method")["schema"]["enum"]
    address = f"/api/studies/{study.slug}/leaderboards/?method="
    assert client.get(f"{address}coin-toss").status_code == 200
    assert client.get(f"{address}dice").status_code == 400


@pytest.mark.django_db
def test_a_reader_of_replies_appears_by_its_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    shouted = replace(READERS["letter"], name="shouted", label="pairs: a shout", templates="pairs-json")
    monkeypatch.setitem(READERS, "shouted", shouted)
    assert dict(JudgeForm(None).fields["reader"].choices)["shouted"] == "pairs: a shout"
    assert "shouted" in command("judges", "judge-add")
    parser = load_command_class("judges", "judge").create_parser("manage.py", "judge")
    assert "shouted" in parser._option_string_actions["--reread"].choices
    assert lookup.templates_named("", "shouted").name == "pairs-json"

    values = {"endpoint": "http://127.0.0.1:9/v1", "model": "stand-in", "reader": "shouted"}
    template = lookup.templates_named("", "shouted")
    judge = judges.add_judge("crier", {**values, "template": template}, user=None)
    assert judge.current.reading is shouted


def test_a_label_is_told_in_the_readers_language() -> None:
    with translation.override("ja"):
        assert text.method("bradley-terry") == "Bradley-Terry"
        assert dict(JudgeForm.base_fields["reader"].choices)["letter"] != READERS["letter"].label
        assert text.method("average-win-rate") != METHODS["average-win-rate"].label


@pytest.mark.django_db
def test_an_import_format_appears_by_its_registration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, client: Client
) -> None:
    """A format of one kind of file, whose every line is the name of a model."""

    def recognised(head: Head) -> Named | None:
        return Named("crowd") if head.source.name.endswith(".crowd") else None

    def read(source: object, kind: str, progress: object) -> Iterable[Record]:
        for number, line in enumerate(source.path.read_text().splitlines(), 1):
            yield Record("models", number, {"id": number, "name": line, "org": "Nobody"})

    crowd = replace(
        FORMATS["llmfao"],
        name="crowd",
        label="Crowd files",
        help="one name a line.",
        kinds=("crowd",),
        recognised=recognised,
        read=read,
        rows={"crowd": ("models",)},
    )
    monkeypatch.setitem(FORMATS, "crowd", crowd)
    monkeypatch.setitem(study_formats.WRITERS, "crowd", Writer(lambda study: iter(()), lambda study: ""))

    assert "Crowd files: one name a line." in str(UploadForm.base_fields["exchange_files"].help_text)
    assert "crowd" in command("annotation", "load")
    assert "crowd" in command("annotation", "export")

    (tmp_path / "models.crowd").write_text("Quillfinch\nMarrowmere\n")
    report = load.load([tmp_path / "models.crowd"], study_slug="crowded", format_name="crowd")
    assert report.counts["models"].new == 2

    study = build_study()
    owner = User.objects.create_superuser("owner")
    client.force_login(owner)
    page = client.get(reverse("study-export", args=[study.slug])).content.decode()
    assert "All data as Crowd files" in page
    assert "Crowd files: one name a line." in client.get(reverse("study-data", args=[study.slug])).content.decode()


def test_a_second_format_of_one_name_is_refused() -> None:
    with pytest.raises(ValueError, match="registered already"):
        registry.register(replace(FORMATS["llmfao"]))
    with pytest.raises(ValueError, match="not registered"):
        study_formats.register(replace(FORMATS["llmfao"]), study_formats.WRITERS["mt-bench"])
