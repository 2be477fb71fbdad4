"""The decision rules of panels."""

import numpy as np
import pytest

from judges.statistics import panel_decision
from judges.statistics.panel_decision import ABSENT, CONTRADICTS, SPARED, Rules, Verdicts

type Row = tuple[int, int, str, str] | tuple[int, int, str, str, float]
"""Item, member, side on the left, winner, and probability that x is better."""

POINTS = {"x": 2, "tie": 1, "y": 0}


def decide(rows: list[Row], members: int = 3, spared: set[tuple[int, int]] = frozenset(), **rules: object):  # type: ignore[assignment]
    items = 1 + max(row[0] for row in rows)
    verdicts = Verdicts(
        item=np.array([row[0] for row in rows], dtype=np.int64),
        member=np.array([row[1] for row in rows], dtype=np.int64),
        left=np.array([1 if row[2] == "x" else -1 for row in rows], dtype=np.int64),
        outcome=np.array([POINTS[row[3]] for row in rows], dtype=np.int64),
        share=np.array([row[4] if len(row) > 4 else POINTS[row[3]] / 2 for row in rows], dtype=np.float64),
    )
    mask = np.zeros((items, members), dtype=np.bool_)
    for place in spared:
        mask[place] = True
    return panel_decision.decide(verdicts, mask, Rules(**rules))  # type: ignore[arg-type]


def said(rows: list[Row], **options: object) -> tuple[str, int]:
    found = decide(rows, **options)  # type: ignore[arg-type]
    return str(found.state[0]), int(found.outcome[0])


def votes(*winners: str) -> list[Row]:
    """Builds one verdict per member, with x on the left."""
    return [(0, member, "x", winner) for member, winner in enumerate(winners)]


@pytest.mark.parametrize(
    ("winners", "expected"),
    [
        (("x", "x", "y"), ("decided", 2)),
        (("y", "x", "y"), ("decided", 0)),
        (("tie", "x", "tie"), ("decided", 1)),
        (("x", "x", "x"), ("decided", 2)),
        (("x", "tie", "y"), ("tie", 1)),
    ],
)
def test_the_majority_is_more_than_half(winners: tuple[str, ...], expected: tuple[str, int]) -> None:
    assert said(votes(*winners)) == expected


def test_the_most_named_outcome_is_no_majority_where_it_has_half() -> None:
    assert said(votes("x", "x", "tie", "y"), members=4) == ("tie", 1)


def test_a_split_is_left_out_where_the_rule_says_so() -> None:
    assert said(votes("x", "y"), members=2, splits="out") == ("out", -1)


def test_the_senior_judge_decides_a_split_and_nothing_else() -> None:
    assert said(votes("x", "tie", "y"), splits="senior", senior=2) == ("senior", 0)
    assert said(votes("x", "x", "y"), splits="senior", senior=2) == ("decided", 2)


def test_a_senior_judge_who_says_nothing_leaves_the_split_out() -> None:
    rows: list[Row] = [(0, 0, "x", "x"), (0, 1, "x", "y")]
    assert said(rows, splits="senior", senior=2, least=2) == ("out", -1)


def test_a_senior_judge_has_to_be_named() -> None:
    with pytest.raises(ValueError, match="senior"):
        decide(votes("x", "tie", "y"), splits="senior")


def test_both_orders_of_a_member_are_one_ballot() -> None:
    # Member 0 has two verdicts for x, the others one each for y: two of three ballots are for y.
    rows: list[Row] = [(0, 0, "x", "x"), (0, 0, "y", "x"), (0, 1, "x", "y"), (0, 2, "x", "y")]
    assert said(rows) == ("decided", 0)


CONTRADICTORY: list[Row] = [(0, 0, "x", "x"), (0, 0, "y", "y"), (0, 1, "x", "x"), (0, 2, "x", "tie")]


def test_who_contradicts_itself_abstains() -> None:
    found = decide(CONTRADICTORY)
    assert found.ballots[0].tolist() == [CONTRADICTS, 2, 1]
    assert (found.state[0], found.outcome[0]) == ("tie", 1)  # one for x, one tie: a split


def test_who_contradicts_itself_says_tie_where_the_rule_says_so() -> None:
    assert said(CONTRADICTORY, contradictions="tie") == ("decided", 1)


def test_who_abstains_has_answered_and_who_is_missing_has_not() -> None:
    assert said(CONTRADICTORY, least=3) == ("tie", 1)
    assert said(CONTRADICTORY[:3]) == ("few", -1)
    assert said(CONTRADICTORY[:3], least=2) == ("decided", 2)


