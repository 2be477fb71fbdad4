"""Bytes that wait: few in memory, more in a file without a name, which no crash leaves behind."""

import os
import tempfile
from collections.abc import Buffer
from typing import IO, Final

IN_MEMORY: Final = 64 * 1024
"""Bytes that are held in memory."""


class Spool:
    """Bytes that are appended at one end and read from any offset."""

    def __init__(self, folder: str | None) -> None:
        self.folder = folder
        self.size = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def append(self, data: Buffer) -> None:
        """Appends all of `data`.

        Raises:
            OSError: the disk is full, for example; nothing was appended.
        """
        view = memoryview(data).cast("B")
        if self._file is None and self.size + len(view) <= IN_MEMORY:
            self._memory += view
        else:
            if self._file is None:
                file = tempfile.TemporaryFile(dir=self.folder, buffering=0)  # noqa: SIM115  closed by close()
                try:
                    _write(file.fileno(), memoryview(bytes(self._memory)), 0)
                except OSError:
                    file.close()
                    raise
                self._file, self._memory = file, bytearray()
            _write(self._file.fileno(), view, self.size)
        self.size += len(view)

    def read(self, offset: int, count: int) -> bytes:
        """Returns at most `count` bytes from `offset` on; none at the end."""
        count = min(count, self.size - offset)
        if self._file is None:
            return bytes(self._memory[offset : offset + count])
        return os.pread(self._file.fileno(), count, offset)

    def close(self) -> None:
        """Frees the space."""
        if self._file is not None:
            self._file.close()
        self._file, self._memory, self.size = None, bytearray(), 0


def _write(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
