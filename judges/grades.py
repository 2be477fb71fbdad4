"""Tables of what judges said: scores of single answers, and wins and losses of pairs. Pure.

A score is about a prompt's turn: of several choices (answers of a model to one prompt) and several grades of
one answer it is the mean. Intervals are about prompts like these: 95 %, clustered by prompt, by Student's t with
one degree less than there are prompts, G / (G - 1) for the small number of them (Cameron and Miller 2015). Below
ten prompts, and where nothing varies, none is given.

Pairs are read in both orders, as FastChat reads them: a win is one in every order that was asked, all else is a
tie; where an order has no verdict that can be read, the match is left out and counted.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from annotation.orders import UNDECIDED, merge

LEAST_PROMPTS: Final = 10
"""Fewer give no interval about prompts."""

LEVEL: Final = 0.95
LOWEST: Final = 1.0
HIGHEST: Final = 10.0

type Outcome = Literal["x", "y", "tie"]


@dataclass(frozen=True, slots=True)
class Grade:
    """What a judge gave an answer: `score` is None where nothing could be read. `choice` is the sample of the
    answer, `turn` 0 for the whole of it."""

    judge: str
    prompt: int
    model: int
    choice: int
    turn: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Game:
    """What a judge said of a pair in one order: `winner` is None where nothing could be read."""

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
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Score:
    """A mean of scores.

    `deviation` is the standard deviation between choices of the means that each has, where there are several.
    `number` grades went in, `without` had no number.
    """

    mean: float | None
    interval: Interval | None
    deviation: float | None
    number: int
    without: int


@dataclass(frozen=True, slots=True)
class ModelScores:
    """A judge's scores of a model, by turn and by category of prompt."""

    model: int
    overall: Score
    turns: Mapping[int, Score]
    categories: Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a model stands, against one or all others: matches that could be read in every order, and what came of them.

    `inconsistent` of the ties are contradictions. `adjusted` is the share of wins, a tie counted half.
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
    model: int
    overall: Standing
    against: Mapping[int, Standing]


