"""The registry of row kinds that other apps store.

An app registers its `Taker` from its `AppConfig.ready`, beside the format that reads such rows:

    registry.register({"grades": gettext_noop("Grades by judges")}, Judgments, (Judgment,))
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from django.db.models import Model
from django.utils.translation import gettext_noop

from annotation.importing.rows.importer import Intake
from annotation.importing.rows.takers import Taker

if TYPE_CHECKING:
    from annotation.models import Upload


LABELS: Final[dict[str, str]] = {
    "models": gettext_noop("Models"),
    "prompts": gettext_noop("Prompts"),
    "results": gettext_noop("Answers"),
    "pairs": gettext_noop("Pairs"),
    "training": gettext_noop("Training pairs"),
    "check": gettext_noop("Check pairs"),
    "comparisons": gettext_noop("Comparisons"),
}
"""By kind of row, what people call its rows, in English: those of the exchange format, and those that apps register."""

OWNED: Final[dict[str, Callable[[Intake], Taker]]] = {}
"""By kind of row, the function that creates its `Taker` for an intake."""

OF_THE_STUDY: Final[set[str]] = {"pairs", "training", "check", "comparisons"}
"""Kinds of rows that belong to the study alone. All others change its prompt set."""

BROUGHT: Final[list[type[Model]]] = []
"""Other models with a field `upload`, which refer to annotation's rows but not to one another."""

BEFORE_UNDO: Final[list[Callable[["Upload"], None]]] = []
"""Called in the transaction that undoes an upload, before its rows are deleted."""


def register(
    kinds: Mapping[str, str],
    taker: Callable[[Intake], Taker],
    brought: Sequence[type[Model]],
    before_undo: Callable[["Upload"], None] | None = None,
    of_the_study: Collection[str] = (),
) -> None:
    """Lets rows of these kinds, each with its label, be loaded; those `of_the_study` leave its prompt set as it is.

    Raises:
        ValueError: a name is already registered.
    """
    for name, label in kinds.items():
        if OWNED.setdefault(name, taker) is not taker:
            raise ValueError(f"Rows of the kind {name!r} are taken already.")
        LABELS[name] = label
    OF_THE_STUDY.update(of_the_study)
    BROUGHT.extend(model for model in brought if model not in BROUGHT)
    if before_undo is not None and before_undo not in BEFORE_UNDO:
        BEFORE_UNDO.append(before_undo)
