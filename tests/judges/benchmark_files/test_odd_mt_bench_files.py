"""MT-bench files as they are found: ids as text, names that a disk takes for one, turns and references that lack."""

import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from annotation.importing import load
from annotation.models import LanguageModel, Prompt
from judges.formats.mt_bench import distinct_stems
from judges.models import Judgment
from tests.judges import benchmark

pytestmark = pytest.mark.django_db


def loaded(folder: Path, study: str = "bench") -> load.Report:
    return load.load([folder], study_slug=study, format_name="mt-bench")


def written(slug: str, folder: Path) -> Path:
    call_command("export", slug, format="mt-bench", output=folder, stdout=io.StringIO())
    return folder


def changed(rows: dict[str, list[dict[str, Any]]], part: str, **values: Any) -> dict[str, list[dict[str, Any]]]:
    """Returns `rows` with `values` in every row of the files whose names contain `part`."""
    return {name: [row | values if part in name else row for row in some] for name, some in rows.items()}


def test_ids_as_text_are_the_same_ids_and_come_back_as_text(tmp_path: Path) -> None:
    rows = benchmark.files("ja")
    rows = {name: [row | {"question_id": str(row["question_id"])} for row in some] for name, some in rows.items()}
    report = loaded(benchmark.write(tmp_path / "in", rows))
    assert report.counts["grades"].new > 0
    assert all(isinstance(number, int) for number in Prompt.objects.values_list("number", flat=True))
    assert benchmark.read(written("bench", tmp_path / "out")) == rows


@pytest.mark.parametrize("given", ["", "8a", "079", "1.0", "７９", " 79", "9" * 20, True, 1.5])
def test_other_texts_are_no_ids(tmp_path: Path, given: object) -> None:
    rows = benchmark.files()
    rows["question.jsonl"][0]["question_id"] = given
    with pytest.raises(load.FaultyFiles) as error:
        loaded(benchmark.write(tmp_path, rows))
    assert ("question.jsonl", "question_id") in {(fault.file, fault.field) for fault in error.value.faults.listed}


def test_the_same_judgment_with_its_id_as_text_is_the_same_judgment(tmp_path: Path) -> None:
    rows = benchmark.files()
    loaded(benchmark.write(tmp_path / "in", rows))
    texts = {
        name: [row | {"question_id": str(row["question_id"])} for row in some]
        for name, some in rows.items()
        if "judgment" in name
    }
    before = Judgment.objects.count()
    assert loaded(benchmark.write(tmp_path / "again", texts)).upload is None
    assert Judgment.objects.count() == before


@pytest.mark.parametrize("part", ["_single", "_pair"])
def test_a_judgment_of_a_turn_that_the_question_does_not_have_is_refused(tmp_path: Path, part: str) -> None:
    rows = changed(benchmark.files(), part, turn=3)
    with pytest.raises(load.FaultyFiles, match=r"has 2 turns, so turn 3 does not exist"):
        loaded(benchmark.write(tmp_path, rows))


def test_references_without_the_last_turn_are_counted(tmp_path: Path) -> None:
    rows = benchmark.files()
    short = [
        row | {"choices": [{"index": 0, "turns": row["choices"][0]["turns"][:1]}]}
        for name, some in rows.items()
        if name.startswith("reference_answer")
        for row in some
    ]
    assert short
    rows |= {name: short for name in rows if name.startswith("reference_answer")}
    report = loaded(benchmark.write(tmp_path, rows))
    assert report.passed_over["references-of-fewer-turns"] == len(short)
    assert f"references without the last turn: {len(short)}" in load.told_passed_over(report.passed_over)


def test_equal_rows_are_told_apart_from_rows_that_a_later_one_replaces(tmp_path: Path) -> None:
    rows = benchmark.files()
    name = next(name for name in rows if name.endswith("_single.jsonl"))
    first = rows[name][0]
    rows[name] = [first, *rows[name], rows[name][1] | {"tstamp": 1.0}]
    report = loaded(benchmark.write(tmp_path, rows))
    assert report.repeated[name].count == 1
    assert report.passed_over["surplus-rows"] == 1


def test_models_whose_names_differ_only_in_case_do_not_share_a_file(tmp_path: Path) -> None:
    rows = benchmark.files()
    name = next(name for name in rows if name.startswith("model_answer"))
    stem = name.rpartition("/")[2].removesuffix(".jsonl")
    other = stem.upper() if stem.upper() != stem else stem.lower()
    rows[f"model_answer/{other}.jsonl"] = [row | {"model_id": other} for row in rows[name]]
    loaded(benchmark.write(tmp_path / "in", rows))
    out = written("bench", tmp_path / "out")
    files = [str(path.relative_to(out)).casefold() for path in out.rglob("*.jsonl")]
    assert len(set(files)) == len(files)
    loaded(out, "again")
    names = LanguageModel.objects.filter(prompt_set__slug="again").values_list("name", flat=True)
    assert {stem, other} <= set(names)
    assert benchmark.read(written("again", tmp_path / "third")) == benchmark.read(out)


def test_no_two_file_names_are_one_on_any_disk() -> None:
    names = [
        "alder",
        "Alder",
        "ALDER",
        "alder~2",
        "alder ",
        "alder.",
        "café",
        unicodedata.normalize("NFD", "café"),
        "Straße",
        "STRASSE",
    ]
    stems = distinct_stems(names)
    assert stems[0] == "alder"
    folded = {
        unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold()).rstrip(". ") for stem in stems
    }
    assert len(folded) == len(names)
    assert distinct_stems(["alder"], ["Alder"]) == ["alder~2"]


def test_a_file_whose_name_was_made_distinct_belongs_to_the_model_that_its_rows_name(tmp_path: Path) -> None:
    rows = benchmark.files()
    name = next(name for name in rows if name.startswith("model_answer"))
    text = "".join(json.dumps(row | {"model_id": "Alder"}) + "\n" for row in rows[name])
    folder = benchmark.write(tmp_path, rows)
    (folder / "model_answer" / "Alder~2.jsonl").write_text(text)
    loaded(folder)
    assert LanguageModel.objects.filter(name="Alder").exists()
    assert not LanguageModel.objects.filter(name__contains="~").exists()
