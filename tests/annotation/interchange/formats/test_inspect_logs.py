"""Inspect's samples are answers, its epochs their samples, and its scores judgments from elsewhere."""

import json
import zipfile

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.formats import inspect_logs
from annotation.interchange.reading import Source, look
from tests.annotation.interchange.formats.layouts import LAYOUTS, read

LOG = json.loads((LAYOUTS / "inspect/birds.json").read_text("utf-8"))


def of(tmp_path, **changed):
    path = tmp_path / "x.json"
    path.write_text(json.dumps(LOG | {"samples": [LOG["samples"][0] | changed]}), "utf-8")
    return list(inspect_logs.read(Source("x.json", path), "answers"))


@pytest.mark.parametrize("name", ["inspect/birds.eval", "inspect/birds.json"])
def test_samples_are_answers_and_epochs_their_samples(name):
    answers = [record.values for record in read(name) if record.kind == "answers"]
    assert [(row["prompt"][0][:12], row["sample"], row["answer"][0][:12]) for row in answers] == [
        ("Name a bird ", 0, "A penguin."),
        ("Name a bird ", 1, "Eagle"),
        ("2 + 2 * 3 = ", 0, "8"),
        ("2 + 2 * 3 = ", 1, "It is twelve"),
        ("What is this", 0, "A square."),
    ]
    assert {row["model"] for row in answers} == {"acme/ember-mini"}
    assert answers[0]["references"] == ("penguin",)


def test_attachments_are_put_in():
    answers = [record.values for record in read("inspect/birds.eval") if record.kind == "answers"]
    assert answers[3]["answer"][0].startswith("It is twelve, surely surely")
    assert answers[4]["prompt"][0].startswith("What is this?\n\n![image](data:image/png;base64,iVBOR")


def test_scores_are_judgments_under_the_scorers_name():
    scores = [record.values for record in read("inspect/birds.json") if record.kind == "scores"]
    assert [(row["scorer"], row["sample"], row["value"]) for row in scores] == [
        ("match", 0, 1.0),
        ("match", 1, 0.0),
        ("match", 0, 1.0),
        ("rubric/correct", 0, 1.0),
        ("rubric/style", 0, 0.5),
        ("match", 1, 0.0),
        ("match", 0, 0.25),
    ]
    assert scores[0]["text"] == "penguin\n\nSays penguin."


def test_a_word_of_a_scorers_own_is_kept_as_text(tmp_path):
    _answer, record = of(tmp_path, scores={"tone": {"value": "warm"}})
    assert (record.values["value"], record.values["text"]) == (None, "warm")


def test_given_answers_are_part_of_the_prompt(tmp_path):
    said = [("user", "2 + 2?"), ("assistant", "4"), ("user", "3 + 3?")]
    answer, *_scores = of(tmp_path, input=[{"role": role, "content": text} for role, text in said])
    assert answer.values["prompt"] == ("User: 2 + 2?\n\nAssistant: 4\n\nUser: 3 + 3?",)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"input": [{"role": "user", "content": "attachment://lost"}]}, "input"),
        ({"input": 7}, "input"),
        ({"epoch": 0}, "epoch"),
        ({"output": []}, "output"),
        ({"scores": {"match": "C"}}, "scores.match"),
        ({"id": None}, "id"),
    ],
)
def test_an_error_names_its_field(tmp_path, changed, field):
    faults = of(tmp_path, **changed)
    assert [(type(fault), fault.field) for fault in faults] == [(Fault, field)]


def packed(tmp_path, members, method=None):
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in members.items():
            archive.writestr(name, json.dumps(value))
    if method is not None:
        content = path.read_bytes()
        for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            parts = content.split(mark)
            content = mark.join(
                [parts[0], *(part[: at - 4] + bytes([method, 0]) + part[at - 2 :] for part in parts[1:])]
            )
        path.write_bytes(content)
    return Source("x.eval", path)


START = {key: LOG[key] for key in ("version", "eval", "plan")}


def test_a_log_of_a_run_that_has_not_ended_is_read(tmp_path):
    log = packed(tmp_path, {"_journal/start.json": START, "samples/bird_epoch_1.json": LOG["samples"][0]})
    assert inspect_logs.recognised(look(log)).kind == "answers"
    answer, score = inspect_logs.read(log, "answers")
    assert (answer.values["model"], score.values["scorer"]) == ("acme/ember-mini", "match")


def test_a_log_of_another_compression_says_how_to_convert_it(tmp_path):
    """Python cannot unpack Zstandard in archives before 3.14."""
    members = {"header.json": START, "samples/bird_epoch_1.json": LOG["samples"][0]}
    fault = look(packed(tmp_path, members, method=97))
    assert isinstance(fault, Fault)
    assert "inspect log convert --to json" in fault.reason


@pytest.mark.parametrize("value", ["nan", "inf", 10**400, {"a": 10**400}])
def test_a_score_that_is_no_number_is_none(tmp_path, value):
    (found,) = [row.values for row in of(tmp_path, scores={"s": {"value": value}}) if row.kind == "scores"]
    assert found["value"] is None


@pytest.mark.parametrize(("time", "duration"), [(1.5, 1500), (10**400, None), (-1, None), (1e306, None)])
def test_seconds_are_stored_as_milliseconds(tmp_path, time, duration):
    (found,) = [
        row.values for row in of(tmp_path, output=LOG["samples"][0]["output"] | {"time": time}) if row.kind == "answers"
    ]
    assert found["duration"] == duration


def test_a_header_that_cannot_be_stored_is_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.eval", "w") as archive:
        archive.writestr("header.json", '{"version": 2, "eval": {"model": "a\\u0000b"}}')
        archive.writestr("samples/1.json", json.dumps(LOG["samples"][0]))
    head = look(Source("x.eval", tmp_path / "x.eval"))
    assert head.around == {"version": 2}


def test_damage_in_a_rare_compression_is_a_fault(tmp_path):
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("samples/1.json", json.dumps(LOG["samples"][0]))
        archive.writestr("header.json", "{}", zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[60:100] = bytes(40)
    path.write_bytes(content)
    assert isinstance(look(Source("x.eval", path)), Fault)
