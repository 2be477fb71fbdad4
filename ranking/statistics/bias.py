"""What moves verdicts besides the answers: their place, their length, their maker. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtr

from ranking.methods.tally import Floats
from ranking.statistics.agreement import Integers, Share, ratio

LONGER: Final = 30
"""Characters by which an answer has to be longer to count as the longer one."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the winners stood.

    Attributes:
        left, tie, right: shares of the verdicts.
        lean: left less right, with its interval by cluster.
        p: of no lean, by the t test over clusters, or by their signs where all lean alike; None where there
            are fewer than two, or nothing but ties.
    """

    left: Share
    tie: Share
    right: Share
    lean: Share
    p: float | None
    number: int


@dataclass(frozen=True, slots=True)
class Orders:
    """Of the pairs that a judge saw in both orders: how often it stood by its verdict, or by a place."""

    consistent: Share
    first_both_times: Share
    second_both_times: Share
    number: int


def position(shown: Integers, cluster: Integers, count: Integers | None = None) -> Position:
    """`shown` (n,): 1 where the left won, 0 for a tie, -1 where the right won; `cluster` (n,) codes.

    `count` (n,): how many verdicts each row stands for; one where it is not given.
    """
    number = np.ones(len(shown)) if count is None else count.astype(np.float64)
    lean = ratio(shown * number, number, cluster, floor=-1.0)
    return Position(
        left=ratio((shown == 1) * number, number, cluster),
        tie=ratio((shown == 0) * number, number, cluster),
        right=ratio((shown == -1) * number, number, cluster),
        lean=lean,
        p=_no_lean(lean, len(np.unique(cluster))),
        number=int(number.sum()),
    )


def _no_lean(lean: Share, clusters: int) -> float | None:
    """Two-sided, by the t test over the clusters that the interval is of.

    Clusters that all lean alike have no spread to test by. If none leaned, each were as likely to lean the other
    way, and all would lean one way or the other by chance once in 2 to the power of their number less one.
    """
    if not lean.value or clusters < 2:
        return None
    if lean.error is None:
        return float(2.0 ** (1 - clusters))
    return float(2 * stdtr(clusters - 1, -abs(lean.value) / lean.error))


def histogram(values: Integers, top: int) -> list[int]:
    """How often each value from 1, the left is much better, to `top` was given."""
    return [int(number) for number in np.bincount(values, minlength=top + 1)[1 : top + 1]]


def orders(group: Integers, left: Integers, winner: Integers, prompt: Integers) -> Orders:
    """Rows of a judge: `group` codes the pair and turn, `left` is 1 where x stood there, `winner` 1, 0 or -1.

    Of several samples in an order each counts: a pair gives the share of its samples' pairings, one from each
    order, that say the same, so that every pair counts once.
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
    """How often two samples of a judge, of one pair and turn in one order, say the same: of all such pairs of them."""
    counts = _by_order(group, left, winner)
    asked = counts.sum(axis=2)
    same, all_of_them = (counts * (counts - 1) / 2).sum(axis=(1, 2)), (asked * (asked - 1) / 2).sum(axis=1)
    return ratio(same, all_of_them, _prompt_of(group, prompt, len(counts)))


def _by_order(group: Integers, left: Integers, winner: Integers) -> Floats:
    """(g, 2, 3) how often each group says x, tie and y where x stood on the left, and where y did."""
    size = int(group.max(initial=-1)) + 1
    cell = (group * 2 + (left < 0)) * 3 + (1 - winner)
    return np.bincount(cell, minlength=6 * size).reshape(size, 2, 3).astype(np.float64)


def _prompt_of(group: Integers, prompt: Integers, size: int) -> Integers:
    found = np.zeros(size, dtype=np.int64)
    found[group] = prompt
    return found


def longer_wins(winner: Integers, longer: Integers, prompt: Integers) -> Share:
    """Of the decided verdicts on answers that differ by more than 30 characters: how often the longer one won.

    `longer` (n,): characters by which x's answer is longer. This is no bias: longer answers may be better.
    """
    used = (np.abs(longer) > LONGER) & (winner != 0)
    return ratio((winner == np.sign(longer))[used].astype(np.float64), np.ones(int(used.sum())), prompt[used])


def family(org_x: Integers, org_y: Integers, winner: Integers, people: Floats, prompt: Integers, org: int) -> Share:
    """How much more of its comparisons the models of `org` won by a judge's verdicts than by people's votes.

    Over the n items both have on which one of the two models is of `org`: `winner` (n,) is the judge's 1, 0
    or -1 and `people` (n,) the mean of people's.
    """
    mine = (org_x == org) != (org_y == org)
    sign = np.where(org_x == org, 1, -1)[mine]
    more = sign * (winner[mine] - people[mine]) / 2
    return ratio(more, np.ones(len(more)), prompt[mine], floor=-1.0)
