"""Template tags and filters of a study's pages."""

from django import template
from django.utils.translation import gettext

from annotation import study_sections
from annotation.importing import registry
from annotation.models import Outcome
from annotation.models.voting import Stage
from annotation.study_sections import Section, Tool
from annotation.voting import coverage
from annotation.voting.coverage import WorkerRow

register = template.Library()


@register.simple_tag
def registered_sections() -> list[Section]:
    """Returns the registered sections, for the tabs of a study's pages."""
    return study_sections.registered()


@register.simple_tag
def registered_tools() -> list[Tool]:
    """Returns the pages that help to prepare a study, for links to them."""
    return study_sections.tools()


@register.filter
def percent(share: float | None) -> str:
    """Formats a share in [0, 1] as a whole percentage; a dash for None."""
    return "–" if share is None else f"{100 * share:.0f}%"


@register.filter
def coverage_percent(share: float) -> str:
    """Formats a share of received votes as every page does: a part is never rounded to nothing or to the whole."""
    percent = coverage.percent(share)
    return "< 1%" if share > 0 and not percent else f"{percent}%"


@register.filter
def kind_of_file(kind: str) -> str:
    """What the files of a kind hold, in words."""
    return gettext(registry.LABELS[kind])


@register.filter
def worker_state(row: WorkerRow) -> str:
    """Returns the label of a worker's outcome, or of their stage; one who was excluded has not just completed."""
    if row.excluded_at and row.outcome in {"", Outcome.COMPLETED}:
        return gettext("excluded")
    return str(Outcome(row.outcome).label if row.outcome else Stage(row.stage).label)
