"""The formats that a whole study can be written in, file by file; the exchange format goes one file at a time.

An app registers its writer from its `AppConfig.ready`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from annotation.models import Study

type Files = Iterator[tuple[str, Iterable[str]]]
"""The name of each file, with the folder that it lies in, and its text in pieces."""


@dataclass(frozen=True, slots=True)
class Writer:
    """`files` raises `NotPossible`, before the first of them, where a study cannot be written like this; `notice` says
    what the files leave out, if anything."""

    files: Callable[[Study], Files]
    notice: Callable[[Study], str]


WRITERS: Final[dict[str, Writer]] = {}
"""By the name of the format."""


def register(name: str, writer: Writer) -> None:
    """Lets studies be written in the format `name`.

    Raises:
        ValueError: another writer has its name.
    """
    if WRITERS.setdefault(name, writer) is not writer:
        raise ValueError(f"A writer of {name!r} is registered already.")
