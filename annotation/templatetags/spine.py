"""What the frame of a study's pages needs besides the study."""

from django import template

from annotation import sections
from annotation.sections import Section

register = template.Library()


@register.simple_tag
def registered_sections() -> list[Section]:
    """The sections of a study's page, for the tabs over all its pages."""
    return sections.registered()


@register.filter
def percent(share: float | None) -> str:
    """A share in [0, 1] as a whole percentage; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.0f} %"
