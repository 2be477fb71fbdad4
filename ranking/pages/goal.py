"""The sentences of a study's goal: what it is, how far the study is, and what is still needed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from annotation.models import Status, Study
from annotation.study_sections import SectionState, Step, Tone
from annotation.voting import coverage
from ranking.boards import goals
from ranking.design.stopping import ALPHA, LEAST_CLUSTERS, LEAST_EFFECTIVE, Goal
from ranking.models import GoalReached, Leaderboard
from ranking.pages.statements import SCOPES, written
from ranking.reports.goal import goal_of

LACKS: Final[dict[str, str | Promise]] = {
    "too-few-models": _(
        "The study has %(found)s models. This goal needs at least %(needed)s. Change the goal in the settings."
    ),
    "not-every-pair": _(
        "The study’s strategies leave some pairs of models out, so its ratings say nothing about order. Give the "
        "strategy “Random” a share in the settings."
    ),
    "unknown-raters": _(
        "Some votes come from a crowd whose members are not known, so nothing can be said about people in general."
    ),
    "few-raters": _("%(found)s workers have voted. The method needs at least %(needed)s."),
    "uneven-raters": _(
        "A few workers gave most of the votes. All workers together are worth %(found)s who give equally many. The "
        "method needs at least %(needed)s."
    ),
    "few-votes": _("The model with the fewest votes has %(found)s. Each model needs at least %(needed)s."),
    "not-connected": _("No comparisons connect some models with the others, so they cannot be ranked together."),
    "not-converged": _("The ratings could not be computed from these votes. More votes usually help."),
}
"""Why nothing can be said yet, by the code of what is lacking."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Attributes:

    goal: what the study is to find out, as a phrase; empty without a goal.
    state: "none", "waiting", "early", "open", "far" (out of reach) or "reached".
    summary: one sentence on how far it is.
    details: more sentences: what is claimed, what is lacking, and what that rests on.
    top: the models that are the top, or would be by their ratings now.
    open: the pairs of models that are not separated yet.
    share: how much of the goal is reached, if that can be said.
    """

    goal: str
    state: str
    summary: str
    details: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    open: tuple[tuple[str, str], ...] = ()
    share: float | None = None
    look: Leaderboard | None = None
    reached: GoalReached | None = field(default=None)

    @property
    def pauses(self) -> bool:
        """Returns whether reaching the goal has paused the study."""
        return self.reached is not None and self.reached.paused_at is not None


def phrase(goal: Goal) -> str:
    """Returns the goal as a phrase, such as "Top 3 models separated"."""
    match goal.kind:
        case "top":
            text = ngettext(
                "Top model separated from all others",
                "Top %(number)s models separated from all others",
                goal.number,
            )
            return text % {"number": written(goal.number)}
        case "ranks":
            if goal.number == 0:
                return gettext("Every rank known exactly")
            text = ngettext(
                "Every rank known to within %(number)s rank",
                "Every rank known to within %(number)s ranks",
                goal.number,
            )
            return text % {"number": written(goal.number)}
        case "budget":
            return ngettext("%(number)s vote", "%(number)s votes", goal.number) % {"number": written(goal.number)}


def progress(study: Study) -> Progress:
    """Returns how far `study` is from its goal, from the newest look."""
    goal = goal_of(study)
    if goal is None:
        return Progress("", "none", gettext("This study has no goal."))
    named, look, reached = phrase(goal), goals.newest(study), goals.reached(study)
    if reached is not None:
        return _reached(goal, named, look, reached)
    if look is None:
        return Progress(named, "waiting", gettext("Not checked yet. Goals are checked when votes have come in."))
    report = look.sheet
    if goal.kind == "budget":
        summary = gettext("%(votes)s of %(number)s votes. About %(left)s more.") % {
            "votes": written(report["votes"]),
            "number": written(goal.number),
            "left": written(goal.number - report["votes"]),
        }
        return Progress(named, "open", summary, (_budget(),), share=report["share"], look=look)
    if report["lacks"]:
        return Progress(named, "early", gettext("Too early to say."), tuple(map(_lack, report["lacks"])), look=look)
    return _open(goal, named, look, report)


def _budget() -> str:
    return gettext("A target number of votes says nothing about the models. The leaderboard shows what the votes say.")


def _lack(lack: dict[str, Any]) -> str:
    values = {"found": written(lack["found"]), "needed": written(lack["needed"])}
    return str(LACKS[lack["code"]]) % values


def _reached(goal: Goal, named: str, look: Leaderboard | None, reached: GoalReached) -> Progress:
    summary = gettext("Reached after %(votes)s votes.") % {"votes": written(reached.votes)}
    if goal.kind == "budget":
        return Progress(named, "reached", summary, (_budget(),), share=1.0, look=look, reached=reached)
    # The statement is that of the look that reached the goal, whatever later ones find.
    first = reached.snapshot.sheet if reached.snapshot is not None else {}
    details = []
    if first:
        details.append(_holds(first))
    details.append(_errors())
    return Progress(
        named,
        "reached",
        summary,
        tuple(details),
        _top(goal, first),
        share=1.0,
        look=look,
        reached=reached,
    )


def _open(goal: Goal, named: str, look: Leaderboard, report: dict[str, Any]) -> Progress:
    forecast = report["forecast"]
    details = [_share(goal, report), _scope(report)]
    if forecast is None:
        state, summary = "open", _share(goal, report)
    elif forecast["out_of_reach"]:
        state = "far"
        summary = gettext(
            "Probably out of reach. In %(percent)s%% of %(number)s simulated continuations, the study reaches its "
            "goal within %(votes)s votes in total."
        ) % {
            "percent": written(100 * forecast["reached"]),
            "number": written(forecast["simulations"]),
            "votes": written(forecast["horizon"]),
        }
        details.append(_advice(goal, report))
    else:
        state, summary = "open", _needed(forecast)
        details.append(
            gettext(
                "%(number)s continuations of the study were simulated from the ratings now. They assume that votes "
                "come in as before: the same prompts, and workers like these."
            )
            % {"number": written(forecast["simulations"])}
        )
    return Progress(
        named,
        state,
        summary,
        tuple(details),
        _top(goal, report),
        tuple((better, other) for better, other in report["open"]),
        report["share"],
        look,
    )


def _needed(forecast: dict[str, Any]) -> str:
    """Returns how many more votes are needed, with the range that holds 80% of the simulations."""
    low, median, high = (
        None if forecast[name] is None else _about(forecast[name]) for name in ("low", "median", "high")
    )
    values = {"low": low, "median": median, "high": high, "percent": written(100 * forecast["reached"])}
    values["votes"] = written(forecast["horizon"])
    if median is None:
        return (
            gettext(
                "At least %(low)s more votes are needed. In %(percent)s%% of the simulations, the study reaches its "
                "goal within %(votes)s votes in total."
            )
            if low is not None
            else gettext(
                "In %(percent)s%% of the simulations, the study reaches its goal within %(votes)s votes in total."
            )
        ) % values
    if high is None:
        return gettext("About %(median)s more votes are needed (at least %(low)s).") % values
    return gettext("About %(median)s more votes are needed (80%% range: %(low)s to %(high)s).") % values


def too_few_planned(study: Study, found: Progress) -> str:
    """Returns a sentence if fewer votes are planned than are probably needed; empty otherwise.

    Counting them takes time in a large study, so only its page says so.
    """
    forecast = found.look.sheet.get("forecast") if found.look is not None and found.state == "open" else None
    if forecast is None or study.is_adaptive:
        return ""
    totals = coverage.totals(study)
    left = max(0, totals.planned - totals.received)
    if forecast["median"] is not None and forecast["median"] <= left:
        return ""
    text = ngettext(
        "Only %(number)s more vote is planned. Raise the votes per pair, or add pairs.",
        "Only %(number)s more votes are planned. Raise the votes per pair, or add pairs.",
        left,
    )
    return text % {"number": written(left)}


def _about(votes: int) -> str:
    """Formats two figures of a number of votes; more would pretend to be exact."""
    size: int = 10 ** max(0, len(str(votes)) - 2)
    return written(size * round(votes / size))


def _share(goal: Goal, report: dict[str, Any]) -> str:
    models = len(report["models"])
    if goal.kind == "top":
        pairs = goal.number * (models - goal.number)
        return gettext("%(done)s of the %(pairs)s pairs of a top model and another model are separated.") % {
            "done": written(round(report["share"] * pairs)),
            "pairs": written(pairs),
        }
    return gettext("The ranks of %(done)s of %(models)s models are known well enough.") % {
        "done": written(round(report["share"] * models)),
        "models": written(models),
    }


def _holds(report: dict[str, Any]) -> str:
    return gettext("This holds %(scope)s.") % {"scope": SCOPES[report["scope"]]}


def _scope(report: dict[str, Any]) -> str:
    if report["scope"] == "both":
        return gettext("Models are compared %(scope)s.") % {"scope": SCOPES["both"]}
    if report["prompts"] >= LEAST_CLUSTERS:
        return gettext(
            "A few prompts have most of the votes. All prompts together are worth %(found)s with equally many, and at "
            "least %(needed)s are needed to speak about prompts like these. So models are compared only on exactly "
            "these prompts, for raters like these."
        ) % {"found": written(int(report["effective_prompts"])), "needed": written(LEAST_EFFECTIVE)}
    return ngettext(
        "The votes are on %(number)s prompt, and at least %(needed)s are needed to speak about prompts like these. So "
        "models are compared only on exactly these prompts, for raters like these.",
        "The votes are on %(number)s prompts, and at least %(needed)s are needed to speak about prompts like these. So "
        "models are compared only on exactly these prompts, for raters like these.",
        report["prompts"],
    ) % {"number": written(report["prompts"]), "needed": written(LEAST_CLUSTERS)}


def _errors() -> str:
    return gettext(
        "However often it is checked, at most about %(percent)s%% of studies with many votes ever separate models in "
        "the wrong order."
    ) % {"percent": written(100 * ALPHA)}


def _advice(goal: Goal, report: dict[str, Any]) -> str:
    easier = (
        gettext("Models this close may simply be equal. Another number of top models may be within reach.")
        if goal.kind == "top"
        else gettext("Models this close may simply be equal. A larger number of ranks may be within reach.")
    )
    if report["scope"] != "both":
        return easier
    return gettext("%(advice)s More votes on the same prompts help only so far, so more prompts may help too.") % {
        "advice": easier
    }


def _top(goal: Goal, report: dict[str, Any]) -> tuple[str, ...]:
    return tuple(report["models"][: goal.number]) if report and goal.kind == "top" else ()


TONES: Final[dict[str, Tone]] = {
    "none": "empty",
    "waiting": "busy",
    "early": "ready",
    "open": "ready",
    "far": "attention",
    "reached": "ready",
}


def section(study: Study, at: datetime) -> SectionState:
    """The phrase of the Goal section on a study's page, and what to do once the goal is reached or out of reach."""
    found = progress(study)
    if found.state == "none":
        return SectionState(gettext("No goal: the study runs until every pair has its votes"), "empty")
    steps: list[Step] = []
    if found.state == "reached" and study.status in {Status.OPEN, Status.PAUSED}:
        text = gettext("The study has reached its goal: %(goal)s.") % {"goal": found.goal}
        steps.append(Step(44 if found.pauses else 51, text, gettext("View goal"), "study-goal"))
    if found.state == "far" and study.status == Status.OPEN:
        text = gettext("The study will probably not reach its goal: %(goal)s.") % {"goal": found.goal}
        steps.append(Step(52, text, gettext("View goal"), "study-goal"))
    told = gettext("%(goal)s. %(summary)s") % {"goal": found.goal, "summary": found.summary}
    return SectionState(told, TONES[found.state], tuple(steps), share=found.share)
