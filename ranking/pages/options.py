"""Reads which board a URL requests, and offers the alternatives. Every choice is a URL of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast
from urllib.parse import urlencode

from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation.models import Study
from ranking.methods.intervals import Clusters
from ranking.methods.registry import METHODS, Method, method
from ranking.methods.settings import ELO_METHODS, ELO_SETTINGS, Contradiction, Redraw, Settings, Ties
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.votes import reader
from ranking.votes.reader import ALL, PEOPLE, Filters

type Word = str | Promise

QUESTIONS: Final[dict[bool, tuple[Clusters, ...]]] = {True: ("both", "worker", "none"), False: ("prompt", "none")}
"""Scopes of intervals for votes of people (True) and for a single judge (False); the first is the default."""

ANCHOR: Final = 1000.0
"""Rating of the anchored model on the page. The command takes any value."""

TIED: Final = ("bradley-terry", "davidson")
"""Methods that differ only in how they treat ties."""


ELO_CHOICES: Final = (
    ("k", _("K-factor"), _("K = %(value)s"), "4", ("16", "32")),
    ("start", _("Starting rating"), _("starting at %(value)s"), "1000", ("1200", "1500")),
    ("scale", _("Points for odds of 10 to 1"), _("%(value)s points for odds of 10 to 1"), "400", ("200", "800")),
)
"""The settings of Elo on the page: field, label, label of a value, default, and other common values."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A board as the parameters of a URL. Defaults are empty strings."""

    raters: str = PEOPLE
    method: str = "bradley-terry"
    question: str = ""
    ties: str = ""
    category: str = ""
    reading: str = ""
    inconsistent: str = ""
    places: str = ""
    effect: str = ""
    redraw: str = ""
    baseline: str = ""
    anchor: str = ""
    k: str = ""
    start: str = ""
    scale: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Asked:
        asked = cls(**{name: query[name] for name in cls.__dataclass_fields__ if query.get(name)})
        # The default, given or not, is the same board and must have the same URL.
        return replace(asked, question="") if asked.question == asked.questions[0] else asked

    @classmethod
    def about(cls, board: Leaderboard) -> Asked:
        """Returns the parameters of the newest board with the filters and settings of `board`."""
        filters, settings = board.asked_filters(), board.asked_settings()
        return cls.of(
            {
                "raters": filters.raters,
                "method": settings.method,
                "question": settings.clusters or "",
                "ties": settings.ties or "",
                "category": filters.category or "",
                "reading": "" if filters.reading == "forced" else filters.reading,
                "inconsistent": "" if filters.inconsistent == "drop" else filters.inconsistent,
                "places": "together" if settings.simultaneous else "",
                "effect": "fitted" if settings.first_place else "",
                "redraw": settings.redraw or "",
                "baseline": settings.baseline or "",
                "anchor": settings.anchor[0] if settings.anchor else "",
                **{name: f"{value:g}" for name in ELO_SETTINGS if (value := getattr(settings, name)) is not None},
            }
        )

    @property
    def questions(self) -> tuple[Clusters, ...]:
        return QUESTIONS[self.raters in {PEOPLE, ALL}]

    @property
    def known(self) -> Method | None:
        return METHODS.get(self.method)

    @property
    def has_intervals(self) -> bool:
        """Returns whether the method gives intervals for these raters. A mix of raters has none."""
        known = self.known
        if known is None or self.raters == ALL:
            return False
        return known.sandwich or self.redraw == "resample"

    def filters(self) -> Filters:
        """Returns the filters. Raises Http404 for an unknown value."""
        _refuse_others(self.reading, ("tie-allowed",))
        _refuse_others(self.inconsistent, ("tie",))
        filters = Filters(
            raters=self.raters,
            category=self.category or None,
            reading="tie-allowed" if self.reading else "forced",
            inconsistent="tie" if self.inconsistent else "drop",
        )
        try:
            reader.refuse_idle(filters)
        except Contradiction as error:
            raise Http404(str(error)) from error
        return filters

    def settings(self) -> Settings:
        """Returns the settings. Raises Http404 if no board can have them."""
        _refuse_others(self.places, ("together",))
        _refuse_others(self.effect, ("fitted",))
        try:
            settings = Settings(
                method=self.method,
                # Settings refuses unknown values.
                clusters=cast(Clusters | None, self.question or None),
                ties=cast(Ties | None, self.ties or None),
                redraw=cast(Redraw | None, self.redraw or None),
                baseline=self.baseline or None,
                anchor=(self.anchor, ANCHOR) if self.anchor else None,
                simultaneous=bool(self.places),
                first_place=bool(self.effect),
                k=_number(self.k),
                start=_number(self.start),
                scale=_number(self.scale),
            )
            method(settings, reader.source_of(self.raters))
        except Contradiction as error:
            raise Http404(str(error)) from error
        return settings

    def query(self) -> str:
        """Returns the query string, with only what differs from the defaults."""
        return "?" + urlencode(self.given())

    def given(self) -> dict[str, str]:
        """Returns the parameters that differ from the defaults."""
        values = {name: (getattr(self, name), field.default) for name, field in self.__dataclass_fields__.items()}
        return {name: value for name, (value, default) in values.items() if value != default}

    def turned(self, **changes: str) -> Asked:
        """Returns the same with `changes`, and without parameters that do not fit them."""
        asked = replace(self, **changes)
        known = METHODS[asked.method]
        asked = replace(
            asked,
            ties="" if known.own_ties or asked.ties == "model" else asked.ties,
            redraw=_redraw(asked) if asked.method == "elo-bootstrap" else "",
            baseline=asked.baseline if asked.method == "baseline-win-rate" else "",
            anchor=asked.anchor if known.in_points else "",
            effect=asked.effect if known.first_place else "",
            **({} if asked.method in ELO_METHODS else dict.fromkeys(ELO_SETTINGS, "")),
            inconsistent="" if asked.raters == PEOPLE else asked.inconsistent,
        )
        asks = known.sandwich and asked.raters != ALL and asked.question in asked.questions[1:]
        return replace(
            asked, question=asked.question if asks else "", places=asked.places if asked.has_intervals else ""
        )


