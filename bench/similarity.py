"""`make bench-similarity`: a million lexical similarities on one core in flat memory, and the choice of prompts.

100 models answer 203 prompts: 1,004,850 pairs of answers, made of words as often as words are, with a median of 1,200
characters. They come in blocks, as a run reads them. Promised: 60 s on one core, and a peak of memory that does not
grow with the number of prompts.
"""

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

from annotation.pairing import mad
from judges.similarity import lexical
from judges.similarity.measure import Block

MODELS = 100
PROMPTS = 203
CHARACTERS = 2_000_000
MEDIAN = 1200
PROMISED_SECONDS = 60.0
PROMISED_GROWTH = 100.0
"""MiB by which the peak may grow from the first quarter of the prompts to all of them."""


def blocks(prompts: int, seed: int = 0) -> Iterator[Block]:
    """Yields the answers to `prompts` prompts, as many at once as a run reads."""
    rng = np.random.default_rng(seed)
    letters = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(2, 10))) for _word in range(5000)])
    weights = 1 / np.arange(1, len(words) + 1)
    weights /= weights.sum()
    x, y = np.triu_indices(MODELS, 1)
    texts: list[str] = []
    group: list[int] = []
    size = count = 0
    for prompt in range(prompts):
        for _model in range(MODELS):
            length = int(np.exp(rng.normal(np.log(MEDIAN / 6), 0.6))) + 1
            texts.append(" ".join(rng.choice(words, length, p=weights)))
            size += len(texts[-1])
        group += [count] * MODELS
        count += 1
        if size >= CHARACTERS or prompt == prompts - 1:
            left = (np.arange(count)[:, None] * MODELS + x).ravel()
            right = (np.arange(count)[:, None] * MODELS + y).ravel()
            yield Block(texts, [""] * len(texts), np.array(group), left, right)
            texts, group, size, count = [], [], 0, 0


def peak() -> float:
    """The largest memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compared(prompts: int) -> tuple[int, int, float]:
    """Returns the number of pairs and of characters, and the processor seconds that the comparison took."""
    pairs = characters = 0
    seconds = 0.0
    for block in blocks(prompts):
        started = time.process_time()
        found = lexical.similarities(block.texts, block.group, block.left, block.right)
        seconds += time.process_time() - started
        assert found.min() >= 0
        assert found.max() <= 1
        pairs += len(found)
        characters += sum(map(len, block.texts))
    return pairs, characters, seconds


def main() -> None:
    compared(2)
    quarter, _characters, _seconds = compared(PROMPTS // 4)
    before = peak()
    pairs, characters, seconds = compared(PROMPTS)
    growth = peak() - before
    rng = np.random.default_rng(1)
    similarity, vectors = rng.random(1000), rng.normal(size=(1000, 256))
    started = time.process_time()
    for _pair in range(50):
        mad.choose(similarity, vectors, top=10, spread=0.5)
    each = (time.process_time() - started) / 50
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}")
    print(f"{pairs:,} lexical similarities of {characters / 1e6:.0f} million characters: {seconds:.1f} s on one core")
    print(f"peak of memory: {before:.0f} MiB after {quarter:,} pairs, {growth:.0f} MiB more after all of them")
    print(f"top 10 of 1,000 prompts, spread by vectors of 256 numbers: {1000 * each:.1f} ms for each pair of models")
    if seconds > PROMISED_SECONDS or growth > PROMISED_GROWTH:
        sys.exit(f"promised: at most {PROMISED_SECONDS:.0f} s, and {PROMISED_GROWTH:.0f} MiB more")


if __name__ == "__main__":
    main()
