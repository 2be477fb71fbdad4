"""Answers that lm-evaluation-harness and promptfoo have written."""

import json
import shutil

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.formats import lm_evaluation_harness, promptfoo
from annotation.interchange.reading import Source, look
from tests.annotation.interchange.formats.layouts import LAYOUTS, RUN, read

SAMPLES = f"{RUN}/samples_birds_2025-06-01T10-00-00.123456.jsonl"
SAMPLE = json.loads((LAYOUTS / SAMPLES).read_text("utf-8").splitlines()[0])
RESULTS = json.loads((LAYOUTS / "promptfoo/results.json").read_text("utf-8"))


def test_the_model_stands_in_the_results_beside_the_samples(tmp_path):
    assert {record.values["model"] for record in read(SAMPLES) if record.kind == "answers"} == {"acme/quill-7b"}
    shutil.copy(LAYOUTS / SAMPLES, tmp_path / "samples_birds.jsonl")
    alone = Source("samples_birds.jsonl", tmp_path / "samples_birds.jsonl")
    assert lm_evaluation_harness.recognised(look(alone)).asks == ("model",)
    fault, *_more = lm_evaluation_harness.read(alone, "answers")
    assert (type(fault), fault.field) == (Fault, "model")


def test_results_of_two_models_leave_the_question_open(tmp_path):
    shutil.copy(LAYOUTS / SAMPLES, tmp_path / "samples_birds.jsonl")
    alone = Source("samples_birds.jsonl", tmp_path / "samples_birds.jsonl")
    (tmp_path / "results_1.json").write_text(json.dumps({"config": {"model_args": "pretrained=a/b,dtype=auto"}}))
    assert lm_evaluation_harness.model_beside(alone) == "a/b"
    (tmp_path / "results_2.json").write_text(json.dumps({"model_name": "c/d"}))
    assert lm_evaluation_harness.model_beside(alone) == ""
    (tmp_path / "results_1.json").write_text("[")
    assert lm_evaluation_harness.model_beside(alone) == ""


def test_the_prompt_is_what_the_model_was_asked():
    answers = [record.values for record in read(SAMPLES) if record.kind == "answers"]
    assert [(row["prompt"][0], row["sample"], row["answer"]) for row in answers] == [
        ("Question: 2 + 2 * 3 = ?\nAnswer:", 0, ("2 + 6 = 8",)),
        ("Question: Name a bird that cannot fly.\nAnswer:", 0, ("A penguin.",)),
        ("Write one line about rain.", 0, ("Rain.",)),
        ("Write one line about rain.", 1, ("Drops fall.",)),
        ("Question: 2 + 2 * 3 = ?\nAnswer:", 0, ("2 + 6 = 8",)),
    ]
    assert (answers[0]["references"], answers[0]["category"], answers[0]["key"]) == (("8",), "birds", "birds-0")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"arguments": {}}, "arguments"),
        ({"arguments": [[7]]}, "arguments"),
        ({"resps": "x"}, "resps"),
        ({"resps": [[["-1.0", "True"]]]}, "resps"),
        ({"doc_id": None}, "doc_id"),
    ],
)
def test_an_error_names_its_field(tmp_path, changed, field):
    path = tmp_path / "samples_x.jsonl"
    path.write_text(json.dumps(SAMPLE | changed) + "\n", "utf-8")
    faults = list(lm_evaluation_harness.read(Source(path.name, path, model="m"), "answers"))
    assert [(type(fault), fault.field) for fault in faults] == [(Fault, field)]


def test_a_provider_is_a_model():
    answers = [record.values for record in read("promptfoo/results.json") if record.kind == "answers"]
    assert [(row["model"], row["prompt"][0], row["answer"][0]) for row in answers] == [
        ("openai:quill-7b", "Name a bird that cannot fly.", "A penguin."),
        ("Fern 2", "Name a bird that cannot fly.", "An ostrich, or a “kiwi”."),
        ("openai:quill-7b", "2 + 2 * 3 = ?", "8"),
        ("Fern 2", "2 + 2 * 3 = ?", '{"sum": 8}'),
    ]
    assert {row["duration"] for row in answers} == {1250}


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"provider": None}, "provider"), ({"prompt": {"raw": 7}}, "prompt"), ({"prompt": None}, "prompt")],
)
def test_an_error_of_a_result_names_its_field(tmp_path, changed, field):
    path = tmp_path / "x.json"
    result = RESULTS["results"]["results"][0] | changed
    path.write_text(json.dumps(RESULTS | {"results": {"results": [result]}}), "utf-8")
    faults = list(promptfoo.read(Source(path.name, path), "answers"))
    assert [(type(fault), fault.field) for fault in faults] == [(Fault, field)]
