"""Files that operating systems put beside people's own: hidden ones, thumbnails, resource forks. Pure."""

from pathlib import PurePosixPath
from typing import Final

SYSTEM_FILES: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})
"""Files of Windows and macOS that are hidden by an attribute, which neither an archive nor a browser keeps."""

SYSTEM_FOLDERS: Final = frozenset({"__macosx", "@eadir", "$recycle.bin", "system volume information"})
"""Folders of macOS archives, of Synology's disks and of Windows."""


def is_hidden(name: str) -> bool:
    """Returns whether `name`, a path with slashes, is a file of the system or hidden, or lies in such a folder."""
    *folders, called = PurePosixPath(name).parts or ("",)
    if called.lower() in SYSTEM_FILES or called.startswith("~$"):
        return True
    return any(part.startswith(".") for part in (*folders, called) if part not in {".", ".."}) or any(
        part.lower() in SYSTEM_FOLDERS for part in (*folders, called)
    )
