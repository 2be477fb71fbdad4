"""Every kind of invalid row is reported with file, line, field and reason, and nothing is stored."""

from pathlib import Path
from typing import Any

import pytest

from annotation.importing import load
from annotation.models import LanguageModel, PromptSet, Study, Upload
from tests.annotation import exchange
from tests.annotation.exchange import CROWD, JUDGE, MODELS, PAIRS, PROMPTS, RESULTS, TRAINING, jsonl

pytestmark = pytest.mark.django_db


def changed(rows: list[dict[str, Any]], index: int, **values: Any) -> str:
    return jsonl([{**row, **values} if place == index else row for place, row in enumerate(rows)])


def without(rows: list[dict[str, Any]], index: int, key: str) -> str:
    return jsonl([{k: v for k, v in row.items() if k != key or place != index} for place, row in enumerate(rows)])


CASES: list[tuple[dict[str, Any], str]] = [
    ({"models": changed(MODELS, 1, id=7)}, 'models.jsonl:2: api_id: ID 7 is already stored with "ostrava'),
    ({"models": jsonl([*MODELS, {**MODELS[0], "name": "Elm"}])}, "models.jsonl:4: name: ID 7 is already stored with"),
    ({"models": changed(MODELS, 1, name="Alder 7B")}, "models.jsonl:2: name: Model 7 already has this name"),
    ({"models": changed(MODELS, 0, id=2**63)}, "models.jsonl:1: id: Expected a whole number between"),
    ({"models": changed(MODELS, 0, id=-(2**63))}, "models.jsonl:1: id: Expected a whole number between"),
    ({"models": changed(MODELS, 0, id=True)}, "models.jsonl:1: id: Expected a whole number, not true."),
    ({"models": changed(MODELS, 0, id=7.0)}, "models.jsonl:1: id: Expected a whole number, not 7.0."),
    ({"models": changed(MODELS, 0, id="7")}, 'models.jsonl:1: id: Expected a whole number, not "7".'),
    ({"models": without(MODELS, 2, "name")}, "models.jsonl:3: name: This required column is missing."),
    ({"models": changed(MODELS, 0, name=" ")}, "models.jsonl:1: name: The name cannot be empty"),
    ({"models": changed(MODELS, 0, org=5)}, "models.jsonl:1: org: Expected text or null, not 5."),
    ({"models": changed(MODELS, 0, price=-1)}, "models.jsonl:1: price: Expected a number of 0 or more"),
    ({"models": changed(MODELS, 0, released="31.1.2025")}, "models.jsonl:1: released: Expected a date such as"),
    ({"models": changed(MODELS, 0, released="20250131")}, "models.jsonl:1: released: Expected a date such as"),
    (
        {"models": b'{"id": 7, "name": "\xff"}\n'},
        "models.jsonl:1: Byte 20 of this line is not valid UTF-8. Save the file as UTF-8.",
    ),
    ({"models": ""}, "models.jsonl: The file is empty."),
    ({"models": '{"id": 7, "name": "a", "price": 1e999}\n'}, "models.jsonl:1: The number is too large."),
    ({"models": '{"id": 7, "name": "a\\u0000"}\n'}, "models.jsonl:1: This row contains a NUL character"),
    ({"prompts": changed(PROMPTS, 0, text=None)}, "prompts.jsonl:1: text: Expected text, not null."),
    ({"prompts": changed(PROMPTS, 0, lang="not a tag")}, "prompts.jsonl:1: lang: Expected a language tag such as"),
    ({"prompts": changed(PROMPTS, 0, turns="x")}, "prompts.jsonl:1: turns: Expected a list of texts"),
    (
        {"results": changed(RESULTS, 0, model=99)},
        "results.jsonl:1: model: No model in the files or the study has the ID 99",
    ),
    (
        {"results": changed(RESULTS, 3, prompt=99)},
        "results.jsonl:4: prompt: No prompt in the files or the study has the ID 99",
    ),
    (
        {"results": changed(RESULTS, 0, name="Elm")},
        'results.jsonl:1: name: The item that this row refers to has "Alder 7B" in this column',
    ),
    (
        {"results": changed(RESULTS, 0, slug="x")},
        'results.jsonl:1: slug: The item that this row refers to has "haiku" in this column',
    ),
    (
        {"results": changed(RESULTS, 1, id=100)},
        "results.jsonl:2: model: ID 100 is already stored with 7 in this column",
    ),
    (
        {"results": jsonl([*RESULTS, {**RESULTS[0], "result": "x"}])},
        "results.jsonl:7: result: ID 100 is already stored with",
    ),
    ({"results": changed(RESULTS, 0, duration="fast")}, "results.jsonl:1: duration: Expected a number or null"),
    ({"results": jsonl(RESULTS).replace("12.5", "NaN", 1)}, "results.jsonl:1: NaN is not valid JSON"),
    (
        {"pairs": changed(PAIRS, 0, result_x="Never said.")},
        "pairs.jsonl:1: result_x: Model 7 has no answer to prompt 5",
    ),
    ({"pairs": changed(PAIRS, 1, text="Other.")}, "pairs.jsonl:2: text: The item that this row refers to has"),
    (
        {"pairs": changed(PAIRS, 1, note="Other.")},
        "pairs.jsonl:2: note: The item that this row refers to has null in this column",
    ),
    ({"pairs": changed(PAIRS, 0, model_y=7)}, "pairs.jsonl:1: model_y: The two models must be different."),
    ({"pairs": changed(PAIRS, 1, id=0)}, "pairs.jsonl:2: model_x: The stored pair with this ID has 7 in this column"),
    ({"pairs": without(PAIRS, 0, "result_y")}, "pairs.jsonl:1: result_y: This required column is missing."),
    (
        {"pairs_training": changed(TRAINING, 0, golden="x")},
        "pairs-training.jsonl:1: golden: Expected left, right or tie",
    ),
    (
        {"pairs_training": changed(TRAINING, 0, id=4)},
        "pairs-training.jsonl:1: id: The stored pair with this ID has the purpose",
    ),
    (
        {"pairs_training": changed(TRAINING, 1, id=-1)},
        "pairs-training.jsonl:2: golden: The stored pair with this ID has",
    ),
    (
        {"pairs_check": changed(TRAINING, 0, id=-1)},
        "pairs-check.jsonl:1: id: The stored pair with this ID has the purpose",
    ),
    (
        {"crowd_comparisons": CROWD.replace("left,Alder", "won,Alder", 1)},
        "crowd-comparisons.csv:2: winner: Expected left, right",
    ),
    (
        {"crowd_comparisons": CROWD.replace(",0,left", ",,left")},
        "crowd-comparisons.csv:2: worker: A worker number is required",
    ),
    (
        {"crowd_comparisons": CROWD.replace(",0,left", ",one,left")},
        "crowd-comparisons.csv:2: worker: Expected a whole number",
    ),
    (
        {"crowd_comparisons": CROWD.replace("tie,command", "tie,Elm")},
        "crowd-comparisons.csv:4: left: Model 12 is named",
    ),
    (
        {"crowd_comparisons": CROWD.replace("0,5,3,7", "0,2,3,7")},
        "crowd-comparisons.csv:3: prompt: Pair 0 belongs to prompt 5",
    ),
    (
        {"crowd_comparisons": CROWD.replace("4,5,12,7", "4,5,12,3").replace("command,Alder 7B", "command,'=Birch")},
        "crowd-comparisons.csv:4: model_x: Pair 4 compares models 12 and 7",
    ),
    (
        {"crowd_comparisons": CROWD.replace("9,2,3,12", "-1,2,3,12")},
        "crowd-comparisons.csv:5: id: Pair -1 is a training",
    ),
    ({"crowd_comparisons": CROWD + "0,5,7,3,0,right,,\n"}, "crowd-comparisons.csv:6: left: Model 7 is named"),
    (
        {"crowd_comparisons": CROWD + "0,5,7,3,0,tie,Alder 7B,'=Birch\n"},
        "crowd-comparisons.csv:6: winner: This rater already answered this pair with left, not tie.",
    ),
    (
        {"crowd_comparisons": CROWD + "0,5,3,7,0,right,'=Birch,Alder 7B\n"},
        "crowd-comparisons.csv:6: model_x: This rater already answered this pair with the sides swapped.",
    ),
    ({"crowd_comparisons": CROWD + "1,2\n"}, "crowd-comparisons.csv:6: Expected 8 cells"),
    (
        {"crowd_comparisons": CROWD.replace("winner", "won", 1)},
        "crowd-comparisons.csv:1: winner: This required column is missing.",
    ),
    ({"crowd_comparisons": "worker,voted\n"}, "crowd-comparisons.csv:1: model_x: This required column is missing."),
    (
        {"crowd_comparisons": CROWD.replace(",right\n", ",ri\0ght\n", 1)},
        "crowd-comparisons.csv:1: A column name contains",
    ),
    ({"models": changed(MODELS, 1, name="木" * 501)}, "models.jsonl:2: name: The name can have at most 500 characters"),
    (
        {"crowd_comparisons": CROWD.replace(",left,right", ",left,left")},
        "crowd-comparisons.csv:1: A column name appears",
    ),
    ({"robin_crowd_comparisons": ""}, "robin-crowd-comparisons.csv: The file is empty."),
    (
        {"robin_crowd_comparisons": JUDGE + "0,5,7,3,left,Alder 7B,'=Birch\n"},
        "robin-crowd-comparisons.csv:4: winner: This",
    ),
]


