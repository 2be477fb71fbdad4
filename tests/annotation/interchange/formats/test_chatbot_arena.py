"""Battles of Chatbot Arena in its five layouts: who won, who voted, what was said, and files written as they were."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.formats import arena_55k, arena_140k, chatbot_arena, remainder
from annotation.interchange.formats.chatbot_arena import Texts, Verdict
from annotation.interchange.reading import Source
from tests.annotation.interchange.formats.layouts import LAYOUTS, read, votes

WON = [
    ("quill-7b", "fern-2", "left"),
    ("fern-2", "quill-7b", "tie"),
    ("ember-mini", "quill-7b", "right"),
    ("quill-7b", "ember-mini", "tie"),
    ("fern-2", "ember-mini", "left"),
    ("fern-2", "ember-mini", "right"),
]

ROW = json.loads((LAYOUTS / "chatbot_arena/battles-33k.jsonl").read_text("utf-8").splitlines()[0])
ROW_140K = json.loads((LAYOUTS / "arena_140k/battles.jsonl").read_text("utf-8").splitlines()[0])


def written(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Source(path.name, path)


@pytest.mark.parametrize(
    "name",
    [
        "chatbot_arena/older.json",
        "chatbot_arena/battles-33k.jsonl",
        "chatbot_arena/battles-100k.parquet",
        "arena_55k/train.csv",
        "arena_140k/battles.jsonl",
        "arena_140k/battles.parquet",
    ],
)
def test_all_layouts_say_the_same_of_the_same_votes(name):
    assert votes(name) == WON


@pytest.mark.parametrize(
    "name", ["chatbot_arena/older.json", "chatbot_arena/battles-33k.jsonl", "arena_140k/battles.jsonl"]
)
def test_a_tie_of_two_bad_answers_is_kept_apart(name):
    assert [record.values["tie_kind"] for record in read(name)] == ["", "", "", "bad", "", ""]


def test_people_are_crowds_of_one_where_a_file_tells_them_apart():
    def raters(name):
        return [record.values["rater"] for record in read(name)]

    users = ["crowd:arena_user_0", "crowd:arena_user_1", "crowd:arena_user_2", "crowd:arena_user_3"]
    assert raters("chatbot_arena/older.json") == [*users, *users[:2]]
    assert raters("chatbot_arena/battles-33k.jsonl") == [*users, *users[:2]]
    assert raters("chatbot_arena/battles-100k.parquet")[4] == f"crowd:{0:064x}"
    assert set(raters("arena_55k/train.csv")) == {"crowd:people"}
    sessions = raters("arena_140k/battles.jsonl")
    assert [*dict.fromkeys(sessions)] == [f"crowd:10000000-0000-4000-8000-{n:012x}" for n in range(3)]


def test_conversations_become_turns():
    first = read("chatbot_arena/battles-33k.jsonl")[0].values
    assert first["prompt"] == ("Name a bird that cannot fly.", "And one that swims?")
    assert first["answers"] == (
        ("A penguin.", "The same penguin."),
        ("An ostrich, or a “kiwi”.", "A penguin."),
    )
    assert (first["lang"], first["at"]) == ("en", datetime(2023, 11, 14, 22, 13, 20, 250000, UTC))
    # A text of the 55k may be null: the model said nothing.
    assert read("arena_55k/train.csv")[0].values["answers"][1] == ("An ostrich, or a “kiwi”.", "")


def test_an_image_is_an_address_that_nothing_fetches():
    third = read("arena_140k/battles.jsonl")[2].values
    assert third["prompt"] == ("Write one line about rain.\n\n![image](https://images.example/rain.png)",)


def test_a_parquet_file_has_what_the_lines_have():
    lines, table = read("arena_140k/battles.jsonl"), read("arena_140k/battles.parquet")
    unlike = {"extra", "file", "at"}
    for one, other in zip(lines, table, strict=True):
        assert {k: v for k, v in one.values.items() if k not in unlike} == {
            k: v for k, v in other.values.items() if k not in unlike
        }
        assert one.values["at"] == other.values["at"] == datetime(2025, 7, one.line, 10, 0, 0, 250000, UTC)


def test_half_characters_in_a_cell_become_signs_that_can_be_stored(tmp_path):
    path = tmp_path / "x.csv"
    cells = [1, "a", "b", '["x\\ud83d y\\u0000"]', '["\\ud83d\\ude00"]', '["z"]', 1, 0, 0]
    out = io.StringIO()
    head = "id model_a model_b prompt response_a response_b winner_model_a winner_model_b winner_tie"
    csv.writer(out).writerows([head.split(), cells])
    path.write_text(out.getvalue(), "utf-8")
    (record,) = arena_55k.read(Source("x.csv", path), "battles")
    assert record.values["prompt"] == ("x� y�",)
    assert record.values["answers"] == (("😀",), ("z",))


def test_rows_without_a_verdict_are_pairs_to_vote_on(tmp_path):
    row = {"id": 1, "model_a": "a", "model_b": "b", "prompt": '["p"]', "response_a": '["x"]', "response_b": '["y"]'}
    (record,) = arena_55k.read(written(tmp_path, row), "battles")
    assert record.values["winner"] is None


@pytest.mark.parametrize(
    ("known", "row", "changed", "field"),
    [
        (chatbot_arena, ROW, {"winner": "quill-7b"}, "winner"),
        (chatbot_arena, ROW, {"model_a": ""}, "model_a"),
        (chatbot_arena, ROW, {"conversation_a": "[1, 2"}, "conversation_a"),
        (chatbot_arena, ROW, {"conversation_b": [{"role": "assistant", "content": "x"}]}, "conversation_b"),
        (chatbot_arena, ROW, {"conversation_b": [{"role": "narrator", "content": "x"}]}, "conversation_b"),
        (chatbot_arena, ROW, {"conversation_b": [{"role": "user", "content": "Another question?"}]}, "conversation_b"),
        (chatbot_arena, ROW, {"judge": "all"}, "judge"),
        (arena_140k, ROW_140K, {"winner": None}, "winner"),
        (arena_140k, ROW_140K, {"conversation_a": [{"role": "user", "content": 7}]}, "conversation_a"),
    ],
)
def test_an_error_names_the_line_and_the_field(tmp_path, known, row, changed, field):
    _first, *faults = known.read(written(tmp_path, row, row | changed), "battles")
    assert [(type(fault), fault.line, fault.field) for fault in faults] == [(Fault, 2, field)]


def test_a_conversation_that_ended_early_has_an_empty_answer(tmp_path):
    short = {"conversation_b": ROW["conversation_b"][:3]}
    (record,) = chatbot_arena.read(written(tmp_path, ROW | short), "battles")
    assert record.values["answers"][1] == ("An ostrich, or a “kiwi”.", "")


def test_conversations_may_be_text_as_json_or_as_python_prints_it(tmp_path):
    said = [{"role": "user", "content": "It's “raw”"}, {"role": "assistant", "content": None}]
    for text in (json.dumps(said), repr(said)):
        row = ROW | {"conversation_a": text, "conversation_b": text}
        (record,) = chatbot_arena.read(written(tmp_path, row), "battles")
        assert record.values["prompt"] == ("It's “raw”",)
        assert record.values["answers"] == (("",), ("",))


@pytest.mark.parametrize(
    ("known", "name"), [(chatbot_arena, "chatbot_arena/battles-33k.jsonl"), (arena_140k, "arena_140k/battles.jsonl")]
)
def test_a_row_can_be_written_again_as_it_was(known, name):
    lines = (LAYOUTS / name).read_text("utf-8").splitlines()
    again = []
    for record in read(name):
        row = record.values
        said, found = Texts(row["prompt"], row["answers"]), Verdict(row["winner"], row["tie_kind"])
        if known is chatbot_arena:
            plain = known.built(row["models"], found, row["rater"], row["lang"], row["at"], said)
        else:
            plain = known.built("", row["models"], said, found, row["rater"], row["lang"], row["at"])
        again.append(remainder.line(plain, json.loads(json.dumps(row["extra"], sort_keys=True)), known.ORDER))
    assert again == lines
    assert not any('"line"' in record.values["extra"].get("json", "") for record in read(name))


SAID = Texts(("One?", "Two?"), (("1", "2"), ("eins", "zwei")))


@pytest.mark.parametrize("rater", [12, "strict judge", "crowd:mturk", "crowd:people"])
@pytest.mark.parametrize("found", [Verdict("left"), Verdict("right"), Verdict("tie"), Verdict("tie", "bad")])
def test_what_we_write_is_read_as_it_was(tmp_path, rater, found):
    at = datetime(2026, 3, 1, 12, 0, 0, 125000, UTC)
    rows = {
        chatbot_arena: chatbot_arena.built(("a", "b"), found, rater, "de", at, SAID, "7"),
        arena_140k: arena_140k.built("7", ("a", "b"), SAID, found, rater, "de", at),
    }
    for known, row in rows.items():
        (record,) = known.read(written(tmp_path, row), "battles")
        got = record.values
        assert (got["models"], got["rater"], got["lang"], got["at"]) == (("a", "b"), rater, "de", at)
        assert (got["prompt"], got["answers"]) == SAID
        assert (got["winner"], got["tie_kind"]) == found
        again = (
            known.built(("a", "b"), found, rater, "de", at, SAID)
            if known is chatbot_arena
            else known.built("", ("a", "b"), SAID, found, rater, "de", at)
        )
        assert remainder.line(again, got["extra"], known.ORDER) == json.dumps(row, ensure_ascii=False)


def test_a_row_without_texts_has_neither_conversations_nor_their_question():
    row = chatbot_arena.built(("a", "b"), Verdict("left"), 3, "", None)
    assert list(row) == ["model_a", "model_b", "winner", "judge", "turn", "anony", "language", "tstamp"]
