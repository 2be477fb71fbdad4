"""What the frame of a study's pages needs besides the study."""

from django import template
from django.utils.translation import gettext

from annotation import study_sections
from annotation.importing import registry
from annotation.models import Outcome
from annotation.models.voting import Stage
from annotation.study_sections import Section
from annotation.voting.coverage import WorkerRow

register = template.Library()


@register.simple_tag
def registered_sections() -> list[Section]:
    """The sections of a study's page, for the tabs over all its pages."""
    return study_sections.registered()


@register.filter
def percent(share: float | None) -> str:
    """A share in [0, 1] as a whole percentage; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.0f} %"


@register.filter
def kind_of_file(kind: str) -> str:
    """What the files of a kind hold, in words."""
    return gettext(registry.LABELS[kind])


@register.filter
def worker_state(row: WorkerRow) -> str:
    """How a worker left, or where they are."""
    return str(Outcome(row.outcome).label if row.outcome else Stage(row.stage).label)
