"""What refers to a row. As long as nothing does, the row may be changed; else a copy of it is made."""

import hashlib
import json
from typing import Any, Final

from django.db.models import ManyToOneRel, Model
from django.utils.translation import gettext as _

from annotation.importing.undo import OWNED
from annotation.studies.lifecycle import NotPossible


class InUse(NotPossible):
    """Other rows refer to the row, so that it cannot be changed or deleted."""


class Outdated(NotPossible):
    """The row has changed since the page that changes it was opened."""


def referring(row: Model) -> list[str]:
    """Returns what refers to `row`, in any app, as names in the reader's language; empty if nothing does."""
    found = []
    for relation in row._meta.get_fields(include_hidden=True):
        # A many-to-many relation refers through its intermediate table.
        if not isinstance(relation, ManyToOneRel) or (type(row), relation.related_model) in OWNED:
            continue
        other = relation.related_model
        if other._base_manager.filter(**{relation.field.name: row}).exists():
            between = other._meta.auto_created
            owner = between if isinstance(between, type) else other
            found.append(str(owner._meta.verbose_name_plural))
    return list(dict.fromkeys(found))


UNSEEN: Final = frozenset({"id", "upload", "key", "seed", "wanted", "taken"})
"""Fields that no page shows, and that may change meanwhile."""


def seen(row: Model) -> str:
    """Returns a digest of what a page shows of `row`, which tells whether it has changed since."""
    values: dict[str, Any] = {
        field.attname: field.value_from_object(row) for field in row._meta.concrete_fields if field.name not in UNSEEN
    }
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def lock[T: Model](row: T, before: str) -> T:
    """Returns `row` as it is now, locked against other changes until the transaction ends.

    New answers hold the prompt set, and so does whoever calls this, so that a prompt does not change under an answer.

    Raises:
        InUse: something refers to it.
        Outdated: it is gone, or no longer what `before`, its digest, says.
    """
    now: T | None = type(row)._base_manager.select_for_update().filter(pk=row.pk).first()
    if now is None or seen(now) != before:
        raise Outdated(_("Someone else changed this in the meantime. Open the page again to see what it is now."))
    if used := referring(now):
        raise InUse(in_use(used))
    return now


def in_use(used: list[str]) -> str:
    """Returns what people are told of a row that the rows named `used` refer to."""
    told = _("Other data depends on this row (%(what)s), so it cannot be changed. You can save a changed copy.")
    return told % {"what": ", ".join(used)}
