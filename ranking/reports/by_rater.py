"""The ratings of all kinds of raters side by side: people, people by category of prompts, each judge.

For the scale from 1 to 8 each is read both ways: forced, where 4 is left and 5 is right, and with ties allowed,
where both are ties. Computed at once, and kept as a snapshot.
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
"""What a snapshot of these columns has where a board names its method."""

KEPT: Final = ("rating", "low", "high", "rank", "rank_low", "rank_high", "comparisons")
"""Of a model in a column."""


@dataclass(frozen=True, slots=True)
class Column:
    """Whose ratings these are, by which reading of the scale from 1 to 8; `name` is a category's or a judge's."""

    kind: str
    name: str | None
    filters: Filters

    @property
    def key(self) -> str:
        """What addresses and files call it."""
        words = [self.kind, *([self.name] if self.name is not None else [])]
        return ":".join([*words, *(["tie-allowed"] if self.filters.reading == "tie-allowed" else [])])


def columns(study: Study, line: Cut) -> Iterator[Column]:
    """People first, then by category where there are several, then the judges, each in both readings if it has them."""
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
    """The columns that can be computed, and the models from first to last by the first of them.

    A column holds the largest group of models that comparisons connect: across groups nothing can be said.
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
    """The columns for which there is a board."""
    for column in columns(study, line):
        try:
            read = reader.read(study, column.filters, line)
            if len(read.votes):
                yield column, read, sheet(board.rate(read.votes, Settings(), read.source))
        except (NotConverged, UnknownRater):
            continue


def _without_one_category(rated: Iterable[tuple[Column, Read, Sheet]]) -> list[tuple[Column, Read, Sheet]]:
    """Without the categories where people voted on a single one: its column would be that of all they said.

    What is left depends on the comparisons alone, not on pairs that came after them.
    """
    found = list(rated)
    categories = {column.name for column, _read, _sheet in found if column.kind == "category"}
    return found if len(categories) > 1 else [part for part in found if part[0].kind != "category"]


def _place(row: Report) -> tuple[Any, ...]:
    """By the first column that rates the model, then by name."""
    at, first = next((at, rating) for at, rating in enumerate(row["ratings"]) if rating is not None)
    return at, first["rank"], row["model"]
