"""The registry of pairs that another app chooses, such as by the similarity of answers.

An app registers from its `AppConfig.ready`. What it chose is deterministic: its pairs are drawn with no probability.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise

from annotation.models import Study

type Select = Callable[[Study, int], Mapping[int, Iterable[tuple[int, int]]]]
"""Returns the chosen pairs of models by prompt, all as primary keys, from the study and the number of the selection.

Raises:
    NotPossible: there is no such selection, or it is not complete.
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """A strategy of another app: `label` and `help` for the page of pairs, which links to `url_name` (the study's
    slug)."""

    select: Select
    label: str | Promise
    help: str | Promise
    url_name: str


SELECTIONS: Final[dict[str, Selection]] = {}
"""By name of the strategy."""


def register(name: str, selection: Selection) -> None:
    """Lets pairs be made by the strategy `name`.

    Raises:
        ValueError: another strategy has the name.
    """
    if SELECTIONS.setdefault(name, selection) != selection:
        raise ValueError(f"A strategy {name!r} is registered already.")
