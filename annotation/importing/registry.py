"""The kinds of rows that other apps store: the seam between the files of a format and whoever owns its rows.

An app registers its taker from its `AppConfig.ready`, beside the format that gives such rows:

    registry.register({"grades": gettext_noop("Grades by judges")}, Judgments, (Judgment,))
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from django.db.models import Model
from django.utils.translation import gettext_noop

from annotation.importing.rows.takers import Taker

if TYPE_CHECKING:
    from annotation.models import Upload


LABELS: Final[dict[str, str]] = {
    "models": gettext_noop("Models"),
    "prompts": gettext_noop("Prompts"),
    "results": gettext_noop("Results"),
    "pairs": gettext_noop("Pairs"),
    "training": gettext_noop("Training pairs"),
    "check": gettext_noop("Check pairs"),
    "comparisons": gettext_noop("Comparisons"),
}
"""By kind of row, what people call its rows, in English: those of the exchange format, and those that apps register."""

OWNED: Final[dict[str, type[Taker]]] = {}
"""By kind of row, who takes it."""

BROUGHT: Final[list[type[Model]]] = []
"""What else belongs to an upload, by its field `upload`; they refer to annotation's rows and not to one another."""

BEFORE_UNDO: Final[list[Callable[["Upload"], None]]] = []
"""Called in the transaction that undoes an upload, before its rows go."""


def register(
    kinds: Mapping[str, str],
    taker: type[Taker],
    brought: Sequence[type[Model]],
    before_undo: Callable[["Upload"], None] | None = None,
) -> None:
    """Lets rows of these kinds, each with its label, be loaded.

    Raises:
        ValueError: another app has one of the names.
    """
    for name, label in kinds.items():
        if OWNED.setdefault(name, taker) is not taker:
            raise ValueError(f"Rows of the kind {name!r} are taken already.")
        LABELS[name] = label
    BROUGHT.extend(model for model in brought if model not in BROUGHT)
    if before_undo is not None and before_undo not in BEFORE_UNDO:
        BEFORE_UNDO.append(before_undo)