def _grouped[K: Hashable, V](rows: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = defaultdict(list)
    for key, value in rows:
        found[key].append(value)
    return found


def interval(values: Sequence[float], prompts: Sequence[int], low: float, high: float) -> Interval | None:
    """Of the mean of `values`, each about one of `prompts`, within what a value can be."""
    groups, label = np.unique(np.array(prompts), return_inverse=True)
    number = len(groups)
    if number < LEAST_PROMPTS:
        return None
    found: NDArray[np.float64] = np.array(values)
    mean = found.mean()
    sums = np.bincount(label, weights=found - mean, minlength=number)
    variance = number / (number - 1) * float(sums @ sums) / len(found) ** 2
    if variance <= 1e-24:
        return None
    half = float(stdtrit(number - 1, (1 + LEVEL) / 2)) * variance**0.5
    return Interval(max(low, float(mean) - half), min(high, float(mean) + half))


def score(grades: Sequence[Grade]) -> Score:
    """The mean of one model's grades by one judge."""
    readable = [(grade, grade.score) for grade in grades if grade.score is not None]
    without = len(grades) - len(readable)
    if not readable:
        return Score(None, None, None, 0, without)
    # First the grades of one answer, then the answers to one prompt, then the prompts.
    answers = _grouped(((grade.prompt, grade.turn, grade.choice), value) for grade, value in readable)
    means = {key: float(np.mean(values)) for key, values in answers.items()}
    cells = _grouped(((prompt, turn), mean) for (prompt, turn, _choice), mean in means.items())
    values = [float(np.mean(found)) for found in cells.values()]
    choices = _grouped((choice, mean) for (_prompt, _turn, choice), mean in means.items())
    by_choice = [float(np.mean(found)) for found in choices.values()]
    return Score(
        float(np.mean(values)),
        interval(values, [prompt for prompt, _turn in cells], LOWEST, HIGHEST),
        float(np.std(by_choice, ddof=1)) if len(by_choice) > 1 else None,
        len(readable),
        without,
    )


def scores(grades: Iterable[Grade], categories: Mapping[int, str]) -> dict[str, list[ModelScores]]:
    """By judge, the scores of its models, the best first. `categories` are those of the prompts."""
    found: dict[str, list[ModelScores]] = {}
    for judge, of_judge in sorted(_grouped((grade.judge, grade) for grade in grades).items()):
        models = [
            ModelScores(
                model,
                score(rows),
                {turn: score(some) for turn, some in sorted(_grouped((row.turn, row) for row in rows).items())},
                {
                    category: score(some)
                    for category, some in sorted(_grouped((categories[row.prompt], row) for row in rows).items())
                },
            )
            for model, rows in _grouped((grade.model, grade) for grade in of_judge).items()
        ]
        found[judge] = sorted(models, key=lambda each: (-(each.overall.mean or 0.0), each.model))
    return found


@dataclass(frozen=True, slots=True)
class Match:
    """A pair's turn as one judge saw it in every order: None where an order could not be read."""

    prompt: int
    x: int
    y: int
    outcome: Outcome | None
    inconsistent: bool


SIGNS: Final[Mapping[str | None, int]] = {"y": 0, "tie": 1, "x": 2}
OUTCOMES: Final[Sequence[Outcome]] = ("y", "tie", "x")


def matches(games: Iterable[Game]) -> list[Match]:
    """The games of one judge, those on one turn of one pair made one."""
    groups = list(_grouped(((game.pair, game.turn), game) for game in games).values())
    label: list[int] = []
    readable: list[Game] = []
    for place, some in enumerate(groups):
        with_verdict = [game for game in some if game.winner is not None]
        if {game.left for game in some} == {game.left for game in with_verdict}:
            label += [place] * len(with_verdict)
            readable += with_verdict
    found: dict[int, int] = {}
    if readable:
        merged = merge(
            np.array(label),
            np.array([1 if game.left == "x" else -1 for game in readable]),
            np.array([SIGNS[game.winner] for game in readable]),
        )
        found = dict(zip(sorted(set(label)), merged.outcome.tolist(), strict=True))
    return [_match(some[0], found.get(place)) for place, some in enumerate(groups)]


def _match(game: Game, outcome: int | None) -> Match:
    """`outcome` is in half points of x, or undecided; None where an order could not be read."""
    if outcome is None:
        return Match(game.prompt, game.x, game.y, None, False)
    contradicted = outcome == UNDECIDED
    return Match(game.prompt, game.x, game.y, "tie" if contradicted else OUTCOMES[outcome], contradicted)


def standing(seen: Sequence[tuple[Match, Literal["x", "y"]]]) -> Standing:
    """Of the model that is the named side of each match."""
    points: list[float] = []
    prompts: list[int] = []
    wins = ties = losses = inconsistent = 0
    for each, side in seen:
        if each.outcome is None:
            continue
        won, tied = each.outcome == side, each.outcome == "tie"
        wins, ties, losses = wins + won, ties + tied, losses + (not won and not tied)
        inconsistent += each.inconsistent
        points.append(1.0 if won else 0.5 if tied else 0.0)
        prompts.append(each.prompt)
    found = interval(points, prompts, 0.0, 1.0) if points else None
    return Standing(wins, ties, losses, inconsistent, len(seen) - len(points), found)


def standings(games: Iterable[Game]) -> dict[str, list[ModelStandings]]:
    """By judge, how its models stand against one another, the best first."""
    found: dict[str, list[ModelStandings]] = {}
    for judge, of_judge in sorted(_grouped((game.judge, game) for game in games).items()):
        sides: dict[int, dict[int, list[tuple[Match, Literal["x", "y"]]]]] = defaultdict(lambda: defaultdict(list))
        for each in matches(of_judge):
            sides[each.x][each.y].append((each, "x"))
            sides[each.y][each.x].append((each, "y"))
        models = [
            ModelStandings(
                model,
                standing([each for some in against.values() for each in some]),
                {other: standing(some) for other, some in against.items()},
            )
            for model, against in sides.items()
        ]
        found[judge] = sorted(models, key=lambda each: (-(each.overall.adjusted or 0.0), each.model))
    return found
