"""Combines the verdicts of several judges into panel decisions. Pure: ballots in, decisions out.

A member's verdicts on a turn of a pair form one ballot: the strict plurality of the samples in each order, which must
agree between orders. Contradictory members abstain or count as a tie. The rule `majority` takes the outcome of more
than half of the ballots. The rule `mean` takes the side on which the mean probability that x is better lies, if it is
more than `margin` from one half. Everything else is a split, which has its own rule.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from annotation.merge_orders import UNDECIDED, merge

type Rule = Literal["majority", "mean"]
type Splits = Literal["tie", "out", "senior"]
type Contradictions = Literal["abstain", "tie"]
type State = Literal["decided", "tie", "senior", "out", "few"]
"""State of an item: decided by the rule; a split treated as a tie, decided by the senior judge, or left out; too few
members replied."""

CONTRADICTS: Final = -1
ABSENT: Final = -2
SPARED: Final = -3
"""Values instead of a ballot: contradictory orders; no verdict; a model of the member's own organisation."""

ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a panel.

    Attributes:
        least: minimum members who must reply, including abstentions; None for all who may judge the pair.
        margin: minimum distance of the mean from one half, in [0, 0.5).
        senior: index of the member who decides splits, if `splits` says so.
    """

    rule: Rule = "majority"
    splits: Splits = "tie"
    contradictions: Contradictions = "abstain"
    least: int | None = None
    margin: float = 0.0
    senior: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """n verdicts of a panel's members, as columns.

    Attributes:
        item: (n,) codes from 0 of turns of pairs.
        member: (n,) indices of members, from 0.
        left: (n,) 1 if x was on the left, otherwise -1.
        outcome: (n,) half points of x: 2 for a win, 1 for a tie, 0 for a loss.
        share: (n,) probability in [0, 1] that x is better; 1, 0.5 or 0 for a verdict without a probability.
    """

    item: NDArray[np.int64]
    member: NDArray[np.int64]
    left: NDArray[np.int64]
    outcome: NDArray[np.int64]
    share: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Decisions on g items, as columns; m is the number of members.

    Attributes:
        state: (g,) of `State`.
        outcome: (g,) half points of x; -1 without a decision.
        mean: (g,) mean of the members' probabilities that x is better; NaN if no member replied.
        ballots: (g, m) half points of x by member, or CONTRADICTS, ABSENT, SPARED.
        shares: (g, m) the members' probabilities; NaN if missing.
    """

    state: NDArray[np.str_]
    outcome: NDArray[np.int64]
    mean: NDArray[np.float64]
    ballots: NDArray[np.int64]
    shares: NDArray[np.float64]


def decide(verdicts: Verdicts, spared: NDArray[np.bool_], rules: Rules) -> Decisions:
    """Decides every item; `spared` (g, m) is true if a member is left out of an item."""
    items, members = spared.shape
    ballots, shares = _ballots(verdicts, items, members)
    ballots[spared], shares[spared] = SPARED, np.nan
    answered = (ballots >= CONTRADICTS).sum(axis=1)
    eligible = (~spared).sum(axis=1)
    enough = (answered >= (eligible if rules.least is None else rules.least)) & (answered > 0)
    mean = _mean(shares)
    majority = rules.rule == "majority"
    outcome = _majority(ballots, rules.contradictions) if majority else _sides(mean, rules.margin)
    split = enough & (outcome == UNDECIDED)
    state = np.where(enough, "decided", "few").astype("U7")
    outcome = np.where(enough, outcome, UNDECIDED)
    match rules.splits:
        case "tie":
            state[split], outcome[split] = "tie", 1
        case "senior":
            words = _seniors(ballots, shares, rules)
            state[split] = np.where(words[split] == UNDECIDED, "out", "senior")
            outcome[split] = words[split]
        case _:
            state[split] = "out"
    return Decisions(state, outcome, mean, ballots, shares)


def _ballots(verdicts: Verdicts, items: int, members: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns (items, members) half points and probabilities; both orders have equal weight."""
    ballots = np.full((items, members), ABSENT, dtype=np.int64)
    shares = np.full((items, members), np.nan)
    if not len(verdicts.item):
        return ballots, shares
    label = verdicts.item * members + verdicts.member
    merged = merge(label, verdicts.left, verdicts.outcome)
    # UNDECIDED and CONTRADICTS are the same number with the same meaning.
    ballots.flat[label[merged.first]] = merged.outcome
    order = label * 2 + (verdicts.left > 0)
    size = 2 * items * members
    number = np.bincount(order, minlength=size).reshape(items * members, 2)
    total = np.bincount(order, weights=verdicts.share, minlength=size).reshape(items * members, 2)
    by_order = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    shares.flat[:] = _mean(by_order)
    return ballots, shares


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Computes row means without NaN values; NaN if a row has no other values."""
    known = ~np.isnan(values)
    number = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    means: NDArray[np.float64] = np.divide(total, number, out=np.full(len(values), np.nan), where=number > 0)
    return means


def _majority(ballots: NDArray[np.int64], contradictions: Contradictions) -> NDArray[np.int64]:
    counted = np.where((ballots == CONTRADICTS) & (contradictions == "tie"), 1, ballots)
    tally = np.stack([(counted == outcome).sum(axis=1) for outcome in (0, 1, 2)], axis=1)
    best = tally.argmax(axis=1)
    return np.where(2 * tally.max(axis=1, initial=0) > tally.sum(axis=1), best, UNDECIDED)


def _sides(mean: NDArray[np.float64], margin: float) -> NDArray[np.int64]:
    lead = np.where(np.isnan(mean), 0.0, mean - 0.5)
    return np.where(np.abs(lead) <= margin + ROUNDING, UNDECIDED, np.where(lead > 0, 2, 0))


def _seniors(ballots: NDArray[np.int64], shares: NDArray[np.float64], rules: Rules) -> NDArray[np.int64]:
    """Returns the senior judge's own decision on every item; UNDECIDED if there is none."""
    if rules.senior is None:
        raise ValueError("The senior judge decides splits, but none is named.")
    if rules.rule == "mean":
        return _sides(shares[:, rules.senior], rules.margin)
    words = ballots[:, rules.senior]
    said: NDArray[np.int64] = np.where(words < 0, UNDECIDED, words)
    if rules.contradictions == "tie":
        said = np.where(words == CONTRADICTS, 1, said)
    return said


def left_share(outcome: int, *, share: float | None, level: int | None) -> float:
    """Returns the probability that the left answer is better.

    Taken from `share` if given; otherwise from `level`, from 1 (left much better) to 5; otherwise 1, 0.5 or 0 from
    the left's half points.
    """
    if share is not None:
        return share
    return outcome / 2 if level is None else (5 - level) / 4


def compared(one: NDArray[Any], other: NDArray[Any]) -> tuple[int, int]:
    """Counts the items on which two columns both have a ballot, and those on which the ballots are equal."""
    both = (one >= 0) & (other >= 0)
    return int(both.sum()), int((both & (one == other)).sum())
