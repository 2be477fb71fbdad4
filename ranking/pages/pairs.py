"""Prepares the pages of the pair browser: the search form, a page of matches, and a pair with its comparisons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from annotation.merge_orders import UNDECIDED, merge
from annotation.models import Comparison, LanguageModel, Pair, Prompt, RaterKind, Study
from annotation.models.pair import PairQuerySet
from annotation.models.voting import ComparisonQuerySet
from annotation.views.pair_display import Sheet, Turn, label, sheet_of
from ranking.pairs import search
from ranking.pairs.search import MANY_VOTES, Search, Sought
from ranking.votes import reader

SIZE: Final = 25
"""Pairs per page."""

MOST_OPTIONS: Final = 300
"""Most prompts offered in a list. With more, prompts are searched by text."""

MOST_TOLD: Final = 500
"""Most comparisons shown on the page of a pair."""

EXCERPT: Final = 110
"""Most characters of a prompt in a line."""

type Word = Literal["x", "tie", "y", "contradicts"]

OUTCOMES: Final[tuple[Word, ...]] = ("y", "tie", "x")
"""Winners, indexed by half points of x."""

HALF_POINTS: Final[dict[str, int]] = {word: place for place, word in enumerate(OUTCOMES)}

WORDS: Final[dict[Word, str | Promise]] = {
    "x": pgettext_lazy("of two answers", "first"),
    "tie": pgettext_lazy("neither is better", "tie"),
    "y": pgettext_lazy("of two answers", "second"),
    "contradicts": gettext_lazy("contradictory"),
}


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a select field."""

    value: str
    label: str | Promise
    chosen: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """A select field of the form."""

    name: str
    label: str | Promise
    options: tuple[Option, ...]

    @property
    def answered(self) -> bool:
        return any(option.chosen and option.value for option in self.options)


@dataclass(frozen=True, slots=True)
class Said:
    """A judge's verdicts on a pair by turn, and whether any differs from the most common vote of people."""

    judge: str
    words: tuple[Word, ...]
    differs: bool

    @property
    def text(self) -> str:
        return " · ".join(str(WORDS[word]) for word in self.words)


@dataclass(frozen=True, slots=True)
class Line:
    """A pair in the list: people's votes for x, tie and y, their most common vote, and the judges' verdicts."""

    pair: Pair
    excerpt: str
    people: tuple[int, int, int]
    most: Word | None
    judges: tuple[Said, ...]

    @property
    def votes(self) -> int:
        return sum(self.people)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of matches.

    Attributes:
        count: the number of all matches, if they were counted.
        earlier, later: the queries of the previous and next page, or empty.
        searched: the number of the pair at which a search with few matches stopped.
        differing: whether a judge differs from most people on this page.
    """

    lines: tuple[Line, ...]
    judges: tuple[str, ...]
    count: int | None
    earlier: str
    later: str
    searched: int | None

    @property
    def differing(self) -> bool:
        return any(said.differs for line in self.lines for said in line.judges)


@dataclass(frozen=True, slots=True)
class Told:
    """A comparison on the page of its pair. `key` identifies the rater in searches."""

    comparison: Comparison
    rater: str
    key: str
    is_judge: bool
    left: LanguageModel | None
    winner: LanguageModel | None
    value: str
    at: datetime | None
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer, turn by turn."""

    model: LanguageModel
    turns: list[Turn]


@dataclass(frozen=True, slots=True)
class OnePair:
    """A pair with both answers, x on the left, and its comparisons.

    Attributes:
        left_out: whether there are more comparisons than the page shows.
        earlier, later: the numbers of the neighbouring matches.
        unfinished: whether the search for the later one stopped before finding one.
    """

    pair: Pair
    line: Line
    sheet: Sheet
    panes: tuple[Answer, Answer]
    told: tuple[Told, ...]
    left_out: bool
    judges: tuple[str, ...]
    several_turns: bool
    repeated: bool
    scaled: bool
    timed: bool
    earlier: int | None
    later: int | None
    unfinished: bool


def listing(study: Study, pairs: PairQuerySet, sought: Sought, *, after: int | None, before: int | None) -> Listing:
    """Returns a page of matches after or before the pair with a number."""
    finder = Search.of(study, pairs, sought)
    back = before is not None
    start = _key(pairs, before if back else after)
    found = finder.find(start, SIZE, back=back)
    judges = judges_of(study)
    lines = tuple(lines_of(found.pairs, judges))
    stopped = None if found.stopped is None else pairs.values_list("number", flat=True).get(pk=found.stopped)
    first, last = (lines[0].pair.number, lines[-1].pair.number) if lines else (stopped, stopped)
    # A search that stopped continues from there, on the same page as its matches.
    edge = stopped if stopped is not None else (first if back else last)
    onward = edge if found.more else None
    returning = None if start is None else (last if back else first)
    earlier, later = (onward, returning) if back else (returning, onward)
    return Listing(
        lines=lines,
        judges=judges,
        count=finder.count(),
        earlier="" if earlier is None else sought.query(before=earlier),
        later="" if later is None else sought.query(after=later),
        searched=stopped,
    )


