"""Computes tables of judge verdicts: scores of single answers, and wins and losses in pairs. Pure.

A score belongs to a turn of a prompt; several choices (answers of a model to one prompt) and several grades of one
answer are averaged. Intervals apply to prompts like these. They have a level of 95%, are clustered by prompt, and
use Student's t with G - 1 degrees of freedom and the correction G / (G - 1) for G prompts (Cameron and Miller 2015).
There is no interval below ten prompts, or if nothing varies.

Pairs are combined as in FastChat: a win is a win in every order asked, everything else is a tie. A match with an
unreadable order is left out and counted separately.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final, Literal, NamedTuple, Self

import numpy as np
import scipy
from numpy.typing import NDArray

from annotation.merge_orders import UNDECIDED, merge

LEAST_PROMPTS: Final = 10
"""Minimum prompts for an interval."""

LEVEL: Final = 0.95
LOWEST: Final = 1.0
HIGHEST: Final = 10.0

UNREADABLE: Final = -2
"""Outcome of a match with an unreadable order."""

AT_ONCE: Final = 10_000
"""Rows converted to arrays per batch."""

type Outcome = Literal["x", "y", "tie"]
type Whole = NDArray[np.int64]
type Real = NDArray[np.float64]


class Grade(NamedTuple):
    """A judge's grade of an answer: `score` is None if unreadable, `choice` is the answer's sample number, and `turn`
    is 0 for the whole conversation."""

    judge: str
    prompt: int
    model: int
    choice: int
    turn: int
    score: float | None


class Game(NamedTuple):
    """A judge's verdict on a pair in one order: `winner` is None if unreadable."""

    judge: str
    pair: int
    prompt: int
    x: int
    y: int
    turn: int
    left: Literal["x", "y"]
    winner: Outcome | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """A mean score.

    `deviation` is the standard deviation between the means of the choices, if there are several. `number` is the
    number of grades used; `without` had no score.
    """

    mean: float | None
    interval: Interval | None
    deviation: float | None
    number: int
    without: int


@dataclass(frozen=True, slots=True)
class ModelScores:
    """A judge's scores of a model: overall, by turn and by category."""

    model: int
    overall: Score
    turns: Mapping[int, Score]
    categories: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Standing:
    """A model's record against one or all opponents, over matches with a readable verdict in every order.

    `inconsistent` of the ties are contradictions. `adjusted` is the win rate with ties counted as half.
    """

    wins: int
    ties: int
    losses: int
    inconsistent: int
    unreadable: int
    interval: Interval | None

    @property
    def matches(self) -> int:
        return self.wins + self.ties + self.losses

    @property
    def win_rate(self) -> float | None:
        return self.wins / self.matches if self.matches else None

    @property
    def adjusted(self) -> float | None:
        return (self.wins + self.ties / 2) / self.matches if self.matches else None


