"""The kinds of rows that other apps store: the seam between the files of a format and whoever owns its rows.

An app registers its taker from its `AppConfig.ready`, beside the format that gives such rows:

    kinds.register(("grades", "games"), Judgments, (Judgment,))
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from django.db.models import Model

from annotation.importing.rows.takers import Taker

if TYPE_CHECKING:
    from annotation.models import Upload


OWNED: Final[dict[str, type[Taker]]] = {}
"""By kind of row, who takes it."""

BROUGHT: Final[list[type[Model]]] = []
"""What else belongs to an upload, by its field `upload`; they refer to annotation's rows and not to one another."""

BEFORE_UNDO: Final[list[Callable[["Upload"], None]]] = []
"""Called in the transaction that undoes an upload, before its rows go."""


def register(
    names: Sequence[str],
    taker: type[Taker],
    brought: Sequence[type[Model]],
    before_undo: Callable[["Upload"], None] | None = None,
) -> None:
    """Lets rows of the kinds `names` be loaded.

    Raises:
        ValueError: another app has one of the names.
    """
    for name in names:
        if OWNED.setdefault(name, taker) is not taker:
            raise ValueError(f"Rows of the kind {name!r} are taken already.")
    BROUGHT.extend(model for model in brought if model not in BROUGHT)
    if before_undo is not None and before_undo not in BEFORE_UNDO:
        BEFORE_UNDO.append(before_undo)
