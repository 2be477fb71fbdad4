"""Exact and near duplicates of prompts."""

import time

import pytest

from judges.evolve.duplicates import NEAR, Known, fingerprint

TEXT = "A baker bakes 12 loaves an hour for 5 hours. She sells each loaf for $3. How much does she earn in dollars?"


@pytest.mark.parametrize(
    "other",
    [TEXT.upper(), f"  {TEXT}\n", TEXT.replace(" ", "\n\t"), TEXT.replace("12", "１２"), TEXT.replace("a", "ａ")],
)
def test_case_white_space_and_width_make_no_difference(other: str) -> None:
    assert fingerprint(other) == fingerprint(TEXT)


@pytest.mark.parametrize("other", [TEXT.replace("12", "13"), TEXT.replace("?", "."), TEXT[:-1]])
def test_any_other_difference_does(other: str) -> None:
    assert fingerprint(other) != fingerprint(TEXT)


def similarity(one: str, other: str) -> float:
    known: Known[int] = Known()
    known.add(1, one)
    found = known.nearest(other)
    assert found is not None
    return found.similarity


@pytest.mark.parametrize(
    "other",
    [
        TEXT.replace("12", "14").replace("$3", "$4"),
        "She sells each loaf for $3. A baker bakes 12 loaves an hour for 5 hours. How much does she earn in dollars?",
        TEXT.replace("?", "").replace(".", "!"),
        TEXT.replace("A baker", "The baker"),
    ],
)
def test_small_changes_and_moved_sentences_are_near(other: str) -> None:
    assert similarity(TEXT, other) >= NEAR


@pytest.mark.parametrize(
    "other",
    [
        "A farmer has 40 sheep and buys 12 more each spring. After 5 years he sells half of them. How many are left?",
        "Write a haiku about loaves.",
        "",
        "?!",
    ],
)
def test_another_prompt_of_the_same_form_is_not_near(other: str) -> None:
    assert similarity(TEXT, other) < NEAR


def test_japanese_is_compared_by_its_characters() -> None:
    text = "あなたは新しい町に引っ越しました。近所の人に送る手紙を書いてください。"
    assert similarity(text, text.replace("新しい", "小さな")) >= 0.8
    assert similarity(text, "自転車の修理の手順を三つ挙げて、初心者に説明してください。") < 0.6


def test_the_most_similar_of_all_is_found_and_without_others_there_is_none() -> None:
    known: Known[str] = Known()
    assert known.nearest(TEXT) is None
    for place in range(50):
        known.add(f"far {place}", f"Write {place} lines about the sea and the {place} winds.")
    known.add("near", TEXT.replace("baker", "cook"))
    found = known.nearest(TEXT)
    assert found is not None
    assert found.key == "near"


def test_ten_thousand_prompts_are_compared_within_a_second() -> None:
    known: Known[int] = Known()
    for place in range(10_000):
        known.add(place, f"{TEXT} {place} {TEXT[place % 90 :]} {place * 7919 % 10_007} {TEXT[::-1]}")
    began = time.perf_counter()
    known.nearest(TEXT * 3)
    assert time.perf_counter() - began < 1
