"""What the frame of a study's pages needs besides the study."""

from typing import Final

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from annotation import study_sections
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
    return "–" if share is None else f"{100 * share:.0f}%"


KINDS: Final[dict[str, str | Promise]] = {
    "models": _("Models"),
    "prompts": _("Prompts"),
    "results": _("Answers"),
    "pairs": _("Pairs"),
    "training": _("Training pairs"),
    "check": _("Check pairs"),
    "comparisons": _("Comparisons"),
    "references": _("Reference answers"),
    "remainders": _("Other columns"),
    "grades": _("Grades by judges"),
    "games": _("Verdicts by judges"),
}


@register.filter
def kind_of_file(kind: str) -> str:
    """What the files of a kind hold, in words."""
    return str(KINDS[kind])


@register.filter
def worker_state(row: WorkerRow) -> str:
    """How a worker left, or where they are."""
    return str(Outcome(row.outcome).label if row.outcome else Stage(row.stage).label)
