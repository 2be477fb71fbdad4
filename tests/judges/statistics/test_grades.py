"""Tables of judge verdicts: scores, wins, and their intervals."""

import json
import math
from statistics import mean, stdev

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from annotation.merge_orders import UNDECIDED
from judges.statistics import score_tables
from judges.statistics.score_tables import (
    UNREADABLE,
    Game,
    Games,
    Grade,
    Grades,
    Interval,
    Score,
    interval,
    kept_scores,
    kept_standings,
)


def grade(prompt: int, value: float | None, *, turn: int = 1, choice: int = 0, model: int = 1) -> Grade:
    return Grade("owl", prompt, model, choice, turn, value)


def score(rows: list[Grade]) -> Score:
    """Returns the overall score of the only model."""
    (found,) = score_tables.scores(Grades.of(rows), {row.prompt: "" for row in rows})
    return found.overall


def outcomes(rows: list[Game]) -> list[tuple[str | None, bool]]:
    """Returns the outcome of each match, and whether it is contradictory."""
    words: dict[int, tuple[str | None, bool]] = {
        0: ("y", False),
        1: ("tie", False),
        2: ("x", False),
        UNDECIDED: ("tie", True),
        UNREADABLE: (None, False),
    }
    return [words[value] for value in score_tables.matches(Games.of(rows)).outcome.tolist()]


def game(left: str, winner: str | None, *, pair: int = 1, prompt: int = 1, x: int = 1, y: int = 2, turn: int = 1):
    return Game("owl", pair, prompt, x, y, turn, left, winner)  # type: ignore[arg-type]


def test_a_score_is_the_mean_over_turns_of_prompts() -> None:
    found = score([grade(1, 9), grade(1, 7, turn=2), grade(2, 5)])
    assert (found.mean, found.number, found.without) == (7.0, 3, 0)


def test_what_has_no_number_is_counted_and_in_no_mean() -> None:
    found = score([grade(1, 8), grade(2, None), grade(3, None)])
    assert (found.mean, found.number, found.without) == (8.0, 1, 2)
    assert score([grade(1, None)]).mean is None


def test_several_choices_and_several_grades_of_one_weigh_as_one_answer() -> None:
    # Prompt 1 has two choices, the second of them graded twice; prompt 2 has one.
    found = score([grade(1, 4), grade(1, 8, choice=1), grade(1, 6, choice=1), grade(2, 9)])
    assert found.mean == pytest.approx(((4 + 7) / 2 + 9) / 2)


def test_the_deviation_is_that_between_the_means_of_choices() -> None:
    rows = [grade(prompt, value, choice=choice) for choice, value in enumerate((5, 7, 9)) for prompt in (1, 2)]
    found = score(rows)
    assert (found.mean, found.deviation) == (7.0, pytest.approx(2.0))
    assert score([grade(1, 5), grade(2, 9)]).deviation is None


def test_the_interval_of_one_value_a_prompt_is_students() -> None:
    values = np.random.default_rng(3).uniform(3, 8, 24)
    found = interval(values.tolist(), list(range(24)), 1, 10)
    low, high = stats.t.interval(0.95, 23, values.mean(), values.std(ddof=1) / math.sqrt(24))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_turns_of_one_prompt_are_no_independent_values() -> None:
    values = np.random.default_rng(3).uniform(3, 8, 24)
    once = interval(values.tolist(), list(range(24)), 1, 10)
    twice = interval([*values, *values], [*range(24), *range(24)], 1, 10)
    assert once is not None
    assert twice is not None
    assert (twice.low, twice.high) == (pytest.approx(once.low), pytest.approx(once.high))


def test_an_interval_stays_within_what_a_score_can_be() -> None:
    assert interval([10] * 11 + [1], list(range(12)), 1, 10) == Interval(pytest.approx(7.599, abs=1e-3), 10)


@pytest.mark.parametrize(("values", "prompts"), [([1, 9] * 4 + [5], range(9)), ([7] * 20, range(20))])
def test_few_prompts_and_equal_values_give_no_interval(values: list[float], prompts: range) -> None:
    assert interval(values, list(prompts), 1, 10) is None


def test_scores_are_told_by_model_turn_and_category() -> None:
    rows = [
        *(grade(prompt, value, turn=turn) for prompt, turn, value in ((1, 1, 9), (1, 2, 7), (2, 1, 5), (2, 2, 3))),
        *(grade(prompt, 10, model=2) for prompt in (1, 2)),
    ]
    best, other = score_tables.scores(Grades.of(rows), {1: "maths", 2: "writing"})
    assert (best.model, other.model) == (2, 1)
    assert {turn: each.mean for turn, each in other.turns.items()} == {1: 7.0, 2: 5.0}
    assert {category: each.mean for category, each in other.categories.items()} == {"maths": 8.0, "writing": 4.0}


