"""What moves verdicts besides the answers: their place, their length, their maker. Pure."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import stdtr

from ranking.agreement import Integers, Share, ratio
from ranking.methods.tally import Floats

LONGER: Final = 30
"""Characters by which an answer has to be longer to count as the longer one."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the winners stood.

    Attributes:
        left, tie, right: shares of the verdicts.
        lean: left less right, with its interval by cluster.
        p: of no lean, by the t test over clusters; None where there are fewer than two.
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


def position(shown: Integers, cluster: Integers) -> Position:
    """`shown` (n,): 1 where the left won, 0 for a tie, -1 where the right won; `cluster` (n,) codes."""
    one = np.ones(len(shown))
    lean = ratio(shown.astype(np.float64), one, cluster)
    return Position(
        left=ratio((shown == 1).astype(np.float64), one, cluster),
        tie=ratio((shown == 0).astype(np.float64), one, cluster),
        right=ratio((shown == -1).astype(np.float64), one, cluster),
        lean=lean,
        p=_no_lean(lean, len(np.unique(cluster))),
        number=len(shown),
    )


def _no_lean(lean: Share, clusters: int) -> float | None:
    """Two-sided, by the t test over the clusters that the interval is of."""
    if lean.value is None or not lean.error:
        return None
    return float(2 * stdtr(clusters - 1, -abs(lean.value) / lean.error))


def histogram(values: Integers, top: int) -> list[int]:
    """How often each value from 1, the left is much better, to `top` was given."""
    return [int(number) for number in np.bincount(values, minlength=top + 1)[1 : top + 1]]


def orders(group: Integers, left: Integers, winner: Integers, prompt: Integers) -> Orders:
    """Rows of a judge: `group` codes the pair and turn, `left` is 1 where x stood there, `winner` 1, 0 or -1.

    Of several samples in one order the first counts.
    """
    both: dict[int, dict[int, int]] = {}
    for row in range(len(group)):
        both.setdefault(int(group[row]), {}).setdefault(int(left[row]), row)
    rows = [(sides[1], sides[-1]) for sides in both.values() if {1, -1} <= sides.keys()]
    if not rows:
        nothing = Share(None)
        return Orders(nothing, nothing, nothing, 0)
    x_left, y_left = np.array(rows).T
    one, other, cluster = winner[x_left], winner[y_left], prompt[x_left]
    whole = np.ones(len(rows))
    return Orders(
        consistent=ratio((one == other).astype(np.float64), whole, cluster),
        first_both_times=ratio(((one == 1) & (other == -1)).astype(np.float64), whole, cluster),
        second_both_times=ratio(((one == -1) & (other == 1)).astype(np.float64), whole, cluster),
        number=len(rows),
    )


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
    return ratio(more, np.ones(len(more)), prompt[mine])
