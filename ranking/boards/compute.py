"""Boards computed at once."""

from dataclasses import asdict, dataclass, replace
from typing import Final

from annotation.models import Study
from annotation.problems import Failure, Problem
from ranking import problems
from ranking.board_data import Sheet, covariance_shown, sheet
from ranking.boards import counting
from ranking.methods import board
from ranking.methods.board import Board
from ranking.methods.logistic import NotConverged
from ranking.methods.registry import Method, method
from ranking.methods.settings import Contradiction, Settings, Source
from ranking.statistics.separation import verdict
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, Cut, Filters, Read


class NothingCompared(Failure):
    """No comparison counts towards the board; the problem says what to do."""


PROBLEMS: Final = (
    NothingCompared,
    Contradiction,
    NotConverged,
    reader.UnknownRater,
    reader.UnknownCategory,
)
"""Why there may be no board of what is asked; each says it in its problem."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed board: as plain data, with the comparisons it was computed from."""

    sheet: Sheet
    read: Read
    board: Board

    @property
    def covariances(self) -> list[list[list[float]] | None]:
        """Of each group's ratings, in its sheet's order, in the unit they are shown in; None without intervals."""
        return [covariance_shown(group.ratings) for group in self.board.groups]


def compute(study: Study, filters: Filters, settings: Settings, line: Cut | None = None) -> Computed:
    """The board of `study`, computed here and now and stored nowhere.

    Raises:
        NothingCompared: there is nothing to rate.
        UnknownRater, UnknownCategory, Contradiction, NotConverged: as their docstrings say.
    """
    source = reader.source_of(filters.raters)
    chosen = method(settings, source)
    line = line or reader.cut(study)
    if is_counted(chosen, settings, source):
        read = counting.read(study, filters, line, sides=settings.first_place)
    else:
        read = reader.read(study, filters, line, in_order=chosen.in_order, with_style=chosen.style)
    if not len(read.votes):
        raise NothingCompared(_nothing(study, filters))
    rated = board.rate(read.votes, settings, source)
    result = sheet(rated)
    # Rounds that reorder or redraw do away with the order.
    if chosen.in_order and not read.in_time and settings.redraw is None:
        result["notices"].append("file-order")
    if settings.first_place and read.one_order:
        result["notices"].append("one-order")
    _judge(result, rated, read, settings)
    result["read"] = {
        "simulated": read.simulated,
        "inconsistent": read.inconsistent,
        "in_time": read.in_time,
        "one_order": read.one_order,
    }
    _name_makers(study, result)
    return Computed(result, read, rated)


def is_counted(chosen: Method, settings: Settings, source: Source) -> bool:
    """Whether a board follows from how often who beat whom, whoever said so, on whatever prompt."""
    clustered = (chosen.sandwich or chosen.bootstrap) and settings.clusters != "none" and source != "all"
    return not (clustered or chosen.in_order or chosen.style)


def _judge(result: Sheet, rated: Board, read: Read, settings: Settings) -> None:
    """Adds to each group what it can tell, and what it can tell of exactly these prompts."""
    both = any(group["clusters"] == "both" for group in result["groups"])
    these = board.rate(read.votes, replace(settings, clusters="worker"), read.source) if both else None
    for place, (group, part) in enumerate(zip(result["groups"], rated.groups, strict=True)):
        worker = these.groups[place].ratings if these and group["clusters"] == "both" else None
        told = verdict(part.ratings, worker)
        group["verdict"] = asdict(told) if told else None
        told = verdict(worker) if worker else None
        group["verdict_here"] = asdict(told) if told else None


def _nothing(study: Study, filters: Filters) -> Problem:
    if filters.category is not None:
        return problems.NONE_OF_TYPE(type=filters.category)
    if filters.raters == PEOPLE:
        return problems.NOBODY_VOTED(study=study.slug)
    return problems.NOTHING_COUNTS(study=study.slug)


def _name_makers(study: Study, result: Sheet) -> None:
    """Adds number, organisation and licence to the rows: a snapshot shows them as they were."""
    about = {
        name: {"number": number, "org": org, "licence": licence}
        for name, number, org, licence in study.prompt_set.models.values_list("name", "number", "org", "licence")
    }
    for group in result["groups"]:
        for row in group["rows"]:
            row.update(about[row["model"]])
