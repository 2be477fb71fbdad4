"""What is assumed of a study that has not run yet."""

import math
from dataclasses import dataclass
from typing import Final

SPREAD: Final = 0.67
"""Standard deviation of ratings, in log-odds (116 Elo points): that of 20 language models in 26,919 published votes."""

TIES: Final = 0.3
"""The share of ties among the same votes."""

PROMPT_EFFECT: Final = 0.5
WORKER_EFFECT: Final = 0.75
"""In log-odds: 87 and 130 Elo points, as in 8,931 votes of 124 people on 13 prompts (LLMFAO's crowd)."""

VOTES_PER_WORKER: Final = 40

MOST_MODELS: Final = 200
MOST_PROMPTS: Final = 100_000
MOST_VOTES: Final = 1_000_000
MOST_SPREAD: Final = 4.0
"""In log-odds, of a spread and of effects: 700 Elo points."""


class Unplannable(ValueError):
    """An assumption is out of range; the message says which."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """A study, and what is assumed of its models, prompts and workers.

    Attributes:
        models, prompts: how many are compared, and on how many prompts.
        votes: how many votes are planned.
        workers: how many people share them, at any number of votes; None: one for every `VOTES_PER_WORKER` votes.
        pairs_per_prompt: how many pairs of models are offered on each prompt, drawn at random; None: all.
        spread: standard deviation of the ratings, in log-odds, as on a leaderboard that counts ties as half a win.
        ties: share of ties among the votes.
        prompt_effect: standard deviation, in log-odds, of what a model's strength on one prompt differs by.
        worker_effect: the same for what one worker sees in a model and others do not.
    """

    models: int
    prompts: int
    votes: int
    workers: int | None = None
    pairs_per_prompt: int | None = None
    spread: float = SPREAD
    ties: float = TIES
    prompt_effect: float = PROMPT_EFFECT
    worker_effect: float = WORKER_EFFECT

    def __post_init__(self) -> None:
        for name, least, most in (
            ("models", 2, MOST_MODELS),
            ("prompts", 1, MOST_PROMPTS),
            ("votes", self.models, MOST_VOTES),
            ("workers", 1, self.votes),
            ("pairs_per_prompt", 1, None),
            ("spread", 0.0, MOST_SPREAD),
            ("ties", 0.0, 0.9),
            ("prompt_effect", 0.0, MOST_SPREAD),
            ("worker_effect", 0.0, MOST_SPREAD),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if not (math.isfinite(value) and value >= least and (most is None or value <= most)):
                raise Unplannable(
                    f"{name} is {value:g}; it must be at least {least}"
                    + (f" and at most {most}." if most is not None else ".")
                )
        if self.spread == 0:
            raise Unplannable("spread is 0; models that are all equal have no order.")

    @property
    def pairs(self) -> int:
        """The number of pairs of models."""
        return self.models * (self.models - 1) // 2

    @property
    def offered(self) -> int:
        """The number of pairs of models offered on each prompt."""
        return self.pairs if self.pairs_per_prompt is None else min(self.pairs_per_prompt, self.pairs)

    @property
    def overlap(self) -> float:
        """How many votes each pair of answers gets on average."""
        return self.votes / (self.prompts * self.offered)

    def workers_for(self, votes: int) -> int:
        """Returns how many workers share so many votes."""
        return math.ceil(votes / VOTES_PER_WORKER) if self.workers is None else min(self.workers, votes)
