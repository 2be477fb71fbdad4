"""Stores API keys that people paste, and drops them when their endpoint changes."""

from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from judges.llm.api_keys import is_stored
from judges.models import AnswerSource, Judge, StoredKey

LONGEST: Final = 2000
"""Characters of a key."""


def check(key: str) -> str:
    """Returns `key` without surrounding spaces.

    Raises:
        ValidationError: it contains characters that an HTTP header cannot carry, or is too long.
    """
    key = key.strip()
    if not (key.isascii() and key.isprintable()) or len(key) > LONGEST:
        raise ValidationError({"key": _("This is not an API key. Copy the key again, without line breaks.")})
    return key


def keep(owner: Judge | AnswerSource, endpoint: str, key: str, user: Any, at: datetime) -> str:
    """Stores `key` for `endpoint` in the owner's row, and returns the key source that names it.

    Raises:
        ValidationError: it is not a key.
    """
    place = _place(owner)
    row = StoredKey.objects.select_for_update().filter(**place).first() or StoredKey(**place)
    row.fill(check(key), endpoint, user, at)
    row.save()
    return row.name


def drop_unfit(owner: Judge | AnswerSource, key_source: str, endpoint: str) -> str:
    """Deletes the owner's stored key unless `key_source` names it and it is for `endpoint`.

    Returns the key source to use: `key_source`, or nothing if it named a key that is not for `endpoint`.
    """
    row = StoredKey.objects.filter(**_place(owner)).first()
    if row is not None:
        if row.name == key_source and row.fits(endpoint):
            return key_source
        row.delete()
    return "" if is_stored(key_source) else key_source


def _place(owner: Judge | AnswerSource) -> dict[str, Any]:
    """Returns the fields that identify the owner's row."""
    return {"judge": owner} if isinstance(owner, Judge) else {"source": owner}
