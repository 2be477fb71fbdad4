"""Computes boards from the comparisons of a study."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from annotation.models import RaterKind, Study
from annotation.problems import Failure, Problem
from ranking import problems
from ranking.board_data import Sheet, covariance_shown, sheet
from ranking.boards import counting
from ranking.methods import board
from ranking.methods.board import Board
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import ELO
from ranking.methods.registry import Method, method
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.reports import goal
from ranking.statistics.separation import verdict
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, Cut, Filters, Read


class NothingCompared(Failure):
    """Raised if no comparison counts towards the board; the problem says what to do."""


PROBLEMS: Final = (
    NothingCompared,
    Contradiction,
    NotConverged,
    reader.UnknownRater,
    reader.UnknownCategory,
    reader.UnknownBackground,
    goal.NoGoal,
)
"""Exceptions that explain, in their problem, why a board cannot be computed."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed board as plain data, with the comparisons it was computed from."""

    sheet: Sheet
    read: Read
    board: Board

    @property
    def covariances(self) -> list[list[list[float]] | None]:
        """Returns the covariance of each group's ratings in row order and displayed unit; None without intervals."""
        return [covariance_shown(group.ratings) for group in self.board.groups]


def compute(study: Study, filters: Filters, settings: Settings, line: Cut | None = None) -> Computed:
    """Computes the board of `study` without storing it.

    Raises:
        NothingCompared: no comparison counts.
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
        Contradiction: the settings do not fit the method or the comparisons.
        NotConverged: an iteration did not reach its optimum.
    """
    line = line or reader.cut(study)
    read = read_votes(study, filters, settings, line)
    if not len(read.votes):
        raise NothingCompared(_nothing(study, filters))
    found = of_votes(read, settings)
    if read.source == "all":
        name_the_mix(found.sheet, reader.raters_by_kind(study, filters, line))
    _name_makers(study, found.sheet)
    return found


def read_votes(study: Study, filters: Filters, settings: Settings, line: Cut) -> Read:
    """Reads the comparisons of a board, counted where that is enough.

    Raises:
        UnknownRater, UnknownCategory, UnknownBackground: the study has no such judge, category or group of people.
        Contradiction: the settings do not fit the method or the comparisons.
    """
    source = reader.source_of(filters.raters)
    chosen = method(settings, source)
    weighted = reader.selected(study, filters, line).weighted().exists()
    if weighted and not chosen.soft:
        raise Contradiction(problems.NO_WEIGHTS(method=settings.method))
    if is_counted(chosen, settings, source, weighted=weighted) and not reader.is_drawn(study, line):
        return counting.read(study, filters, line, sides=settings.first_place or source == "judge")
    return reader.read(study, filters, line, in_order=chosen.in_order, with_style=chosen.style)


def of_votes(read: Read, settings: Settings) -> Computed:
    """Computes the board of comparisons that have been read, of which there is at least one.

    Raises:
        Contradiction: the settings do not fit the method or the comparisons.
        NotConverged: an iteration did not reach its optimum.
    """
    chosen = method(settings, read.source)
    rated = board.rate(read.votes, settings, read.source)
    result = sheet(rated)
    # Bootstrap rounds reorder or resample the votes, so their order does not matter.
    if chosen.in_order and not read.in_time and settings.redrawn is None:
        result["notices"].append("file-order")
    if settings.first_place and read.one_order:
        result["notices"].append("one-order")
    _judge(result, rated, read, settings)
    result["read"] = {
        "simulated": read.simulated,
        "inconsistent": read.inconsistent,
        "in_time": read.in_time,
        "one_order": read.one_order,
        "side": _side(result, read, settings),
    }
    return Computed(result, read, rated)


def is_counted(chosen: Method, settings: Settings, source: Source, *, weighted: bool = False) -> bool:
    """Returns whether a board follows from how often who beat whom, whoever said so, on whatever prompt.

    Sums of weights are enough for ratings. Intervals need their squares, and verdicts of judges are merged one by one.
    """
    if weighted and (source != "people" or chosen.sandwich):
        return False
    clustered = (chosen.sandwich or chosen.bootstrap) and settings.clusters != "none" and source != "all"
    return not (clustered or chosen.in_order or chosen.style)


