"""The sentences of a leaderboard. Each has a code, a condition under which it is true, and a text.

A sentence is shown where its condition holds, and nowhere else. The sentences of one part are alternatives or
complements of one another: the part's name says where they stand on the page. Notices that a method or the computation
of a board gives have their code and condition there, and their text in `text.NOTICES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from annotation.models.study import Status
from ranking.methods.intervals import LEAST_PROMPTS
from ranking.methods.ratings import ADAPTIVE, FEW_ONE_WAY, NO_WIDTH, NOT_EVERY_PAIR
from ranking.methods.registry import METHODS
from ranking.methods.settings import ELO_DEFAULTS
from ranking.models import Leaderboard
from ranking.votes.reader import ALL, PEOPLE

LONG: Final = 1000
"""Times as many votes or prompts that nobody will collect."""

SIGNIFICANT: Final = 0.05

MEASURED: Final = 5
"""Effective clusters from which intervals were found to contain the true rating as often as they should, in
`make coverage`."""

CORRECTION: Final = "CR3"
"""The correction of the intervals measured there."""

SHIFT: Final = 0.5
"""Rating points below which a change is not visible."""

DOUBTS: Final = frozenset(
    {
        *("correction-fell-back", "replicates-with-prior", "no-spread", "bootstrap-uneven"),
        *(ADAPTIVE, FEW_ONE_WAY, NO_WIDTH),
    }
)
"""Notices which mean that some intervals may be too narrow."""


def written(value: float, digits: int = 0) -> str:
    """Rounded, where Django's formatter by itself would cut the number off."""
    return number_format(round(value, digits), digits, use_l10n=True, force_grouping=True)


class Said(NamedTuple):
    """A sentence that is true of a board, with the code of its statement."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class About:
    """What conditions look at: a stored board and, for sentences about one group of models, that group."""

    group: dict[str, Any] = field(default_factory=dict)
    groups: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    read: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    filters: dict[str, Any] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    raters: str = PEOPLE
    method: str = "bradley-terry"
    comparisons: int = 0
    simulated: int = 0
    closed: bool = False
    preliminary: bool = False

    @classmethod
    def of(cls, snapshot: Leaderboard, group: dict[str, Any] | None = None) -> About:
        """Describes a finished snapshot that has results, and the first of its groups unless another is given."""
        sheet = snapshot.sheet
        groups = sheet["groups"]
        return cls(
            group=group if group is not None else (groups[0] if groups else {}),
            groups=groups,
            facts=sheet.get("facts", {}),
            read=sheet.get("read", {}),
            settings=snapshot.settings or {},
            filters=snapshot.filters or {},
            unmet=sheet.get("unmet", []),
            raters=snapshot.raters,
            method=snapshot.method,
            comparisons=snapshot.comparisons,
            simulated=snapshot.simulated,
            preliminary=_is_preliminary(snapshot),
            closed=snapshot.study_id is not None and snapshot.study.status == Status.CLOSED,
        )

    @property
    def verdict(self) -> dict[str, Any]:
        """What the group's ratings separate; empty without intervals."""
        return (self.group.get("verdict") or {}) if self.clusters else {}

    @property
    def here(self) -> dict[str, Any]:
        """The same on exactly these prompts; empty where that is not another question."""
        return (self.group.get("verdict_here") or {}) if self.verdict else {}

    @property
    def models(self) -> int:
        return len(self.group.get("rows", ()))

    @property
    def clusters(self) -> str | None:
        found: str | None = self.group.get("clusters")
        return found

    def notes(self, *codes: str) -> bool:
        """Returns whether the group has one of these notices."""
        return bool({*codes} & {*self.group.get("notices", ())})

    @property
    def ties_first(self) -> bool:
        """Returns whether several models share rank 1."""
        return self.models > 1 and self.group["rows"][1]["rank"] == 1

    @property
    def unsure(self) -> bool:
        """Returns whether the group has two models or more, of which nothing says how certain their ranks are."""
        return self.models > 1 and not self.verdict and not self.notes(NOT_EVERY_PAIR)

    @property
    def doubtful(self) -> bool:
        """Returns whether the intervals of some group may be too narrow.

        That is if a notice says so, if there are few clusters, or if they are not of the kind that was measured: those
        of shares and of a bootstrap contain the true rating in 90 to 94% of cases if there are few prompts.
        """
        degrees = [group.get("degrees") for group in self.groups]
        few = any(found is not None and found < MEASURED - 1 for found in degrees)
        clustered = [group for group in self.groups if group.get("clusters") is not None]
        other = any(group.get("correction", CORRECTION) != CORRECTION for group in clustered)
        return few or other or any(group["prior"] or DOUBTS & {*group["notices"]} for group in self.groups)

    @property
    def is_judge(self) -> bool:
        return self.raters not in {PEOPLE, ALL}

    @property
    def side(self) -> dict[str, Any]:
        """What estimating position bias would change on the board of a judge that saw one order; empty elsewhere."""
        return self.read.get("side") or {}

    @property
    def spread(self) -> tuple[int, int] | None:
        """Returns the fewest and the most prompts on which a model was compared; None where that was not counted."""
        found = self.facts.get("prompts_per_model")
        return None if not found else (found[0], found[1])

    @property
    def p(self) -> float | None:
        """Returns the p-value of the sides; None without a test."""
        found = (self.facts.get("position") or {}).get("p")
        return None if found is None else float(found)


