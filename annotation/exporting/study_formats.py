"""The formats that a whole study can be written in, file by file; the exchange format goes one file at a time.

An app registers its writer from its `AppConfig.ready`.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from django.utils.translation import gettext as _

from annotation.interchange.format import Format
from annotation.interchange.registry import FORMATS
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


def register(known: Format, writer: Writer) -> None:
    """Lets studies be written in the format `known`, whose label the pages show.

    Raises:
        ValueError: it has a writer already, or its files cannot be loaded.
    """
    if FORMATS.get(known.name) is not known:
        raise ValueError(f"The format {known.name!r} is not registered.")
    if WRITERS.setdefault(known.name, writer) is not writer:
        raise ValueError(f"A writer of {known.name!r} is registered already.")


def labels() -> list[tuple[str, str]]:
    """The formats that a study can be written in, each with what people call it."""
    return [(name, _(FORMATS[name].label)) for name in sorted(WRITERS)]


def archive(study: Study, name: str) -> IO[bytes]:
    """The study in the format `name` as a ZIP archive, in a file that is gone when it is closed.

    Raises:
        NotPossible: the study cannot be written like this.
    """
    files = WRITERS[name].files(study)
    packed = tempfile.TemporaryFile()  # noqa: SIM115  whoever sends it closes it
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
            for file, chunks in files:
                with target.open(zipfile.ZipInfo(f"{study.slug}/{file}"), "w") as stream:
                    for chunk in chunks:
                        stream.write(chunk.encode())
    except BaseException:
        packed.close()
        raise
    packed.seek(0)
    return packed