@pytest.mark.parametrize(
    ("first", "second", "outcome", "inconsistent"),
    [
        ("x", "x", "x", False),
        ("y", "y", "y", False),
        ("tie", "tie", "tie", False),
        ("x", "y", "tie", True),
        ("x", "tie", "tie", True),
        ("x", None, None, False),
        (None, None, None, False),
    ],
)
def test_a_win_is_one_in_both_orders(
    first: str | None, second: str | None, outcome: str | None, inconsistent: bool
) -> None:
    assert outcomes([game("x", first), game("y", second)]) == [(outcome, inconsistent)]


def test_a_judge_asked_in_one_order_is_taken_by_its_word() -> None:
    assert outcomes([game("y", "x")]) == [("x", False)]


def test_of_several_samples_in_an_order_the_most_frequent_counts() -> None:
    games = [game("x", "x"), game("x", "x"), game("x", "y"), game("y", "x"), game("y", None)]
    assert outcomes(games) == [("x", False)]


def test_standings_are_each_models_own_view_against_each_and_all() -> None:
    games = [
        *(game("x", "x", pair=1, prompt=1), game("y", "x", pair=1, prompt=1)),
        *(game("x", "x", pair=2, prompt=2), game("y", "y", pair=2, prompt=2)),
        *(game("x", "y", pair=3, prompt=3, x=2, y=3), game("y", "y", pair=3, prompt=3, x=2, y=3)),
        *(game("x", None, pair=4, prompt=4), game("y", "x", pair=4, prompt=4)),
    ]
    found = {each.model: each for each in score_tables.standings(Games.of(games))}
    one, two = found[1].overall, found[2].overall
    assert (one.wins, one.ties, one.losses, one.inconsistent, one.unreadable) == (1, 1, 0, 1, 1)
    assert (two.wins, two.ties, two.losses, two.inconsistent, two.unreadable) == (0, 1, 2, 1, 1)
    assert (one.win_rate, one.adjusted) == (0.5, 0.75)
    assert (two.win_rate, two.adjusted) == (0.0, pytest.approx(1 / 6))
    assert set(found[2].against) == {1, 3}
    assert found[2].against[3].losses == 1


def test_a_model_of_no_match_that_could_be_read_has_no_rate() -> None:
    (first, _second) = score_tables.standings(Games.of([game("x", None), game("y", None)]))
    assert (first.overall.matches, first.overall.win_rate, first.overall.adjusted) == (0, None, None)


def test_nothing_said_makes_no_tables() -> None:
    assert score_tables.scores(Grades.of([]), {}) == []
    assert score_tables.standings(Games.of([])) == []


def test_what_cannot_be_read_at_all_is_told_of_each_part() -> None:
    (found,) = score_tables.scores(Grades.of([grade(1, None), grade(2, 6, turn=2)]), {1: "maths", 2: "writing"})
    assert found.turns == {1: Score(None, None, None, 0, 1), 2: Score(6.0, None, None, 1, 0)}
    assert found.categories["maths"].mean is None


@given(st.data())
@hypothesis.settings(max_examples=60, deadline=None)
def test_columns_give_the_means_of_a_loop(data: st.DataObject) -> None:
    place = st.tuples(*(st.integers(0, 3) for _each in range(4)))
    value = st.one_of(st.none(), st.integers(1, 10))
    drawn = data.draw(st.lists(st.tuples(place, value), min_size=1, max_size=40))
    rows = [Grade("owl", *where, score) for where, score in drawn]
    for found in score_tables.scores(Grades.of(rows), dict.fromkeys(range(4), "")):
        cells: dict[tuple[int, int], dict[int, list[float]]] = {}
        for row in rows:
            if row.model == found.model and row.score is not None:
                cells.setdefault((row.prompt, row.turn), {}).setdefault(row.choice, []).append(row.score)
        means = [mean(mean(some) for some in choices.values()) for choices in cells.values()]
        assert found.overall.mean == (pytest.approx(mean(means)) if means else None)
        choices = {choice for cell in cells.values() for choice in cell}
        by_choice = [mean(mean(cell[one]) for cell in cells.values() if one in cell) for one in choices]
        assert found.overall.deviation == (pytest.approx(stdev(by_choice)) if len(by_choice) > 1 else None)


def test_what_is_kept_is_what_was_computed() -> None:
    rows = [
        grade(prompt, 1 + (prompt * 7 + turn * 3 + choice) % 9, turn=turn, choice=choice, model=model)
        for prompt in range(12)
        for turn in (1, 2)
        for choice in (0, 1)
        for model in (1, 2)
    ]
    found = score_tables.scores(
        Grades.of([*rows, grade(3, None)]), {prompt: f"kind {prompt % 3}" for prompt in range(12)}
    )
    assert found[0].overall.interval is not None
    assert kept_scores(json.loads(json.dumps(score_tables.scores_kept(found)))) == found
    games = [
        game(left, "xy"[(pair + side) % 2 if pair % 3 else 0], pair=pair, prompt=pair)
        for pair in range(12)
        for side, left in enumerate("xy")
    ]
    standings = score_tables.standings(Games.of([*games, game("x", None, pair=99)]))
    assert standings[0].overall.interval is not None
    kept = json.loads(json.dumps(list(score_tables.standings_kept(standings))))
    assert kept_standings([overall for overall, _against in kept], [against for _overall, against in kept]) == standings
