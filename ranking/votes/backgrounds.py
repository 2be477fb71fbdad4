"""Groups of people with one background, such as an age group, that a board may be restricted to.

What is known of a person is private. A group is only named if it has at least `LEAST` people.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from django.db.models import F, Q, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from annotation.models import Rater, Study

LEAST: Final = 10
"""Minimum people of a group whose votes may be shown apart."""

SEPARATOR: Final = "="


def groups(study: Study, excluded: Collection[int] | None = None) -> list[str]:
    """Returns the groups of at least `LEAST` people whose votes count, as `NAME=VALUE`, in order.

    Raters whose primary keys are in `excluded` do not count; by default those who are excluded now.
    """
    return [group for group, (_name, _value, people) in sorted(_counted(study, excluded)) if people >= LEAST]


def members(study: Study, group: str, excluded: Collection[int]) -> Q | None:
    """Returns the condition on a comparison that one of `group` gave it; None if there is no such group."""
    found = {known: (name, value) for known, (name, value, people) in _counted(study, excluded) if people >= LEAST}
    if group not in found:
        return None
    name, value = found[group]
    # As text: otherwise SQLite would read the value as JSON.
    said = Rater.objects.filter(study=study).alias(said=Cast(KeyTextTransform(name, F("background")), TextField()))
    return Q(rater__in=said.filter(said=value))


def _counted(study: Study, excluded: Collection[int] | None) -> Iterator[tuple[str, tuple[str, str, int]]]:
    """Yields each group, its name and value, and how many people are in it."""
    known = Rater.objects.filter(study=study, worker__votes__gt=0).exclude(background={})
    if excluded is None:
        known = known.filter(excluded_at=None)
    hidden = frozenset(excluded or ())
    people = Counter(
        (name, value)
        for pk, background in known.values_list("pk", "background").iterator()
        if pk not in hidden
        for name, value in background.items()
        # In the database, a name that is a number would be a position in a list.
        if not name.lstrip("-").isdigit()
    )
    for (name, value), number in people.items():
        yield f"{name}{SEPARATOR}{value}", (name, value, number)