@dataclass(frozen=True, slots=True)
class ModelStandings:
    """A model's overall standing; `against` has the standings against each opponent, best first."""

    model: int
    overall: Standing
    against: Mapping[int, Standing]


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """n grades of one judge, as columns; an unreadable score is NaN."""

    prompt: Whole
    model: Whole
    choice: Whole
    turn: Whole
    score: Real

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def of(cls, grades: Iterable[Grade]) -> Self:
        """Converts `grades` into columns, in batches."""
        parts: list[list[NDArray[Any]]] = [[] for _column in range(5)]
        for some in batched(grades, AT_ONCE):
            _judge, *columns, score = zip(*some, strict=True)
            for part, column in zip(parts, columns, strict=False):
                part.append(np.array(column, dtype=np.int64))
            parts[4].append(np.array(score, dtype=np.float64))
        return cls(*(_joined(part, kind) for part, kind in zip(parts, (*["i8"] * 4, "f8"), strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Games:
    """n verdicts of one judge on pairs, as columns: `left` is 1 if x was on the left, otherwise -1; `outcome` is in
    half points of x, or `UNREADABLE`."""

    pair: Whole
    prompt: Whole
    x: Whole
    y: Whole
    turn: Whole
    left: Whole
    outcome: Whole

    def __len__(self) -> int:
        return len(self.pair)

    @classmethod
    def of(cls, games: Iterable[Game]) -> Self:
        """Converts `games` into columns."""
        parts: list[list[NDArray[Any]]] = [[] for _column in range(7)]
        for some in batched(games, AT_ONCE):
            _judge, *columns, left, winner = zip(*some, strict=True)
            signs = tuple(1 if side == "x" else -1 for side in left)
            outcomes = tuple(POINTS[word] for word in winner)
            for part, column in zip(parts, (*columns, signs, outcomes), strict=True):
                part.append(np.array(column, dtype=np.int64))
        return cls(*(_joined(part, "i8") for part in parts))


POINTS: Final[Mapping[str | None, int]] = {"y": 0, "tie": 1, "x": 2, None: UNREADABLE}


def _joined(parts: Sequence[NDArray[Any]], kind: str) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _labels(*columns: Whole) -> tuple[Whole, NDArray[np.intp]]:
    """Labels rows that are equal in every column: returns (n,) labels from 0 and (g,) the first row of each label."""
    key = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        key = key * len(values) + place
    _values, first, label = np.unique(key, return_index=True, return_inverse=True)
    return label.astype(np.int64), first


def _mean(value: Real, group: Whole, size: int) -> Real:
    """Computes the (size,) group means; NaN for an empty group."""
    with np.errstate(invalid="ignore"):
        return np.bincount(group, weights=value, minlength=size) / np.bincount(group, minlength=size)


def _intervals(value: Real, group: Whole, size: int, prompt: Whole, ends: tuple[float, float]) -> list[Interval | None]:
    """Computes the intervals of the means of `size` groups, clamped to `ends`.

    value, group, prompt: (n,).
    """
    cluster, first = _labels(group, prompt)
    sums = np.bincount(cluster, weights=value - _mean(value, group, size)[group])
    owner = group[first]
    number = np.bincount(owner, minlength=size)
    count = np.bincount(group, minlength=size)
    enough = number >= LEAST_PROMPTS
    some = np.where(enough, number, LEAST_PROMPTS)
    variance = some / (some - 1) * np.bincount(owner, weights=sums**2, minlength=size) / np.maximum(count, 1) ** 2
    half = scipy.special.stdtrit(some - 1, (1 + LEVEL) / 2) * np.sqrt(variance)
    mean = _mean(value, group, size)
    low, high = np.maximum(ends[0], mean - half).tolist(), np.minimum(ends[1], mean + half).tolist()
    given = (enough & (variance > 1e-24)).tolist()
    return [Interval(low[place], high[place]) if given[place] else None for place in range(size)]


def interval(values: Sequence[float], prompts: Sequence[int], low: float, high: float) -> Interval | None:
    """Computes the interval of the mean of `values`, clustered by `prompts` and clamped to [low, high]."""
    group = np.zeros(len(values), np.int64)
    (found,) = _intervals(np.array(values, np.float64), group, 1, np.array(prompts), (low, high))
    return found


# Scores of single answers.


def scores(grades: Grades, categories: Mapping[int, str]) -> list[ModelScores]:
    """Computes a judge's scores of its models, best first. `categories` maps prompts to categories."""
    if not len(grades):
        return []
    models, model = np.unique(grades.model, return_inverse=True)
    turns, turn = np.unique(grades.turn, return_inverse=True)
    prompts, prompt = np.unique(grades.prompt, return_inverse=True)
    of_prompt = [categories[key] for key in prompts.tolist()]
    names = sorted(set(of_prompt))
    category = np.array([names.index(name) for name in of_prompt])[prompt]
    overall = _scores(grades, model, np.zeros(len(model), np.int64), (len(models), 1))
    by_turn = _scores(grades, model, turn, (len(models), len(turns)))
    by_category = _scores(grades, model, category, (len(models), len(names)))
    found = [
        ModelScores(
            key,
            score_of_all,
            {number: score for number, score in zip(turns.tolist(), by_turn[place], strict=True) if score is not None},
            {name: score for name, score in zip(names, by_category[place], strict=True) if score is not None},
        )
        for place, key in enumerate(models.tolist())
        if (score_of_all := overall[place][0]) is not None
    ]
    return sorted(found, key=lambda each: (-(each.overall.mean or 0.0), each.model))


def _scores(grades: Grades, model: Whole, part: Whole, shape: tuple[int, int]) -> list[list[Score | None]]:
    """Computes the scores by model and part, such as a turn; None if nothing was graded.

    model, part: (n,) indices below `shape`.
    """
    size = shape[0] * shape[1]
    group = model * shape[1] + part
    readable = ~np.isnan(grades.score)
    number = np.bincount(group[readable], minlength=size)
    without = np.bincount(group[~readable], minlength=size)
    mean, ends, deviation = _measures(grades, group, readable, size)
    found = [
        Score(mean[place], ends[place], deviation[place], int(number[place]), int(without[place]))
        if number[place]
        else (Score(None, None, None, 0, int(without[place])) if without[place] else None)
        for place in range(size)
    ]
    return [found[start : start + shape[1]] for start in range(0, size, shape[1])]


def _measures(
    grades: Grades, group: Whole, readable: NDArray[np.bool_], size: int
) -> tuple[list[float], list[Interval | None], list[float | None]]:
    """Computes the mean, interval and deviation of each group."""
    group, prompt, turn, choice = (column[readable] for column in (group, grades.prompt, grades.turn, grades.choice))
    # Average the grades of an answer, then the answers to a prompt, then the prompts.
    answer, first = _labels(group, prompt, turn, choice)
    value = _mean(grades.score[readable], answer, len(first))
    group, prompt, turn, choice = (column[first] for column in (group, prompt, turn, choice))
    cell, first = _labels(group, prompt, turn)
    of_cell = _mean(value, cell, len(first))
    means = _mean(of_cell, group[first], size).tolist()
    ends = _intervals(of_cell, group[first], size, prompt[first], (LOWEST, HIGHEST))
    return means, ends, _deviations(value, group, choice, size)


def _deviations(value: Real, group: Whole, choice: Whole, size: int) -> list[float | None]:
    """Computes the standard deviations between the means of the choices per group; None with a single choice."""
    chosen, first = _labels(group, choice)
    mean, owner = _mean(value, chosen, len(first)), group[first]
    number = np.bincount(owner, minlength=size)
    squares = np.bincount(owner, weights=(mean - _mean(mean, owner, size)[owner]) ** 2, minlength=size)
    found = np.sqrt(squares / np.maximum(number - 1, 1)).tolist()
    return [found[place] if number[place] > 1 else None for place in range(size)]


# Pairs.


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """g turns of pairs with the orders combined: `outcome` is in half points of x, or `UNDECIDED` if the orders
    contradict each other, or `UNREADABLE`."""

    prompt: Whole
    x: Whole
    y: Whole
    outcome: Whole


def matches(games: Games) -> Matches:
    """Combines one judge's games on the same turn of the same pair."""
    if not len(games):
        return Matches(games.prompt, games.x, games.y, games.outcome)
    label, first = _labels(games.pair, games.turn)
    readable = games.outcome != UNREADABLE
    # The orders in which each was asked, and readable.
    order = 2 * label + (games.left > 0)
    asked = np.bincount(order, minlength=2 * len(first)) > 0
    read = np.bincount(order[readable], minlength=2 * len(first)) > 0
    whole = (asked == read).reshape(-1, 2).all(axis=1)
    rows = readable & whole[label]
    outcome = np.full(len(first), UNREADABLE, np.int64)
    if rows.any():
        outcome[np.unique(label[rows])] = merge(label[rows], games.left[rows], games.outcome[rows]).outcome
    return Matches(games.prompt[first], games.x[first], games.y[first], outcome)


def standings(games: Games) -> list[ModelStandings]:
    """Computes the standings of a judge's models, best first."""
    seen = matches(games)
    models, place = np.unique(np.concatenate([seen.x, seen.y]), return_inverse=True)
    x, y = np.split(place, 2)
    number = len(models)
    overall = _standings(seen, np.concatenate([x, y]), number)
    against = _standings(seen, np.concatenate([x * number + y, y * number + x]), number**2)
    keys = models.tolist()
    order = sorted(range(number), key=lambda each: (-(overall[each].adjusted or 0.0), keys[each]))
    met = np.bincount(np.concatenate([x * number + y, y * number + x]), minlength=number**2) > 0
    return [
        ModelStandings(
            keys[each],
            overall[each],
            {keys[other]: against[each * number + other] for other in order if met[each * number + other]},
        )
        for each in order
    ]


def _standings(seen: Matches, group: Whole, size: int) -> list[Standing]:
    """Computes the standing of each of `size` groups; `group` (2 g,) assigns each match, first for x and then for y."""
    halves = np.where(seen.outcome == UNDECIDED, 1, seen.outcome)
    readable = np.tile(halves != UNREADABLE, 2)
    halves = np.concatenate([halves, 2 - halves])[readable]
    contradicted = np.tile(seen.outcome == UNDECIDED, 2)
    counted = group[readable]
    wins, ties, losses = (np.bincount(counted[halves == won], minlength=size).tolist() for won in (2, 1, 0))
    inconsistent = np.bincount(group[contradicted], minlength=size).tolist()
    unreadable = np.bincount(group[~readable], minlength=size).tolist()
    ends = _intervals(halves / 2, counted, size, np.tile(seen.prompt, 2)[readable], (0.0, 1.0))
    return [Standing(*of_one) for of_one in zip(wins, ties, losses, inconsistent, unreadable, ends, strict=True)]


# Stored form.


def _ends(interval: Interval | None) -> list[float | None]:
    return [interval.low, interval.high] if interval else [None, None]


def _interval(low: float | None, high: float | None) -> Interval | None:
    return None if low is None or high is None else Interval(low, high)


def _score_kept(score: Score) -> list[Any]:
    return [score.mean, *_ends(score.interval), score.deviation, score.number, score.without]


def _score(kept: Sequence[Any]) -> Score:
    mean, low, high, deviation, number, without = kept
    return Score(mean, _interval(low, high), deviation, number, without)


def scores_kept(found: Iterable[ModelScores]) -> list[Any]:
    """Converts scores to JSON values; `kept_scores` reads them."""
    return [
        [
            each.model,
            _score_kept(each.overall),
            [[turn, _score_kept(score)] for turn, score in each.turns.items()],
            [[category, _score_kept(score)] for category, score in each.categories.items()],
        ]
        for each in found
    ]


def kept_scores(kept: Iterable[Any]) -> list[ModelScores]:
    """Converts the JSON values that `scores_kept` returns back to scores."""
    return [
        ModelScores(
            model,
            _score(overall),
            {turn: _score(score) for turn, score in turns},
            {category: _score(score) for category, score in categories},
        )
        for model, overall, turns, categories in kept
    ]


def standings_kept(found: Iterable[ModelStandings]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Yields each model's overall standing and its standings against each opponent as JSON values; `kept_standings`
    reads them."""
    for each in found:
        yield (
            [each.model, *_standing_kept(each.overall)],
            [[other, *_standing_kept(standing)] for other, standing in each.against.items()],
        )


def _standing_kept(standing: Standing) -> list[Any]:
    counts = (standing.wins, standing.ties, standing.losses, standing.inconsistent, standing.unreadable)
    return [*counts, *_ends(standing.interval)]


def _standing(wins: int, ties: int, losses: int, inconsistent: int, unreadable: int, *ends: float | None) -> Standing:
    low, high = ends
    return Standing(wins, ties, losses, inconsistent, unreadable, _interval(low, high))


def kept_standings(overall: Iterable[Any], against: Iterable[Any] | None) -> list[ModelStandings]:
    """Reads standings from JSON values; without `against`, the standings against each opponent are left out."""
    kept = list(overall)
    beside = list(against) if against is not None else [()] * len(kept)
    return [
        ModelStandings(model, _standing(*whole), {other: _standing(*rest) for other, *rest in others})
        for (model, *whole), others in zip(kept, beside, strict=True)
    ]
