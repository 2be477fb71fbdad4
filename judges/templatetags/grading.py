"""Shares and models, as the pages of what judges said show them."""

from collections.abc import Sequence

from django import template

register = template.Library()


@register.filter
def per_cent(share: float | None) -> str:
    """A share in [0, 1] with one digit behind the point; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.1f} %"


@register.filter
def at[T](items: Sequence[T], place: int | None) -> T | None:
    """The item at a place; nothing where there is no such place."""
    return items[place] if place is not None and 0 <= place < len(items) else None