@pytest.mark.parametrize(("files", "expected"), CASES, ids=[expected for _files, expected in CASES])
def test_a_fault_is_told_and_nothing_is_stored(tmp_path: Path, files: dict[str, Any], expected: str) -> None:
    exchange.write(tmp_path, **files)
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    told = [load.worded(fault) for fault in caught.value.faults.listed]
    assert any(line.startswith(expected) for line in told), told
    assert not Study.objects.exists()
    assert not PromptSet.objects.exists()
    assert not Upload.objects.exists()
    assert not LanguageModel.objects.exists()


def test_a_pair_without_a_file_needs_exactly_one_result_of_each_model(tmp_path: Path) -> None:
    second = exchange.result(500, MODELS[0], PROMPTS[0], "Another answer.")
    exchange.write(tmp_path, results=jsonl([*RESULTS, second]), pairs=None)
    with pytest.raises(
        load.FaultyFiles, match=r"so model 7 must have exactly one answer to prompt 5\. It has 2"
    ) as caught:
        load.load([tmp_path], study_slug="trees")
    assert {fault.field for fault in caught.value.faults.listed} == {"id"}


def test_what_refers_to_a_faulty_row_is_not_reported_as_well(tmp_path: Path) -> None:
    exchange.write(tmp_path, models=changed(MODELS, 0, org=5), results=changed(RESULTS, 4, rate="x"))
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    assert [(fault.file, fault.line) for fault in caught.value.faults.listed] == [
        ("models.jsonl", 1),
        ("results.jsonl", 5),
    ]


