"""People's votes on MT-bench are votes on one of two turns."""

import json

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.formats import mt_bench_people
from annotation.interchange.reading import Source
from tests.annotation.interchange.formats.layouts import LAYOUTS, read, votes

ROW = json.loads((LAYOUTS / "mt_bench_people/human.jsonl").read_text("utf-8").splitlines()[0])


def test_votes_are_on_the_turn_that_a_row_names():
    assert votes("mt_bench_people/human.jsonl") == [
        ("quill-7b", "fern-2", "left"),
        ("quill-7b", "fern-2", "tie"),
        ("quill-7b", "fern-2", "right"),
        ("fern-2", "ember-mini", "left"),
        ("fern-2", "ember-mini", "left"),
    ]
    assert [record.values["turn"] for record in read("mt_bench_people/human.jsonl")] == [1, 2, 1, 1, 2]


def test_experts_are_people_and_a_judge_is_a_judge():
    raters = [record.values["rater"] for record in read("mt_bench_people/human.jsonl")]
    assert raters == ["crowd:expert_1", "crowd:expert_1", "crowd:expert_2", "crowd:author_0", "crowd:author_0"]
    assert [record.values["rater"] for record in read("mt_bench_people/gpt4.jsonl")] == ["gpt-4", "gpt-4"]
    assert votes("mt_bench_people/gpt4.jsonl")[0][2] == "tie"


@pytest.mark.parametrize(("turn", "field"), [(3, "turn"), (0, "turn"), ("x", "turn"), (True, "turn")])
def test_a_turn_must_be_one_of_the_conversations(tmp_path, turn, field):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(ROW | {"turn": turn}) + "\n", "utf-8")
    (fault,) = mt_bench_people.read(Source("x.jsonl", path), "battles")
    assert isinstance(fault, Fault)
    assert fault.field == field


def test_a_turn_of_thousands_of_digits_is_an_error(tmp_path):
    path = tmp_path / "x.csv"
    head = "question_id,model_a,model_b,winner,judge,conversation_a,conversation_b,turn"
    path.write_text(f"{head}\n1,a,b,tie,j,,,{'9' * 5000}\n")
    found = list(mt_bench_people.read(Source("x.csv", path), "battles"))
    assert "turn" in {fault.field for fault in found}
