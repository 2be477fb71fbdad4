"""Preferences as models are trained on them: texts, lists of messages, prompts inside, and single labelled answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.format import Named
from annotation.interchange.formats import preferences
from annotation.interchange.reading import Source, look

USER = {"role": "user", "content": "Name a bird."}


def source(tmp_path: Path, *rows: dict[str, Any]) -> Source:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Source("train.jsonl", path)


def read(tmp_path: Path, *rows: dict[str, Any]) -> list[Any]:
    file = source(tmp_path, *rows)
    head = look(file)
    assert not isinstance(head, Fault)
    named = preferences.recognised(head)
    assert isinstance(named, Named)
    return list(preferences.read(file, named.kind))


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Name a bird.", "chosen": "A wren.", "rejected": "A bat."},
        {"prompt": [USER], "chosen": [assistant("A wren.")], "rejected": [assistant("A bat.")]},
        {"chosen": [USER, assistant("A wren.")], "rejected": [USER, assistant("A bat.")]},
        {"prompt": "Name a bird.", "chosen": [USER, assistant("A wren.")], "rejected": [USER, assistant("A bat.")]},
        {"chosen": json.dumps([USER, assistant("A wren.")]), "rejected": json.dumps([USER, assistant("A bat.")])},
        {
            "chosen": "\n\nHuman: Name a bird.\n\nAssistant: A wren.",
            "rejected": "\n\nHuman: Name a bird.\n\nAssistant: A bat.",
        },
    ],
    ids=["texts", "messages", "implicit", "both", "in cells", "transcripts"],
)
def test_the_chosen_answer_wins(tmp_path: Path, row: dict[str, Any]) -> None:
    (found,) = read(tmp_path, row)
    values = found.values
    assert values["prompt"] == ("Name a bird.",)
    assert values["models"] == ("chosen", "rejected")
    assert values["answers"] == (("A wren.",), ("A bat.",))
    assert values["winner"] == "left"


def test_the_side_of_an_answer_does_not_tell_who_won(tmp_path: Path) -> None:
    first = {"prompt": "p", "chosen": "a", "rejected": "b", "chosen_model": "Moss", "rejected_model": "Fern"}
    second = first | {"chosen_model": "Fern", "rejected_model": "Moss"}
    found = [record.values for record in read(tmp_path, first, second)]
    assert [values["models"] for values in found] == [("Fern", "Moss")] * 2
    assert [values["winner"] for values in found] == ["right", "left"]


def test_labelled_completions_are_answers_without_a_pair(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Name a bird.", "completion": "A wren.", "label": True},
        {"prompt": "Name a bird.", "completion": [assistant("A bat.")], "label": False},
    ]
    found = [record.values for record in read(tmp_path, *rows)]
    assert [(values["model"], values["answer"]) for values in found] == [
        ("liked", ("A wren.",)),
        ("disliked", ("A bat.",)),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"chosen": "a", "rejected": "b"}, "prompt"),
        ({"chosen": [USER, assistant("a")], "rejected": [assistant("b")]}, "rejected"),
        ({"prompt": "p", "chosen": [USER], "rejected": "b"}, "chosen"),
        ({"prompt": 3, "chosen": "a", "rejected": "b"}, "prompt"),
        ({"prompt": "p", "completion": "c", "label": "perhaps"}, "label"),
    ],
)
def test_an_error_names_the_field(tmp_path: Path, row: dict[str, Any], field: str) -> None:
    faults = read(tmp_path, row)
    assert [type(fault) for fault in faults] == [Fault]
    assert (faults[0].line, faults[0].field) == (1, field)
