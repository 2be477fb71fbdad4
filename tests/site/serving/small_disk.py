"""A file system of 4 MB."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path) -> Iterator[Callable[[], int]]:
    """Mounts 4 MB on `folder`; yields a function that returns the free bytes. Skips where nothing can be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield lambda: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
