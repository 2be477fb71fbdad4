"""Sentences about a board: its conclusion, notices, intervals and raters."""

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
        "The models fall into groups with no comparisons between them. Each group is ranked separately, and "
        "the groups cannot be compared until pairs connect them."
    ),
    "prior": _(
        "Some models have only wins or only losses against the rest. With methods that model ties, they have "
        "no losses or no wins. Finite ratings then need an assumption: every model was given half a tie "
        "against the leaderboard’s mean. The intervals of these models are probably too narrow. Without the "
        "assumption, they would be open on one side."
    ),
    FEW_ONE_WAY: _(
        "Fewer than 6 verdicts, all wins or all losses, connect some models to the rest. That could be "
        "chance. These models are not separated from the rest, however narrow their intervals are."
    ),
    "mixed-raters": _(
        "People and judges are combined here. No intervals are shown, because none would describe such a mix of raters."
    ),
    "one-rater": _("All comparisons come from one rater, so no interval can account for other raters."),
    "few-prompts": _(
        "With fewer than 10 prompts, the results cannot be generalised to prompts like these. They apply to "
        "exactly these prompts."
    ),
    "correction-fell-back": _(
        "Part of this leaderboard depends on a single prompt or rater. The intervals therefore use the "
        "simpler CR1 correction and are probably too narrow."
    ),
    "replicates-with-prior": _(
        "Some bootstrap rounds had no finite ratings. In those rounds, every model was given half a tie "
        "against the mean."
    ),
    "file-order": _("Not every comparison has a timestamp, so Elo used the order in which comparisons were stored."),
    "one-order": _(
        "Every pair was shown in one order only. Position bias therefore cannot be separated from what the "
        "left answers have in common."
    ),
    "order-range": _(
        "The bars show the ratings that reordering the same votes gives (middle 95%). They are not "
        "confidence intervals: they do not show what other votes would give."
    ),
    "no-spread": _(
        "The verdicts on some models show no spread: they are all alike, come from one prompt or rater, or "
        "cancel out. Their intervals are widened as if each side had two more verdicts."
    ),
    NO_WIDTH: _(
        "Some verdicts are all alike or cancel out exactly, so they show no spread. Some intervals therefore "
        "have zero width. That does not mean certainty."
    ),
    "two-models": _(
        "This method gives equal shares to two models that were compared only with each other, even if one "
        "won more often."
    ),
    "no-ties": _("There are no ties, so this is the same as Bradley-Terry."),
    "uneven": _(
        "Some models were compared more often than others, and that affects this method. The order partly "
        "reflects how often models were compared."
    ),
}


def method(name: str) -> str:
    """Returns the display name of the method `name`."""
    return gettext(METHODS[name].label)


ABOUT: Final[dict[str, str | Promise]] = {
    "both": _("prompts and raters like these"),
    "worker": _("raters like these on exactly these prompts"),
    "prompt": _("prompts like these"),
    "none": _("votes assumed independent"),
}
"""What intervals generalise to, by their clusters."""

QUESTIONS: dict[str | None, str | Promise] = {
    "both": _("95%% intervals for prompts and raters like these (%(prompts)s prompts, %(raters)s raters)."),
    "prompt": _("95%% intervals for prompts like these (%(prompts)s prompts)."),
    "worker": _("95%% intervals for raters like these on exactly these prompts (%(raters)s raters)."),
    "none": _("95%% intervals, assuming that all votes are independent."),
}


FEWER: Final[dict[str, str | Promise]] = {
    "one-rater": _("only one rater"),
    "few-prompts": _("fewer than 10 prompts"),
}
"""Short reasons why intervals generalise to less than was requested, by the name of the notice."""


def notice(word: str) -> str:
    """Returns the sentence for a notice about a board."""
    return str(NOTICES[word])


def too_few(notices: Sequence[str]) -> str:
    """Returns why the intervals of a group with these notices generalise to less than was requested."""
    reasons = [FEWER[word] for word in notices if word in FEWER]
    return ", ".join(map(str, reasons)) or gettext("not possible with these votes")


def left_out(models: Sequence[str], baseline: str | None) -> str:
    """Returns the sentence that names the models with too few comparisons to be ranked."""
    names = ", ".join(models)
    if baseline is None:
        return gettext("Not ranked (too few comparisons): %(models)s.") % {"models": names}
    return gettext("Not ranked (fewer than two comparisons with %(baseline)s): %(models)s.") % {
        "baseline": baseline,
        "models": names,
    }


def question(group: dict[str, Any]) -> str:
    """Returns the sentence on what the intervals of a group generalise to; empty if there are none."""
    text = QUESTIONS.get(group["clusters"])
    return "" if text is None else str(text) % {"prompts": group["prompts"], "raters": group["raters"]}


def converged(group: dict[str, Any]) -> str:
    """Returns the sentence on convergence; empty for methods that do not iterate."""
    if group["gradient"] is None:
        return ""
    return gettext("Converged after %(steps)s iterations. The largest gradient is %(gradient).1g.") % {
        "steps": group["iterations"],
        "gradient": group["gradient"],
    }


SCOPES: dict[str, str | Promise] = {
    "both": _("for prompts and raters like these"),
    "prompt": _("for prompts like these"),
    "worker": _("for raters like these on exactly these prompts"),
    "none": _("assuming that all votes are independent"),
}


