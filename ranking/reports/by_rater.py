"""Computes ratings side by side, stored as a snapshot: by people, by people per prompt category, by each judge.

If the scale from 1 to 8 was used, there is a column for each reading: forced choice (4 counts as left, 5 as right) and
ties allowed (both are ties).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from annotation.models import Study
from ranking.board_data import Sheet, sheet
from ranking.methods import board
from ranking.methods.logistic import NotConverged
from ranking.methods.settings import Settings
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, Cut, Filters, Read, UnknownRater

type Report = dict[str, Any]

METHOD: Final = "columns"
"""Value of Leaderboard.method for snapshots of this report."""

KEPT: Final = ("rating", "low", "high", "rank", "rank_low", "rank_high", "comparisons")
"""What a column stores for each model."""


@dataclass(frozen=True, slots=True)
class Column:
    """The raters of a column and the reading of the scale from 1 to 8. `name` is that of a category or judge."""

    kind: str
    name: str | None
    filters: Filters

    @property
    def key(self) -> str:
        """Returns the name of the column in URLs and files."""
        words = [self.kind, *([self.name] if self.name is not None else [])]
        return ":".join([*words, *(["tie-allowed"] if self.filters.reading == "tie-allowed" else [])])


def columns(study: Study, line: Cut) -> Iterator[Column]:
    """Yields the columns: people, categories if there are several, judges; each in both readings if applicable."""
    categories = reader.categories(study)
    people: list[tuple[str, str | None, Filters]] = [("people", None, Filters(PEOPLE))]
    if len(categories) > 1:
        people += [("category", name, Filters(PEOPLE, category=name)) for name in categories]
    judges = [("judge", name, Filters(name)) for name in reader.judges(study)]
    names = [PEOPLE, *(name for _, name, _ in judges)]
    readings = {raters: reader.readings(study, Filters(raters), line) for raters in names}
    for kind, name, filters in [*people, *judges]:
        for reading in readings[filters.raters]:
            yield Column(kind, name, Filters(filters.raters, filters.category, reading))


def report(study: Study, line: Cut) -> Report:
    """Computes the columns, with the models sorted by rank in the first one.

    A column contains the largest connected group of models, because groups cannot be compared.
    """
    digest = hashlib.sha256()
    about: list[Report] = []
    ratings: dict[str, dict[int, Report]] = {}
    for column, read, found in _without_one_category(_rated(study, line)):
        digest.update(f"{column.key}\0{read.digest}\0".encode())
        group = found["groups"][0]
        for row in group["rows"]:
            ratings.setdefault(row["model"], {})[len(about)] = {name: row[name] for name in KEPT}
        about.append(
            {
                "key": column.key,
                "kind": column.kind,
                "name": column.name,
                "reading": column.filters.reading,
                "comparisons": found["comparisons"],
                "models": len(group["rows"]),
                "groups": len(found["groups"]),
                "clusters": group["clusters"],
                "prompts": group["prompts"],
                "raters": group["raters"],
                "prior": group["prior"],
                "unit": group["unit"],
            }
        )
    known = study.prompt_set.models.filter(name__in=ratings).values_list("name", "number", "org")
    rows = [
        {"model": name, "number": number, "org": org, "ratings": [ratings[name].get(at) for at in range(len(about))]}
        for name, number, org in known
    ]
    rows.sort(key=_place)
    return {"columns": about, "rows": rows, "digest": digest.hexdigest()}


def _rated(study: Study, line: Cut) -> Iterator[tuple[Column, Read, Sheet]]:
    """Yields the columns for which a board can be computed."""
    for column in columns(study, line):
        try:
            read = reader.read(study, column.filters, line)
            if len(read.votes):
                yield column, read, sheet(board.rate(read.votes, Settings(), read.source))
        except (NotConverged, UnknownRater):
            continue


def _without_one_category(rated: Iterable[tuple[Column, Read, Sheet]]) -> list[tuple[Column, Read, Sheet]]:
    """Removes the category columns if people voted on one category only: they would repeat the column of people.

    The result depends only on the comparisons, not on pairs added later.
    """
    found = list(rated)
    categories = {column.name for column, _read, _sheet in found if column.kind == "category"}
    return found if len(categories) > 1 else [part for part in found if part[0].kind != "category"]


def _place(row: Report) -> tuple[Any, ...]:
    """Sorts by the first column that rates the model, then by name."""
    at, first = next((at, rating) for at, rating in enumerate(row["ratings"]) if rating is not None)
    return at, first["rank"], row["model"]
