"""Prepares the report on people and judges for its page. Only positions on axes are computed here."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.rater_columns import Fact
from ranking.models import Leaderboard
from ranking.pages.scatter import Scatter, scatter
from ranking.reports.agreement import by_name

AGREEMENT: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("Judge’s verdict matches a person’s vote, including ties")),
    ("without_ties", _("The same, excluding ties")),
    ("plurality", _("Judge’s verdict matches the most common vote (plurality)")),
    ("plurality_without_ties", _("The same, excluding ties")),
    ("strict_majority", _("Judge’s verdict matches the strict majority (over half of the votes that are not ties)")),
    ("absolute_majority", _("Judge’s verdict matches the absolute majority (over half of all votes)")),
    ("kappa", _("Cohen’s kappa between the judge and the most common vote")),
    ("kappa_linear", _("The same, linearly weighted")),
    ("correlation", _("Pearson correlation with people’s mean vote on each pair")),
    ("correlation_single", _("The same, with individual votes")),
)

AMONG: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("Two people’s votes on the same pair match, including ties")),
    ("without_ties", _("The same, excluding ties")),
    ("plurality", _("A vote matches the most common of the other votes on the pair")),
    ("alpha_nominal", _("Krippendorff’s alpha, nominal")),
    ("alpha_ordinal", _("Krippendorff’s alpha, ordinal")),
    ("alpha_interval", _("Krippendorff’s alpha, interval")),
)


ORDERS: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("consistent", _("Same verdict in both orders")),
    ("first_both_times", _("Chooses the left answer in both orders")),
    ("second_both_times", _("Chooses the right answer in both orders")),
)

NOTHING: Final = {"value": None}

LEAN: Final = _("Left wins minus right wins")
BOARDS: Final = _("Spearman correlation with people’s leaderboard")

COMPARED: Final[tuple[str | Promise, ...]] = (
    _("Agreement with people, including ties"),
    _("Excluding ties"),
    _("Agreement with the most common vote"),
    _("Kappa"),
    LEAN,
    _("Same verdict in both orders"),
)
"""Columns of the summary table. The correlation of leaderboards follows them."""

CORRELATIONS: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("spearman", _("Spearman")),
    ("kendall", _("Kendall")),
    ("pearson", _("Pearson")),
)

BY_PART: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("Agreement, including ties")),
    ("without_ties", _("Excluding ties")),
    ("plurality", _("Agreement with the most common vote")),
    ("kappa", _("Kappa")),
    ("correlation", _("Pearson, mean vote")),
    ("correlation_single", _("Pearson, individual votes")),
)
"""Measures of a judge per category or turn. The two correlations follow Hugging Face H4's study of people and GPT-4."""

AMONG_BY_PART: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("Agreement, including ties")),
    ("without_ties", _("Excluding ties")),
    ("alpha_nominal", _("Alpha, nominal")),
    ("alpha_interval", _("Alpha, interval")),
)

MOST_WORKERS: Final = 200
"""Most workers shown on the page. The files contain all of them."""

MIDDLE: Final = 4
"""Highest value of the scale from 1 to 8 that counts as left under forced choice."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A formatted statistic: its value, interval and sample size."""

    label: str | Promise
    value: str
    interval: str
    number: int

    @property
    def told_interval(self) -> str | Promise:
        """Returns the interval for use in a sentence, or “no interval” if there is none."""
        return self.interval or _("no interval")


@dataclass(frozen=True, slots=True)
class Place:
    """How often each side won, in per cent of the verdicts. Each number is rounded separately."""

    left: int
    tie: int
    right: int
    leans: Figure
    certain: bool
    p: str

    @property
    def start_right(self) -> int:
        return 100 - self.right

    @property
    def between(self) -> int:
        """Returns the drawn width of ties, which leaves neither a gap nor an overlap in the bar."""
        return self.start_right - self.left


