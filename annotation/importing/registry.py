"""The registry of row kinds that other apps store.

An app registers its `Taker` from its `AppConfig.ready`, beside the format that reads such rows:

    kinds.register(("grades", "games"), Judgments, (Judgment,))
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from django.db.models import Model

from annotation.importing.rows.takers import Taker

if TYPE_CHECKING:
    from annotation.models import Upload


OWNED: Final[dict[str, type[Taker]]] = {}
"""The `Taker` of each kind of row."""

BROUGHT: Final[list[type[Model]]] = []
"""Other models with a field `upload`, which refer to annotation's rows but not to one another."""

BEFORE_UNDO: Final[list[Callable[["Upload"], None]]] = []
"""Called in the transaction that undoes an upload, before its rows are deleted."""


def register(
    names: Sequence[str],
    taker: type[Taker],
    brought: Sequence[type[Model]],
    before_undo: Callable[["Upload"], None] | None = None,
) -> None:
    """Registers the taker of rows of the kinds `names`.

    Raises:
        ValueError: a name is already registered.
    """
    for name in names:
        if OWNED.setdefault(name, taker) is not taker:
            raise ValueError(f"The kind {name!r} is already registered.")
    BROUGHT.extend(model for model in brought if model not in BROUGHT)
    if before_undo is not None and before_undo not in BEFORE_UNDO:
        BEFORE_UNDO.append(before_undo)
