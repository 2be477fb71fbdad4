"""Answers of a model in a table: the model is a column, the file's name, or asked for."""

import json
from pathlib import Path

import pytest

from annotation.importing import load
from annotation.importing.proposals import Choice
from annotation.interchange.faults import Fault
from annotation.interchange.format import Named
from annotation.interchange.formats import answers_file
from annotation.interchange.reading import Source, look
from annotation.models import LanguageModel, Prompt, Result

ROWS = "Prompt,Response\nName a bird.,A wren.\nName a fish.,A carp.\n"


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def recognised(path: Path) -> Named | None:
    head = look(Source(path.name, path))
    assert not isinstance(head, Fault)
    return answers_file.recognised(head)


@pytest.mark.parametrize(
    ("name", "asks"), [("acme-7b.csv", ()), ("answers.csv", ("model",)), ("My Prompts (1).csv", ("model",))]
)
def test_a_file_that_does_not_say_whose_answers_it_has_is_asked_about(
    tmp_path: Path, name: str, asks: tuple[str, ...]
) -> None:
    found = recognised(written(tmp_path, name, ROWS))
    assert found is not None
    assert found.asks == asks
    assert found.columns == {"Prompt": "prompt", "Response": "response"}


def test_a_table_without_answers_is_another(tmp_path: Path) -> None:
    assert recognised(written(tmp_path, "x.csv", "prompt,model\nName a bird.,Fern\n")) is None


@pytest.mark.django_db
def test_answers_of_two_models_meet_at_one_prompt(tmp_path: Path) -> None:
    load.load([written(tmp_path, "acme-7b.csv", ROWS)], study_slug="birds")
    other = ROWS.replace("A wren.", "An owl.").replace("A carp.", "A pike.")
    load.load([written(tmp_path, "answers.csv", other)], study_slug="birds", choice=Choice(model="Moss"))
    assert set(LanguageModel.objects.values_list("name", flat=True)) == {"acme-7b", "Moss"}
    assert set(Prompt.objects.values_list("text", flat=True)) == {"Name a bird.", "Name a fish."}
    assert set(Result.objects.values_list("model__name", "prompt__text", "text")) == {
        ("acme-7b", "Name a bird.", "A wren."),
        ("acme-7b", "Name a fish.", "A carp."),
        ("Moss", "Name a bird.", "An owl."),
        ("Moss", "Name a fish.", "A pike."),
    }
    again = load.load([tmp_path / "acme-7b.csv"], study_slug="birds")
    assert again.upload is None


@pytest.mark.django_db
def test_several_turns_an_id_and_a_reference_are_kept(tmp_path: Path) -> None:
    row = {
        "question_id": "q-7",
        "prompt": [{"role": "user", "content": "Name a bird."}],
        "response": "A wren.",
        "model": "Fern",
        "category": "birds",
        "reference": "A wren",
    }
    load.load([written(tmp_path, "x.jsonl", json.dumps(row) + "\n")], study_slug="birds", format_name="answers")
    prompt = Prompt.objects.get()
    assert (prompt.text, prompt.slug, prompt.type, prompt.references) == ("Name a bird.", "q-7", "birds", ["A wren"])


@pytest.mark.django_db
def test_an_empty_prompt_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(load.FaultyFiles) as found:
        load.load([written(tmp_path, "acme-7b.csv", ROWS + " ,Something\n")], study_slug="birds", format_name="answers")
    fault = found.value.faults.listed[0]
    assert (fault.line, fault.field) == (4, "prompt")
    assert not Prompt.objects.exists()
