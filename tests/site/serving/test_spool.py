"""Bytes that wait, in memory and on the disk."""

import errno
import os
from pathlib import Path

import pytest

from llmfao_site.serving.spool import IN_MEMORY, Spool


@pytest.mark.parametrize("size", [10, IN_MEMORY, IN_MEMORY + 1, 5 * IN_MEMORY])
def test_what_was_appended_is_read_from_any_offset(tmp_path: Path, size: int):
    data = os.urandom(size)
    spool = Spool(str(tmp_path))
    for start in range(0, size, 7000):
        spool.append(data[start : start + 7000])
    assert spool.size == size
    assert spool.read(0, size) == data
    assert spool.read(size // 2, size) == data[size // 2 :]
    assert spool.read(size, 1) == b""
    # No name on the disk, so nothing stays behind a crash.
    assert list(tmp_path.iterdir()) == []
    spool.close()
    assert spool.size == 0


def test_on_a_full_disk_nothing_is_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spool = Spool(str(tmp_path))
    spool.append(b"a" * IN_MEMORY)

    def full(*_call: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        spool.append(b"b")
    assert spool.read(0, IN_MEMORY + 1) == b"a" * IN_MEMORY
