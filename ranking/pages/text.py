"""Sentences about a board: its conclusion, notices, intervals and raters."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ranking.methods.ratings import ADAPTIVE, BY_INVERSE_CHANCE, FEW_ONE_WAY, NO_WIDTH, NOT_EVERY_PAIR
from ranking.methods.registry import METHODS
from ranking.pages.statements import written as written

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
    ADAPTIVE: _(
        "Pairs were chosen from earlier votes, and this method does not correct for that, so its ratings are probably "
        "too spread out. Bradley-Terry, Davidson and the average win rate correct for it."
    ),
    BY_INVERSE_CHANCE: _(
        "Pairs were chosen from earlier votes. So each comparison counts by the inverse of the probability "
        "that its pair was drawn, and at most 20 times as much as the median."
    ),
    NOT_EVERY_PAIR: _(
        "The study’s strategies leave some pairs of models out. The ratings depend on which ones, so this leaderboard "
        "has no intervals and says nothing about order."
    ),
    FEW_ONE_WAY: _(
        "Fewer than 6 verdicts, all wins or all losses, connect some models to the rest. That could be "
        "chance. These models are not separated from the rest, however narrow their intervals are."
    ),
    "mixed-raters": _(
        "People and judges are combined here. No intervals are shown, because none would describe such a mix of raters."
    ),
    "only-judges": _(
        "Only judges have compared pairs here. No intervals are shown, because several judges are not a sample of all "
        "judges. Choose one judge to see intervals for its verdicts."
    ),
    "only-people": _(
        "This leaderboard is for people and judges together, but no judge has compared pairs here. No intervals are "
        "shown. "
        "Choose people to see them."
    ),
    "uneven-prompts": _(
        "A few prompts have most of the comparisons. The intervals allow for that and are therefore wide. More "
        "comparisons on the other prompts would make them narrower."
    ),
    "uneven-raters": _(
        "A few raters gave most of the comparisons. The intervals allow for that and are therefore wide. More "
        "comparisons by other raters would make them narrower."
    ),
    "bootstrap-uneven": _(
        "A few prompts or raters have most of the comparisons. Bootstrap intervals do not allow for that and are "
        "probably too narrow."
    ),
    "counts-alone": _(
        "If every comparison had been a tie, this method would still rank the same model first, with at least half of "
        "its lead. That lead comes from how often models were compared."
    ),
    "one-rater": _("All comparisons come from one rater, so no interval can account for other raters."),
    "unknown-raters": _(
        "Some votes come from a crowd whose members are not known, so no interval can account for other raters."
    ),
    "own-prompts": _("The comparisons come without prompts, so no interval can account for other prompts."),
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
        "Every pair was shown in one order only. The estimate of position bias is right if sides were assigned at "
        "random. Otherwise it includes what the left answers have in common."
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


FEWER: Final[dict[str, str | Promise]] = {
    "one-rater": _("only one rater"),
    "own-prompts": _("comparisons without prompts"),
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


def converged(group: dict[str, Any]) -> str:
    """Returns the sentence on convergence; empty for methods that do not iterate."""
    if group["gradient"] is None:
        return ""
    return gettext("Converged after %(steps)s iterations. The largest gradient is %(gradient).1g.") % {
        "steps": group["iterations"],
        "gradient": group["gradient"],
    }


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
