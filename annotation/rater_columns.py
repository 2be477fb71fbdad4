"""The registry of further columns in tables of raters.

Ranking compares raters and does not know the apps with more data on them, such as the cost of a judge's
verdict. An app registers its column from its `AppConfig.ready`:

    rater_columns.register(_("Cost per verdict"), look)

`look(study, raters)` takes the primary keys of the study's raters and returns the cell of each that has one, in
the reader's language. It runs while a page is rendered, so it makes a single query.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise

from annotation.models import Study

type Look = Callable[[Study, Collection[int]], Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Fact:
    """A column of a table of raters, with its text by rater; a rater may have none."""

    title: str | Promise
    texts: Mapping[int, str]


_columns: list[tuple[str | Promise, Look]] = []


def register(title: str | Promise, look: Look) -> None:
    """Adds the column `title` to every table of raters, after the columns registered before.

    Raises:
        ValueError: `look` is already registered.
    """
    # By function and not by title: a lazy translation cannot be evaluated before the apps are ready.
    if any(registered is look for _title, registered in _columns):
        raise ValueError(f"A column for {look!r} is already registered.")
    _columns.append((title, look))


def known(study: Study, raters: Collection[int]) -> list[Fact]:
    """Returns the registered columns for `raters`, without empty ones."""
    found = (Fact(title, look(study, raters)) for title, look in _columns)
    return [fact for fact in found if fact.texts]
