"""What a similarity run found: what was compared, what each filter dropped, and the pairs of models."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from annotation.models import Prompt
from judges.models import SimilarityRun, SimilarityTable
from judges.similarity.filters import FILTERS, Filter
from judges.similarity.measure import DROPPED, SCORED, STATES
from judges.similarity.terms import Terms


@dataclass(frozen=True, slots=True)
class FilterReport:
    """What one filter dropped: `dropped` pairs of answers, `alone` of them dropped by no other filter."""

    filter: Filter
    limit: float | None
    dropped: int
    alone: int


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of a run, in pairs of answers to one prompt. `chosen` are the pairs of the top prompts."""

    states: Mapping[str, int]
    filters: Sequence[FilterReport]
    pairs: int
    chosen: int

    @property
    def scored(self) -> int:
        return self.states.get(SCORED, 0)

    @property
    def dropped(self) -> int:
        return self.states.get(DROPPED, 0)

    @property
    def without_score(self) -> list[tuple[str, int]]:
        """States other than scored and dropped that some pairs are in."""
        return [(state, number) for state, number in self.states.items() if state not in {SCORED, DROPPED} and number]


def report(run: SimilarityRun) -> Report:
    """Returns the numbers of `run` as far as it has come."""
    states: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    pairs = chosen = 0
    for summary, taken in run.tables.values_list("summary", "chosen").iterator(500):
        states.update(summary["states"])
        dropped.update(summary["dropped"])
        alone.update(summary["alone"])
        pairs, chosen = pairs + 1, chosen + len(taken)
    limits = Terms.from_json(run.measure, run.options).chosen_filters().limits
    filters = [FilterReport(FILTERS[name], limit, dropped[name], alone[name]) for name, limit in limits.items()]
    return Report({state: states[state] for state in STATES if states[state]}, filters, pairs, chosen)


@dataclass(frozen=True, slots=True)
class Line:
    """Two models of a run: how many prompts were scored, how alike their answers are, and how many were chosen."""

    table: SimilarityTable
    scored: int
    dropped: int
    other: int
    least: float | None
    median: float | None
    chosen: int


def lines(tables: Iterable[SimilarityTable]) -> Iterator[Line]:
    """Yields a line for each of `tables`."""
    for table in tables:
        states = table.summary["states"]
        scored, dropped = states.get(SCORED, 0), states.get(DROPPED, 0)
        other = sum(states.values()) - scored - dropped
        yield Line(table, scored, dropped, other, table.summary["least"], table.summary["median"], len(table.chosen))


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt of two models: its numbers by the measure's columns, its state, the filters that drop it, and the
    place at which it was chosen, from 1."""

    prompt: Prompt
    values: Mapping[str, float | None]
    state: str
    dropped_by: Sequence[str]
    place: int | None

    @property
    def similarity(self) -> float | None:
        return next(iter(self.values.values()))


def rows(run: SimilarityRun, table: SimilarityTable) -> list[Row]:
    """Returns the prompts of `table`: those chosen first, in order, then the others from the least similar on."""
    terms = Terms.from_json(run.measure, run.options)
    columns, filters = terms.how.columns, list(terms.chosen_filters().limits)
    places = {prompt: place for place, prompt in enumerate(table.chosen, 1)}
    prompts = Prompt.objects.defer("turns", "references").in_bulk(table.prompt_keys.tolist())
    found = []
    for key, numbers, state, bits in zip(
        table.prompt_keys.tolist(),
        table.values.T.tolist(),
        table.state_numbers.tolist(),
        table.dropped_by.tolist(),
        strict=True,
    ):
        if key in prompts:
            values = {name: value if value == value else None for name, value in zip(columns, numbers, strict=True)}
            by = [name for bit, name in enumerate(filters) if bits >> bit & 1]
            found.append(Row(prompts[key], values, STATES[state], by, places.get(key)))
    return sorted(found, key=_order)


def _order(row: Row) -> tuple[float, float, int]:
    similarity = row.similarity
    place = float("inf") if row.place is None else row.place
    return place, float("inf") if similarity is None else similarity, row.prompt.number


COLUMNS: Final = ("model_x", "model_y", "prompt", "state", "dropped_by", "place")
"""Columns of the CSV of all scores; those of the measure follow."""


def csv_rows(run: SimilarityRun) -> Iterator[tuple[Any, ...]]:
    """Yields every pair of answers of `run`, with the names of the models and the numbers of the prompts."""
    for table in run.tables.select_related("model_x", "model_y").iterator(100):
        for row in rows(run, table):
            named = (table.model_x.name, table.model_y.name, row.prompt.number, row.state, " ".join(row.dropped_by))
            yield (*named, row.place, *row.values.values())


def columns_of(run: SimilarityRun) -> tuple[str, ...]:
    """Returns the columns of `csv_rows`."""
    return (*COLUMNS, *(name.replace(" ", "_") for name in Terms(run.measure).how.columns))