def _key(pairs: PairQuerySet, number: int | None) -> int | None:
    return None if number is None else pairs.filter(number=number).values_list("pk", flat=True).first()


def judges_of(study: Study) -> tuple[str, ...]:
    """Returns the judges whose verdicts are shown: those with comparisons and not excluded."""
    out = set(study.raters.exclude(excluded_at=None).values_list("name", flat=True))
    return tuple(name for name in reader.judges(study) if name not in out)


def lines_of(pairs: Sequence[int], judges: Sequence[str]) -> Iterator[Line]:
    """Yields the pairs with these primary keys in this order, with their votes and verdicts."""
    found = Pair.objects.select_related("prompt", "model_x", "model_y").in_bulk(pairs)
    rows = search.in_force().filter(pair__in=pairs, rater__excluded_at=None)
    votes, verdicts = _votes(rows), _verdicts(rows) if judges else {}
    for pk in pairs:
        pair = found[pk]
        by_turn = votes[pk]
        most = {turn: _plurality(counts) for turn, counts in by_turn.items()}
        people = np.sum(list(by_turn.values()), axis=0) if by_turn else np.zeros(3, dtype=np.int64)
        yield Line(
            pair=pair,
            excerpt=excerpt(pair.prompt),
            people=(int(people[2]), int(people[1]), int(people[0])),
            most=_plurality(people) if by_turn else None,
            judges=tuple(_said(name, verdicts[pk][name], most) for name in judges),
        )


def excerpt(prompt: Prompt) -> str:
    """Returns the prompt shortened to one line."""
    return Truncator(" ".join(prompt.text.split())).chars(EXCERPT)


def _votes(rows: ComparisonQuerySet) -> dict[int, dict[int, Any]]:
    """Maps pair and turn to the numbers of people's votes for y, tie and x."""
    found: dict[int, dict[int, Any]] = defaultdict(dict)
    votes = rows.by_people().order_by().values_list("pair", "turn", "winner")
    for pair, turn, winner in votes:
        counts = found[pair].setdefault(turn, np.zeros(3, dtype=np.int64))
        counts[HALF_POINTS[winner]] += 1
    return found


def _plurality(counts: Any) -> Word | None:
    """Returns the most common of y, tie and x by their counts; None if there is not exactly one."""
    top = counts.max()
    return OUTCOMES[int(counts.argmax())] if (counts == top).sum() == 1 else None


def _verdicts(rows: ComparisonQuerySet) -> dict[int, dict[str, dict[int, Word]]]:
    """Maps pair, judge and turn to the judge's merged verdict."""
    found: dict[int, dict[str, dict[int, Word]]] = defaultdict(lambda: defaultdict(dict))
    names = ("pair", "rater", "turn", "left", "winner", "rater__name")
    table = list(rows.filter(rater__kind=RaterKind.JUDGE).order_by("pk").values_list(*names))
    if not table:
        return found
    keys = np.array([row[:3] for row in table])
    sides = np.array([-1 if row[3] == "y" else 1 for row in table])
    outcomes = np.array([HALF_POINTS[row[4]] for row in table])
    merged = merge(np.unique(keys, axis=0, return_inverse=True)[1].ravel(), sides, outcomes)
    for row, outcome in zip(merged.first.tolist(), merged.outcome.tolist(), strict=True):
        pair, _rater, turn, _left, _winner, name = table[row]
        found[pair][name or ""][turn] = "contradicts" if outcome == UNDECIDED else OUTCOMES[outcome]
    return found


def _said(judge: str, verdicts: dict[int, Word], most: dict[int, Word | None]) -> Said:
    """Returns a judge's verdicts. Contradictory ones count as ties in the comparison with people."""
    differs = any(
        theirs is not None and theirs != ("tie" if word == "contradicts" else word)
        for turn, word in verdicts.items()
        if (theirs := most.get(turn)) is not None
    )
    return Said(judge, tuple(verdicts[turn] for turn in sorted(verdicts)), differs)


def form(study: Study, sought: Sought) -> tuple[Choice, ...]:
    """Returns the select fields of the form, without those that have only one option."""
    models = sorted((name, str(number)) for number, name in study.prompt_set.models.values_list("number", "name"))
    judges = judges_of(study)
    by_name = [(number, name) for name, number in models]
    fields: list[tuple[str, str | Promise, list[tuple[str, str | Promise]]]] = [
        ("category", gettext_lazy("Category"), [(name, name) for name in reader.categories(study)]),
        ("prompt", gettext_lazy("Prompt"), _prompts(study)),
        ("model", gettext_lazy("Model"), [*by_name]),
        ("against", gettext_lazy("Opponent"), [*by_name]),
        (
            "outcome",
            gettext_lazy("Result for the model"),
            [
                ("won", pgettext_lazy("a model", "won")),
                ("tied", pgettext_lazy("a model", "tied")),
                ("lost", pgettext_lazy("a model", "lost")),
            ],
        ),
        (
            "split",
            gettext_lazy("Disagreement"),
            [
                ("people", gettext_lazy("People with one another")),
                *((f"judge:{name}", _("Most people vs. %(judge)s") % {"judge": name}) for name in judges),
                *((f"orders:{name}", _("%(judge)s between the two orders") % {"judge": name}) for name in judges),
            ],
        ),
        (
            "votes",
            gettext_lazy("Votes from people"),
            [*((str(number), str(number)) for number in range(MANY_VOTES)), _many_votes()],
        ),
    ]
    return tuple(
        Choice(
            name,
            title,
            tuple(
                Option(value, text, getattr(sought, name) == value)
                for value, text in [("", gettext_lazy("any")), *options]
            ),
        )
        for name, title, options in fields
        if len(options) > 1 or getattr(sought, name)
    )


