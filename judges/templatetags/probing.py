"""Filters for estimates with intervals on the stability pages."""

import math

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from judges.statistics.consistency import Estimate

register = template.Library()


@register.filter
def share(estimate: Estimate | None) -> str:
    """Formats a share as a whole percentage; a dash for None."""
    return "–" if estimate is None else f"{100 * estimate.value:.0f}%"


@register.filter
def share_interval(estimate: Estimate | None) -> str:
    """Formats the interval of a share in percent, such as “75–94”; empty for None."""
    return "" if estimate is None else f"{100 * estimate.low:.0f}–{100 * estimate.high:.0f}"


@register.filter
def score(estimate: Estimate | None) -> str:
    """Formats a score with two decimals; a dash for None."""
    return "–" if estimate is None else number_format(estimate.value, 2)


@register.filter
def score_interval(estimate: Estimate | None) -> str:
    """Formats the interval of a mean; empty if it is unknown."""
    if estimate is None or math.isinf(estimate.high):
        return ""
    return f"{number_format(estimate.low, 2)}–{number_format(estimate.high, 2)}"


@register.filter
def changes(names: tuple[str, ...]) -> str:
    """Names what changed since the previous round."""
    words = {"settings": _("settings changed"), "model": _("model changed"), "fingerprint": _("fingerprint changed")}
    return ", ".join(words[name] for name in names)
