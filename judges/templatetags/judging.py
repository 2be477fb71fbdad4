"""Money and parts of time, as the judges' pages show them."""

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from judges import models, telling

register = template.Library()


@register.filter
def dollars(nanos: int | None) -> str:
    """An amount in nanos; a dash where there is none."""
    return "–" if nanos is None else models.dollars(nanos)


@register.filter
def told(problem: str) -> str:
    """What stopped a run or a call, in the reader's language."""
    return telling.told(problem)


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
