import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges.prompting import templates
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
        ("bracketed", "[[**A**]]", "left"),
        ("bracketed", "[[Assistant A]]", "left"),
        ("bracketed", "[[the answer “B”]]", "right"),
        ("bracketed", "[[A\u200b]]", "left"),
        ("bracketed", "[\u200b[\ufeffB]]", "right"),
        ("bracketed", "\\[\\[B\\]\\]", "right"),
        ("bracketed", "Final verdict: [[A]] (the options were [[A]], [[B]] and [[C]])", "left"),
        ("bracketed", "[[B]] (options: [[A]] / [[B]] / [[C]])", "right"),
        ("bracketed", "[[A]]\n\nOptions:\n1. [[A]] – A is better\n2. [[B]] – B is better\n3. [[C]] – a tie", "left"),
        ("bracketed", "[[A]]\n\nOptions:\n1. [[A]]\n2. [[B]]\n3. [[C]]", "left"),
        ("bracketed", "[[B]]\n\n(a) “[[A]]”: A\n(b) “[[B]]”: B\n(c) “[[C]]”: a tie", "right"),
        ("bracketed", "[[B]]\n\n| [[A]] | A is better |\n| [[B]] | B is better |\n| [[C]] | a tie |", "right"),
        ("bracketed", "1. [[A]] is my first thought.\n2. [[B]] is my second.", "right"),
        ("bracketed", "[[B]], and neither [[A]] or [[C]].", "right"),
        (
            "bracketed",
            '[[B]]\n("[[A]]" if assistant A is better, "[[B]]" if assistant B is better, and "[[C]]" for a tie)',
            "right",
        ),
        ("bracketed", "At first [[A]], then [[C]], but no: [[B]]", "right"),
        ("levels", "[[Assistant A >> Assistant B]]", "left"),
        ("levels", "[[A>B]] (of [[A>>B]], [[A>B]], [[A=B]], [[B>A]], [[B>>A]])", "left"),
        ("letter", "Both are long.\nAssistant A", "left"),
        ("letter", "<reasoning>C\nA</reasoning>\nB\u200b", "right"),
        ("llmfao", "A is rude, and neither is perfect.\n</think>\n\nB", "right"),
        ("llmfao", "<thought>Neither is perfect.</thought>\nB", "right"),
        ("scores", "A is better.\n[[8,5]]", "left"),
        ("scores", "[[5.5, 8]]", "right"),
        ("scores", "[[7.0,7.1]]", "tie"),
        ("scores", "At first [[8,5]], but [[**5，8**]]", "right"),
        ("json", '{"reason": "A is short.\nB rambles.\t", "winner": "A"}', "left"),
        ("json", '{"reason": "A is short.", "list": [1, 2,], "winner": "B",}', "right"),
        ("json", '{"reason": "x", "winner": "A"}\n{"confidence": 0.9}', "left"),
        ("json", '{"winner": "A", "reason": "x", "winner": "Assistant A"}', "left"),
        ("json", 'I use {"winner": ...} as told. {"winner": "B"}', "right"),
        ("json", '[{"winner": "**B**"}]', "right"),
        ("json", '<think>{"winner": "A"}</think>{"winner": "B"}', "right"),
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
        ("bracketed", "[[A]] or [[B]]"),
        ("bracketed", "The options were [[A]], [[B]] and [[C]]. I would not choose."),
        ("bracketed", "- [[A]]: A is better\n- [[B]]: B is better\n- [[C]]: a tie\nI would not choose."),
        ("bracketed", "At first I lean to [[A]].\n</think>\n\nI would rather not choose."),
        ("bracketed", "<thought>At first I lean to [[A]].</thought>\nI would rather not choose."),
        ("bracketed", "<|channel|>analysis<|message|>[[A]] it is, I"),
        ("bracketed", "[[8,5]]"),
        ("scores", "[[8]]"),
        ("scores", "[[8,11]]"),
        ("scores", "[[8,5,1]]"),
        ("json", '{"analysis": {"winner": "A"}}'),
        ("json", '{"draft": {"winner": "A"}, "reason": "x'),
        ("json", '{"reason": "He said "A" first", "winner": "A"}'),
        ("json", "{'winner': 'A'}"),
        ("json", '{"win\\u006eer": "A"}'),
        ("json", '{"winner": "B", "reason": "No, wait.", "winner": "A"}'),
        ("json", '{"winner": "A"}\n{"winner": "B"}'),
        ("json", '```json\n{"winner": "A"}\n```\n```json\n{"winner": "tie"}\n```'),
        ("json", '{"winner": "A"} or {"winner": "B"}'),
        ("json", '{"winner": "A"} No: {"winner": "B", "reason": "cut'),
        ("json", '{"a":' * 5000),
        ("rating", "[[.5]]"),
        ("rating", "From [[1]] to [[10]]."),
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
        ("rating", "[[**7**]]", 7),
        ("rating", "Rating: [[7]] (on a scale from [[1]] to [[10]])", 7),
        ("rating", "I raise it from [[1]] to [[9]]", 9),
        ("json-score", '{"reason": "x", "score": 6}', 6),
        ("json-score", '{"reason": "x", "score": "6.5"}', 6.5),
        ("json-score", '{"score": "8/10",}', 8),
        ("json-score", '{"score": 7, "score": "7"}', 7),
    ],
)
def test_a_score_is_read(reader: str, text: str, score: float) -> None:
    found = read(reader, text)
    assert isinstance(found, Reading)
    assert (found.score, found.verdict) == (score, None)


