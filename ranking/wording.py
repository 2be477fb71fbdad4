"""What a board's words mean, in sentences for people."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from annotation.retelling import retold

NOTICES: dict[str, str | Promise] = {
    "groups": _(
        "The models fall into groups that were never compared with one another. Each is ranked by itself: "
        "nothing can be said across them until pairs join them."
    ),
    "prior": _(
        "Some models have only wins or only losses against the rest, so no finite ratings exist without an "
        "assumption: every model was given half a tie against the mean of the board."
    ),
    "mixed-raters": _("People and judges are mixed here. No interval describes raters like this mix."),
    "one-rater": _("All these comparisons come from one rater, so nothing is said about raters like these."),
    "few-prompts": _("With fewer than 10 prompts nothing is said about prompts like these, only about exactly these."),
    "correction-fell-back": _(
        "A part of this board hangs on a single prompt or rater that cannot be left out, so the intervals use the "
        "simpler correction CR1 and are likely too narrow."
    ),
    "replicates-with-prior": _(
        "Some replicates of the bootstrap had no finite ratings: in them every model got half a tie against the mean."
    ),
    "file-order": _("The comparisons carry no times, so Elo took them in the order in which they were stored."),
    "one-order": _(
        "Every pair was shown in one order only, so the gain of the left place cannot be told from what the "
        "answers there had in common."
    ),
    "no-ties": _("Nobody called a tie, so this is Bradley-Terry."),
    "uneven": _(
        "Some models were compared far more often than others, and this method follows the counts: "
        "its order is partly that of how often models were shown."
    ),
}

NOBODY_VOTED = gettext_noop(
    "People have not voted on “%(study)s” yet. Start the study and share its join link, or load comparisons; "
    "what judges said is at --raters NAME."
)
NOTHING_COUNTS = gettext_noop("No comparison of “%(study)s” counts towards this board yet.")
NO_SUCH_JUDGE = gettext_noop("No judge of this study is called %(name)s. There are: %(known)s.")

PROBLEMS = (
    NOBODY_VOTED,
    NOTHING_COUNTS,
    NO_SUCH_JUDGE,
    gettext_noop("no optimum after %(steps)s Newton steps"),
    gettext_noop("the comparisons do not determine the strengths"),
)
"""Why a board cannot be computed, as it is stored with the snapshot."""

QUESTIONS: dict[str | None, str | Promise] = {
    "both": _("95 %% intervals for prompts and raters like these (%(prompts)s prompts, %(raters)s raters)."),
    "prompt": _("95 %% intervals for prompts like these (%(prompts)s prompts)."),
    "worker": _("95 %% intervals for raters like these on exactly these prompts (%(raters)s raters)."),
    "none": _("95 %% intervals as if every vote were independent of every other."),
}


def problem(stored: str) -> str:
    """Why a snapshot could not be computed."""
    return retold(stored, PROBLEMS)


def notice(word: str) -> str:
    return str(NOTICES[word])


def question(group: dict[str, Any]) -> str:
    """Which question the intervals of a group answer; empty where there are none."""
    text = QUESTIONS.get(group["clusters"])
    return "" if text is None else str(text) % {"prompts": group["prompts"], "raters": group["raters"]}


def converged(group: dict[str, Any]) -> str:
    """That an iteration reached its optimum; empty for methods that do not iterate."""
    if group["gradient"] is None:
        return ""
    return gettext("Converged after %(steps)s steps: the largest gradient is %(gradient).1g.") % {
        "steps": group["iterations"],
        "gradient": group["gradient"],
    }


SCOPES: dict[str, str | Promise] = {
    "both": _("for prompts and raters like these"),
    "prompt": _("for prompts like these"),
    "worker": _("on exactly these prompts"),
    "none": _("if every vote were independent of every other"),
}


def sentence(group: dict[str, Any]) -> str:
    """What the board can tell, in a sentence; empty without intervals."""
    told = group["verdict"]
    if told is None:
        return ""
    models = len(group["rows"])
    text = _separation(told, models, str(SCOPES[group["clusters"]]))
    here = group["verdict_here"]
    if here is not None and here["worst_place"] < told["worst_place"]:
        text += " " + _on_these(here)
    return text


def _separation(told: dict[str, Any], models: int, scope: str) -> str:
    values = {"model": told["best"], "level": told["level"], "models": models, "scope": scope}
    if told["level"] == models:
        return gettext("Nothing separates these %(models)s models %(scope)s.") % values
    if told["worst_place"] == 1:
        return gettext("%(model)s is first %(scope)s.") % values
    if told["level"] == 1:
        return gettext("%(model)s is ahead of the second, but not of every model, %(scope)s.") % values
    return gettext("Nothing separates the first %(level)s of %(models)s models %(scope)s.") % values


def _on_these(here: dict[str, Any]) -> str:
    if here["worst_place"] == 1:
        return gettext("On exactly these prompts %(model)s is first.") % {"model": here["best"]}
    return gettext("On exactly these prompts %(model)s is among the first %(places)s.") % {
        "model": here["best"],
        "places": here["worst_place"],
    }


def advice(group: dict[str, Any]) -> str:
    """What would part the first two models; empty where they are parted or nothing is known."""
    told = group["verdict"]
    if told is None or told["help"] is None:
        return ""
    factor = told["factor"]
    if factor > LONG:
        return gettext("The first two are too close to be told apart by any study of a reasonable size.")
    values = {"factor": f"{factor:.1f}" if factor < 10 else f"{factor:.0f}"}
    if told["help"] == "votes":
        text = gettext(
            "If the first two are as far apart as they look, about %(factor)s times as many votes part them."
        )
    elif group["clusters"] == "both":
        text = gettext(
            "More votes cannot part the first two, more prompts can: about %(factor)s times as many, "
            "if they are what they look."
        )
    else:
        text = gettext(
            "If the first two are as far apart as they look, about %(factor)s times as many prompts part them."
        )
    return text % values


LONG = 1000
"""Times as many votes or prompts that nobody will collect."""


def coefficient(found: dict[str, Any]) -> str:
    """In Elo points, with its interval where it has one."""
    text = f"{found['value']:+.1f}"
    if found["low"] is not None:
        text += f" ({found['low']:+.1f} … {found['high']:+.1f})"
    return text
