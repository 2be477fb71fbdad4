"""Thoughts beside an answer are found, the category decides the temperature, and the stand-in answers alike."""

import json
import random

import pytest

from judges.llm import mock_prose, reasoning, temperatures


@pytest.mark.parametrize(
    ("message", "thought"),
    [
        ({"content": "Yes.", "reasoning_content": "Hm."}, "Hm."),
        ({"content": "Yes.", "reasoning": " Hm. "}, "Hm."),
        ({"content": "Yes.", "reasoning": None}, ""),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}, "Hm."),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Yes."}]}, "Hm."),
        ({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}]}, "Hm."),
        ({"content": [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Yes."}]}, "Hm."),
        ({"content": [{"type": ["reasoning"], "text": "Yes."}]}, ""),
        ({"content": "no reasoning here"}, ""),
        ("reasoning", ""),
    ],
)
def test_thoughts_beside_the_text_are_found_in_every_shape(message: object, thought: str) -> None:
    assert reasoning.beside(json.dumps({"choices": [{"message": message}]})) == thought


@pytest.mark.parametrize("raw", ["reasoning", '{"reasoning": 1}', '["reasoning"]', '{"choices": [], "reasoning": 1}'])
def test_what_is_no_chat_completion_has_no_thoughts(raw: str) -> None:
    assert reasoning.beside(raw) == ""


def test_thoughts_are_stored_as_every_database_keeps_them() -> None:
    raw = '{"choices": [{"message": {"content": "x", "reasoning_content": "a\\u0000b\\ud800c"}}]}'
    assert reasoning.beside(raw) == "a\N{REPLACEMENT CHARACTER}b?c"


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("writing", 0.7),
        ("roleplay", 0.7),
        ("stem", 0.1),
        ("humanities", 0.1),
        ("Math", 0),
        ("coding", 0),
        ("extraction", 0),
        (" Reasoning ", 0),
        ("haiku", 0.7),
        ("", 0.7),
        (None, 0.7),
    ],
)
def test_the_temperature_is_that_of_the_category(category: str | None, expected: float) -> None:
    assert temperatures.temperature(category) == expected


def test_what_is_said_of_a_category_goes_before_what_is_said_of_all() -> None:
    assert temperatures.temperature("coding", 0.5) == 0.5
    assert temperatures.temperature("coding", 0.5, {"Coding": 0.2}) == 0.2
    assert temperatures.temperature("other", 0.5, {"Coding": 0.2}) == 0.5
    assert temperatures.read(["coding=0.2", "role=play=1", " stem = .5 "]) == {
        "coding": 0.2,
        "role=play": 1,
        "stem": 0.5,
    }


@pytest.mark.parametrize("word", ["coding", "=1", "coding=", "coding=-1", "coding=3", "coding=nan", "coding=1e1"])
def test_what_is_no_temperature_of_a_category_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=word):
        temperatures.read([word])


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("Write a Python function that sorts.", "```python"),
        ("List five ideas for a picnic.", "1. "),
        ("A haiku about Kubernetes, please.", "  \n"),
        ("How many are 3 and 4?", "The answer is **"),
        ("日本語で電車が遅れた理由を説明してください。", "。"),
        ("Tell me about rivers.", "rivers"),
        ("", "."),
    ],
)
def test_the_stand_in_answers_in_the_shape_that_is_asked_for_and_alike_each_time(prompt: str, mark: str) -> None:
    answers = [mock_prose.answer(prompt, seeded(seed)) for seed in range(20)]
    assert all(mark.casefold() in answer.casefold() for answer in answers)
    assert answers == [mock_prose.answer(prompt, seeded(seed)) for seed in range(20)]
    assert len(set(answers)) > 1


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  nothing secret hangs on it
