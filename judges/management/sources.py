"""The endpoint of a model that answers or writes prompts, as a command's options set it."""

from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from judges import problems
from judges.management.endpoints import settings_given
from judges.management.watching import ENDS
from judges.models import AnswerRun, AnswerSource, EvolveRun, RunState
from judges.runs.lifecycle import Lifecycle

ENDS_OF_SOURCE: Final = {
    **ENDS,
    "budget": "The budget is used up. Raise it with --budget, then run the command again.",
}
"""Messages for runs of a model's endpoint that stopped early, by reason."""


def source_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of the endpoint that were given."""
    return settings_given(options, AnswerSource.SETTINGS)


def set_aside[R: (AnswerRun, EvolveRun)](life: Lifecycle[R, Any, Any], run: R, file: Any) -> bool:
    """Cancels `run` if the endpoint refused a setting of it, so that another with other settings can take its place.

    Returns False, and changes nothing, if the run did not stop for that.
    """
    if run.state != RunState.STOPPED or run.found_problem.code != problems.SETTING_REFUSED.code:
        return False
    if not life.cancel(run, timezone.now()):
        return False
    file.write(f"{run.source.model.name}: run {run.pk} had other settings and was cancelled. Its replies are kept.")
    return True


def warn(source: AnswerSource, given: Mapping[str, Any], file: Any) -> None:
    """Says in `file` if the address `given` was shortened, or if the budget of `source` has no effect."""
    if given.get("endpoint", source.endpoint) != source.endpoint:
        file.write(str(problems.ENDPOINT_SHORTENED(endpoint=source.endpoint)))
    if source.budget is not None and not source.priced:
        file.write(f"{source.model.name}: no price is set, so calls do not count towards the budget.")
