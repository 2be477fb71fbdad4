"""compar:IA's votes are comparisons by visitors, reactions are votes on a turn, conversations have the categories."""

import json

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.formats import comparia
from annotation.interchange.reading import Source
from tests.annotation.interchange.formats.layouts import LAYOUTS, read, votes

VOTE = json.loads((LAYOUTS / "comparia/votes.jsonl").read_text("utf-8").splitlines()[0])
REACTION = json.loads((LAYOUTS / "comparia/reactions.jsonl").read_text("utf-8").splitlines()[0])

WON = [
    ("quill-7b", "fern-2", "left"),
    ("fern-2", "quill-7b", "tie"),
    ("ember-mini", "quill-7b", "right"),
    ("quill-7b", "ember-mini", "tie"),
    ("fern-2", "ember-mini", "left"),
]


def of(tmp_path, kind, *rows):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return list(comparia.read(Source("x.jsonl", path), kind))


@pytest.mark.parametrize("name", ["comparia/votes.jsonl", "comparia/votes.parquet"])
def test_votes_are_visitors_comparisons(name):
    assert votes(name) == WON
    first = read(name)[0].values
    assert (first["rater"], first["prompt"]) == (f"crowd:{0:032x}", f"{0:032x}-{100:032x}")


def test_a_row_without_a_verdict_is_counted_or_a_pair_to_vote_on():
    """Its `both_equal` is null, and no model was chosen."""
    assert read("comparia/votes.jsonl")[5].values == {"remark": "votes-without-verdict"}
    assert votes("comparia/votes-with-texts.jsonl") == [*WON, ("fern-2", "ember-mini", None)]


def test_conversations_have_the_categories_of_their_prompts():
    second = read("comparia/conversations.jsonl")[1].values
    assert (second["prompt"], second["category"]) == (f"{1:032x}-{101:032x}", "Education")
    first = read("comparia/conversations-with-texts.jsonl")[0].values
    assert (first["prompt"], first["winner"], first["category"]) == (
        ("Name a bird that cannot fly.",),
        None,
        "Education",
    )


def test_reactions_to_the_two_answers_of_a_turn_are_one_vote():
    assert votes("comparia/reactions.jsonl") == [
        ("quill-7b", "fern-2", "left"),
        ("fern-2", "quill-7b", "right"),
        ("ember-mini", "quill-7b", "tie"),
        ("quill-7b", "ember-mini", "tie"),
    ]
    found = [record.values for record in read("comparia/reactions.jsonl") if record.kind == "votes"]
    assert [values["tie_kind"] for values in found] == ["", "", "bad", "good"]
    assert [values["turn"] for values in found] == [1, 1, 1, 2]


def test_reactions_in_a_list_on_one_line_are_one_vote_too(tmp_path):
    path = tmp_path / "x.json"
    other = {"model_pos": "b", "liked": False, "disliked": True}
    path.write_text(json.dumps([REACTION, REACTION | other | {"refers_to_model": REACTION["model_b_name"]}]), "utf-8")
    assert [record.kind for record in comparia.read(Source("x.json", path), "reactions")] == ["votes"]


def test_a_disliked_answer_alone_is_a_vote_for_the_other(tmp_path):
    (record,) = of(tmp_path, "reactions", REACTION | {"liked": False, "disliked": True})
    assert record.values["winner"] == "right"


def test_where_a_visitor_comes_from_is_background(tmp_path):
    (record,) = of(tmp_path, "reactions", REACTION | {"country": "France", "city": ""})
    assert record.values["background"] == {"country": "France"}


@pytest.mark.parametrize(
    ("kind", "row", "changed", "field"),
    [
        ("votes", VOTE, {"chosen_model_name": "another"}, "chosen_model_name"),
        ("votes", VOTE, {"both_equal": True}, "both_equal"),
        ("votes", VOTE, {"both_equal": "maybe"}, "both_equal"),
        ("votes", VOTE, {"model_b_name": None}, "model_b_name"),
        ("reactions", REACTION, {"disliked": True}, "disliked"),
        ("reactions", REACTION, {"model_pos": "c"}, "model_pos"),
        ("reactions", REACTION, {"model_pos": None, "refers_to_model": "another"}, "refers_to_model"),
        ("reactions", REACTION, {"msg_rank": -1}, "msg_rank"),
    ],
)
def test_an_error_names_its_field(tmp_path, kind, row, changed, field):
    faults = of(tmp_path, kind, row | changed)
    assert [(type(fault), fault.field) for fault in faults] == [(Fault, field)]


def test_a_category_in_a_cell_can_be_stored(tmp_path):
    plain = VOTE | {"conversation_a": None, "conversation_b": None}
    (record,) = of(tmp_path, "votes", plain | {"categories": '["a\\u0000b"]'})
    assert record.values["category"] == "a\N{REPLACEMENT CHARACTER}b"
