"""What a board's words mean, in sentences for people."""

import math
from collections.abc import Sequence
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ranking.methods.ratings import FEW_ONE_WAY, NO_WIDTH
from ranking.methods.registry import METHODS

NOTICES: dict[str, str | Promise] = {
    "groups": _(
        "The models fall into groups that were never compared with one another. Each is ranked by itself: "
        "nothing can be said across them until pairs join them."
    ),
    "prior": _(
        "Some models have only wins or only losses against the rest (with ties of their own: no losses or no wins), so "
        "no finite ratings exist without an assumption: every model was given half a tie against the mean of the "
        "board. "
        "The intervals of such models are likely too narrow: without that assumption they are open to one side."
    ),
    FEW_ONE_WAY: _(
        "Fewer than 6 verdicts, all wins or all losses, join some models to the rest. So few can be chance, so these "
        "models are not told apart from the rest, however narrow their intervals are."
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
        "Every pair was shown in one order only, so the gain of the left side cannot be told from what the "
        "answers there had in common."
    ),
    "order-range": _(
        "What is drawn is the range of ratings that other orders of the same votes lead to. It is no interval: it says "
        "nothing of other votes."
    ),
    "no-spread": _(
        "The verdicts on some models are all alike, all from one prompt or rater, or balance one another, so they "
        "show no spread. Their intervals reach as far as with two verdicts more for either side."
    ),
    NO_WIDTH: _(
        "Some verdicts are all alike, or balance one another to the last, so they show no spread and some intervals "
        "have no width. That is no certainty."
    ),
    "two-models": _(
        "Two models that were compared with each other alone get equal shares by this method, whoever won more."
    ),
    "no-ties": _("Nobody called a tie, so this is Bradley-Terry."),
    "uneven": _(
        "Some models were compared far more often than others, and this method follows the counts: "
        "its order is partly that of how often models were shown."
    ),
}


def method(name: str) -> str:
    """What people call the method `name`."""
    return gettext(METHODS[name].label)


ABOUT: Final[dict[str, str | Promise]] = {
    "both": _("prompts and raters like these"),
    "worker": _("raters like these, exactly these prompts"),
    "prompt": _("prompts like these"),
    "none": _("votes taken as independent"),
}
"""What intervals speak of."""

QUESTIONS: dict[str | None, str | Promise] = {
    "both": _("95 %% intervals for prompts and raters like these (%(prompts)s prompts, %(raters)s raters)."),
    "prompt": _("95 %% intervals for prompts like these (%(prompts)s prompts)."),
    "worker": _("95 %% intervals for raters like these on exactly these prompts (%(raters)s raters)."),
    "none": _("95 %% intervals as if every vote were independent of every other."),
}


def notice(word: str) -> str:
    return str(NOTICES[word])


def left_out(models: Sequence[str], baseline: str | None) -> str:
    """Which models of a board have too few comparisons that count to be on it."""
    names = ", ".join(models)
    if baseline is None:
        return gettext("Left out for want of comparisons: %(models)s.") % {"models": names}
    return gettext("Left out, because they met %(baseline)s less than twice: %(models)s.") % {
        "baseline": baseline,
        "models": names,
    }


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
    "worker": _("for raters like these on exactly these prompts"),
    "none": _("if every vote were independent of every other"),
}


def sentence(group: dict[str, Any]) -> str:
    """What the board can tell, and cannot, of all its models at once."""
    told, models = group["verdict"], len(group["rows"])
    if models < 2:
        return gettext("There is one model here, and nothing to rank it against.")
    if told is None and group["rows"][1]["rank"] == 1:
        return gettext("Several models are rated first alike. How sure that is, this board cannot say.")
    if told is None and NO_WIDTH in group["notices"]:
        return gettext(
            "%(model)s is rated first. How sure that is, this board cannot say: some intervals have no width."
        ) % {"model": group["rows"][0]["model"]}
    if told is None:
        return gettext("%(model)s is rated first. How sure that is, this board cannot say: it has no intervals.") % {
            "model": group["rows"][0]["model"]
        }
    texts = [_separation(told, models, str(SCOPES[group["clusters"]]))]
    if (here := group["verdict_here"]) is not None:
        texts.append(_on_these(here, told, models))
    if group["prior"]:
        texts.append(gettext("That holds with the assumption that is stated below."))
    return " ".join(texts)


