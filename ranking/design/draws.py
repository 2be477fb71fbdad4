"""The next batch of model pairs, each drawn with a known probability."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ranking.design.belief import Belief
from ranking.design.registry import DEFAULT, FLOOR, NEWCOMER, STRATEGIES, UNIFORM, Gains
from ranking.methods.tally import Codes, Floats

FIRST: Final = 10
"""Random pairs a model before anything else is asked: no gain means anything while nothing is known."""

EQUAL: Final = 1e-9
"""Gains that differ by less than this share are ties, so that rounding does not choose."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One pair of models, the strategy that drew it, and the probability with which the batch so far led to it."""

    i: int
    j: int
    strategy: str
    probability: float


def batch(
    belief: Belief,
    room: Codes,
    size: int,
    rng: np.random.Generator,
    *,
    mix: Mapping[str, float] = DEFAULT,
    newcomers: frozenset[int] = frozenset(),
    places: Codes | None = None,
    floor: int = 0,
) -> list[Draw]:
    """Returns up to `size` draws, fewer where no pair has room left.

    `room` (m, m) is how many votes each pair of models, above the diagonal, can still take. `mix` has each strategy's
    share of the draws; see `shares` for what newcomers change. Each draw is uniform over all pairs with room or takes
    the largest gain of its strategy, ties by an order drawn once for the batch. The belief is updated after each as if
    the vote were in.

    While a model has fewer than `floor` of its `places` (m,), which are counted on in the batch, the shares of all
    strategies but the uniform one go to pairs with such a model, each equally likely.

    Raises:
        ValueError: the shares are negative or do not add up to 1, or a strategy is unknown.
    """
    refuse_odd(mix)
    chosen = shares(mix, newcomers)
    uniform = chosen.pop(UNIFORM, 0.0)
    models = len(belief.theta)
    above_i, above_j = np.triu_indices(models, 1)
    order = rng.permutation(len(above_i))
    i, j = above_i[order], above_j[order]
    flat = i * models + j
    left = np.asarray(room)[i, j].astype(np.int64)
    full = np.where(left > 0, 0.0, -np.inf)
    open_ = np.flatnonzero(left > 0)
    counts = np.zeros(models, dtype=np.int64) if places is None else np.array(places, dtype=np.int64)
    below = bool((counts < floor).any())
    found: list[Draw] = []
    while len(found) < size and len(open_):
        low = open_[:0]
        if below:
            few = counts < floor
            low = open_[few[i[open_]] | few[j[open_]]]
            # A model without room would keep the floor for ever.
            below = len(low) > 0
        dice = rng.random()
        if below:
            strategy, pick = (UNIFORM, _one_of(open_, rng)) if dice < uniform else (FLOOR, _one_of(low, rng))
            few_in_it = counts[i[pick]] < floor or counts[j[pick]] < floor
            probability = uniform / len(open_) + (1 - uniform) * few_in_it / len(low)
        else:
            largest = {name: _largest(STRATEGIES[name].gains, belief, newcomers, flat, full) for name in chosen}
            strategy = _drawn(dice, uniform, chosen)
            pick = _one_of(open_, rng) if strategy == UNIFORM else largest[strategy]
            probability = uniform / len(open_) + sum(chosen[name] for name, place in largest.items() if place == pick)
        found.append(Draw(int(i[pick]), int(j[pick]), strategy, min(float(probability), 1.0)))
        counts[[i[pick], j[pick]]] += 1
        left[pick] -= 1
        if not left[pick]:
            full[pick] = -np.inf
            open_ = open_[open_ != pick]
        belief = belief.expecting(found[-1].i, found[-1].j)
    return found


def shares(mix: Mapping[str, float], newcomers: frozenset[int]) -> dict[str, float]:
    """Returns the shares that apply, without those that are 0.

    While there are newcomers, half of what is not uniform is theirs, unless the mix says how much. Without any, their
    share goes to the other strategies in proportion, or to the uniform one if there is no other.
    """
    found = {name: share for name, share in mix.items() if share > 0}
    gaining = {name: share for name, share in found.items() if STRATEGIES[name].gains and name != NEWCOMER}
    if newcomers and gaining and NEWCOMER not in found:
        total = sum(gaining.values())
        return {**found, **{name: share / 2 for name, share in gaining.items()}, NEWCOMER: total / 2}
    if not newcomers and NEWCOMER in found:
        share = found.pop(NEWCOMER)
        rest = gaining or {UNIFORM: 1.0}
        total = sum(rest.values())
        return {**found, **{name: found.get(name, 0.0) + share * part / total for name, part in rest.items()}}
    return found


def _one_of(places: Codes, rng: np.random.Generator) -> int:
    return int(places[rng.integers(len(places))])


def _drawn(dice: float, uniform: float, chosen: Mapping[str, float]) -> str:
    """Returns the strategy at `dice`, uniform on [0, 1)."""
    if dice < uniform or not chosen:
        return UNIFORM
    dice -= uniform
    for name, share in chosen.items():
        if dice < share:
            return name
        dice -= share
    # The shares add up to 1 but for rounding.
    return name


def _largest(gains: Gains | None, belief: Belief, newcomers: frozenset[int], flat: Codes, full: Floats) -> int:
    """Returns the first place, in the batch's order, whose gain is the largest of those with room."""
    assert gains is not None  # noqa: S101  only the uniform strategy has none
    found = gains(belief, newcomers).ravel().take(flat)
    found += full
    most = found.max()
    return int(np.argmax(found >= most - EQUAL * abs(most)))


def refuse_odd(mix: Mapping[str, float]) -> None:
    """Raises ValueError if the shares are negative or do not add up to 1, or a strategy is unknown."""
    if unknown := set(mix) - set(STRATEGIES):
        raise ValueError(f"Unknown strategies: {', '.join(sorted(unknown))}.")
    if min(mix.values(), default=-1.0) < 0 or not np.isclose(sum(mix.values()), 1.0):
        raise ValueError("The shares must not be negative and must add up to 1.")
