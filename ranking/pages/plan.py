"""A plan in words and tables, for its page and for `manage.py plan`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ranking.methods.intervals import LEAST_PROMPTS
from ranking.pages.plan_chart import Chart, chart
from ranking.pages.statements import written
from ranking.plans.sheet import Sheet, hours, money, planned

SOURCES: Final[dict[str, str | Promise]] = {
    "given": _("entered"),
    "pilot": _("from the pilot"),
    "default": _("default"),
}

SPOKEN: Final = 5
"""The number of best models that sentences speak about, where there are more models."""


def percent(share: float) -> str:
    """Returns the share in whole per cent; 100 and 0 only where no simulated study differs."""
    whole = round(100 * share)
    if whole == 100 and share < 1:
        return gettext("over 99%")
    if whole == 0 and share > 0:
        return gettext("under 1%")
    return f"{whole}%"


def approximate(number: float) -> str:
    """Returns a number of votes to three significant digits."""
    digits = 3 - len(str(round(number)))
    return written(round(number, min(0, digits)))


def findings(sheet: Sheet) -> list[str]:
    """Returns what the planned study tells, as sentences."""
    now = planned(sheet)
    top = _top(sheet)
    said = [
        gettext(
            "Kendall’s tau between the ranking found and the true one: %(mean)s on average, and %(low)s to %(high)s in "
            "80%% of studies. 1 is the same order, 0 is chance."
        )
        % _tau(now["tau"]),
        gettext("The best model ranks first in %(first)s of studies.") % {"first": percent(now["first"])},
    ]
    if top is not None:
        kept = now["matched"][str(top)]
        said.append(
            gettext(
                "Of the %(top)s best models, %(low)s to %(high)s are among the top %(top)s in 80%% of studies. All of "
                "them are in %(all)s of studies."
            )
            % {
                "top": top,
                "low": written(kept["low"]),
                "high": written(kept["high"]),
                "all": percent(now["found"][str(top)]),
            }
        )
    said.append(
        gettext(
            "The leaderboard tells %(mean)s of %(pairs)s pairs of models apart (%(low)s to %(high)s in 80%% of "
            "studies). Two models must differ by about %(reach)s points to be told apart in 80%% of studies."
        )
        % {
            "mean": written(now["apart"]["mean"]),
            "low": written(now["apart"]["low"]),
            "high": written(now["apart"]["high"]),
            "pairs": written(sheet["pairs"]),
            "reach": written(now["reach"]),
        }
    )
    return said


def _top(sheet: Sheet) -> int | None:
    """Returns the number of best models to speak about; None where there are too few for one above 1."""
    tops = [top for top in map(int, planned(sheet)["found"]) if 1 < top <= SPOKEN]
    return max(tops, default=None)


def _tau(kept: dict[str, float]) -> dict[str, str]:
    return {name: written(kept[name], 2) for name in ("mean", "low", "high")}


def cost(sheet: Sheet, votes: float) -> str:
    """Returns what so many votes take, such as "10 hours, 120.00"."""
    work = hours(sheet, votes)
    said = gettext("%(hours)s hours") % {"hours": written(work, 1 if work < 10 else 0)}
    pay = money(sheet, votes)
    return said if pay is None else gettext("%(hours)s, %(money)s in pay") % {"hours": said, "money": written(pay, 2)}


def goal(found: dict[str, Any]) -> str:
    """Returns the goal in words."""
    value, top = found["value"], found["top"]
    return {
        "tau": gettext("Kendall’s tau is at least %(value)s on average") % {"value": written(value, 2)},
        "first": gettext("The best model ranks first in %(value)s of studies") % {"value": percent(value)},
        "found": gettext("The top %(top)s are found, in any order, in %(value)s of studies")
        % {"top": top, "value": percent(value)},
        "separated": gettext("Each of the top %(top)s is told apart from every model below in %(value)s of studies")
        % {"top": top, "value": percent(value)}
        if top != 1
        else gettext("The top model is told apart from every other in %(value)s of studies")
        % {"value": percent(value)},
    }[found["kind"]]


def need(sheet: Sheet, found: dict[str, Any]) -> str:
    """Returns how many votes a goal needs, in words."""
    if found["votes"] is None:
        reached = found["reached"]
        return gettext(
            "Not reached with up to %(tried)s votes (best: %(reached)s). More prompts, or more workers, may help "
            "where more "
            "votes do not."
        ) % {
            "tried": approximate(found["tried"]),
            "reached": written(reached, 2) if found["goal"]["kind"] == "tau" else percent(reached),
        }
    first = sheet["points"][0]["votes"]
    words = {"votes": approximate(found["votes"]), "cost": cost(sheet, found["votes"])}
    if found["votes"] <= first:
        return gettext("At most %(votes)s votes (%(cost)s)") % words
    said = gettext("About %(votes)s votes (%(cost)s)") % words
    if found["surely"] is not None:
        said += gettext(", and about %(votes)s to reach it in nine of ten studies") % {
            "votes": approximate(found["surely"])
        }
    return said


def assumptions(sheet: Sheet) -> list[str]:
    """Returns everything the plan assumes, as sentences."""
    said = [_design(sheet), _workers(sheet), _spread(sheet)]
    assumed = sheet["assumed"]
    said.append(
        gettext("%(share)s of votes are ties (%(source)s). They count as half a win for each.")
        % {"share": percent(assumed["ties"]["value"]), "source": _source(sheet, "ties")}
    )
    said.append(
        gettext("A model’s strength varies between prompts by %(points)s points (standard deviation; %(source)s).")
        % {"points": written(assumed["prompt_effect"]["value"]), "source": _source(sheet, "prompt_effect")}
    )
    said.append(
        gettext("A model’s strength varies between workers by %(points)s points (standard deviation; %(source)s).")
        % {"points": written(assumed["worker_effect"]["value"]), "source": _source(sheet, "worker_effect")}
    )
    said.append(
        gettext("A vote takes %(seconds)s seconds (%(source)s). Training, checks and breaks are not included.")
        % {"seconds": written(assumed["seconds"]["value"]), "source": _source(sheet, "seconds")}
    )
    said.append(
        gettext(
            "The true ranking is over prompts and workers like these, not only the ones in the study. Strengths and "
            "effects are normally distributed."
        )
    )
    said.append(
        gettext(
            "Ratings are Bradley-Terry, and models are told apart as on the leaderboard: at a level of 0.05 for each "
            "pair."
        )
    )
    if sheet["prompts"] < LEAST_PROMPTS:
        said.append(
            gettext(
                "With fewer than %(least)s prompts, the leaderboard makes statements about exactly these prompts. It "
                "separates more models than could be separated for prompts like these."
            )
            % {"least": LEAST_PROMPTS}
        )
    return said


def _design(sheet: Sheet) -> str:
    return gettext(
        "%(models)s models on %(prompts)s prompts, with %(pairs)s pairs of models on each. That is %(overlap)s votes "
        "per pair of answers on average, handed out evenly and at random."
    ) % {
        "models": written(sheet["models"]),
        "prompts": written(sheet["prompts"]),
        "pairs": written(sheet["pairs_per_prompt"]),
        "overlap": written(sheet["overlap"], 1 if sheet["overlap"] >= 1 else 2),
    }


def _workers(sheet: Sheet) -> str:
    each = sheet["votes"] / sheet["workers"]
    said = ngettext("%(number)s worker", "%(number)s workers", sheet["workers"]) % {"number": written(sheet["workers"])}
    words = {"workers": said, "each": written(each)}
    if sheet["workers_given"]:
        return gettext("%(workers)s with about %(each)s votes each. More votes come from the same people.") % words
    return gettext("%(workers)s with about %(each)s votes each. More votes come from more people.") % words


def _spread(sheet: Sheet) -> str:
    middle, low, high = sheet["spread"]
    if sheet["assumed"]["spread"]["from"] != "pilot":
        return gettext("Ratings have a standard deviation of %(points)s points (%(source)s).") % {
            "points": written(middle),
            "source": _source(sheet, "spread"),
        }
    words = {
        "points": written(middle),
        "low": written(low),
        "high": written(high),
        "votes": written(sheet["pilot"]["votes"]),
        "models": written(sheet["pilot"]["models"]),
    }
    said = gettext(
        "Ratings have a standard deviation of about %(points)s points (80%% range: %(low)s to %(high)s), from the "
        "pilot’s %(votes)s votes on %(models)s models. Every range here includes that uncertainty."
    )
    return said % words + (" " + gettext("The study compares the pilot’s models.") if sheet["same_models"] else "")


def _source(sheet: Sheet, name: str) -> str:
    return str(SOURCES[sheet["assumed"][name]["from"]])


CURVE: Final = ("votes", "tau", "tau_low", "tau_high", "first", "top", "top_found", "apart", "points", "hours", "money")
RANKS: Final = ("rank", "rank_low", "rank_high", "true_low", "true_high")

type Cell = float | int | str | None


def curve(sheet: Sheet) -> Iterator[tuple[Cell, ...]]:
    """Yields the rows of `CURVE`: shares as fractions, and in `points` the difference told apart in 80% of studies."""
    top = _top(sheet)
    for point in sheet["points"]:
        tau, votes = point["tau"], point["votes"]
        found = None if top is None else point["found"][str(top)]
        yield (
            *(votes, tau["mean"], tau["low"], tau["high"], point["first"], top, found),
            *(point["apart"]["mean"], point["reach"], hours(sheet, votes), money(sheet, votes)),
        )


def ranks(sheet: Sheet) -> Iterator[tuple[int, float, float, float, float]]:
    """Yields the rows of `RANKS`: the mean of the rank ranges shown, and the 80% range of the true rank."""
    for place in sheet["places"]:
        yield place["place"], place["low"], place["high"], place["truth"]["low"], place["truth"]["high"]


@dataclass(frozen=True, slots=True)
class CurveRow:
    """A row of the table by votes, formatted."""

    votes: str
    tau: str
    tau_range: str
    first: str
    found: str
    apart: str
    cost: str
    is_planned: bool


@dataclass(frozen=True, slots=True)
class RankRow:
    """A row of the table by rank, formatted."""

    rank: int
    shown: str
    true: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan as its page shows it."""

    findings: list[str]
    cost: str
    votes: str
    goals: list[tuple[str, str]]
    """Each goal, and what it needs."""
    assumptions: list[str]
    chart: Chart
    rows: list[CurveRow]
    ranks: list[RankRow]
    top: int | None


def page(sheet: Sheet) -> Shown:
    """Returns what the page of a plan shows."""
    top = _top(sheet)
    rows = [
        CurveRow(
            votes=written(point["votes"]),
            tau=written(point["tau"]["mean"], 2),
            tau_range=_range(written(point["tau"]["low"], 2), written(point["tau"]["high"], 2)),
            first=percent(point["first"]),
            found="" if top is None else percent(point["found"][str(top)]),
            apart=written(point["apart"]["mean"]),
            cost=cost(sheet, point["votes"]),
            is_planned=point["votes"] == sheet["votes"],
        )
        for point in sheet["points"]
    ]
    return Shown(
        findings=findings(sheet),
        cost=cost(sheet, sheet["votes"]),
        votes=written(sheet["votes"]),
        goals=[(goal(found["goal"]), need(sheet, found)) for found in sheet["needs"]],
        assumptions=assumptions(sheet),
        chart=chart(sheet["points"], sheet["votes"], top),
        rows=rows,
        ranks=[
            RankRow(
                place,
                _range(written(low), written(high)),
                _range(written(true_low), written(true_high)),
            )
            for place, low, high, true_low, true_high in ranks(sheet)
        ],
        top=top,
    )


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"
