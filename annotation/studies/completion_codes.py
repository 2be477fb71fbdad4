"""Completion codes and return links, by outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from annotation.models import Exit, Outcome, Study
from annotation.studies.lifecycle import change_settings


@dataclass(frozen=True, slots=True)
class Way:
    """The completion code and the return link of one outcome; an empty link means that there is none."""

    code: str
    url: str = ""


@transaction.atomic
def change_platform(study: Study, changes: Mapping[str, Any], ways: Mapping[Outcome, Way]) -> Study:
    """Changes the settings in `changes` and the code and return link of each outcome in `ways`, all or none.

    Raises:
        ValidationError: a code is empty, a link is not valid, or another outcome has the code of “completed”.
    """
    study = change_settings(study, changes)
    exits = {Outcome(exit_.outcome): exit_ for exit_ in study.exits.select_for_update()}
    for outcome, way in ways.items():
        exit_ = exits.setdefault(outcome, Exit(study=study, outcome=outcome))
        exit_.code, exit_.url = way.code, way.url
        exit_.full_clean(validate_unique=False, validate_constraints=False)
    completed = exits[Outcome.COMPLETED].code.casefold() if Outcome.COMPLETED in exits else ""
    for outcome, exit_ in exits.items():
        if outcome != Outcome.COMPLETED and exit_.code.casefold() == completed:
            raise ValidationError(
                _(
                    "“%(outcome)s” has the same code as “%(completed)s”, so those workers would be paid as "
                    "completed. Use a different code."
                )
                % {"outcome": outcome.label, "completed": Outcome.COMPLETED.label}
            )
    for outcome in ways:
        exits[outcome].save()
    return study
