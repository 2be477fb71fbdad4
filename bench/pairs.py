"""`make bench-pairs`: distances in one call per prompt against the library in a loop over unordered pairs.

Both get the same texts, stripped and in lower case, prompt by prompt; they take turns, and the
medians are compared. The promise is a ratio of at most 0.7 on two cores or more.
"""

import json
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import rapidfuzz
from rapidfuzz.distance import Levenshtein

from annotation.pairing.neighbours import distances

ROUNDS = 9
PROMISED = 0.7
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "llmfao" / "results.jsonl"


def real_texts() -> list[list[str]]:
    by_prompt: dict[int, list[str]] = defaultdict(list)
    with REAL.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            by_prompt[row["prompt"]].append(row["result"].strip().lower())
    return list(by_prompt.values())


def made_up_texts() -> list[list[str]]:
    """20 prompts with 60 texts each, of 400 characters in the median, as real answers are."""
    rng = np.random.default_rng(0)
    letters = np.array(list("etaoin shrdlucmfwypvbgkjqxz"))
    lengths = np.exp(rng.normal(6.0, 0.8, (20, 60))).astype(int).clip(1, 2000)
    return [["".join(rng.choice(letters, length)).strip() for length in prompt] for prompt in lengths]


def in_one_call(prompts: list[list[str]]) -> None:
    for texts in prompts:
        distances(texts)


def in_a_loop(prompts: list[list[str]]) -> None:
    for texts in prompts:
        for first, second in combinations(texts, 2):
            Levenshtein.distance(first, second)


def seconds(work: Callable[[list[list[str]]], None], prompts: list[list[str]]) -> float:
    start = time.perf_counter()
    work(prompts)
    return time.perf_counter() - start


def check(prompts: list[list[str]]) -> None:
    """That both compute the same."""
    for texts in prompts:
        matrix = distances(texts)
        loop = [Levenshtein.distance(first, second) for first, second in combinations(texts, 2)]
        assert matrix[np.triu_indices(len(texts), 1)].tolist() == loop
        assert (matrix == matrix.T).all()


def main() -> int:
    prompts = real_texts() if REAL.exists() else made_up_texts()
    check(prompts)
    times = [(seconds(in_one_call, prompts), seconds(in_a_loop, prompts)) for _round in range(ROUNDS)]
    call, loop = (statistics.median(column) for column in zip(*times, strict=True))
    pairs = sum(len(texts) * (len(texts) - 1) // 2 for texts in prompts)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{platform.machine()}, {cores} cores, load {load} before; Python {platform.python_version()}, "
        f"rapidfuzz {rapidfuzz.__version__}, numpy {np.__version__}"
    )
    print(
        f"{len(prompts)} prompts, {sum(map(len, prompts)):,} texts, {pairs:,} unordered pairs"
        f" ({'real' if REAL.exists() else 'made up'}); medians of {ROUNDS} rounds"
    )
    print(f"  one call a prompt   {1000 * call:8.1f} ms")
    print(f"  loop over pairs     {1000 * loop:8.1f} ms")
    print(f"  ratio               {call / loop:8.2f}   (at most {PROMISED} is promised)")
    return 0 if call / loop <= PROMISED else 1


if __name__ == "__main__":
    sys.exit(main())
