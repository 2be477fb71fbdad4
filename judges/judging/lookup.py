"""From what people type to the rows it names."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotation.studies.lifecycle import NotPossible
from judges.judging import judges
from judges.models import Judge, Template
from judges.prompting.builtin import BUILT_IN
from judges.prompting.readers import READERS


def judge_named(name: str) -> Judge:
    """The judge called `name`.

    Raises:
        NotPossible: there is none.
    """
    judge = Judge.objects.filter(name=name).first()
    if judge is None:
        known = ", ".join(Judge.objects.values_list("name", flat=True)) or _("none yet; judge-add makes one")
        raise NotPossible(_("There is no judge %(name)s. There are: %(known)s.") % {"name": name, "known": known})
    return judge


def templates_named(name: str, reader: str) -> Template:
    """The set `NAME`, its newest version, or `NAME:VERSION`; where `name` is empty the one that suits `reader`.

    Raises:
        NotPossible: there is none.
    """
    wanted, _colon, version = (name or READERS[reader].templates).partition(":")
    if wanted in BUILT_IN and not version:
        return judges.built_in(wanted)
    rows = Template.objects.filter(name=wanted)
    found = rows.filter(number=version).first() if version.isdecimal() else None if version else rows.first()
    if found is None:
        raise NotPossible(_("There is no set of templates %(name)s.") % {"name": name})
    return found


def faults(error: ValidationError) -> str:
    """What a ValidationError says, on one line."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{field}: {' '.join(messages)}" for field, messages in error.message_dict.items())