def _separation(told: dict[str, Any], models: int, scope: str) -> str:
    values = {"model": told["best"], "level": told["level"], "models": models, "scope": scope}
    if told["level"] == models:
        return gettext("Nothing separates these %(models)s models %(scope)s.") % values
    if told["worst_place"] == 1:
        return gettext("%(model)s is first %(scope)s.") % values
    if told["level"] == 1:
        return gettext("%(model)s is ahead of the second, but not of every model, %(scope)s.") % values
    return gettext("Nothing separates the first %(level)s of %(models)s models %(scope)s.") % values


def _on_these(here: dict[str, Any], told: dict[str, Any], models: int) -> str:
    """What raters like these say on exactly these prompts, beside what is said of prompts like these."""
    values = {"model": here["best"], "places": here["worst_place"]}
    if here["worst_place"] == 1:
        if told["worst_place"] == 1:
            return gettext("So it is on exactly these prompts.")
        return gettext("On exactly these prompts %(model)s is first.") % values
    if here["level"] == models:
        return gettext("Nor does anything on exactly these prompts.")
    if here["worst_place"] == models:
        return gettext("Even on exactly these prompts %(model)s could hold any place.") % values
    return gettext("On exactly these prompts %(model)s is among the first %(places)s.") % values


def advice(group: dict[str, Any], votes: int) -> str:
    """What would part the first two models; empty where they are parted or nothing is known.

    `votes`: how many there are.
    """
    told = group["verdict"]
    if told is None or told["help"] is None:
        return ""
    factor, prompts = told["factor"], group["prompts"]
    if factor > LONG or (told["help"] == "prompts" and prompts is None):
        return gettext("The first two are too close to be told apart by any study of a reasonable size.")
    if told["help"] == "votes":
        return gettext(
            "If the first two are as far apart as they look, about %(wanted)s votes separate them "
            "(there are %(number)s)."
        ) % {"wanted": _about(votes * factor), "number": written(votes)}
    values = {"wanted": _about(prompts * factor), "number": written(prompts)}
    if group["clusters"] == "both":
        return (
            gettext(
                "More votes cannot separate the first two, more prompts can: about %(wanted)s (there are %(number)s), "
                "if the two are as far apart as they look."
            )
            % values
        )
    return (
        gettext(
            "If the first two are as far apart as they look, about %(wanted)s prompts separate them "
            "(there are %(number)s)."
        )
        % values
    )


LONG: Final = 1000
"""Times as many votes or prompts that nobody will collect."""


def _about(number: float) -> str:
    """Two figures of it: more would pretend to be exact."""
    size = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return written(size * math.ceil(number / size))


def written(value: float, digits: int = 0) -> str:
    """Rounded, where Django's formatter by itself would cut the number off."""
    return number_format(round(value, digits), digits, use_l10n=True, force_grouping=True)


def coefficient(found: dict[str, Any]) -> str:
    """In Elo points, with its interval where it has one."""
    text = f"{found['value']:+z.1f}"
    if found["low"] is not None:
        text += f" ({found['low']:+z.1f} … {found['high']:+z.1f})"
    return text


COEFFICIENTS: Final[dict[str, str | Promise]] = {
    "first-place": _("Gain of the left side"),
    "ties": _("Parameter of ties"),
    "style: words": _("Effect of words"),
    "style: headings": _("Effect of headings"),
    "style: lists": _("Effect of list items"),
    "style: bold": _("Effect of bold passages"),
}


def coefficient_name(name: str) -> str:
    return str(COEFFICIENTS[name])


def about_coefficient(found: dict[str, Any]) -> str:
    """What a coefficient is the effect of."""
    match found["name"]:
        case "first-place":
            return gettext("In points: so much better an answer looks on the left.")
        case "ties":
            return gettext("The logarithm of the odds parameter of ties, on the scale of the points.")
        case _:
            return gettext("In points, of a typical difference between two answers; the ratings are at equal style.")


def raters(name: str) -> str:
    """Who compared; a judge's name is its own."""
    match name:
        case "people":
            return gettext("people")
        case "all":
            return gettext("people and judges together")
        case _:
            return name


def percent(share: dict[str, Any]) -> str:
    """A share with its interval, where it has one, in per cent."""
    text = gettext("%(percent)s %%") % {"percent": written(100 * share["value"])}
    if share["low"] is None:
        return text
    ends = {"text": text, "low": written(100 * share["low"]), "high": written(100 * share["high"])}
    return gettext("%(text)s (%(low)s to %(high)s)") % ends