def _is_preliminary(snapshot: Leaderboard) -> bool:
    """Returns whether models have fewer comparisons on average than the setting PRELIMINARY_VOTES."""
    models = sum(len(group["rows"]) for group in snapshot.sheet["groups"])
    return 2 * snapshot.comparisons < settings.PRELIMINARY_VOTES * models


type When = Callable[[About], bool]
type Values = Callable[[About], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Statement:
    """Attributes:

    code: its name, unique among statements and notices.
    part: where it stands on the page.
    when: whether it is true of a board.
    text: the sentence, or a function that forms it where its words depend on a number.
    values: what stands in its placeholders.
    """

    code: str
    part: str
    when: When
    text: str | Promise | Callable[[About], str]
    values: Values = lambda _it: {}

    def say(self, it: About) -> Said:
        """Returns the sentence about `it`."""
        text = self.text(it) if callable(self.text) else str(self.text)
        values = self.values(it)
        return Said(self.code, text % values if values else text.replace("%%", "%"))


def said(part: str, it: About) -> Iterator[Said]:
    """Yields the sentences of a part that are true of `it`."""
    return (statement.say(it) for statement in STATEMENTS if statement.part == part and statement.when(it))


def one(part: str, it: About) -> str:
    """Returns the sentences of a part that are true of `it`, as one text; empty if there are none."""
    return " ".join(found.text for found in said(part, it))


SCOPES: dict[str, str | Promise] = {
    "both": _("for prompts and raters like these"),
    "prompt": _("for prompts like these"),
    "worker": _("for raters like these on exactly these prompts"),
    "none": _("assuming that all votes are independent"),
}


def _first(it: About) -> dict[str, Any]:
    return {"model": it.group["rows"][0]["model"]}


def _told(it: About) -> dict[str, Any]:
    told = it.verdict
    scope = str(SCOPES[str(it.clusters)])
    return {"model": told["best"], "level": told["level"], "models": it.models, "scope": scope}


def _here(it: About) -> dict[str, Any]:
    return {"model": it.here["best"], "places": it.here["worst_place"]}


SUMMARY: Final = (
    Statement(
        "one-model",
        "summary",
        lambda it: it.models == 1,
        _("There is only one model, so there is nothing to rank it against."),
    ),
    Statement(
        "no-order",
        "summary",
        lambda it: it.models > 1 and it.notes(NOT_EVERY_PAIR),
        _("This leaderboard makes no statement about order: the study’s strategies leave some pairs of models out."),
    ),
    Statement(
        "shared-first",
        "summary",
        lambda it: it.unsure and it.ties_first,
        _("Several models share rank 1. This leaderboard cannot show how certain that is."),
    ),
    Statement(
        "first-without-width",
        "summary",
        lambda it: it.unsure and not it.ties_first and it.notes(NO_WIDTH),
        _(
            "%(model)s has the highest rating. This leaderboard cannot show how certain that is: some intervals have "
            "zero width."
        ),
        _first,
    ),
    Statement(
        "first-by-counts",
        "summary",
        lambda it: it.unsure and not it.ties_first and it.notes("counts-alone"),
        _(
            "This leaderboard does not show which model is best: the order may come only from how often models were "
            "compared."
        ),
    ),
    Statement(
        "first-without-intervals",
        "summary",
        lambda it: it.unsure and not it.ties_first and not it.notes(NO_WIDTH, "counts-alone"),
        _(
            "%(model)s has the highest rating. This leaderboard has no intervals, so it cannot show how certain "
            "that is."
        ),
        _first,
    ),
    Statement(
        "none-apart",
        "summary",
        lambda it: it.verdict.get("level") == it.models,
        _("These %(models)s models cannot be told apart %(scope)s."),
        _told,
    ),
    Statement(
        "ranks-first",
        "summary",
        lambda it: it.verdict.get("worst_place") == 1,
        _("%(model)s ranks first %(scope)s."),
        _told,
    ),
    Statement(
        "ahead-of-second",
        "summary",
        lambda it: it.verdict.get("level") == 1 and it.verdict["worst_place"] > 1,
        _(
            "%(model)s is ahead of the model with the second-highest rating %(scope)s. Whether it is ahead of every "
            "other model is not shown."
        ),
        _told,
    ),
    Statement(
        "top-not-apart",
        "summary",
        lambda it: 1 < it.verdict.get("level", 0) < it.models,
        _("The top %(level)s of %(models)s models cannot be told apart %(scope)s."),
        _told,
    ),
    Statement(
        "same-here",
        "summary",
        lambda it: it.here.get("worst_place") == 1 and it.verdict["worst_place"] == 1,
        _("The same holds for exactly these prompts."),
    ),
    Statement(
        "first-here",
        "summary",
        lambda it: it.here.get("worst_place") == 1 and it.verdict["worst_place"] > 1,
        _("On exactly these prompts, %(model)s ranks first."),
        _here,
    ),
    Statement(
        "none-apart-here",
        "summary",
        lambda it: it.here.get("level") == it.models,
        _("On exactly these prompts, no two models can be told apart."),
    ),
    Statement(
        "anywhere-here",
        "summary",
        lambda it: it.here.get("worst_place") == it.models and it.here["level"] < it.models,
        _("On exactly these prompts, %(model)s could rank anywhere from first to last."),
        _here,
    ),
    Statement(
        "among-here",
        "summary",
        lambda it: 1 < it.here.get("worst_place", 0) < it.models,
        _("On exactly these prompts, %(model)s is among the top %(places)s."),
        _here,
    ),
    Statement(
        "assumed",
        "summary",
        lambda it: bool(it.verdict) and it.group["prior"],
        _("This holds under the assumption stated below."),
    ),
)


def _factor(it: About) -> float:
    return float(it.verdict.get("factor") or 0)


def _has_number(it: About, help_with: str) -> bool:
    """Returns whether a number of votes or prompts can be named that would separate the top two."""
    known = help_with == "votes" or it.group.get("prompts") is not None
    return it.verdict.get("help") == help_with and 0 < _factor(it) <= LONG and known


def _about(number: float) -> str:
    """Formats two figures of a number, rounded up; more would pretend to be exact."""
    size = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return written(size * math.ceil(number / size))


def _wanted_votes(it: About) -> dict[str, Any]:
    votes = it.comparisons
    if len(it.groups) > 1:
        # The advice is about one group; each comparison is in the rows of two of its models.
        votes = round(sum(row["comparisons"] for row in it.group["rows"]) / 2)
    return {"wanted": _about(votes * _factor(it)), "number": written(votes)}


def _wanted_prompts(it: About) -> dict[str, Any]:
    prompts = it.group["prompts"]
    return {"wanted": _about(prompts * _factor(it)), "number": written(prompts)}


ADVICE: Final = (
    Statement(
        "too-close",
        "advice",
        lambda it: it.verdict.get("help") is not None and not _has_number(it, it.verdict["help"]),
        _("The top two models are too close for a study of any realistic size to tell them apart."),
    ),
    Statement(
        "more-votes",
        "advice",
        lambda it: _has_number(it, "votes"),
        _(
            "If the top two differ as much as they seem to, about %(wanted)s votes would separate them in 80%% of "
            "studies (%(number)s so far)."
        ),
        _wanted_votes,
    ),
    Statement(
        "prompts-not-votes",
        "advice",
        lambda it: _has_number(it, "prompts") and it.clusters == "both",
        _(
            "More votes alone cannot separate the top two, but more prompts can. If they differ as much as "
            "they seem to, about %(wanted)s prompts would separate them in 80%% of studies (%(number)s so far)."
        ),
        _wanted_prompts,
    ),
    Statement(
        "more-prompts",
        "advice",
        lambda it: _has_number(it, "prompts") and it.clusters != "both",
        _(
            "If the top two differ as much as they seem to, about %(wanted)s prompts would separate them in 80%% of "
            "studies (%(number)s so far)."
        ),
        _wanted_prompts,
    ),
)


def _numbers(it: About) -> dict[str, Any]:
    return {"prompts": it.group["prompts"], "raters": it.group["raters"]}


def _with_reach(*clusters: str) -> When:
    return lambda it: it.clusters in clusters


QUESTION: Final = (
    Statement(
        "scope-both",
        "question",
        _with_reach("both"),
        _("95%% intervals for prompts and raters like these (%(prompts)s prompts, %(raters)s raters)."),
        _numbers,
    ),
    Statement(
        "scope-prompt",
        "question",
        _with_reach("prompt"),
        _("95%% intervals for prompts like these (%(prompts)s prompts)."),
        _numbers,
    ),
    Statement(
        "scope-worker",
        "question",
        _with_reach("worker"),
        _("95%% intervals for raters like these on exactly these prompts (%(raters)s raters)."),
        _numbers,
    ),
    Statement(
        "scope-independent",
        "question",
        _with_reach("none"),
        _("95%% intervals, assuming that all votes are independent."),
    ),
    Statement(
        "means-both",
        "scope",
        _with_reach("both"),
        _("Each interval is for the rating that all prompts and all raters like these would give."),
    ),
    Statement(
        "means-worker",
        "scope",
        _with_reach("worker"),
        _("Each interval is for the rating that all raters like these would give on exactly these prompts."),
    ),
    Statement(
        "means-prompt",
        "scope",
        _with_reach("prompt"),
        _("Each interval is for the rating over all prompts like these. It does not cover other raters."),
    ),
    Statement(
        "means-independent",
        "scope",
        _with_reach("none"),
        _("Votes are treated as independent. If they share prompts or raters, the intervals are probably too narrow."),
    ),
    Statement(
        "means-no-intervals",
        "scope",
        lambda it: it.clusters is None,
        _("There are no intervals, so this leaderboard does not show how certain its ranks are."),
    ),
)


def _ranged(it: About) -> bool:
    return bool(it.models) and it.group["rows"][0].get("rank_low") is not None


LEGEND: Final = (
    Statement(
        "range-together",
        "legend",
        lambda it: _ranged(it) and bool(it.settings.get("simultaneous")),
        _("Rank range: the best and worst plausible rank of each model, considering all models together."),
    ),
    Statement(
        "range-alone",
        "legend",
        lambda it: _ranged(it) and not it.settings.get("simultaneous"),
        _(
            "Rank range: the best and worst plausible rank of each model, considered on its own. The summary at "
            "the top considers all models together and is more cautious."
        ),
    ),
    Statement(
        "chance-of-first",
        "legend",
        lambda it: has_best(it),
        _("Ranks first: the estimated probability that the model ranks first."),
    ),
)


def has_best(it: About) -> bool:
    """Returns whether the estimated probability of ranking first is shown, also for exactly these prompts."""
    return bool(it.models) and it.group["rows"][0].get("best") is not None and it.facts.get("prompts", 0) > it.models


def _points_of(it: About) -> bool:
    return METHODS[it.method].in_points


def _is_fixed(it: About) -> bool:
    return bool(it.settings.get("anchor"))


def _medians(it: About) -> bool:
    """Returns whether ratings are medians over rounds, whose mean is not that of each round."""
    return it.method in {"elo-bootstrap", "elo-median"}


def _as_given(value: float) -> str:
    """Formats a number that somebody chose, without rounding it away."""
    return written(value) if value == round(value) else f"{value:g}"


def _scale(it: About) -> dict[str, Any]:
    given = {name: value for name in ELO_DEFAULTS if (value := it.settings.get(name)) is not None}
    model, value = it.settings.get("anchor") or ("", 0)
    return {name: _as_given(number) for name, number in {**ELO_DEFAULTS, **given, "value": value}.items()} | {
        "model": model
    }


POINTS: Final = (
    Statement(
        "points",
        "points",
        _points_of,
        _("Ratings are in points: a lead of %(scale)s points means odds of 10 to 1."),
        _scale,
    ),
    Statement(
        "points-anchored",
        "points",
        lambda it: _points_of(it) and _is_fixed(it),
        _(
            "%(model)s is fixed at %(value)s, so you can compare these ratings with other leaderboards that fix it "
            "there too."
        ),
        _scale,
    ),
    Statement(
        "points-centred",
        "points",
        lambda it: _points_of(it) and not _is_fixed(it) and not _medians(it),
        _(
            "The mean of connected models is %(start)s, so compare ratings within this leaderboard, not across "
            "leaderboards. Leaderboards that fix the same model at the same rating can be compared."
        ),
        _scale,
    ),
    Statement(
        "points-of-medians",
        "points",
        lambda it: _points_of(it) and not _is_fixed(it) and _medians(it),
        _(
            "Every model starts at %(start)s, so compare ratings within this leaderboard, not across leaderboards. "
            "Leaderboards that fix the same model at the same rating can be compared."
        ),
        _scale,
    ),
)


def _most_prompts(it: About) -> bool:
    return it.spread is not None and it.spread[0] == it.facts["prompts"]


PROMPTS: Final = (
    Statement(
        "few-prompts-here",
        "prompts",
        lambda it: it.facts.get("prompts", LEAST_PROMPTS) < LEAST_PROMPTS,
        _("Fewer than 10 prompts are too few to draw conclusions about prompts like these."),
    ),
    Statement(
        "all-prompts",
        "prompts",
        lambda it: it.facts.get("prompts", 0) >= LEAST_PROMPTS and _most_prompts(it),
        _("Every model was compared on all of these prompts, so the ranking is only as broad as they are."),
    ),
    Statement(
        "some-prompts",
        "prompts",
        lambda it: it.facts.get("prompts", 0) >= LEAST_PROMPTS and it.spread is not None and not _most_prompts(it),
        lambda it: (
            gettext(
                "Each model was compared on %(least)s of these prompts. Different models were compared on different "
                "prompts."
            )
            if it.spread and it.spread[0] == it.spread[1]
            else gettext(
                "Each model was compared on between %(least)s and %(most)s of these prompts, so some models may have "
                "been compared on easier or harder ones."
            )
        ),
        lambda it: {"least": written(it.spread[0]), "most": written(it.spread[1])} if it.spread else {},
    ),
)


def _sources(it: About) -> tuple[int, int] | None:
    """Returns the numbers of people and of judges among the raters; None where they were not counted."""
    if "people" not in it.facts or "judges" not in it.facts:
        return None
    return it.facts["people"], it.facts["judges"]


RATERS: Final = (
    Statement("people", "people", lambda it: it.raters == PEOPLE, _("People who voted and are not excluded.")),
    Statement(
        "only-crowd",
        "people",
        lambda it: bool(it.facts.get("crowds")),
        _(
            "Some votes come from a crowd whose members are not known. They count as votes of people, and the crowd "
            "counts as one rater."
        ),
    ),
    Statement(
        "went-in-as-given",
        "went-in",
        lambda it: bool(it.facts.get("votes")) and it.facts["votes"] == it.comparisons and not it.facts.get("weighted"),
        _("Each of them counts once."),
    ),
    Statement(
        "went-in-weighted",
        "went-in",
        lambda it: bool(it.facts.get("weighted")),
        _("Some comparisons have a weight and count that many times as much."),
    ),
    Statement(
        "went-in-merged",
        "went-in",
        lambda it: it.raters != PEOPLE and bool(it.facts.get("judges")) and it.comparisons < it.facts.get("votes", 0),
        _("A judge’s verdicts on one pair become one comparison, and may be left out if they contradict one another."),
    ),
    Statement(
        "went-in-without-ties",
        "went-in",
        lambda it: it.settings.get("ties") == "drop" and bool(it.facts.get("ties")),
        _("Ties are left out."),
    ),
)


def _offered(it: About) -> bool:
    return bool(it.facts.get("offered"))


def _all_there(it: About) -> bool:
    """Returns whether no planned vote is missing; boards from before these were counted have pairs only."""
    facts = it.facts
    if facts.get("planned"):
        return bool(facts["received"] >= facts["planned"])
    return bool(facts["covered"] >= facts["offered"])


COVERAGE: Final = (
    Statement(
        "covered",
        "coverage",
        lambda it: _offered(it) and _all_there(it),
        _("Every pair has all its planned votes."),
    ),
    Statement(
        "more-planned",
        "coverage",
        lambda it: _offered(it) and not _all_there(it) and not it.closed,
        _("More votes are planned, so ranks may change."),
    ),
    Statement(
        "never-covered",
        "coverage",
        lambda it: _offered(it) and not _all_there(it) and it.closed,
        _("The study is closed, so the other pairs keep fewer votes than planned."),
    ),
)

LEFT_OUT: Final = (
    Statement(
        "excluded",
        "excluded",
        lambda it: bool(it.facts.get("excluded_raters")),
        _("Excluded by the study’s checks or manually. The export gives the reason."),
    ),
    Statement(
        "nobody-excluded",
        "excluded",
        lambda it: it.facts.get("excluded_raters") == 0,
        _("No rater who voted here was excluded."),
    ),
    Statement(
        "simulated",
        "simulated",
        lambda it: it.simulated > 0,
        _("These votes were generated by a program. They say nothing about any model."),
    ),
    Statement(
        "no-dates",
        "dates",
        lambda it: "first" in it.facts and it.facts["first"] is None,
        _("The votes have no timestamps."),
    ),
    Statement(
        "unmet",
        "unmet",
        lambda it: bool(it.unmet) and it.settings.get("baseline") is None,
        _("No comparisons of these models count towards this leaderboard."),
    ),
    Statement(
        "unmet-by-baseline",
        "unmet",
        lambda it: bool(it.unmet) and it.settings.get("baseline") is not None,
        _("These models have fewer than two comparisons with %(baseline)s."),
        lambda it: {"baseline": it.settings["baseline"]},
    ),
)


def _agreement(it: About) -> dict[str, Any] | None:
    found: dict[str, Any] | None = it.facts.get("agreement")
    return found


def _agreed(it: About, *, known: bool) -> bool:
    found = _agreement(it)
    return found is not None and (found["value"] is not None) == known


AGREEMENT: Final = (
    Statement(
        "people-agree",
        "agreement",
        lambda it: it.raters == PEOPLE and _agreed(it, known=True),
        _("How often two people’s votes on the same pair match. Without ties, random votes would match half the time."),
    ),
    Statement(
        "one-vote-a-pair",
        "agreement",
        lambda it: it.raters == PEOPLE and _agreed(it, known=False) and not it.facts.get("crowds"),
        _("No pair has votes from two people, so agreement cannot be measured."),
    ),
    Statement(
        "unknown-people-agree",
        "agreement",
        lambda it: it.raters == PEOPLE and _agreed(it, known=False) and bool(it.facts.get("crowds")),
        _(
            "No pair has votes from two known people, so agreement cannot be measured. Two votes of a crowd may be by "
            "the same person."
        ),
    ),
    Statement(
        "judge-agrees",
        "agreement",
        lambda it: it.is_judge and _agreed(it, known=True),
        _(
            "How often the judge’s verdict matches a person’s vote. Without ties, random verdicts would match "
            "half the time."
        ),
    ),
    Statement(
        "judge-alone",
        "agreement",
        lambda it: it.is_judge and _agreed(it, known=False),
        _("No person has voted on the pairs that this judge compared."),
    ),
    Statement(
        "both-orders",
        "orders",
        lambda it: bool(it.facts.get("both_orders")),
        _("The judge compared these pairs in both orders, with the sides swapped."),
    ),
)


def _sides(it: About) -> bool:
    return it.facts.get("position") is not None


POSITION: Final = (
    Statement(
        "sides-of-a-mix",
        "position",
        lambda it: _sides(it) and it.raters == ALL,
        _("Not tested, because raters may prefer different sides. The tab “People and judges” tests each of them."),
    ),
    Statement(
        "sides-untested",
        "position",
        lambda it: _sides(it) and it.raters != ALL and it.p is None,
        _("Not tested. A test needs a difference between the sides, and at least two raters or prompts."),
    ),
    Statement(
        "sides-differ",
        "position",
        lambda it: it.raters != ALL and it.p is not None and it.p < SIGNIFICANT,
        _(
            "Chance is unlikely to explain this preference for one side. It favours no model if sides were "
            "assigned at random."
        ),
    ),
    Statement(
        "sides-not-shown",
        "position",
        lambda it: it.raters != ALL and it.p is not None and it.p >= SIGNIFICANT,
        _("A preference for one side is not shown (p = %(p)s). That does not mean that there is none."),
        lambda it: {"p": f"{it.p:.2f}"},
    ),
)


def _own_ties(it: About) -> bool:
    return METHODS[it.method].own_ties


TIES: Final = (
    Statement("ties-modelled", "ties", _own_ties, _("This method gives ties a probability of their own.")),
    Statement(
        "ties-dropped",
        "ties",
        lambda it: not _own_ties(it) and it.settings.get("ties") == "drop",
        _("Ties are left out."),
    ),
    Statement(
        "ties-halved",
        "ties",
        lambda it: not _own_ties(it) and it.settings.get("ties") != "drop",
        _("Each tie counts as half a win for both models."),
    ),
)


def _clustered(it: About) -> bool:
    return it.clusters in {"both", "worker", "prompt"}


def _sampled(it: About) -> str:
    match it.clusters:
        case "both":
            return gettext(
                "About 95%% of such intervals contain the true rating, if these prompts and raters are a random sample "
                "of all that you care about and vary independently of one another."
            )
        case "worker":
            return gettext(
                "About 95%% of such intervals contain the true rating on these prompts, if these raters are a random "
                "sample of all that you care about and vote independently of one another."
            )
        case _:
            return gettext(
                "About 95%% of such intervals contain the true rating, if these prompts are a random sample of all "
                "that you care about and vary independently of one another."
            )


def _uneven(it: About) -> bool:
    return it.notes("uneven-prompts", "uneven-raters", "bootstrap-uneven")


def _evenly_over(clusters: str) -> When:
    return lambda it: it.clusters == clusters and not _uneven(it)


INTERVALS: Final = (
    Statement(
        "held-if-independent",
        "intervals",
        lambda it: it.clusters == "none",
        _("95%% of such intervals would contain the true rating if no two votes shared a prompt or a rater."),
    ),
    Statement(
        "meant-to-hold",
        "intervals",
        lambda it: _clustered(it) and it.doubtful,
        _(
            "95%% of such intervals are meant to contain the true rating. They may not if there are notices above "
            "the table, or few prompts or raters."
        ),
    ),
    Statement("held-if-sampled", "intervals", lambda it: _clustered(it) and not it.doubtful, _sampled),
    Statement(
        "effective-even",
        "effective",
        _evenly_over("both"),
        _("Comparisons are spread evenly enough that prompts and raters are worth at least half of their numbers."),
    ),
    Statement(
        "effective-even-prompts",
        "effective",
        _evenly_over("prompt"),
        _("Comparisons are spread evenly enough that prompts are worth at least half of their number."),
    ),
    Statement(
        "effective-even-raters",
        "effective",
        _evenly_over("worker"),
        _("Comparisons are spread evenly enough that raters are worth at least half of their number."),
    ),
    Statement(
        "effective-uneven",
        "effective",
        _uneven,
        _(
            "Some prompts or raters carry much more information than others. The effective number says how many would "
            "carry as much if all contributed equally."
        ),
    ),
    Statement(
        "optimum",
        "convergence",
        lambda it: it.group.get("gradient") is not None and it.group["gradient"] < 1e-6,
        _("At the optimum the gradient is zero. Below 1e-6, the displayed values do not change."),
    ),
)

CONNECTED: Final = (
    Statement(
        "apart",
        "connected",
        lambda it: len(it.groups) > 1,
        _("No comparisons connect these groups, so models in different groups cannot be ranked against each other."),
    ),
    Statement(
        "connected",
        "connected",
        lambda it: len(it.groups) == 1 and not it.unmet,
        _("Comparisons connect every model with every other, directly or through other models."),
    ),
    Statement(
        "ranked-connected",
        "connected",
        lambda it: len(it.groups) == 1 and bool(it.unmet),
        _("Comparisons connect every ranked model with every other, directly or through other models."),
    ),
)


def _side_values(it: About) -> dict[str, Any]:
    side = it.side
    ends = "" if side["low"] is None else f" ({side['low']:+.0f} … {side['high']:+.0f})"
    return {
        "judge": it.raters,
        "gain": f"{side['value']:+.0f}{ends}",
        "model": side["model"],
        "change": f"{side['change']:+.0f}",
        "first": side["first"],
    }


def _seen_in_one_order(it: About) -> bool:
    """Returns whether a judge saw every pair in one order. Older boards did not look at what that changes."""
    return bool(it.read.get("one_order")) and "side" in it.read


def _changes(it: About) -> bool:
    return bool(it.side) and abs(it.side["change"]) >= SHIFT


BOARD: Final = (
    Statement(
        "preliminary",
        "preliminary",
        lambda it: it.preliminary,
        _("There are few votes for this many models, so ranks may change."),
    ),
    Statement(
        "nothing-rated",
        "nothing",
        lambda it: not it.groups,
        _("No model has enough comparisons to be rated."),
    ),
    Statement(
        "too-few-to-rank",
        "board",
        lambda it: bool(it.unmet),
        lambda it: ngettext(
            "%(number)s model has too few comparisons to be ranked. It is named below.",
            "%(number)s models have too few comparisons to be ranked. They are named below.",
            len(it.unmet),
        ),
        lambda it: {"number": written(len(it.unmet))},
    ),
    Statement(
        "normal-prior",
        "board",
        lambda it: any(group.get("prior_deviation") for group in it.groups),
        _(
            "Pairs were chosen from earlier votes, which pushes ratings apart. So ratings are pulled towards "
            "their mean by a normal prior. Its standard deviation, %(deviation)s points, is estimated from the votes."
        ),
        lambda it: {
            "deviation": written(next(group["prior_deviation"] for group in it.groups if group.get("prior_deviation")))
        },
    ),
    Statement(
        "contradictions-tied",
        "board",
        lambda it: bool(it.read.get("inconsistent")) and it.filters.get("inconsistent") == "tie",
        lambda it: ngettext(
            "In %(number)s case, a judge contradicted itself on a pair. Its verdicts there count as a tie.",
            "In %(number)s cases, a judge contradicted itself on a pair. Its verdicts there count as a tie.",
            it.read["inconsistent"],
        ),
        lambda it: {"number": written(it.read["inconsistent"])},
    ),
    Statement(
        "contradictions-dropped",
        "board",
        lambda it: bool(it.read.get("inconsistent")) and it.filters.get("inconsistent") != "tie",
        lambda it: ngettext(
            "In %(number)s case, a judge contradicted itself on a pair. Its verdicts there are left out.",
            "In %(number)s cases, a judge contradicted itself on a pair. Its verdicts there are left out.",
            it.read["inconsistent"],
        ),
        lambda it: {"number": written(it.read["inconsistent"])},
    ),
    Statement(
        "one-order-changes",
        "board",
        lambda it: _changes(it) and not it.side["first"],
        _(
            "%(judge)s saw every pair in one order only, and the left answer gains %(gain)s points. These ratings do "
            "not allow for that. With position bias estimated (Bradley-Terry), the rating of %(model)s changes most, "
            "by %(change)s points, and the same model ranks first."
        ),
        _side_values,
    ),
    Statement(
        "one-order-changes-first",
        "board",
        lambda it: _changes(it) and bool(it.side["first"]),
        _(
            "%(judge)s saw every pair in one order only, and the left answer gains %(gain)s points. These ratings do "
            "not allow for that. With position bias estimated (Bradley-Terry), the rating of %(model)s changes most, "
            "by %(change)s points, and %(first)s ranks first instead."
        ),
        _side_values,
    ),
    Statement(
        "one-order-unknown",
        "board",
        lambda it: it.is_judge and _seen_in_one_order(it) and not it.side and not it.settings.get("first_place"),
        _(
            "The judge saw every pair in one order only, and its preference for a side could not be estimated. These "
            "ratings may reflect it."
        ),
    ),
)

STATEMENTS: Final = (
    *SUMMARY,
    *ADVICE,
    *QUESTION,
    *LEGEND,
    *POINTS,
    *PROMPTS,
    *RATERS,
    *COVERAGE,
    *LEFT_OUT,
    *AGREEMENT,
    *POSITION,
    *TIES,
    *INTERVALS,
    *CONNECTED,
    *BOARD,
)
"""Every statement, in the order in which the statements of one part are shown."""
