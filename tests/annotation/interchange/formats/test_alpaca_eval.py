"""AlpacaEval's preferences are verdicts, ties and shares, and come out as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.formats import alpaca_eval, remainder
from annotation.interchange.reading import Source, look
from tests.annotation.interchange.formats.layouts import LAYOUTS, read, source, votes

ROW = json.loads((LAYOUTS / "alpaca_eval/annotations.json").read_text("utf-8"))[0]


def loaded(tmp_path, **changed):
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{**ROW, **changed}]), "utf-8")
    (found,) = alpaca_eval.read(Source("x.json", path), "annotations")
    return found


def test_preferences_are_for_the_first_or_the_second_output():
    assert [winner for _one, _other, winner in votes("alpaca_eval/annotations.json")] == [
        "left",
        "right",
        "tie",
        "right",
        "left",
        None,
        "tie",
    ]


def test_fractions_are_shares_of_the_first_output():
    shares = [record.values["share"] for record in read("alpaca_eval/annotations.json")]
    assert shares == [None, None, None, pytest.approx(4e-7), 0.75, None, None]


def test_the_annotator_is_the_judge_and_numbered_people_are_people():
    assert {record.values["rater"] for record in read("alpaca_eval/annotations.json")} == {"weighted_judge_turbo"}
    raters = [record.values["rater"] for record in read("alpaca_eval/people.json")]
    assert raters == [f"crowd:person_{number}" for number in range(4)]


def test_outputs_are_answers_of_their_generator():
    first = read("alpaca_eval/outputs.json")[0].values
    assert (first["prompt"], first["answer"]) == (("Name a bird that cannot fly.",), ("A penguin.",))
    assert (first["model"], first["category"]) == ("quill-7b", "helpful_base")


def test_outputs_without_a_generator_ask_for_the_model(tmp_path):
    path = tmp_path / "x.json"
    rows = json.loads((LAYOUTS / "alpaca_eval/outputs.json").read_text("utf-8"))
    path.write_text(json.dumps([{key: row[key] for key in row if key != "generator"} for row in rows]), "utf-8")
    assert alpaca_eval.recognised(look(Source("x.json", path))).asks == ("model",)
    fault, *_more = alpaca_eval.read(Source("x.json", path), "outputs")
    assert (type(fault), fault.field) == (Fault, "generator")
    found = list(alpaca_eval.read(Source("x.json", path, model="mine"), "outputs"))
    assert {record.values["model"] for record in found} == {"mine"}


@pytest.mark.parametrize("preference", [0.5, 2.5, -1, "first", True, [1]])
def test_a_preference_is_a_number_from_1_to_2(tmp_path, preference):
    fault = loaded(tmp_path, preference=preference)
    assert (type(fault), fault.field) == (Fault, "preference")


def test_annotations_come_out_as_they_were():
    rows = json.loads((LAYOUTS / "alpaca_eval/annotations.json").read_text("utf-8"))
    again = []
    for record in read("alpaca_eval/annotations.json"):
        row = record.values
        (prompt,), ((left,), (right,)) = row["prompt"], row["answers"]
        plain = alpaca_eval.built(
            prompt, row["models"], (left, right), row["winner"], row["share"], row["rater"], row["category"]
        )
        again.append(json.loads(remainder.line(plain, row["extra"], alpaca_eval.ORDER)))
    assert again == rows
    assert [*again[0]] == [*rows[0]]


@given(st.floats(0, 1))
def test_a_share_is_written_the_same_however_often_it_is_read(share):
    """The first writing may round; from then on the same number is written, on either side of the pair."""
    winner = "tie" if share == 0.5 else "left" if share > 0.5 else "right"
    once = alpaca_eval.preference_of(winner, share)
    _winner, again = alpaca_eval.verdict_of(once)
    if again is not None:
        assert alpaca_eval.preference_of(winner, again) == once
        assert 1 - (1 - again) == again


def test_a_file_is_recognised_by_what_it_holds():
    assert alpaca_eval.recognised(look(source("alpaca_eval/people.json"))).kind == "annotations"
