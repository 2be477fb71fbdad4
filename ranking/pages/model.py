"""Prepares the page of a model: results against each opponent, ratings by kind of rater, and sample pairs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext, pgettext_lazy

from annotation.models import LanguageModel, Study
from annotation.models.pair import PairQuerySet
from ranking.models import Leaderboard
from ranking.pages import pairs
from ranking.pages.axis import Axis
from ranking.pages.by_rater import title_of, under_of
from ranking.pages.heat_table import Opponent
from ranking.pages.leaderboard import Bar
from ranking.pages.text import written
from ranking.pairs.search import Search, Sought
from ranking.reports import by_rater
from ranking.votes.reader import ALL, PEOPLE

SAMPLES: Final = 3
"""Sample pairs per outcome."""

OUTCOMES: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("won", pgettext_lazy("pairs of a model", "Won")),
    ("lost", pgettext_lazy("pairs of a model", "Lost")),
)


OPPONENT: Final = (
    '<tr><th scope="row"><a href="{}"><bdi>{}</bdi></a></th><td class="number"><a href="{}" aria-label="{}">{}</a></td>'
    '<td class="number shade-{}">{}%</td><td class="number">{}</td></tr>'
)
"""A row of the table of opponents."""


OPPONENT_WITHOUT_PAIRS: Final = (
    '<tr><th scope="row"><a href="{0}"><bdi>{1}</bdi></a></th><td class="number">{4}</td>'
    '<td class="number shade-{5}">{6}%</td><td class="number">{7}</td></tr>'
)


@dataclass(frozen=True, slots=True)
class ByRaters:
    """A model's rating by one kind of rater, drawn on a shared axis."""

    title: str | Promise
    under: str
    ranks: str
    of: int
    rating: str
    interval: str
    bar: Bar


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample pair: its number, an excerpt of the prompt, the opponent and the votes."""

    number: int
    excerpt: str
    lang: str
    opponent: LanguageModel
    votes: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Sample pairs with one outcome, and the query that finds all of them."""

    title: str | Promise
    pairs: tuple[Sample, ...]
    query: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What a model's page shows besides its opponents: ratings by kind of rater, and sample pairs."""

    ratings: tuple[ByRaters, ...]
    axis: Axis
    samples: tuple[Samples, ...]
    query: str

    @property
    def sampled(self) -> bool:
        return any(samples.pairs for samples in self.samples)


def opponents(
    study: Study, model: LanguageModel, met: Iterable[Opponent], query: str, *, all_pairs: bool
) -> SafeString:
    """Renders the rows of the opponents of `model`. This is done here because a template is slow for 200 rows.

    `query` is that of the board that the links lead to. Numbers of votes are links to their pairs if the visitor
    may see `all_pairs`.
    """
    # URLs of models and pairs are built from this one, as in the table of the board. Reversing the URL of each row
    # would take as long as rendering the row.
    board = reverse("leaderboard", args=[study.slug])
    pairs = f"{board}pairs/{Sought(model=str(model.number)).query()}&against="
    row = OPPONENT if all_pairs else OPPONENT_WITHOUT_PAIRS
    return format_html_join("", row, (_opponent(board, pairs, query, other) for other in met))


def _opponent(board: str, pairs: str, query: str, other: Opponent) -> tuple[object, ...]:
    row, cell = other.row, other.cell
    votes = written(cell.games)
    label = ngettext("%(votes)s vote on pairs with %(other)s", "%(votes)s votes on pairs with %(other)s", cell.games)
    return (
        f"{board}models/{row['number']}/{query}",
        row["model"],
        f"{pairs}{row['number']}",
        label % {"votes": votes, "other": row["model"]},
        votes,
        cell.shade,
        cell.percent,
        "" if cell.predicted is None else f"{cell.predicted}%",
    )


def beside(study: Study, shown: PairQuerySet, model: LanguageModel, raters: str) -> Beside:
    """Returns ratings by kind of rater, and sample pairs.

    `raters` are those whose verdicts decide the outcome of a sample. `shown` are the pairs that the visitor may see.
    """
    snapshot = Leaderboard.objects.newest_report(study, by_rater.METHOD)
    found = list(_ratings(snapshot.sheet, model)) if snapshot else []
    values = (rating[end] for _column, rating in found for end in ("rating", "low", "high"))
    axis = Axis.over(values, written, wanted=5)
    about = snapshot.sheet["columns"] if snapshot else []
    judge = "" if raters in {PEOPLE, ALL} else raters
    return Beside(
        ratings=tuple(_by(column, rating, axis, about) for column, rating in found),
        axis=axis,
        samples=tuple(_samples(study, shown, model, judge, *outcome) for outcome in OUTCOMES),
        query=Sought(model=str(model.number)).query(),
    )


def _ratings(sheet: dict[str, Any], model: LanguageModel) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yields the columns that rate the model, with its ratings."""
    for row in sheet["rows"]:
        if row["model"] == model.name:
            yield from (pair for pair in zip(sheet["columns"], row["ratings"], strict=True) if pair[1])


def _by(column: dict[str, Any], rating: dict[str, Any], axis: Axis, about: list[dict[str, Any]]) -> ByRaters:
    low, high = rating["low"], rating["high"]
    start = None if low is None else axis.at(low)
    best, worst = rating["rank_low"], rating["rank_high"]
    return ByRaters(
        title=title_of(column),
        under=under_of(column, about),
        ranks=f"{rating['rank']}" if best is None or best == worst else f"{best}–{worst}",
        of=column["models"],
        rating=written(rating["rating"]),
        interval="" if low is None else f"{written(low)}–{written(high)}",
        bar=Bar(axis.at(rating["rating"]), start, None if start is None else round(axis.at(high) - start, 3)),
    )


def _samples(
    study: Study, shown: PairQuerySet, model: LanguageModel, judge: str, outcome: str, title: str | Promise
) -> Samples:
    sought = Sought(model=str(model.number), outcome=outcome, rater=judge)
    found = Search.of(study, shown, sought).find(None, SAMPLES)
    lines = pairs.lines_of(found.pairs, ())
    return Samples(title, tuple(_sample(line, model) for line in lines), sought.query())


def _sample(line: pairs.Line, model: LanguageModel) -> Sample:
    pair = line.pair
    mine = pair.model_x_id == model.pk
    won, tied, lost = line.people if mine else reversed(line.people)
    return Sample(
        number=pair.number,
        excerpt=line.excerpt,
        lang=pair.prompt.lang,
        opponent=pair.model_y if mine else pair.model_x,
        votes=f"{won} : {tied} : {lost}" if line.votes else "",
    )
