"""What an adaptive study can draw, against counting every pair one by one."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from annotation.pairing.candidates import FAR, Candidates, Prompts


def candidates(seed: int = 0, *, models: int = 5, prompts: int = 7, cap: int = 3) -> Candidates:
    """A study in which some answers are missing, some pairs were drawn and some are refused."""
    rng = np.random.default_rng(seed)
    answered = rng.random((models, prompts)) < 0.8
    able = [(i, j, p) for i, j in combinations(range(models), 2) for p in range(prompts) if answered[[i, j], p].all()]
    rng.shuffle(able)
    drawn = [(*pair, int(rng.integers(1, cap + 2))) for pair in able[: len(able) // 3]]
    refused = [*able[len(able) // 3 : len(able) // 2], *able[:2]]
    return Candidates(
        models=np.arange(models) * 10,
        prompts=np.arange(prompts) + 100,
        answered=answered,
        cap=cap,
        drawn=np.array(drawn, dtype=np.int64).reshape(-1, 4),
        pending=np.zeros((models, models)),
        refused=np.array(refused, dtype=np.int64).reshape(-1, 3),
        joined=np.zeros(models, dtype=np.int64),
    )


def left(known: Candidates) -> dict[tuple[int, int, int], int]:
    """The places that each pair can still get, one by one."""
    had = {(i, j, p): places for i, j, p, places in known.drawn.tolist()}
    refused = set(map(tuple, known.refused.tolist()))
    size, prompts = known.answered.shape
    return {
        (i, j, p): max(0, known.cap - had.get((i, j, p), 0))
        for i, j in combinations(range(size), 2)
        for p in range(prompts)
        if known.answered[i, p] and known.answered[j, p] and (i, j, p) not in refused
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_room_is_the_places_that_are_left(seed):
    known = candidates(seed)
    expected = np.zeros((5, 5), dtype=int)
    for (i, j, _prompt), places in left(known).items():
        expected[i, j] += places
    assert known.room().tolist() == expected.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_the_prompts_of_two_models_are_those_with_places_left(seed):
    known, free = candidates(seed), left(candidates(seed))
    had = {(i, j, p): places for i, j, p, places in known.drawn.tolist()}
    for i, j in combinations(range(5), 2):
        found = known.prompts_of(i, j)
        expected = [had.get((i, j, p), 0) if free.get((i, j, p)) else FAR for p in range(7)]
        assert found.tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_the_next_prompt_of_every_two_models_is_the_one_that_is_chosen(seed):
    known, total = candidates(seed), candidates(seed).places_of_prompts()
    votes, there = known.next_prompts()
    for i, j in combinations(range(5), 2):
        chosen = Prompts(known).choose(i, j, np.random.default_rng(0))
        assert (chosen is not None) == there[i, j] == there[j, i] == (known.room()[i, j] > 0)
        if chosen is not None:
            assert votes[i, j] == votes[j, i] == total[chosen[0]]


def test_places_are_counted_for_models_and_prompts():
    known = candidates(3)
    models, prompts = Counter(), Counter()
    for i, j, prompt, places in known.drawn.tolist():
        models[i] += places
        models[j] += places
        prompts[prompt] += places
    assert known.places_of_models().tolist() == [models[model] for model in range(5)]
    assert known.places_of_prompts().tolist() == [prompts[prompt] for prompt in range(7)]


def test_the_prompts_with_the_fewest_votes_come_first_and_of_these_each_is_equally_likely():
    drawn = np.array([(0, 1, 0, 1), (1, 2, 1, 2), (1, 2, 2, 2)])
    known = replace(candidates(), answered=np.ones((5, 7), dtype=bool), drawn=drawn, refused=np.empty((0, 3), int))
    times: Counter[int] = Counter()
    for seed in range(2000):
        prompt, chance = Prompts(known).choose(0, 1, np.random.default_rng(seed))
        assert chance == 1 / 4
        times[prompt] += 1
    # Prompt 0 has a vote of these two, 1 and 2 have votes of others.
    assert set(times) == {3, 4, 5, 6}
    assert all(abs(number - 500) < 5 * np.sqrt(2000 * 3 / 16) for number in times.values())


def test_each_choice_counts_for_the_next():
    nothing = {"drawn": np.empty((0, 4), int), "refused": np.empty((0, 3), int)}
    known = replace(candidates(cap=2), answered=np.ones((5, 7), dtype=bool), **nothing)
    prompts, rng = Prompts(known), np.random.default_rng(0)
    first = [prompts.choose(0, 1, rng)[0] for _draw in range(7)]
    assert sorted(first) == list(range(7)), "all prompts once before any comes again"
    again = [prompts.choose(0, 1, rng)[0] for _draw in range(7)]
    assert sorted(again) == list(range(7))
    assert prompts.choose(0, 1, rng) is None, "two votes a pair are all there is"