def test_too_few_answers_are_no_tie() -> None:
    assert said(votes("x", "x"), least=3) == ("few", -1)


def test_a_member_left_out_of_a_pair_has_no_ballot_and_is_not_waited_for() -> None:
    found = decide(votes("x", "y", "y"), spared={(0, 1)})
    assert found.ballots[0].tolist() == [2, SPARED, 0]
    assert found.state[0] == "tie"
    assert said(votes("x", "x"), spared={(0, 2)}) == ("decided", 2)
    assert said(votes("x"), spared={(0, 0)}) == ("few", -1)


def test_the_plurality_of_samples_is_what_an_order_says() -> None:
    rows: list[Row] = [(0, 0, "x", "x"), (0, 0, "x", "x"), (0, 0, "x", "y"), (0, 1, "x", "x"), (0, 2, "x", "y")]
    assert said(rows) == ("decided", 2)


def test_the_mean_of_probabilities_outvotes_a_lukewarm_majority() -> None:
    rows: list[Row] = [(0, 0, "x", "x", 0.55), (0, 1, "x", "x", 0.55), (0, 2, "x", "y", 0.05)]
    assert said(rows) == ("decided", 2)
    found = decide(rows, rule="mean")
    assert (found.state[0], found.outcome[0]) == ("decided", 0)
    assert found.mean[0] == pytest.approx((0.55 + 0.55 + 0.05) / 3)


def test_the_orders_of_a_member_weigh_the_same_in_the_mean_however_many_samples_each_has() -> None:
    rows: list[Row] = [(0, 0, "x", "x", 0.9), (0, 0, "x", "x", 0.8), (0, 0, "y", "y", 0.2), (0, 1, "x", "x", 0.6)]
    found = decide(rows, members=2, rule="mean")
    assert found.shares[0].tolist() == pytest.approx([(0.85 + 0.2) / 2, 0.6])
    assert found.mean[0] == pytest.approx((0.525 + 0.6) / 2)


def test_a_mean_within_the_margin_is_a_split() -> None:
    rows: list[Row] = [(0, 0, "x", "x", 0.6), (0, 1, "x", "x", 0.5)]
    assert said(rows, members=2, rule="mean", margin=0.05) == ("tie", 1)
    assert said(rows, members=2, rule="mean", margin=0.04) == ("decided", 2)
    assert said(rows, members=2, rule="mean", margin=0.05, splits="senior", senior=0) == ("senior", 2)


def test_hard_verdicts_that_balance_are_a_split_of_the_mean() -> None:
    assert said(votes("x", "y"), members=2, rule="mean") == ("tie", 1)


def test_swapping_x_and_y_swaps_the_panels_verdicts() -> None:
    rng = np.random.default_rng(7)
    words = ("x", "tie", "y")
    swapped = {"x": "y", "tie": "tie", "y": "x"}
    rows: list[Row] = [
        (int(item), int(member), "xy"[int(side)], words[int(word)], float(share))
        for item in range(60)
        for member in range(4)
        for side in range(2)
        for word, share in [(rng.integers(3), rng.random())]
        if rng.random() < 0.8
    ]
    rows.append((59, 0, "x", "x", 1.0))
    mirror: list[Row] = [(r[0], r[1], swapped[r[2]], swapped[r[3]], 1 - r[4]) for r in rows]  # type: ignore[misc]
    for options in ({}, {"rule": "mean"}, {"contradictions": "tie", "least": 2}, {"splits": "senior", "senior": 1}):
        one, other = (decide(some, members=4, **options) for some in (rows, mirror))  # type: ignore[arg-type]
        assert one.state.tolist() == other.state.tolist()
        decided = one.outcome >= 0
        assert (one.outcome[decided] == 2 - other.outcome[decided]).all()


def test_an_item_that_nobody_judged_is_not_decided() -> None:
    found = decide([(1, 0, "x", "x"), (1, 1, "x", "x"), (1, 2, "x", "x")])
    assert found.state.tolist() == ["few", "decided"]
    assert found.ballots[0].tolist() == [ABSENT] * 3
    assert np.isnan(found.mean[0])


@pytest.mark.parametrize(
    ("outcome", "share", "level", "expected"),
    [(2, None, None, 1.0), (1, None, None, 0.5), (0, None, None, 0.0), (2, 0.7, None, 0.7), (2, None, 2, 0.75)],
)
def test_what_a_verdict_makes_likely(outcome: int, share: float | None, level: int | None, expected: float) -> None:
    assert panel_decision.left_share(outcome, share=share, level=level) == expected
