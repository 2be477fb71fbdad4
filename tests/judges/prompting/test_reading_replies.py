import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.prompting.readers import READERS, Reading, Reply, Token, Unreadable


def read(reader: str, text: str, *tokens: tuple[str, float]) -> Reading | Unreadable:
    return READERS[reader].read(Reply(text, tuple(Token(word, math.log(chance)) for word, chance in tokens)))


@pytest.mark.parametrize(
    ("reader", "text", "verdict"),
    [
        ("bracketed", "A is fine, B is finer. [[B]]", "right"),
        ("bracketed", "At first [[A]], but no: [[B]]", "right"),
        ("bracketed", "[[ c ]]", "tie"),
        ("bracketed", "[[TIE]]", "tie"),
        ("bracketed", "<think>surely [[A]]</think>\nIt is [[B]].", "right"),
        ("letter", "A", "left"),
        ("letter", "**B**.", "right"),
        ("letter", "Both are long.\nVerdict: C", "tie"),
        ("letter", "Tie", "tie"),
        ("letter", "判定：A", "left"),
        ("letter", "引き分け", "tie"),
        ("letter", "The better answer is B", "right"),
        ("llmfao", "Neither A nor B", "tie"),
        ("llmfao", "A", "left"),
        ("llmfao", "Model B", "right"),
        ("llmfao", "A and B", "left"),
        ("llmfao", "TIE", "tie"),
        ("llmfao", "<think>Is it A or B?</think>\nB", "right"),
        ("levels", "Hm. [[A>>B]]", "left"),
        ("levels", "[[A = B]]", "tie"),
        ("levels", "[[A>B]] or rather [[B>A]]", "right"),
        ("json", '{"reason": "x", "winner": "A"}', "left"),
        ("json", 'Sure:\n```json\n{"winner": "tie"}\n```', "tie"),
        ("json", '{"winner": "A"} no, {"winner": "b"}', "right"),
    ],
)
def test_a_verdict_is_read(reader: str, text: str, verdict: str) -> None:
    found = read(reader, text)
    assert isinstance(found, Reading)
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        ("bracketed", ""),
        ("bracketed", "A is better."),
        ("bracketed", "[[A]] at first, in the end [[D]]"),
        ("bracketed", "<think>[[A]] seems right, but"),
        ("letter", "a"),
        ("letter", "I like A, but B as well."),
        ("letter", "As an AI, I cannot choose."),
        ("llmfao", "Both are good."),
        ("llmfao", "Apples"),
        ("llmfao", "<think>A, I would say, but"),
        ("levels", "[[A>>>B]]"),
        ("levels", "[[A>A]]"),
        ("json", '{"winner": "C3PO"}'),
        ("json", '{"winner": 1}'),
        ("json", "[]"),
        ("json", "{" * 5000),
        ("rating", "[[0]]"),
        ("rating", "[[11]]"),
        ("rating", "[[7]] and, all in all, [[70]]"),
        ("rating", "[[-1]]"),
        ("rating", "[[seven]]"),
        ("json-score", '{"score": true}'),
        ("json-score", '{"score": NaN}'),
        ("json-score", '{"score": 0.5}'),
    ],
)
def test_what_is_no_verdict_is_unreadable_and_never_a_tie(reader: str, text: str) -> None:
    found = read(reader, text)
    assert isinstance(found, Unreadable)
    assert found.problem


@pytest.mark.parametrize(
    ("reader", "text", "score"),
    [
        ("rating", "Good. Rating: [[7]]", 7),
        ("rating", "[[7.5]]", 7.5),
        ("rating", "[[3]] ... no, [[9]]", 9),
        ("rating", "[[8/10]]", 8),
        ("json-score", '{"reason": "x", "score": 6}', 6),
    ],
)
def test_a_score_is_read(reader: str, text: str, score: float) -> None:
    found = read(reader, text)
    assert isinstance(found, Reading)
    assert (found.score, found.verdict) == (score, None)


def test_the_five_levels_run_from_the_left_to_the_right() -> None:
    words = ["A>>B", "A>B", "A=B", "B>A", "B>>A"]
    found = [read("levels", f"[[{word}]]") for word in words]
    assert [each.level for each in found if isinstance(each, Reading)] == [1, 2, 3, 4, 5]


def test_a_soft_verdict_is_the_share_of_the_left_with_a_tie_counted_half() -> None:
    found = read("logprobs", "A", ("A", 0.5), (" B", 0.2), ("C", 0.1), ("The", 0.2))
    assert isinstance(found, Reading)
    assert found.verdict == "left"
    assert found.share == pytest.approx(0.55 / 0.8)


@pytest.mark.parametrize("tokens", [[], [("The", 0.9), ("A", 0.1)], [("A", 1.0), ("B", 0.9)]])
def test_a_soft_verdict_needs_probabilities_of_verdicts(tokens: list[tuple[str, float]]) -> None:
    assert isinstance(read("logprobs", "A", *tokens), Unreadable)


def test_no_probability_above_one_is_believed() -> None:
    reply = Reply("A", (Token("A", 3.0), Token("B", -1.0)))
    assert isinstance(READERS["logprobs"].read(reply), Unreadable)


@pytest.mark.parametrize("reader", sorted(READERS))
@given(text=st.text(max_size=200))
def test_any_text_is_a_reading_or_unreadable(reader: str, text: str) -> None:
    found = read(reader, text)
    assert isinstance(found, Reading | Unreadable)
    if isinstance(found, Reading):
        assert found.score is None or 1 <= found.score <= 10
        assert found.level is None or 1 <= found.level <= 5


@given(before=st.text(max_size=100), letter=st.sampled_from("AB"))
def test_the_last_marker_counts_whatever_came_before_it(before: str, letter: str) -> None:
    found = read("bracketed", f"[[A]] {before.replace('<', '')}\n[[{letter}]]")
    assert isinstance(found, Reading)
    assert found.verdict == {"A": "left", "B": "right"}[letter]


@given(reason=st.text(max_size=50), winner=st.sampled_from(["A", "B", "tie"]))
def test_json_is_read_whatever_the_reason_says(reason: str, winner: str) -> None:
    found = read("json", json.dumps({"reason": reason, "winner": winner}))
    assert isinstance(found, Reading)
    assert found.verdict == {"A": "left", "B": "right", "tie": "tie"}[winner]
