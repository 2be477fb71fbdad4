"""Rows of Inspect's .eval files: a ZIP archive with a header and one JSON file for each sample."""

import json
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.json_rows import parsed
from annotation.interchange.reading.source import Row, Source, unreadable, unstorable
from annotation.interchange.reading.streams import DAMAGE, DAMAGED_ZIP
from annotation.problems import gettext_noop

HEADERS: Final = ("header.json", "_journal/start.json")
"""Where the header is; in the second place while a run has not ended."""

SAMPLES: Final = "samples/"
CONVERT: Final = gettext_noop(
    "This .eval file is compressed in a way that cannot be read. Convert it with: inspect log convert --to json"
)


class Log:
    """An .eval file. `around` is its header, known once rows are read."""

    def __init__(self, source: Source, path: Path) -> None:
        self.source, self.path = source, path
        self.around: dict[str, Any] = {}
        self._left = max(bounds.EXPANDED_FREELY, bounds.EXPANSION * path.stat().st_size)

    def rows(self) -> Generator[Row | Fault]:
        """Yields the samples in the order of the archive; the line of a row is its number.

        Raises:
            Unreadable: the archive is damaged.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                names = archive.namelist()
                if len(names) > bounds.MOST_ROWS:
                    raise unreadable(self.source, DAMAGED_ZIP)
                header = next((name for name in HEADERS if name in names), None)
                found = json.loads(self._content(archive, header)) if header else {}
                known = found.items() if isinstance(found, dict) else ()
                self.around = {key: value for key, value in known if not unstorable([key, value])}
                samples = [name for name in names if name.startswith(SAMPLES) and name.endswith(".json")]
                for number, name in enumerate(samples, 1):
                    yield parsed(self.source, number, self._content(archive, name))
                if not samples:
                    yield Fault(self.source.name, None, "", gettext_noop("The file contains no samples."))
        except NotImplementedError:
            raise unreadable(self.source, CONVERT) from None
        except (*DAMAGE, RuntimeError, OSError):
            raise unreadable(self.source, DAMAGED_ZIP) from None

    def _content(self, archive: zipfile.ZipFile, name: str) -> bytes:
        with archive.open(name) as stream:
            content = stream.read(min(bounds.LINE_LIMIT, self._left) + 1)
        self._left -= len(content)
        if self._left < 0:
            reason = gettext_noop("The archive expands to more than %(times)s times its size.")
            raise unreadable(self.source, reason, times=str(bounds.EXPANSION))
        if len(content) > bounds.LINE_LIMIT:
            reason = gettext_noop("The sample %(name)s is longer than %(limit)s MiB.")
            raise unreadable(self.source, reason, name=name, limit=str(bounds.LINE_LIMIT // 2**20))
        return content
