"""All pairs that an adaptive study allows: every prompt, with every two models that answered it.

Held as arrays, because there may be millions of which few are ever drawn.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

type Counts = NDArray[np.int64]

FAR: Final = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The pairs of m models on P prompts, and the places of those that were drawn.

    Attributes:
        models: (m,) primary keys.
        prompts: (P,) primary keys.
        answered: (m, P) whether the model answered the prompt.
        cap: the most places of a pair.
        drawn: (n, 4) of each pair with a row: models i < j and prompt as indices, and its places.
        pending: (m, m), symmetric: places on two models whose vote is still to come.
        refused: (k, 3) models i < j and prompt of pairs that must not be drawn, such as of identical answers.
        joined: (m,) how many draws the study had made when it first drew the model.
    """

    models: Counts
    prompts: Counts
    answered: NDArray[np.bool_]
    cap: int
    drawn: Counts
    pending: NDArray[np.float64]
    refused: Counts
    joined: Counts

    def room(self) -> Counts:
        """Returns (m, m), above the diagonal, how many more places the pairs of two models can get."""
        both = self.answered.astype(np.float64)
        found = np.triu(self.cap * np.rint(both @ both.T).astype(np.int64), 1)
        np.subtract.at(found, (self.drawn[:, 0], self.drawn[:, 1]), np.minimum(self.drawn[:, 3], self.cap))
        # A refused pair that was drawn before keeps its places, and gets no more.
        had = {(i, j, prompt): places for i, j, prompt, places in self.drawn.tolist()}
        for i, j, prompt in self.refused.tolist():
            found[i, j] -= max(0, self.cap - had.get((i, j, prompt), 0))
        return np.maximum(found, 0)

    def places_of_models(self) -> Counts:
        """Returns (m,) the places of each model."""
        ends = np.concatenate([self.drawn[:, 0], self.drawn[:, 1]])
        return np.bincount(ends, np.tile(self.drawn[:, 3], 2), minlength=len(self.models)).astype(np.int64)

    def places_of_prompts(self) -> Counts:
        """Returns (P,) the places on each prompt."""
        return np.bincount(self.drawn[:, 2], self.drawn[:, 3], minlength=len(self.prompts)).astype(np.int64)

    def prompts_of(self, i: int, j: int) -> Counts:
        """Returns (P,) the places of models i < j on each prompt, `FAR` where they cannot get one more."""
        found = np.where(self.answered[i] & self.answered[j], 0, FAR)
        rows = self.drawn[(self.drawn[:, 0] == i) & (self.drawn[:, 1] == j)]
        found[rows[:, 2]] += np.where(rows[:, 3] < self.cap, rows[:, 3], FAR)
        refused = self.refused[(self.refused[:, 0] == i) & (self.refused[:, 1] == j)]
        found[refused[:, 2]] = FAR
        return np.minimum(found, FAR)

    def next_prompts(self) -> tuple[Counts, NDArray[np.bool_]]:
        """Returns (m, m) the places, over all models, of the prompt that comes next for two models, and (m, m) whether
        there is one. Both are symmetric."""
        size, total = len(self.models), self.places_of_prompts()
        votes, there = np.zeros((size, size), dtype=np.int64), np.zeros((size, size), dtype=bool)
        # Fewest of the pair first, then fewest of all: one number that orders the prompts.
        scale = int(total.max(initial=0)) + 1
        for i in range(size):
            rows = self.drawn[self.drawn[:, 0] == i]
            mine = np.where(self.answered[i] & self.answered, 0, FAR)
            mine[: i + 1] = FAR
            mine[rows[:, 1], rows[:, 2]] += np.where(rows[:, 3] < self.cap, rows[:, 3], FAR)
            refused = self.refused[self.refused[:, 0] == i]
            mine[refused[:, 1], refused[:, 2]] = FAR
            open_ = mine < FAR
            ranked = np.where(open_, mine * scale + total, FAR).min(axis=1, initial=FAR)
            there[i] = ranked < FAR
            votes[i] = np.where(there[i], ranked % scale, 0)
        return votes + votes.T, there | there.T


class Prompts:
    """Chooses the prompts of draws one after the other, and counts them."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates
        self._total = candidates.places_of_prompts()
        self._known: dict[tuple[int, int], Counts] = {}

    def choose(self, i: int, j: int, rng: np.random.Generator) -> tuple[int, float] | None:
        """Returns the index of the next prompt for models i < j and its probability; None if there is none.

        First those with the fewest places of the two models, of these the ones with the fewest places of all models,
        and of these each equally likely: a prompt with many votes says less about prompts like it.
        """
        mine = self._known.setdefault((i, j), self._candidates.prompts_of(i, j))
        least = mine.min(initial=FAR)
        if least >= FAR:
            return None
        fewest = np.flatnonzero(mine == least)
        fewest = fewest[self._total[fewest] == self._total[fewest].min()]
        prompt = int(fewest[rng.integers(len(fewest))])
        self._total[prompt] += 1
        mine[prompt] = mine[prompt] + 1 if mine[prompt] + 1 < self._candidates.cap else FAR
        return prompt, 1 / len(fewest)