def sentence(group: dict[str, Any]) -> str:
    """Returns the conclusion of a group: which models are distinguished, considering all of them together."""
    told, models = group["verdict"], len(group["rows"])
    if models < 2:
        return gettext("There is only one model, so there is nothing to rank it against.")
    if told is None and group["rows"][1]["rank"] == 1:
        return gettext("Several models share rank 1. This leaderboard cannot show how certain that is.")
    if told is None and NO_WIDTH in group["notices"]:
        return gettext(
            "%(model)s ranks first. This leaderboard cannot show how certain that is: some intervals have zero width."
        ) % {"model": group["rows"][0]["model"]}
    if told is None:
        return gettext(
            "%(model)s has the highest rating. This leaderboard has no intervals, so it cannot show how certain "
            "that is."
        ) % {"model": group["rows"][0]["model"]}
    texts = [_separation(told, models, str(SCOPES[group["clusters"]]))]
    if (here := group["verdict_here"]) is not None:
        texts.append(_on_these(here, told, models))
    if group["prior"]:
        texts.append(gettext("This holds under the assumption stated below."))
    return " ".join(texts)


def _separation(told: dict[str, Any], models: int, scope: str) -> str:
    values = {"model": told["best"], "level": told["level"], "models": models, "scope": scope}
    if told["level"] == models:
        return gettext("These %(models)s models cannot be told apart %(scope)s.") % values
    if told["worst_place"] == 1:
        return gettext("%(model)s ranks first %(scope)s.") % values
    if told["level"] == 1:
        return (
            gettext("%(model)s is clearly ahead of the second model, but not of every other model, %(scope)s.") % values
        )
    return gettext("The top %(level)s of %(models)s models cannot be told apart %(scope)s.") % values


def _on_these(here: dict[str, Any], told: dict[str, Any], models: int) -> str:
    """Returns the conclusion for exactly these prompts, next to the one for prompts like these."""
    values = {"model": here["best"], "places": here["worst_place"]}
    if here["worst_place"] == 1:
        if told["worst_place"] == 1:
            return gettext("The same holds for exactly these prompts.")
        return gettext("On exactly these prompts, %(model)s ranks first.") % values
    if here["level"] == models:
        return gettext("On exactly these prompts, no two models can be told apart.")
    if here["worst_place"] == models:
        return gettext("On exactly these prompts, %(model)s could rank anywhere from first to last.") % values
    return gettext("On exactly these prompts, %(model)s is among the top %(places)s.") % values


def advice(group: dict[str, Any], votes: int) -> str:
    """Returns what would separate the first two models; empty if they are separated or nothing is known.

    `votes` is the number of votes so far.
    """
    told = group["verdict"]
    if told is None or told["help"] is None:
        return ""
    factor, prompts = told["factor"], group["prompts"]
    if factor > LONG or (told["help"] == "prompts" and prompts is None):
        return gettext("The top two models are too close for a study of any realistic size to tell them apart.")
    if told["help"] == "votes":
        return gettext(
            "If the top two differ as much as they seem to, about %(wanted)s votes would be needed to "
            "separate them (%(number)s so far)."
        ) % {"wanted": _about(votes * factor), "number": written(votes)}
    values = {"wanted": _about(prompts * factor), "number": written(prompts)}
    if group["clusters"] == "both":
        return (
            gettext(
                "More votes cannot separate the top two, but more prompts can. If they differ as much as "
                "they seem to, about %(wanted)s prompts would be needed (%(number)s so far)."
            )
            % values
        )
    return (
        gettext(
            "If the top two differ as much as they seem to, about %(wanted)s prompts would be needed to "
            "separate them (%(number)s so far)."
        )
        % values
    )


LONG: Final = 1000
"""Factor of votes or prompts beyond which collecting more is not realistic."""


def _about(number: float) -> str:
    """Returns the number rounded to two significant digits, because it is an estimate."""
    size = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return written(size * math.ceil(number / size))


def written(value: float, digits: int = 0) -> str:
    """Formats a number, rounded. Django's formatter alone would truncate it."""
    return number_format(round(value, digits), digits, use_l10n=True, force_grouping=True)


def coefficient(found: dict[str, Any]) -> str:
    """Formats a coefficient in Elo points, with its interval if there is one."""
    text = f"{found['value']:+z.1f}"
    if found["low"] is not None:
        text += f" ({found['low']:+z.1f} … {found['high']:+z.1f})"
    return text


COEFFICIENTS: Final[dict[str, str | Promise]] = {
    "first-place": _("Preference for the left answer"),
    "ties": _("Tie parameter"),
    "style: words": _("Effect of word count"),
    "style: headings": _("Effect of headings"),
    "style: lists": _("Effect of list items"),
    "style: bold": _("Effect of bold text"),
}


def coefficient_name(name: str) -> str:
    """Returns the display name of a coefficient."""
    return str(COEFFICIENTS[name])


def about_coefficient(found: dict[str, Any]) -> str:
    """Returns what a coefficient is the effect of."""
    match found["name"]:
        case "first-place":
            return gettext("The advantage of the answer shown on the left, in rating points.")
        case "ties":
            return gettext("The log-odds parameter for ties, in rating points. Higher values mean more ties.")
        case _:
            return gettext(
                "The effect of a typical difference between two answers, in rating points. The ratings are "
                "adjusted to equal style."
            )


def raters(name: str) -> str:
    """Returns the display name of the raters; judges have their own names."""
    match name:
        case "people":
            return gettext("people")
        case "all":
            return gettext("people and judges")
        case _:
            return name


def percent(share: dict[str, Any]) -> str:
    """Formats a share in per cent, with its interval if there is one."""
    text = gettext("%(percent)s%%") % {"percent": written(100 * share["value"])}
    if share["low"] is None:
        return text
    ends = {"text": text, "low": written(100 * share["low"]), "high": written(100 * share["high"])}
    return gettext("%(text)s (%(low)s to %(high)s)") % ends