def _many_votes() -> tuple[str, str]:
    return f"{MANY_VOTES}+", _("%(number)s or more") % {"number": MANY_VOTES}


def _prompts(study: Study) -> list[tuple[str, str | Promise]]:
    prompts = list(study.prompt_set.prompts.order_by("pk")[: MOST_OPTIONS + 1])
    if len(prompts) > MOST_OPTIONS:
        return []
    return [
        (str(prompt.number), prompt.slug or Truncator(" ".join(prompt.text.split())).chars(60)) for prompt in prompts
    ]


def one_pair(study: Study, pairs: PairQuerySet, pair: Pair, sought: Sought, *, all_rows: bool) -> OnePair:
    """Returns `pair` and its neighbours among the matches. `all_rows` includes comparisons that do not count."""
    finder = Search.of(study, pairs, sought)
    before = finder.find(pair.pk, 1, back=True, stretches=search.NEAR)
    after = finder.find(pair.pk, 1, stretches=search.NEAR)
    numbers = dict(pairs.filter(pk__in=[*before.pairs, *after.pairs]).values_list("pk", "number"))
    judges = judges_of(study)
    (line,) = lines_of([pair.pk], judges)
    told = list(_told(pair, all_rows=all_rows)[: MOST_TOLD + 1])
    sheet = sheet_of(study, pair, "x", as_plain=False)
    rows = tuple(_tell(row, pair) for row in told[:MOST_TOLD])
    return OnePair(
        pair=pair,
        line=line,
        sheet=sheet,
        panes=(Answer(pair.model_x, sheet.panes[0].turns), Answer(pair.model_y, sheet.panes[1].turns)),
        told=rows,
        left_out=len(told) > MOST_TOLD,
        judges=judges,
        several_turns=len({row.turn for row in told}) > 1,
        repeated=any(row.rater.kind == RaterKind.JUDGE and row.trial for row in told),
        scaled=any(row.value for row in rows),
        timed=any(row.at for row in rows),
        earlier=next((numbers[pk] for pk in before.pairs), None),
        later=next((numbers[pk] for pk in after.pairs), None),
        unfinished=after.more and not after.pairs,
    )


def _told(pair: Pair, *, all_rows: bool) -> ComparisonQuerySet:
    rows = Comparison.objects.filter(pair=pair) if all_rows else search.in_force().filter(pair=pair)
    if not all_rows:
        rows = rows.filter(rater__excluded_at=None)
    return rows.select_related("rater__worker").order_by("-rater__kind", "rater", "turn", "trial", "pk")


def _tell(row: Comparison, pair: Pair) -> Told:
    rater = row.rater
    is_judge = rater.kind == RaterKind.JUDGE
    is_crowd = rater.kind == RaterKind.CROWD
    key = rater.name or "" if is_judge or is_crowd else str(rater.worker.number)
    sides = {"x": pair.model_x, "y": pair.model_y}
    return Told(
        comparison=row,
        rater=key if is_judge or is_crowd else _("Worker %(number)s") % {"number": key},
        key=key,
        is_judge=is_judge,
        # Panels are not shown anything.
        left=None if rater.derived else sides.get(row.left),
        winner=sides.get(row.winner),
        value=_value(row),
        at=row.answered_at,
        marks=tuple(_marks(row)),
    )


def _value(row: Comparison) -> str:
    """Returns the value on the scale, if it says more than who won."""
    if row.value is None or row.scale_name in {Study.ScaleName.THREE, Study.ScaleName.TWO}:
        return ""
    return f"{row.value}: {label(row.scale_name, row.value)}"


def _marks(row: Comparison) -> Iterator[str]:
    """Yields notes on a comparison: why it does not count, or that it is simulated."""
    if row.withdrawn:
        yield _("withdrawn")
    if row.superseded_by_id is not None:
        yield _("superseded")
    if row.rater.excluded_at is not None:
        yield _("rater excluded")
    if row.rater.simulated:
        yield _("simulated")


COLUMNS: Final = ("pair", "prompt", "slug", "type", "model_x", "model_y", "votes", "x", "tie", "y", "most")


def csv_rows(lines: Iterable[Line]) -> Iterator[list[str | int | None]]:
    """Yields a row per pair: COLUMNS, then each judge's verdicts by turn."""
    for line in lines:
        pair, prompt = line.pair, line.pair.prompt
        cells = [pair.number, prompt.number, prompt.slug, prompt.type, pair.model_x.name, pair.model_y.name]
        yield [*cells, line.votes, *line.people, line.most, *(" ".join(said.words) for said in line.judges)]
