"""The registry of facts on raters: what an app knows of them that a table of raters should show.

Ranking puts raters side by side and knows none of the apps that have more to say of them, such as what a
verdict of a judge costs. An app registers its column from its `AppConfig.ready`:

    rater_facts.register(_("Cost a verdict"), look)

`look(study, raters)` takes the primary keys of raters of the study and gives the text of each that it knows
something of, in the reader's language; it runs while a page is made, so it asks the database once.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from annotation.models import Study

type Look = Callable[[Study, Collection[int]], Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Fact:
    """A column of a table of raters, and the text in it by rater; a rater without one is left out."""

    title: str | Promise
    texts: Mapping[int, str]


_columns: list[tuple[str | Promise, Look]] = []


def register(title: str | Promise, look: Look) -> None:
    """Adds a column called `title` to every table of raters, after those registered before.

    Raises:
        ValueError: `look` has a column already.
    """
    # By what looks and not by title: a lazy translation has no value before the apps are ready.
    if any(registered is look for _title, registered in _columns):
        raise ValueError(f"A column for {look!r} is registered already.")
    _columns.append((title, look))


def known(study: Study, raters: Collection[int]) -> list[Fact]:
    """What is registered on `raters`; a column that says nothing of any of them is left out."""
    found = (Fact(title, look(study, raters)) for title, look in _columns)
    return [fact for fact in found if fact.texts]
