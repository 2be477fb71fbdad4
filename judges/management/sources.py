"""The endpoint of a model that answers or writes prompts, as a command's options set it."""

from collections.abc import Mapping
from typing import Any, Final

from judges import problems
from judges.management.endpoints import settings_given
from judges.management.watching import ENDS
from judges.models import AnswerSource

ENDS_OF_SOURCE: Final = {
    **ENDS,
    "budget": "The budget is used up. Raise it with --budget, then run the command again.",
}
"""Messages for runs of a model's endpoint that stopped early, by reason."""


def source_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of the endpoint that were given."""
    return settings_given(options, AnswerSource.SETTINGS)


def warn(source: AnswerSource, given: Mapping[str, Any], file: Any) -> None:
    """Says in `file` if the address `given` was shortened, or if the budget of `source` has no effect."""
    if given.get("endpoint", source.endpoint) != source.endpoint:
        file.write(str(problems.ENDPOINT_SHORTENED(endpoint=source.endpoint)))
    if source.budget is not None and not source.priced:
        file.write(f"{source.model.name}: no price is set, so calls do not count towards the budget.")