@dataclass(frozen=True, slots=True)
class Step:
    """A value of the scale from 1 to 8: its count, and its bar in per cent of the drawing."""

    value: int
    number: int
    x: float
    y: float
    height: float
    side: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of the values from 1 (left far better) to 8, and the shares under both readings in per cent.

    Attributes:
        left, right: shares under forced choice: 4 counts as left, 5 as right.
        left_clear, tie, right_clear: shares with ties allowed: 4 and 5 count as ties.
    """

    steps: tuple[Step, ...]
    number: int
    left: int
    right: int
    left_clear: int
    tie: int
    right_clear: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Statistics by category or turn: a row for each, with a cell for each of `titles` that is None if unknown."""

    titles: tuple[str | Promise, ...]
    rows: tuple[tuple[str, tuple[Figure | None, ...], int], ...]


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker's agreement with others, from 0 to 1, and the number of votes it is based on."""

    number: str
    share: str
    votes: int


@dataclass(frozen=True, slots=True)
class Judged:
    """The section on a judge: its agreement with people and its biases."""

    name: str
    verdicts: int
    pairs: int
    figures: tuple[Figure, ...]
    no_plurality: int
    categories: Parts | None
    turns: Parts | None
    place: Place | None
    scale: Histogram | None
    orders: tuple[Figure, ...]
    differs: bool
    """Whether there are pairs on which it differs from most people."""
    contradicts: bool
    """Whether there are pairs with contradictory verdicts."""
    in_both_orders: int
    repeated: Figure | None
    longer: Figure | None
    families: tuple[tuple[str, Figure], ...]
    scatter: Scatter | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the summary table. Facts that are unknown are empty."""

    name: str | Promise
    verdicts: int
    cells: tuple[Figure | None, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """The summary table of people and judges."""

    titles: tuple[str | Promise, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class People:
    """The section on people: their agreement with one another and their biases."""

    votes: int
    raters: int
    pairs: int
    prompts: int
    figures: tuple[Figure, ...]
    disagree: bool
    """Whether there are pairs on which two people disagree."""
    categories: Parts | None
    workers: tuple[WorkerRow, ...]
    more_workers: int
    place: Place | None
    scale: Histogram | None
    longer: Figure | None


def people(snapshot: Leaderboard) -> People | None:
    """Returns the section on people; None without votes from people."""
    found = snapshot.sheet["people"]
    if not found["votes"]:
        return None
    return People(
        votes=found["votes"],
        raters=found["raters"],
        pairs=found["pairs"],
        prompts=found["prompts"],
        figures=tuple(_figures(AMONG, found["among"])),
        disagree=_is_below_one(found["among"]["with_ties"]),
        categories=_parts(AMONG_BY_PART, found["by_category"]),
        workers=tuple(_workers(found["workers"]))[:MOST_WORKERS],
        more_workers=max(0, len(found["workers"]) - MOST_WORKERS),
        place=_place(found["position"]),
        scale=_histogram(found["scale"]),
        longer=_figure(_("Longer answer wins"), found["longer_wins"]),
    )


def judged(snapshot: Leaderboard) -> tuple[Judged, ...]:
    """Returns the section on each judge, by name."""
    return tuple(_judged(name, found) for name, found in by_name(snapshot.sheet["judges"]))


def _judged(name: str, found: dict[str, Any]) -> Judged:
    orders = found["orders"]
    families = ((org, _figure(org, share, signed=True)) for org, share in by_name(found["family"]))
    return Judged(
        name=name,
        verdicts=found["verdicts"],
        pairs=found["pairs"],
        figures=tuple(_figures(AGREEMENT, found["with_people"])),
        no_plurality=found["with_people"]["no_plurality"],
        categories=_parts(BY_PART, found["by_category"]),
        turns=_parts(BY_PART, found["by_turn"]),
        place=_place(found["position"]),
        scale=_histogram(found["scale"]),
        orders=tuple(_figures(ORDERS, orders)),
        differs=_is_below_one(found["with_people"]["plurality"]),
        contradicts=_is_below_one(orders["consistent"]),
        in_both_orders=orders["number"],
        # Older reports do not contain it.
        repeated=_figure(_("Same verdict when asked again in the same order"), found.get("repeated", NOTHING)),
        longer=_figure(_("Longer answer wins"), found["longer_wins"]),
        families=tuple((org, figure) for org, figure in families if figure is not None),
        scatter=scatter(found["boards"], CORRELATIONS),
    )


def _is_below_one(share: dict[str, Any]) -> bool:
    return share["value"] is not None and share["value"] < 1


def _parts(names: tuple[tuple[str, str | Promise], ...], found: dict[str, Any]) -> Parts | None:
    """Returns the table of parts; None if no part has a value."""
    rows = []
    for key, part in by_name(found):
        cells = tuple(_figure(label, part[name]) for name, label in names)
        if any(cells):
            rows.append((key, cells, part["items"]))
    return Parts(tuple(label for _name, label in names), tuple(rows)) if rows else None


def _workers(found: dict[str, Any]) -> Iterator[WorkerRow]:
    """Yields the workers, starting with those who agree least with others."""
    for number, told in sorted(found.items(), key=lambda item: (item[1]["agreement"], int(item[0]))):
        yield WorkerRow(number, f"{told['agreement']:.2f}", told["number"])


def compared(snapshot: Leaderboard, facts: Sequence[Fact], raters: Mapping[str, int]) -> Compared:
    """Returns the summary table: a row for people and one per judge.

    `raters` maps judge names to the primary keys used in `facts`.
    """
    rows = []
    theirs = snapshot.sheet["people"]
    if theirs["votes"]:
        among = theirs["among"]
        cells = (among["with_ties"], among["without_ties"], NOTHING, NOTHING, theirs["position"]["lean"], NOTHING)
        rows.append(Row(_("People with one another"), theirs["votes"], (*_row(cells), None), ("",) * len(facts)))
    for name, found in by_name(snapshot.sheet["judges"]):
        agreed = found["with_people"]
        cells = (
            *(agreed[word] for word in ("with_ties", "without_ties", "plurality", "kappa")),
            found["position"]["lean"],
            found["orders"]["consistent"],
        )
        rank = found["boards"]["spearman"]
        spearman = None if rank is None else Figure(BOARDS, f"{rank:z.2f}", "", len(found["boards"]["models"]))
        known = tuple(fact.texts.get(raters.get(name, 0), "") for fact in facts)
        rows.append(Row(name, found["verdicts"], (*_row(cells), spearman), known))
    return Compared((*COMPARED, BOARDS, *(fact.title for fact in facts)), tuple(rows))


def _row(cells: Sequence[dict[str, Any]]) -> Iterator[Figure | None]:
    for title, share in zip(COMPARED, cells, strict=True):
        yield _figure(title, share, signed=title is LEAN)


def _histogram(found: list[int] | None) -> Histogram | None:
    if not found or not sum(found):
        return None
    number, top = sum(found), max(found)

    def share(values: Sequence[int]) -> int:
        return round(100 * sum(values) / number)

    steps = tuple(
        Step(
            value=value,
            number=given,
            x=12.5 * (value - 1),
            y=round(100 - 100 * given / top, 3),
            height=round(100 * given / top, 3),
            side="left" if value < MIDDLE else "right" if value > MIDDLE + 1 else "middle",
        )
        for value, given in enumerate(found, 1)
    )
    left, clear = share(found[:MIDDLE]), share(found[: MIDDLE - 1])
    return Histogram(
        steps,
        number,
        left=left,
        right=100 - left,
        left_clear=clear,
        tie=share(found[MIDDLE - 1 : MIDDLE + 1]),
        right_clear=share(found[MIDDLE + 1 :]),
    )


def _figures(names: tuple[tuple[str, str | Promise], ...], found: dict[str, Any]) -> Iterator[Figure]:
    for name, label in names:
        if (figure := _figure(label, found.get(name, NOTHING))) is not None:
            yield figure


def _figure(label: str | Promise, share: dict[str, Any], *, signed: bool = False) -> Figure | None:
    if share["value"] is None:
        return None
    value = f"{share['value']:+z.2f}" if signed else f"{share['value']:z.2f}"
    low, high = share["low"], share["high"]
    return Figure(label, value, "" if low is None else f"{low:z.2f} … {high:z.2f}", share["number"])


def _place(found: dict[str, Any]) -> Place | None:
    leans = _figure(_("Left wins minus right wins"), found["lean"], signed=True)
    if leans is None:
        return None
    left, tie, right = (round(100 * found[side]["value"]) for side in ("left", "tie", "right"))
    p = found["p"]
    written_p = "" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
    return Place(left, tie, right, leans, p is not None and p < 0.05, written_p)
