"""Finds rows by the names that users type."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.studies.lifecycle import NotPossible
from judges.judging import judges
from judges.models import Judge, Template
from judges.prompting.builtin import BUILT_IN
from judges.prompting.readers import READERS


def judge_named(name: str) -> Judge:
    """Returns the judge named `name`.

    Raises:
        NotPossible: there is no such judge.
    """
    judge = Judge.objects.filter(name=name).first()
    if judge is None:
        known = ", ".join(Judge.objects.values_list("name", flat=True)) or _("none yet (add one with judge-add)")
        raise NotPossible(
            _("No judge is named “%(name)s”. Available judges: %(known)s.") % {"name": name, "known": known}
        )
    return judge


def templates_named(name: str, reader: str) -> Template:
    """Returns the template set `NAME` (newest version) or `NAME:VERSION`; by default the one for `reader`.

    Raises:
        NotPossible: there is no such set.
    """
    wanted, _colon, version = (name or READERS[reader].templates).partition(":")
    if wanted in BUILT_IN and not version:
        return judges.built_in(wanted)
    rows = Template.objects.filter(name=wanted)
    found = rows.filter(number=version).first() if version.isdecimal() else None if version else rows.first()
    if found is None:
        raise NotPossible(_("No template set is named “%(name)s”.") % {"name": name})
    return found


def faults(error: ValidationError) -> str:
    """Formats a ValidationError on one line."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
