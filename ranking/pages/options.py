"""The options of a leaderboard. Each combination of options has its own URL, so every option is a link."""

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
from ranking.methods.settings import ELO_DEFAULTS, ELO_METHODS, ELO_SETTINGS, Contradiction, Redraw, Settings, Ties
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.votes import backgrounds, reader
from ranking.votes.reader import ALL, PEOPLE, Filters

type Word = str | Promise

QUESTIONS: Final[dict[bool, tuple[Clusters, ...]]] = {True: ("both", "worker", "none"), False: ("prompt", "none")}
"""What intervals can generalise to, for votes of people (True) and of a single judge (False), the default first."""

ANCHOR: Final = 1000.0
"""Rating of the anchor model on the page, in points. The command accepts any value."""

TIED: Final = ("bradley-terry", "davidson")
"""Methods that differ only in how they treat ties."""

ELO_CHOICES: Final = (
    ("k", _("K-factor"), _("K = %(value)s"), ("16", "32")),
    ("start", _("Starting rating"), _("starting at %(value)s"), ("1200", "1500")),
    ("scale", _("Points for odds of 10 to 1"), _("%(value)s points for odds of 10 to 1"), ("200", "800")),
)
"""The settings of Elo on the page: field, label, label of a value, and common values other than the default."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options in a URL. An empty text stands for the default."""

    raters: str = PEOPLE
    method: str = "bradley-terry"
    question: str = ""
    ties: str = ""
    category: str = ""
    background: str = ""
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
        # A URL that names the default and one that omits it are the same board.
        asked = replace(asked, **{name: _as_written(name, getattr(asked, name)) for name in ELO_SETTINGS})
        return replace(asked, question="") if asked.question == asked.questions[0] else asked

    @classmethod
    def about(cls, board: Leaderboard) -> Asked:
        """Returns the options that `board` was computed with."""
        filters, settings = board.asked_filters(), board.asked_settings()
        return cls.of(
            {
                "raters": filters.raters,
                "method": settings.method,
                "question": settings.clusters or "",
                "ties": settings.ties or "",
                "category": filters.category or "",
                "background": filters.background or "",
                "reading": "" if filters.reading == "forced" else filters.reading,
                "inconsistent": "" if filters.inconsistent == "drop" else filters.inconsistent,
                "places": "together" if settings.simultaneous else "",
                "effect": "fitted" if settings.first_place else "",
                "redraw": settings.redraw or "",
                "baseline": settings.baseline or "",
                "anchor": settings.anchor[0] if settings.anchor else "",
                **{name: str(value) for name in ELO_SETTINGS if (value := getattr(settings, name)) is not None},
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
        """Returns whether the method gives intervals for these raters; people and judges together have none."""
        known = self.known
        if known is None or self.raters == ALL:
            return False
        return known.sandwich or self.redraw == "resample"

    def filters(self) -> Filters:
        """Returns which comparisons go in. Raises Http404 if an option is unknown."""
        _refuse_others(self.reading, ("tie-allowed",))
        _refuse_others(self.inconsistent, ("tie",))
        filters = Filters(
            raters=self.raters,
            category=self.category or None,
            background=self.background or None,
            reading="tie-allowed" if self.reading else "forced",
            inconsistent="tie" if self.inconsistent else "drop",
        )
        try:
            reader.refuse_idle(filters)
        except Contradiction as error:
            raise Http404(str(error)) from error
        return filters

    def settings(self) -> Settings:
        """Returns the settings of the method. Raises Http404 if no board can have these options."""
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
        """Returns the query of the URL, without the options that have their default."""
        return "?" + urlencode(self.given())

    def given(self) -> dict[str, str]:
        """Returns the options that differ from their defaults."""
        values = {name: (getattr(self, name), field.default) for name, field in self.__dataclass_fields__.items()}
        return {name: value for name, (value, default) in values.items() if value != default}

    def turned(self, **changes: str) -> Asked:
        """Returns these options with `changes`, without those that the changes rule out."""
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
            background=asked.background if asked.raters == PEOPLE else "",
        )
        asks = known.sandwich and asked.raters != ALL and asked.question in asked.questions[1:]
        return replace(
            asked, question=asked.question if asks else "", places=asked.places if asked.has_intervals else ""
        )


def _redraw(asked: Asked) -> str:
    """Returns how bootstrapped Elo varies the votes. Resampling gives intervals, which a mix of raters cannot have."""
    return "permute" if asked.raters == ALL else asked.redraw or "permute"


def _as_written(name: str, word: str) -> str:
    """Returns the number `word` in the form that URLs have it, empty for the default of the setting `name`.

    Numbers that are equal make the same board, however they are written. Other words are returned unchanged.
    """
    try:
        number = float(word)
    except ValueError:
        return word
    return "" if number == ELO_DEFAULTS[name] else _plain(number)


def _plain(number: float) -> str:
    return str(number).removesuffix(".0")


def _number(word: str) -> float | None:
    """Reads a number in a URL; None if it is empty. Raises Http404 if it is not a number."""
    try:
        return float(word) if word else None
    except ValueError as error:
        raise Http404(word) from error


def _refuse_others(word: str, words: tuple[str, ...]) -> None:
    if word and word not in words:
        raise Http404(word)


@dataclass(frozen=True, slots=True)
class Names:
    """The judges, categories, groups of people and models that a study's options can name."""

    judges: tuple[str, ...]
    categories: tuple[str, ...]
    backgrounds: tuple[str, ...]
    models: tuple[str, ...]
    both_readings: bool
    """Whether the study uses the scale from 1 to 8, which has two readings."""

    @classmethod
    def of(cls, study: Study) -> Names:
        models = study.prompt_set.models.order_by("name").values_list("name", flat=True)
        return cls(
            judges=tuple(reader.judges(study)),
            categories=tuple(reader.categories(study)),
            backgrounds=tuple(backgrounds.groups(study)),
            models=tuple(models),
            both_readings=study.scale_name == Study.ScaleName.EIGHT,
        )

    def hold(self, asked: Asked) -> bool:
        """Returns whether the study has everything that `asked` names."""
        return (
            asked.raters in {PEOPLE, ALL, *self.judges}
            and asked.category in {"", *self.categories}
            and asked.background in {"", *self.backgrounds}
            and {asked.baseline, asked.anchor} <= {"", *self.models}
            and (self.both_readings or not asked.reading)
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """An option, as a link to the board that has it."""

    label: Word
    query: str
    chosen: bool
    about: Word = ""
    why_not: Word = ""
    """Why the board that was asked for could not be made with this option, so that another one is chosen."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A setting with its options.

    Attributes:
        choices: the options, the default first.
        told: whether citations name the chosen option even if it is the default.
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
    """A select field, for settings with too many options for links. `kept` are the other options of the URL."""

    label: Word
    field: str
    names: tuple[str, ...]
    chosen: str
    none: Word
    kept: dict[str, str]


@dataclass(frozen=True, slots=True)
class Switches:
    """All settings of a board, as the page shows them.

    Attributes:
        first: the most used settings, each a menu of its own.
        intervals: what the intervals generalise to, if that can be chosen.
        methods: the methods, each with a description.
        rest: the other settings.
        selects: settings whose options are models.
    """

    first: tuple[Switch, ...]
    intervals: Switch | None
    methods: Switch
    rest: tuple[Switch, ...]
    selects: tuple[Select, ...]

    @property
    def words(self) -> tuple[Word, ...]:
        """Returns the chosen options of all settings but the first."""
        chosen = (switch.chosen for switch in (self.methods, *self._asked_of_intervals, *self.rest))
        return (*(word for word in chosen if word), *self._models)

    @property
    def _asked_of_intervals(self) -> tuple[Switch, ...]:
        return () if self.intervals is None else (self.intervals,)

    @property
    def _models(self) -> tuple[Word, ...]:
        """Returns the chosen models, each after the name of its setting."""
        return tuple(f"{select.label}: {select.chosen}" for select in self.selects if select.chosen)

    @property
    def all_words(self) -> tuple[Word, ...]:
        """Returns all chosen options."""
        chosen = (switch.chosen for switch in self.first)
        return (*(word for word in chosen if word), *self.words)

    @property
    def special_words(self) -> tuple[Word, ...]:
        """Returns the chosen options that distinguish the board from others with its raters and method."""
        named = (*self.first[1:], *self._asked_of_intervals)
        among = tuple(f"{switch.label}: {switch.chosen}" for switch in named if switch.is_special)
        how = tuple(switch.chosen for switch in self.rest if switch.is_special and switch.chosen)
        return (*among, *how, *self._models)


def switches(asked: Asked, names: Names, board: Leaderboard | None = None) -> Switches:
    """Returns the settings with the options that are possible together with the other chosen ones.

    If the votes of `board` did not allow the requested intervals, the intervals it has are marked as chosen.
    """
    return Switches(
        first=tuple(_first(asked, names)),
        intervals=_intervals(asked, board),
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
    if names.backgrounds and asked.raters == PEOPLE:
        kinds = ((name, name.replace(backgrounds.SEPARATOR, ": ", 1)) for name in names.backgrounds)
        yield _switch(_("Background of people"), asked, "background", [("", _("All people")), *kinds])


def _intervals(asked: Asked, board: Leaderboard | None) -> Switch | None:
    """Returns what intervals can generalise to; None if the method or the raters leave no choice."""
    known = asked.known
    if known is None or not known.sandwich or asked.raters == ALL:
        return None
    default, *others = asked.questions
    words = [("", text.ABOUT[default]), *((name, text.ABOUT[name]) for name in others)]
    asked_for = _switch(_("Intervals for"), asked, "question", words)
    groups = board.sheet["groups"] if board is not None and board.sheet else []
    if not groups or groups[0]["clusters"] == (asked.question or default):
        return asked_for
    return replace(asked_for, choices=tuple(_fallen_back(asked, asked_for, groups[0])))


def _fallen_back(asked: Asked, asked_for: Switch, group: dict[str, Any]) -> Iterator[Choice]:
    """Yields the options if a group has other intervals than requested, with the reason on the requested one."""
    used = group["clusters"]
    offered = [text.ABOUT[name] for name in asked.questions]
    label = text.ABOUT[used] if used is not None else _("none")
    for choice in asked_for.choices:
        if choice.chosen:
            yield replace(choice, chosen=False, why_not=text.too_few(group["notices"]))
        else:
            yield replace(choice, chosen=choice.label == label)
    if label not in offered:
        yield Choice(label, asked.query(), chosen=True)


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
        for field, label, words, others in ELO_CHOICES:
            # The URL may have any number; common ones are offered.
            given, usual = getattr(asked, field), _plain(ELO_DEFAULTS[field])
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
