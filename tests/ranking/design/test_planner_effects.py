"""How much strengths differ between prompts and between workers is found again in votes with such differences."""

import numpy as np
import pytest
import scipy

from ranking.design.planner.effects import effects
from ranking.methods.board import rate
from ranking.methods.settings import Settings
from ranking.methods.tally import Votes


def votes(prompt_effect: float, worker_effect: float, seed: int, prompts: int = 60, workers: int = 60) -> Votes:
    rng = np.random.default_rng(seed)
    models, number = 8, 6000
    strength = rng.normal(0, 0.6, models)
    by_prompt = rng.normal(0, prompt_effect, (prompts, models))
    by_worker = rng.normal(0, worker_effect, (workers, models))
    x = rng.integers(models, size=number)
    y = (x + rng.integers(1, models, size=number)) % models
    prompt, rater = rng.integers(prompts, size=number), rng.integers(workers, size=number)
    odds = (strength + by_prompt[prompt] + by_worker[rater])[np.arange(number), x]
    odds -= (strength + by_prompt[prompt] + by_worker[rater])[np.arange(number), y]
    outcome = 2 * (rng.random(number) < scipy.special.expit(odds)).astype(int)
    return Votes(tuple(map(str, range(models))), x, y, outcome, prompt=prompt, rater=rater)


def found(cast: Votes) -> tuple[float | None, float | None]:
    return effects(cast, rate(cast, Settings(clusters="none"), "people").groups[0].ratings.scores)


@pytest.mark.parametrize(("prompt", "worker"), [(0.0, 0.0), (0.8, 0.0), (0.0, 0.8), (0.7, 0.4)])
def test_effects_are_found_again(prompt, worker):
    seen = np.array([found(votes(prompt, worker, seed)) for seed in range(6)])
    assert seen.mean(axis=0) == pytest.approx([prompt, worker], abs=0.12)


def test_effects_of_what_is_not_known_are_not_known():
    cast = votes(0.5, 0.5, 0)
    assert effects(Votes(cast.names, cast.x, cast.y, cast.outcome), np.zeros(8)) == (None, None)


def test_one_vote_for_each_worker_says_nothing_of_workers():
    cast = votes(0.0, 0.5, 0)
    alone = Votes(cast.names, cast.x, cast.y, cast.outcome, prompt=cast.prompt, rater=np.arange(len(cast)))
    assert effects(alone, np.zeros(8))[1] == 0
