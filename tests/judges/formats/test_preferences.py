"""Preference files are read in all common forms, and errors are located."""

import json
from pathlib import Path
from typing import Any

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Source
from judges.formats import preferences
from judges.formats.preferences import Known


def read(path: Path, *rows: Any) -> list[Known | Fault]:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return list(preferences.read(Source(path.name, path)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "set.jsonl"


def test_a_prompt_is_a_text_or_messages(file: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi?"}]
    one, other = read(
        file,
        {"prompt": "Hi?", "chosen": "Yes.", "rejected": "No.", "id": 7, "subset": "chat"},
        {"prompt": messages, "chosen": [*messages, {"role": "assistant", "content": "Yes."}], "rejected": "No."},
    )
    assert one == Known(1, ({"role": "user", "content": "Hi?"},), "Yes.", "No.", "7", "chat")
    assert other == Known(2, tuple(messages), "Yes.", "No.")


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (
            {"chosen": "a", "rejected": "b"},
            "prompt",
            "Expected text, or a list of messages with role and content, not null",
        ),
        (
            {"prompt": 5, "chosen": "a", "rejected": "b"},
            "prompt",
            "Expected text, or a list of messages with role and content, not 5",
        ),
        ({"prompt": [], "chosen": "a", "rejected": "b"}, "prompt", "Expected"),
        ({"prompt": " ", "chosen": "a", "rejected": "b"}, "prompt", "end with a user message"),
        ({"prompt": [{"role": "assistant", "content": "x"}], "chosen": "a", "rejected": "b"}, "prompt", "end with"),
        (
            {
                "prompt": [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}],
                "chosen": "a",
                "rejected": "b",
            },
            "prompt",
            "start with",
        ),
        ({"prompt": [{"role": "tool", "content": "x"}], "chosen": "a", "rejected": "b"}, "prompt", "Expected"),
        ({"prompt": "?", "chosen": None, "rejected": "b"}, "chosen", "Expected"),
        (
            {"prompt": "?", "chosen": "a", "rejected": [{"role": "user", "content": "b"}]},
            "rejected",
            "end with an assistant message",
        ),
        ({"prompt": "?", "chosen": "a", "rejected": "a"}, "rejected", "are the same"),
        ({"prompt": "?", "chosen": "a", "rejected": "b", "subset": ["x"]}, "subset", "200 characters"),
        ({"prompt": "?", "chosen": "a", "rejected": "b", "id": "x" * 201}, "id", "200 characters"),
        ("not json", "", "not valid JSON"),
        ({"prompt": "\0", "chosen": "a", "rejected": "b"}, "", "NUL"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_field(file: Path, row: Any, field: str, reason: str) -> None:
    good = {"prompt": "?", "chosen": "a", "rejected": "b"}
    first, fault = read(file, good, row)
    assert isinstance(first, Known)
    assert isinstance(fault, Fault)
    assert (fault.line, fault.field) == (2, field)
    assert reason in fault.reason % fault.values


def test_a_fault_quotes_its_row_once(file: Path) -> None:
    [fault] = read(file, {"prompt": "Why?", "chosen": 'Say "so".'})
    assert isinstance(fault, Fault)
    assert json.loads(fault.row) == {"prompt": "Why?", "chosen": 'Say "so".'}


def test_turns_are_told_apart_by_who_speaks() -> None:
    turns = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    assert preferences.spoken(turns) == (["S\n\none", "two\n\nthree"], ["a\n\nb"])


def test_the_same_question_has_the_same_hash_whatever_its_name() -> None:
    turns = ({"role": "user", "content": "?"},)
    one, other = Known(1, turns, "a", "b", "x", "s"), Known(9, turns, "a", "b")
    assert one.sha256 == other.sha256
    assert Known(1, turns, "b", "a").sha256 != one.sha256
    assert preferences.digest([one]) != preferences.digest([other])
