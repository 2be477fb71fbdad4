"""Filters for shares, models and scores on the pages of judge verdicts."""

from collections.abc import Sequence

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from judges.statistics.score_tables import Score

register = template.Library()


@register.filter
def per_cent(share: float | None) -> str:
    """Formats a share in [0, 1] as a percentage with one decimal; a dash for None."""
    return "–" if share is None else f"{100 * share:.1f}%"


@register.filter
def at[T](items: Sequence[T], place: int | None) -> T | None:
    """Returns the item at an index, or None if it is out of range."""
    return items[place] if place is not None and 0 <= place < len(items) else None


@register.filter
def mean_of(score: Score | None) -> SafeString | str:
    """Formats a mean with its interval; a dash for None. In Python because a page has hundreds of them."""
    if score is None or score.mean is None:
        return "–"
    # Django's formatter truncates instead of rounding.
    mean, ends = number_format(round(score.mean, 2), 2), score.interval
    if ends is None:
        return mean
    low, high = number_format(round(ends.low, 1), 1), number_format(round(ends.high, 1), 1)
    return format_html('{} <span class="interval">{}–{}</span>', mean, low, high)