def test_a_fault_holds_a_copy_of_the_row(tmp_path: Path) -> None:
    exchange.write(tmp_path, models=changed(MODELS, 0, org=5))
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    assert '"Alder 7B"' in caught.value.faults.listed[0].row


def test_more_than_a_hundred_faults_are_counted_and_a_hundred_told(tmp_path: Path) -> None:
    exchange.write(tmp_path, models=jsonl({"id": number} for number in range(250)))
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    assert len(caught.value.faults.listed) == 100
    assert caught.value.faults.count >= 250


def test_a_missing_column_is_one_fault_however_many_rows_lack_it(tmp_path: Path) -> None:
    exchange.write(tmp_path, crowd_comparisons=CROWD.replace("winner", "won", 1))
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    assert [(fault.line, fault.field) for fault in caught.value.faults.listed] == [(1, "winner")]


def test_what_contradicts_the_study_is_a_fault_too(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    load.load([tmp_path], study_slug="trees")
    exchange.write(
        tmp_path,
        prompts=changed(PROMPTS, 0, text="Something else."),
        pairs=None,
        crowd_comparisons=CROWD.replace("left,Alder", "tie,Alder", 1),
    )
    (tmp_path / "pairs.jsonl").unlink()
    with pytest.raises(load.FaultyFiles) as caught:
        load.load([tmp_path], study_slug="trees")
    assert [(fault.file, fault.line, fault.field) for fault in caught.value.faults.listed] == [
        ("prompts.jsonl", 1, "text"),
        ("crowd-comparisons.csv", 2, "winner"),
    ]
    assert Upload.objects.count() == 1
