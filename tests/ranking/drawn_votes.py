"""Votes made up for tests, and ways to take them apart."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ranking.methods.tally import Votes


def make(
    rows: list[tuple[int, int, int]] | np.ndarray[Any, Any], models: int | None = None, **arrays: list[Any]
) -> Votes:
    """Votes of x, y and outcome (2: x won, 1: tie, 0: y won), between models called a, b, ..."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    size = models or int(table[:, :2].max()) + 1
    return Votes(
        tuple(f"model {chr(97 + code)}" if code < 26 else f"model {code}" for code in range(size)),
        *table.T,
        **{name: np.array(array) for name, array in arrays.items()},
    )


def draw(
    seed: int, *, models: int = 6, rows: int = 300, prompts: int = 12, raters: int = 15, ties: float = 0.2
) -> Votes:
    """Votes of a Bradley-Terry model with random strengths, clustered at random."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 0.8, models)
    x = rng.integers(models, size=rows)
    y = (x + rng.integers(1, models, size=rows)) % models
    won = rng.random(rows) < 1 / (1 + np.exp(strength[y] - strength[x]))
    outcome = np.where(rng.random(rows) < ties, 1, 2 * won)
    return Votes(
        tuple(f"model {code}" for code in range(models)),
        x,
        y,
        outcome,
        left=rng.choice([-1, 1], size=rows),
        prompt=rng.integers(prompts, size=rows),
        rater=rng.integers(raters, size=rows),
    )


def relabelled(votes: Votes, order: np.ndarray[Any, Any]) -> Votes:
    """The same comparisons, model k now being called `order[k]` and keeping its name."""
    names = np.empty(len(order), dtype=object)
    names[order] = votes.names
    return replace(votes, names=tuple(names), x=order[votes.x], y=order[votes.y])


def swapped(votes: Votes, rows: np.ndarray[Any, Any]) -> Votes:
    """The same comparisons with x and y exchanged in the rows where `rows` says so."""
    return replace(
        votes,
        x=np.where(rows, votes.y, votes.x),
        y=np.where(rows, votes.x, votes.y),
        outcome=np.where(rows, 2 - votes.outcome, votes.outcome),
        left=None if votes.left is None else np.where(rows, -votes.left, votes.left),
    )


seeds = st.integers(0, 2**32 - 1)
