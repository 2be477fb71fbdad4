"""Thoughts in a text are kept apart from the answer."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.interchange.reasoning import parted


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Just an answer.\n", ("", "Just an answer.\n")),
        ("<think>\nHm.\n</think>\n\nYes.", ("Hm.", "Yes.")),
        ("  <thinking>Hm.</thinking>Yes.", ("Hm.", "Yes.")),
        ("Hm, no opening.\n</think>\n\nYes.", ("Hm, no opening.", "Yes.")),
        ("<think>cut off here", ("cut off here", "")),
        ("<think></think>Yes.", ("", "Yes.")),
        ("<thought>Hm.</thought>\nYes.", ("Hm.", "Yes.")),
        ("<reasoning>Hm.</reasoning>Yes.", ("Hm.", "Yes.")),
        ("<THINK>Hm.</think>Yes.", ("Hm.", "Yes.")),
        ("\ufeff<think>Hm.</think>Yes.", ("Hm.", "Yes.")),
        ("<think>one</think>\n<think>two</think>\nYes.", ("one\n\ntwo", "Yes.")),
        ("<think>a <think>b</think> c</think>Yes.", ("a <think>b</think> c", "Yes.")),
        ("<think>The mark <think> opens.</think>Yes.", ("The mark <think> opens.", "Yes.")),
        ("Hm.\n</thought>\r\nYes.", ("Hm.", "Yes.")),
        ("Hm.\n</think>\nSo.\n</think>\nYes.", ("Hm.\n\nSo.", "Yes.")),
        ("</think>\n\nYes.", ("", "Yes.")),
        ("</think>Yes.", ("", "Yes.")),
        ("Sure.\n<think>\nHm.\n</think>\nYes.", ("Hm.", "Sure.\nYes.")),
        ("Sure.\n<thought>Hm.</thought>\nYes.", ("Hm.", "Sure.\nYes.")),
        ("Sure.\n<think>Hm.\n</think>\nYes.", ("Hm.", "Sure.\nYes.")),
        ("Sure.\n<think>\nHm.</think>\n\nYes.", ("Hm.", "Sure.\nYes.")),
        ("Write <think>Hm.</think> and go on.", ("", "Write <think>Hm.</think> and go on.")),
        ("Write\n<think>Hm.</think> and go on.", ("", "Write\n<think>Hm.</think> and go on.")),
        ("Like so:\n```\n<think>Hm.</think>\n```\nYes.", ("", "Like so:\n```\n<think>Hm.</think>\n```\nYes.")),
        ("Like so:\n```\n</think>\n```\nYes.", ("", "Like so:\n```\n</think>\n```\nYes.")),
        ("Like so:\n\n    </think>\n\nYes.", ("", "Like so:\n\n    </think>\n\nYes.")),
        ("I think </think> ends them.", ("", "I think </think> ends them.")),
        ("[THINK]Hm.[/THINK]Yes.", ("Hm.", "Yes.")),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
            ("Hm.", "Yes."),
        ),
        ("analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.", ("Hm.", "Yes.")),
        ("Hm.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>{}", ("Hm.", "{}")),
        ("<|channel|>analysis<|message|>cut off here", ("cut off here", "")),
        ("`<|channel|>final<|message|>` opens it.", ("", "`<|channel|>final<|message|>` opens it.")),
        ("The tag `</think>` ends thoughts.", ("", "The tag `</think>` ends thoughts.")),
        ("Write <think>\nso\n</think>\nlike that.", ("", "Write <think>\nso\n</think>\nlike that.")),
    ],
)
def test_thoughts_in_the_text_are_parted_from_the_answer(text: str, parts: tuple[str, str]) -> None:
    assert parted(text) == parts


@given(
    st.lists(
        st.sampled_from(
            [
                *("<think>", "</think>", "</thought>", "\n", " ", "A", "```", "<|start|>assistant"),
                *("<|channel|>analysis<|message|>", "<|end|>", "<|channel|>final<|message|>"),
            ]
        ),
        max_size=30,
    )
)
def test_what_is_left_has_no_thoughts(pieces: list[str]) -> None:
    _thoughts, answer = parted("".join(pieces))
    assert parted(answer) == ("", answer)


@pytest.mark.parametrize(
    "piece", ["<think>", "</think>\n", "x\n<think>\n</think>\n", "<|channel|>final<|message|>", "```\n"]
)
def test_a_text_of_nothing_but_marks_takes_no_time(piece: str) -> None:
    began = time.monotonic()
    parted(piece * (400_000 // len(piece)))
    assert time.monotonic() - began < 5
