"""What the page on people and judges shows of a report: nothing is computed here but places on axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ranking.charts import Axis, Tick
from ranking.models import Leaderboard
from ranking.wording import written

AGREEMENT: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("A vote of the judge and a vote of a person say the same, ties included")),
    ("without_ties", _("The same, where neither is a tie")),
    ("plurality", _("The judge says what most people said")),
    ("plurality_without_ties", _("The same, where neither is a tie")),
    ("kappa", _("Cohen’s kappa of the judge and the plurality")),
    ("kappa_linear", _("The same, weighted by distance")),
    ("correlation", _("Pearson’s correlation with people’s mean label of a pair")),
    ("correlation_single", _("The same, with single votes")),
)

AMONG: Final[tuple[tuple[str, str | Promise], ...]] = (
    ("with_ties", _("Two people say the same of a pair, ties included")),
    ("without_ties", _("The same, where neither says tie")),
    ("alpha_nominal", _("Krippendorff’s alpha, nominal")),
    ("alpha_interval", _("Krippendorff’s alpha, interval")),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A statistic in words: its value, interval and what it was taken over."""

    label: str | Promise
    value: str
    interval: str
    number: int


@dataclass(frozen=True, slots=True)
class Dot:
    model: str
    x: float
    y: float
    x_low: float | None
    x_high: float | None
    y_low: float | None
    y_high: float | None
    label: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """People's ratings from left to right, the judge's from below to above, in per cent of the square."""

    dots: tuple[Dot, ...]
    across: Axis
    up: Axis
    pairs: int
    correlations: tuple[Figure, ...]

    @property
    def rising(self) -> tuple[Tick, ...]:
        """The judge's ticks, from below to above."""
        return tuple(Tick(tick.label, 100 - tick.at) for tick in self.up.ticks)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the winners stood, in per cent of the verdicts."""

    left: int
    tie: int
    right: int
    leans: Figure
    certain: bool

    @property
    def start_right(self) -> int:
        return self.left + self.tie


@dataclass(frozen=True, slots=True)
class Judged:
    name: str
    verdicts: int
    figures: tuple[Figure, ...]
    no_plurality: int
    categories: tuple[tuple[str, Figure], ...]
    place: Place | None
    orders: tuple[Figure, ...]
    longer: Figure | None
    families: tuple[tuple[str, Figure], ...]
    scatter: Scatter | None


@dataclass(frozen=True, slots=True)
class People:
    votes: int
    raters: int
    pairs: int
    prompts: int
    figures: tuple[Figure, ...]
    place: Place | None
    longer: Figure | None


def people(snapshot: Leaderboard) -> People | None:
    """None where people have not voted."""
    found = snapshot.sheet["people"]
    if not found["votes"]:
        return None
    return People(
        votes=found["votes"],
        raters=found["raters"],
        pairs=found["pairs"],
        prompts=found["prompts"],
        figures=tuple(_figures(AMONG, found["among"])),
        place=_place(found["position"]),
        longer=_figure(_("The longer answer wins"), found["longer_wins"]),
    )


def judged(snapshot: Leaderboard) -> tuple[Judged, ...]:
    return tuple(_judged(name, found) for name, found in snapshot.sheet["judges"].items())


def _judged(name: str, found: dict[str, Any]) -> Judged:
    orders = found["orders"]
    categories = ((key, _figure(key, part["without_ties"])) for key, part in found["by_category"].items())
    families = ((org, _figure(org, share, signed=True)) for org, share in found["family"].items())
    return Judged(
        name=name,
        verdicts=found["verdicts"],
        figures=tuple(_figures(AGREEMENT, found["with_people"])),
        no_plurality=found["with_people"]["no_plurality"],
        categories=tuple((key, figure) for key, figure in categories if figure is not None),
        place=_place(found["position"]),
        orders=tuple(
            _figures(
                (
                    ("consistent", _("Says the same in both orders")),
                    ("first_both_times", _("Chooses the first place both times")),
                    ("second_both_times", _("Chooses the second place both times")),
                ),
                orders,
            )
        ),
        longer=_figure(_("The longer answer wins"), found["longer_wins"]),
        families=tuple((org, figure) for org, figure in families if figure is not None),
        scatter=_scatter(found["boards"]),
    )


def _figures(names: tuple[tuple[str, str | Promise], ...], found: dict[str, Any]) -> Iterator[Figure]:
    for name, label in names:
        if (figure := _figure(label, found[name])) is not None:
            yield figure


def _figure(label: str | Promise, share: dict[str, Any], *, signed: bool = False) -> Figure | None:
    if share["value"] is None:
        return None
    value = f"{share['value']:+.2f}" if signed else f"{share['value']:.2f}"
    low, high = share["low"], share["high"]
    return Figure(label, value, "" if low is None else f"{low:.2f} … {high:.2f}", share["number"])


def _place(found: dict[str, Any]) -> Place | None:
    leans = _figure(_("left less right"), found["lean"], signed=True)
    if leans is None:
        return None
    left, right = (round(100 * found[side]["value"]) for side in ("left", "right"))
    return Place(left, 100 - left - right, right, leans, found["p"] is not None and found["p"] < 0.05)


def _scatter(found: dict[str, Any]) -> Scatter | None:
    if found["spearman"] is None:
        return None
    across, up = (Axis.over((row[0] for row in found[side]), written, wanted=5) for side in ("people", "judge"))
    dots = []
    for model, by_people, by_judge in zip(found["models"], found["people"], found["judge"], strict=True):
        x, x_low, x_high = (None if end is None else _within(across.at(end)) for end in by_people)
        y, y_low, y_high = (None if end is None else 100 - _within(up.at(end)) for end in by_judge)
        assert x is not None  # noqa: S101  a rating is always there
        assert y is not None  # noqa: S101
        label = f"{written(by_people[0], 0)}, {written(by_judge[0], 0)}"
        dots.append(Dot(model, x, y, x_low, x_high, y_low, y_high, label))
    names = (("spearman", _("Spearman")), ("kendall", _("Kendall")), ("pearson", _("Pearson")))
    figures = tuple(Figure(label, f"{found[name]:.2f}", "", len(dots)) for name, label in names)
    return Scatter(tuple(dots), across, up, found["pairs"], figures)


def _within(place: float) -> float:
    """Intervals may end beyond the square, which is drawn around the ratings."""
    return min(100.0, max(0.0, place))
