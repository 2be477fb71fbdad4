"""Shares and models, as the pages of what judges said show them."""

from collections.abc import Sequence

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from judges.statistics.score_tables import Score

register = template.Library()


@register.filter
def per_cent(share: float | None) -> str:
    """A share in [0, 1] with one digit behind the point; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f}%"


@register.filter
def at[T](items: Sequence[T], place: int | None) -> T | None:
    """The item at a place; nothing where there is no such place."""
    return items[place] if place is not None and 0 <= place < len(items) else None


@register.filter
def mean_of(score: Score | None) -> SafeString | str:
    """The mean with its interval; a dash where there is none. A page has hundreds, too many for a template each."""
    if score is None or score.mean is None:
        return "–"
    # Django's formatter cuts digits off.
    mean, ends = number_format(round(score.mean, 2), 2), score.interval
    if ends is None:
        return mean
    low, high = number_format(round(ends.low, 1), 1), number_format(round(ends.high, 1), 1)
    return format_html('{} <span class="interval">{}–{}</span>', mean, low, high)