def _redraw(asked: Asked) -> str:
    """Returns what bootstrap rounds vary. Resampling gives intervals, which a mix of raters does not have."""
    return "permute" if asked.raters == ALL else asked.redraw or "permute"


def _number(word: str) -> float | None:
    """Reads a number of an address; empty for the default. Raises Http404 if it is none."""
    try:
        return float(word) if word else None
    except ValueError as error:
        raise Http404(word) from error


def _refuse_others(word: str, words: tuple[str, ...]) -> None:
    if word and word not in words:
        raise Http404(word)


@dataclass(frozen=True, slots=True)
class Names:
    """The judges, categories and models that URLs of a study's boards can name."""

    judges: tuple[str, ...]
    categories: tuple[str, ...]
    models: tuple[str, ...]
    both_readings: bool
    """Whether people vote on the scale from 1 to 8, which can be read in two ways."""

    @classmethod
    def of(cls, study: Study) -> Names:
        models = study.prompt_set.models.order_by("name").values_list("name", flat=True)
        return cls(
            judges=tuple(reader.judges(study)),
            categories=tuple(reader.categories(study)),
            models=tuple(models),
            both_readings=study.scale_name == Study.ScaleName.EIGHT,
        )

    def hold(self, asked: Asked) -> bool:
        """Returns whether everything that `asked` names exists."""
        return (
            asked.raters in {PEOPLE, ALL, *self.judges}
            and asked.category in {"", *self.categories}
            and {asked.baseline, asked.anchor} <= {"", *self.models}
            and (self.both_readings or not asked.reading)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """A link to the board with another option."""

    label: Word
    query: str
    chosen: bool
    about: Word = ""


@dataclass(frozen=True, slots=True)
class Switch:
    """Attributes:

    choices: the default comes first.
    told: whether the choice is always named, because there is no default.
    """

    label: Word
    choices: tuple[Choice, ...]
    told: bool = False

    @property
    def chosen(self) -> Word:
        return next((choice.label for choice in self.choices if choice.chosen), "")

    @property
    def is_special(self) -> bool:
        return self.told or not self.choices[0].chosen


@dataclass(frozen=True, slots=True)
class Select:
    """A choice among too many names for links, shown as a form with a list. `kept` are the other parameters."""

    label: Word
    field: str
    names: tuple[str, ...]
    chosen: str
    none: Word
    kept: dict[str, str]


@dataclass(frozen=True, slots=True)
class Switches:
    """Attributes:

    first: the most common options; rest: the others, collapsed.
    methods: the methods, each with a line about it.
    selects: choices of a model.
    """

    first: tuple[Switch, ...]
    methods: Switch
    rest: tuple[Switch, ...]
    selects: tuple[Select, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """Returns the chosen options that are collapsed."""
        chosen = (switch.chosen for switch in (self.methods, *self.rest))
        return (*(word for word in chosen if word), *self._models)

    @property
    def _models(self) -> tuple[Word, ...]:
        """Returns the chosen models, each with its purpose."""
        return tuple(f"{select.label}: {select.chosen}" for select in self.selects if select.chosen)

    @property
    def all_words(self) -> tuple[Word, ...]:
        """Returns all chosen options."""
        chosen = (switch.chosen for switch in self.first)
        return (*(word for word in chosen if word), *self.words)

    @property
    def special_words(self) -> tuple[Word, ...]:
        """Returns the chosen options that distinguish the board from others with the same raters and method."""
        among = tuple(f"{switch.label}: {switch.chosen}" for switch in self.first[1:] if switch.is_special)
        how = tuple(switch.chosen for switch in self.rest if switch.is_special and switch.chosen)
        return (*among, *how, *self._models)


def switches(asked: Asked, names: Names) -> Switches:
    """What else can be looked at; nothing is offered that cannot be."""
    return Switches(
        first=tuple(_first(asked, names)),
        methods=Switch(_("Method"), tuple(_methods(asked, names))),
        rest=tuple(_rest(asked, names)),
        selects=tuple(_selects(asked, names)),
    )


type Words = Iterable[tuple[str, Word]]


def _switch(label: Word, asked: Asked, field: str, choices: Words, *, told: bool = False) -> Switch:
    return Switch(
        label,
        tuple(
            Choice(name, asked.turned(**{field: value}).query(), getattr(asked, field) == value)
            for value, name in choices
        ),
        told,
    )


def _first(asked: Asked, names: Names) -> Iterator[Switch]:
    judges = ((name, name) for name in names.judges)
    everybody = [(ALL, _("People and judges"))] if names.judges else []
    yield _switch(_("Raters"), asked, "raters", [(PEOPLE, _("People")), *judges, *everybody])
    if len(names.categories) > 1:
        kinds = ((name, name) for name in names.categories)
        yield _switch(_("Prompts"), asked, "category", [("", _("All prompts")), *kinds])
    known = asked.known
    if known is not None and known.sandwich and asked.raters != ALL:
        default, *others = asked.questions
        words = [("", text.ABOUT[default]), *((name, text.ABOUT[name]) for name in others)]
        yield _switch(_("Intervals for"), asked, "question", words)


def _methods(asked: Asked, names: Names) -> Iterator[Choice]:
    for name, known in METHODS.items():
        baseline = asked.baseline or next(iter(names.models), "")
        if name == "baseline-win-rate" and not baseline:
            continue
        turned = asked.turned(method=name, **({"baseline": baseline} if name == "baseline-win-rate" else {}))
        yield Choice(_(known.label), turned.query(), asked.method == name, _(known.help))


def _rest(asked: Asked, names: Names) -> Iterator[Switch]:
    if asked.method in TIED:
        yield Switch(_("Ties"), tuple(_ties(asked)))
    elif asked.known is not None and not asked.known.own_ties:
        yield _switch(_("Ties"), asked, "ties", [("", _("ties count as half a win")), ("drop", _("ties left out"))])
    if asked.method == "elo-bootstrap":
        ways = [("permute", _("votes reordered in each round")), ("resample", _("votes resampled in each round"))]
        yield _switch(_("Bootstrap rounds"), asked, "redraw", ways[:1] if asked.raters == ALL else ways, told=True)
    if asked.method in ELO_METHODS:
        for field, label, words, usual, others in ELO_CHOICES:
            # Any number can be in the address; those that others use are offered.
            given = getattr(asked, field)
            more = [] if given in {"", *others} else [given]
            yield _switch(
                label, asked, field, [(value, words % {"value": value or usual}) for value in ("", *others, *more)]
            )
    if asked.has_intervals:
        ways = [("", _("rank range for each model separately")), ("together", _("rank ranges for all models at once"))]
        yield _switch(_("Rank range"), asked, "places", ways)
    known = asked.known
    if known is not None and known.first_place:
        ways = [("", _("position bias ignored")), ("fitted", _("position bias estimated"))]
        yield _switch(_("Position bias"), asked, "effect", ways)
    if names.both_readings:
        ways = [("", _("4 counts as left, 5 as right")), ("tie-allowed", _("4 and 5 count as ties"))]
        yield _switch(_("Scale of 1 to 8"), asked, "reading", ways)
    if asked.raters != PEOPLE:
        ways = [("", _("contradictory verdicts left out")), ("tie", _("contradictory verdicts counted as ties"))]
        yield _switch(_("Contradictions"), asked, "inconsistent", ways)


def _ties(asked: Asked) -> Iterator[Choice]:
    plain = asked.turned(method="bradley-terry", ties="")
    here = asked.method == "bradley-terry"
    yield Choice(_("ties count as half a win"), plain.query(), here and not asked.ties)
    yield Choice(_("ties left out"), replace(plain, ties="drop").query(), here and asked.ties == "drop")
    yield Choice(_("ties modelled"), asked.turned(method="davidson", ties="").query(), asked.method == "davidson")


def _selects(asked: Asked, names: Names) -> Iterator[Select]:
    given: dict[str, Any] = asked.given()
    if asked.method == "baseline-win-rate":
        kept = {name: value for name, value in given.items() if name != "baseline"}
        yield Select(_("Baseline model"), "baseline", names.models, asked.baseline, "", kept)
    if asked.known is not None and asked.known.in_points:
        kept = {name: value for name, value in given.items() if name != "anchor"}
        yield Select(
            _("Anchored at 1,000 points"), "anchor", names.models, asked.anchor, _("mean of the leaderboard"), kept
        )