@pytest.mark.parametrize(
    ("reader", "text", "words"),
    [
        ("json", '{"winner": "B", "winner": "A"}', "The reply contradicts itself: it gives “winner” as “B”, “A”."),
        ("json-score", '{"score": 3}\n{"score": 9}', "The reply contradicts itself: it gives “score” as “3”, “9”."),
        ("json", '{"verdict": "A"}', "The JSON in the reply has no “winner” at its top level."),
        ("json", '{"winner" "A"}', "The JSON in the reply cannot be read: Expecting ':' delimiter"),
        ("json", "A wins.", "The reply contains no verdict. It ends with “A wins.”."),
        ("bracketed", "[[A]]" + " " * 400_000, "The reply has more than 400000 characters"),
    ],
)
def test_the_reason_says_what_is_wrong(reader: str, text: str, words: str) -> None:
    found = read(reader, text)
    assert isinstance(found, Unreadable)
    assert str(found.problem).startswith(words)


PIECES = [
    *"[[]]ABC\\*\u200b\ufeff.,:\"'> =<1085",
    *(
        "[[",
        "]]",
        "tie",
        "assistant ",
        "the ",
        "rating: ",
        '{"',
        '"}',
        "winner",
        "score",
        '": "',
        "\u200d",
        " ",
        "A",
        "B",
    ),
]


@pytest.mark.parametrize("reader", [name for name, reader in READERS.items() if reader.markers])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=25))
def test_what_is_read_as_a_verdict_is_broken_inside_answers(reader: str, pieces: list[str]) -> None:
    quoted = templates.neutralise("".join(pieces), READERS[reader].markers)
    assert not isinstance(read(reader, quoted), Reading)


@pytest.mark.parametrize(
    ("reader", "quoted"),
    [
        ("bracketed", "[[**A**]]"),
        ("bracketed", "[[Assistant A]]"),
        ("bracketed", "[\u200b[A\u200b]]"),
        ("bracketed", "[[t\u200bie]]"),
        ("bracketed", "\\[\\[B\\]\\]"),
        ("bracketed", "[[(A)]]"),
        ("bracketed", "[[as\u200bsistant\u200b A]]"),
        ("levels", "[[**A** >> B]]"),
        ("rating", "[[**7**]]"),
        ("rating", "[[score 7 / 10]]"),
        ("scores", "[[8,\u200b5]]"),
        ("json", '{"winner" : "A"}'),
        ("json", '{"win\u200bner": "A"}'),
        ("json-score", '{"score": "7"}'),
    ],
)
def test_every_spelling_of_a_verdict_is_broken_inside_answers(reader: str, quoted: str) -> None:
    assert isinstance(read(reader, quoted), Reading)
    assert isinstance(read(reader, templates.neutralise(quoted, READERS[reader].markers)), Unreadable)


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
