"""Biases of verdicts: for a side, for length, and for an organisation. Pure functions."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy

from ranking.methods.tally import Floats
from ranking.statistics.agreement import Integers, Share, degrees_of, ratio

LONGER: Final = 30
"""Characters by which an answer must exceed the other to count as longer."""


@dataclass(frozen=True, slots=True)
class Position:
    """How often each side won.

    Attributes:
        left, tie, right: shares of the verdicts.
        lean: left minus right, with an interval by cluster.
        p: the p-value for no preference, from a t test over clusters, or from their signs if all are alike. None with
            fewer than two clusters, or if the sides are even.
    """

    left: Share
    tie: Share
    right: Share
    lean: Share
    p: float | None
    number: int


@dataclass(frozen=True, slots=True)
class Orders:
    """For pairs that a judge saw in both orders: how often it kept its verdict, or chose the same side."""

    consistent: Share
    first_both_times: Share
    second_both_times: Share
    number: int


def position(shown: Integers, cluster: Integers, count: Integers | None = None) -> Position:
    """Measures position bias.

    `shown` (n,): 1 where the left won, 0 for a tie, -1 where the right won. `cluster` (n,): codes. `count` (n,): the
    number of verdicts per row, by default 1.
    """
    number = np.ones(len(shown)) if count is None else count.astype(np.float64)
    lean = ratio(shown * number, number, cluster, floor=-1.0)
    return Position(
        left=ratio((shown == 1) * number, number, cluster),
        tie=ratio((shown == 0) * number, number, cluster),
        right=ratio((shown == -1) * number, number, cluster),
        lean=lean,
        p=_no_lean(lean, np.bincount(cluster, number)),
        number=int(number.sum()),
    )


def _no_lean(lean: Share, sizes: Floats) -> float | None:
    """Returns the two-sided p-value of a t test over clusters of `sizes` (g,), with their effective number.

    Clusters with equal values have no spread. A sign test replaces the t test: without a preference, all of n clusters
    have the same sign with probability 2^(1 - n).
    """
    sizes = sizes[sizes > 0]
    if not lean.value or len(sizes) < 2:
        return None
    if lean.error is None:
        return float(2.0 ** (1 - len(sizes)))
    return float(2 * scipy.special.stdtr(degrees_of(sizes), -abs(lean.value) / lean.error))


def histogram(values: Integers, top: int) -> list[int]:
    """Counts the values from 1 (left much better) to `top`."""
    return [int(number) for number in np.bincount(values, minlength=top + 1)[1 : top + 1]]


def orders(group: Integers, left: Integers, winner: Integers, prompt: Integers) -> Orders:
    """Compares a judge's verdicts in the two orders.

    `group` codes the pair and turn, `left` is 1 where x was on the left, `winner` is 1, 0 or -1. With several samples
    per order, a pair contributes the share of matching combinations of one sample from each order, so every pair
    counts once.
    """
    counts = _by_order(group, left, winner)
    asked = counts.sum(axis=2)
    both = (asked > 0).all(axis=1)
    share = counts[both] / asked[both][:, :, None]
    x_left, y_left = share[:, 0], share[:, 1]
    cluster = _prompt_of(group, prompt, len(counts))[both]
    whole = np.ones(len(share))
    return Orders(
        consistent=ratio((x_left * y_left).sum(axis=1), whole, cluster),
        first_both_times=ratio(x_left[:, 0] * y_left[:, 2], whole, cluster),
        second_both_times=ratio(x_left[:, 2] * y_left[:, 0], whole, cluster),
        number=len(share),
    )


def repeated(group: Integers, left: Integers, winner: Integers, prompt: Integers) -> Share:
    """Returns how often two samples of a judge match, over all two samples of the same pair, turn and order."""
    counts = _by_order(group, left, winner)
    asked = counts.sum(axis=2)
    same, all_of_them = (counts * (counts - 1) / 2).sum(axis=(1, 2)), (asked * (asked - 1) / 2).sum(axis=1)
    return ratio(same, all_of_them, _prompt_of(group, prompt, len(counts)))


def _by_order(group: Integers, left: Integers, winner: Integers) -> Floats:
    """(g, 2, 3) the number of verdicts for x, tie and y in each group, with x on the left and with y on the left."""
    size = int(group.max(initial=-1)) + 1
    cell = (group * 2 + (left < 0)) * 3 + (1 - winner)
    return np.bincount(cell, minlength=6 * size).reshape(size, 2, 3).astype(np.float64)


def _prompt_of(group: Integers, prompt: Integers, size: int) -> Integers:
    found = np.zeros(size, dtype=np.int64)
    found[group] = prompt
    return found


def longer_wins(winner: Integers, longer: Integers, prompt: Integers) -> Share:
    """Returns how often the longer answer won, among verdicts without ties on answers over 30 characters apart.

    `longer` (n,): characters by which x's answer is longer. This alone is not bias: longer answers may be better.
    """
    used = (np.abs(longer) > LONGER) & (winner != 0)
    return ratio((winner == np.sign(longer))[used].astype(np.float64), np.ones(int(used.sum())), prompt[used])


def family(org_x: Integers, org_y: Integers, winner: Integers, people: Floats, prompt: Integers, org: int) -> Share:
    """Returns the difference in win rate of the models of `org`: by a judge's verdicts minus by people's votes.

    Over the items that both compared and on which exactly one model is from `org`. `winner` (n,) is the judge's 1, 0
    or -1, and `people` (n,) the mean of people's votes.
    """
    mine = (org_x == org) != (org_y == org)
    sign = np.where(org_x == org, 1, -1)[mine]
    more = sign * (winner[mine] - people[mine]) / 2
    return ratio(more, np.ones(len(more)), prompt[mine], floor=-1.0)
