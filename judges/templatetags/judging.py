"""Money and parts of time, as the judges' pages show them."""

from collections.abc import Mapping

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from judges import models

register = template.Library()


@register.filter
def dollars(nanos: float | str | None) -> str:
    """An amount in nanos; a dash where there is none, which in a template may be an empty text."""
    return "–" if nanos is None or isinstance(nanos, str) else models.dollars(round(nanos))


@register.filter
def in_percent(share: float) -> str:
    """A share in [0, 1] as a percentage with one digit behind the point."""
    return _("%(share)s %%") % {"share": number_format(round(100 * share, 1), 1)}


@register.filter
def alike(told: Mapping[str, int]) -> float:
    """How often a member of a panel says what the panel says, as a share."""
    return told["alike"] / told["compared"]


@register.filter
def ballot(word: str) -> str:
    """A member's part in a decision of a panel."""
    return {
        "contradicts": _("contradicts itself"),
        "absent": _("no verdict"),
        "spared": _("own maker"),
        "tie": _("tie"),
    }.get(word, word)


@register.filter
def call_state(state: str) -> str:
    """A state of calls, in the reader's language."""
    return str(models.CallState(state).label)


@register.filter
def found_word(found: str) -> str:
    """Whether a judge was right about a preference, in the reader's language."""
    return {"right": _("right"), "wrong": _("wrong"), "tie": _("would not choose")}[found]


@register.filter
def time_left(seconds: float | None) -> str:
    """ "about 3 minutes left"; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return _("less than a minute left")
    if seconds < 5400:
        minutes = round(seconds / 60)
        return ngettext("about %(number)d minute left", "about %(number)d minutes left", minutes) % {"number": minutes}
    hours = round(seconds / 3600)
    return ngettext("about %(number)d hour left", "about %(number)d hours left", hours) % {"number": hours}
