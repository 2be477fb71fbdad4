"""The registry of formats in which a whole study can be exported, besides the single exchange files.

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
"""(name with its folder, text in chunks) of each file."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes a study in one format.

    `files` raises `NotPossible` before the first file if the format cannot represent the study. `notice` returns
    what the files leave out, if anything.
    """

    files: Callable[[Study], Files]
    notice: Callable[[Study], str]


WRITERS: Final[dict[str, Writer]] = {}
"""The writers by name of the format."""


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


def losses() -> list[tuple[str, str, list[str]]]:
    """The formats that a study can be written in, each with what people call it and what it cannot carry."""
    return [(name, label, [_(each) for each in FORMATS[name].cannot_carry]) for name, label in labels()]


def archive(study: Study, name: str) -> IO[bytes]:
    """Returns the study in the format `name` as a ZIP archive, in a temporary file that closing deletes.

    Raises:
        NotPossible: the format cannot represent the study.
    """
    files = WRITERS[name].files(study)
    packed = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
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