def _judge(result: Sheet, rated: Board, read: Read, settings: Settings) -> None:
    """Adds to each group what its ratings separate, in general and on exactly these prompts."""
    both = [part.ratings.clusters == "both" for part in rated.groups]
    here = [board.on_these_prompts(part.ratings) for part in rated.groups]
    # Some methods compute it only if asked.
    again = any(asked and found is None for asked, found in zip(both, here, strict=True))
    these = board.rate(read.votes, replace(settings, clusters="worker"), read.source) if again else None
    for place, (group, part) in enumerate(zip(result["groups"], rated.groups, strict=True)):
        worker = (here[place] or (these.groups[place].ratings if these else None)) if both[place] else None
        told = verdict(part.ratings, worker)
        group["verdict"] = asdict(told) if told else None
        told = verdict(worker) if worker else None
        group["verdict_here"] = asdict(told) if told else None


def _side(result: Sheet, read: Read, settings: Settings) -> dict[str, Any] | None:
    """Estimates what a fitted position bias would change for a judge that saw every pair in one order only.

    Its preference for a side is then part of the ratings. People see a pair in one order each, but not all the same.
    Returns points: the gain of the left answer with its interval, and the largest change of a rating; `first` names the
    model that would rank first if it is another one. None for other boards, or if nothing can be estimated.
    """
    if read.source != "judge" or not read.one_order or settings.first_place:
        return None
    votes = read.votes
    if settings.baseline is not None:
        against = votes.names.index(settings.baseline)
        votes = votes.where((votes.x == against) | (votes.y == against))
    plain = Settings(ties="drop" if settings.tie_rule == "drop" else None, clusters="none")
    clusters = None if votes.prompt is not None else plain.clusters
    try:
        without = board.rate(votes, plain, read.source).groups[0].ratings
        fitted = board.rate(votes, replace(plain, first_place=True, clusters=clusters), read.source).groups[0].ratings
    except (Contradiction, NotConverged, IndexError):
        return None
    changes = ELO * (fitted.scores - without.scores)
    most = int(np.abs(changes).argmax())
    first = fitted.names[int(fitted.scores.argmax())]
    gain = fitted.coefficients[0]
    return {
        "value": ELO * gain.value,
        "low": None if gain.low is None else ELO * gain.low,
        "high": None if gain.high is None else ELO * gain.high,
        "model": fitted.names[most],
        "change": float(changes[most]),
        "first": "" if first == result["groups"][0]["rows"][0]["model"] else first,
    }


def name_the_mix(result: Sheet, raters: Mapping[str, int]) -> None:
    """Replaces the notice that people and judges are mixed if only people, known or not, or only judges compared.

    `raters` are how many there are of each kind.
    """
    judges = raters.get(RaterKind.JUDGE, 0)
    if judges and len(raters) > 1:
        return
    alone = "only-people" if not judges else "only-judge" if judges == 1 else "only-judges"
    for group in result["groups"]:
        group["notices"] = [alone if notice == "mixed-raters" else notice for notice in group["notices"]]


def _nothing(study: Study, filters: Filters) -> Problem:
    if filters.background is not None:
        return problems.NONE_OF_BACKGROUND(background=filters.background)
    if filters.category is not None:
        return problems.NONE_OF_TYPE(type=filters.category)
    if filters.raters == PEOPLE:
        return problems.NOBODY_VOTED(study=study.slug)
    return problems.NOTHING_COUNTS(study=study.slug)


def _name_makers(study: Study, result: Sheet) -> None:
    """Adds each model's number, organisation and licence to its row, so that a snapshot keeps them as they were."""
    about = {
        name: {"number": number, "org": org, "licence": licence}
        for name, number, org, licence in study.prompt_set.models.values_list("name", "number", "org", "licence")
    }
    for group in result["groups"]:
        for row in group["rows"]:
            row.update(about[row["model"]])
