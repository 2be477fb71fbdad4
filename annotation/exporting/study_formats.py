"""The registry of formats in which a whole study can be exported, besides the single exchange files.

An app registers its writer from its `AppConfig.ready`.
"""

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Final

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


def register(name: str, writer: Writer) -> None:
    """Registers the writer of the format `name`.

    Raises:
        ValueError: the name is already registered.
    """
    if WRITERS.setdefault(name, writer) is not writer:
        raise ValueError(f"A writer of {name!r} is already registered.")


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
