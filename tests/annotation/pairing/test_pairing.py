"""Strategies: texts in, pairs of indices out."""

import csv
import json
from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from annotation.pairing import everything, neighbours, random
from annotation.pairing.registry import STRATEGIES
from annotation.pairing.strategy import Options, Unconnected
from tests.places import REAL_DATA, needs_real_data

REFERENCE = REAL_DATA / "llmfao"

texts_of_a_prompt = st.lists(st.text("abc \nÄß日", max_size=12), max_size=12)
options = st.builds(Options, neighbours=st.integers(1, 6), per_prompt=st.none() | st.integers(1, 40))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", STRATEGIES)
@given(texts=texts_of_a_prompt, asked=options, seed=st.integers(0, 2**32))
def test_every_strategy_gives_each_pair_once_the_lower_place_first_in_order(
    name: str, texts: list[str], asked: Options, seed: int
) -> None:
    try:
        links = STRATEGIES[name](texts, asked, rng(seed))
    except Unconnected:
        return
    assert links.shape == (len(links), 2)
    pairs = [tuple(link) for link in links.tolist()]
    assert pairs == sorted(set(pairs))
    assert set(pairs) <= set(combinations(range(len(texts)), 2))


@given(texts=texts_of_a_prompt, count=st.integers(1, 6))
def test_neighbours_are_the_most_distant_texts_and_of_equals_the_one_stored_first(texts: list[str], count: int) -> None:
    plain = [text.strip().lower() for text in texts]
    expected = set()
    for place, text in enumerate(plain):
        others = [other for other in range(len(plain)) if other != place]
        others.sort(key=lambda other, text=text: (-Levenshtein.distance(text, plain[other]), other))
        expected |= {tuple(sorted((place, other))) for other in others[:count]}
    try:
        links = neighbours.link(texts, Options(neighbours=count), rng())
    except Unconnected as unconnected:
        parts = unconnected.parts
    else:
        parts = []
        assert {tuple(link) for link in links.tolist()} == expected
    if parts:
        assert sorted(place for part in parts for place in part) == list(range(len(texts)))
        assert len(parts) > 1
        part_of = {place: index for index, part in enumerate(parts) for place in part}
        assert all(part_of[low] == part_of[high] for low, high in expected)


def test_case_and_space_around_a_text_make_no_distance() -> None:
    assert neighbours.distances(["  Haiku\n", "haiku", "HAIKU!"]).tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]


def test_identical_texts_are_linked_to_the_first_and_hold_together() -> None:
    links = neighbours.link(["same"] * 4, Options(neighbours=1), rng())
    assert links.tolist() == [[0, 1], [0, 2], [0, 3]]


def test_groups_that_pick_only_each_other_are_refused_with_their_places() -> None:
    with pytest.raises(Unconnected) as fault:
        neighbours.link(["aaaa", "bbbb", "aabb", "bbaa"], Options(neighbours=1), rng())
    assert fault.value.parts == [[0, 1], [2, 3]]


def test_all_links_every_two_results() -> None:
    assert everything.link(["a", "b", "c"], Options(), rng()).tolist() == [[0, 1], [0, 2], [1, 2]]
    assert everything.link(["a"], Options(), rng()).tolist() == []


def test_random_draws_as_many_pairs_as_asked_and_others_with_another_seed() -> None:
    texts = [str(number) for number in range(40)]
    asked = Options(per_prompt=25)
    first, again, other = (random.link(texts, asked, rng(seed)).tolist() for seed in (1, 1, 2))
    assert len(first) == 25
    assert first == again
    assert first != other


def test_random_draws_without_a_number_as_many_as_neighbours_could_make() -> None:
    texts = [str(number) for number in range(40)]
    assert len(random.link(texts, Options(neighbours=3), rng())) == 120


def test_random_stops_at_all_pairs() -> None:
    assert len(random.link(["a", "b", "c"], Options(per_prompt=100), rng())) == 3


def test_random_draws_every_pair_equally_often() -> None:
    texts = [str(number) for number in range(6)]
    generator = rng(7)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    for _draw in range(3000):
        for low, high in random.link(texts, Options(per_prompt=2), generator).tolist():
            counts[low, high] += 1
    # 6,000 draws over 15 pairs: 400 each, a standard deviation of 18.6.
    assert len(counts) == 15
    assert all(abs(count - 400) < 5 * 18.6 for count in counts.values())


@given(st.integers(0, 2**50))
def test_a_rank_and_its_pair_belong_together_however_large(rank: int) -> None:
    [[low, high]] = random.pairs_of_ranks(np.array([rank])).tolist()
    assert 0 <= low < high
    assert high * (high - 1) // 2 + low == rank


@pytest.mark.reference
@needs_real_data("llmfao")
def test_three_neighbours_on_the_real_answers_are_the_published_pairs() -> None:
    answers: dict[int, list[tuple[int, str]]] = defaultdict(list)
    with (REFERENCE / "results.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            answers[row["prompt"]].append((row["model"], row["result"]))
    found = {
        (prompt, frozenset((stored[low][0], stored[high][0])))
        for prompt, stored in answers.items()
        for low, high in neighbours.link([text for _model, text in stored], Options(neighbours=3), rng()).tolist()
    }
    with (REFERENCE / "gpt4-comparisons.csv").open(encoding="utf-8", newline="") as lines:
        published = {
            (int(row["prompt"]), frozenset((int(row["model_x"]), int(row["model_y"])))) for row in csv.DictReader(lines)
        }
    assert len(published) == 3236
    assert found == published
