"""Unpacking ZIP archives, the way a browser can upload a folder."""

import errno
import os
import zipfile
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import IO, Final

from annotation.interchange.faults import Fault, printable
from annotation.interchange.hidden_files import is_hidden
from annotation.interchange.reading.source import EXPANDED_FREELY, EXPANSION, Source
from annotation.interchange.reading.streams import DAMAGE, package_of
from annotation.problems import gettext_noop

MOST_FILES: Final = 10_000
CHUNK: Final = 2**20


class Unpackable(Exception):
    """The archive cannot be unpacked; the message says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def is_archive(source: Source) -> bool:
    """Returns whether the file is a ZIP archive to unpack. A damaged one is known by its name only."""
    found = package_of(source.path)
    return found == "zip" or (not found and source.name.lower().endswith(".zip"))


def unpack(source: Source, into: Path) -> list[Source]:
    """Unpacks an archive into the folder `into`, under numbered file names.

    Each file keeps its name in the archive, `folder/name` or `name`. Hidden files, which systems add, are not
    unpacked: they have their whole path as name, for the report to list them.

    Raises:
        Unpackable: it is missing, is not an archive, is damaged or encrypted, or expands far beyond its size.
    """
    try:
        source.path.open("rb").close()
    except OSError as error:
        reason = gettext_noop("The file cannot be read: %(problem)s")
        raise _unpackable(source, reason, problem=error.strerror or "") from None
    try:
        with zipfile.ZipFile(source.path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES:
                raise _unpackable(
                    source, gettext_noop("The archive contains too many files. Split it and upload the parts.")
                )
            left = max(EXPANDED_FREELY, EXPANSION * source.path.stat().st_size)
            found = []
            # Two folders may each have an archive of this name.
            of_it = blake2b(os.fsencode(source.path.absolute()), digest_size=8).hexdigest()
            for index, member in enumerate(members):
                # Some systems write their own path separator, and some archives have entries without a name.
                parts = PurePosixPath(member.filename.replace("\\", "/").lstrip("/")).parts
                if not parts or parts[-1] == "..":
                    continue
                path = into / f"{of_it}-{index}"
                if is_hidden(whole := "/".join(map(printable, parts))):
                    found.append(Source(whole, path, inner=True))
                    continue
                with archive.open(member) as stream:
                    left -= _copy(source, stream, path, left)
                found.append(Source("/".join(map(printable, parts[-2:])), path, inner=True))
            return found
    except DAMAGE as error:
        raise _damaged(source) from error
    except OSError as error:
        # A full disk is not an error of the file; data that bz2 cannot unpack and a negative offset are.
        if error.errno not in {None, errno.EINVAL}:
            raise
        raise _damaged(source) from error
    except RuntimeError:
        raise _unpackable(
            source, gettext_noop("The archive is password-protected. Remove the password and try again.")
        ) from None


def _damaged(source: Source) -> Unpackable:
    return _unpackable(source, gettext_noop("The archive is damaged, or it is not a ZIP file."))


def _unpackable(source: Source, reason: str, **values: str) -> Unpackable:
    return Unpackable(Fault(source.name, None, "", reason, values))


def _copy(source: Source, stream: IO[bytes], path: Path, most: int) -> int:
    """Writes a member to disk, without trusting the size in its header."""
    size = 0
    with path.open("wb") as target:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > most:
                reason = gettext_noop(
                    "The archive expands to more than %(times)s times its size. Unpack it and load the files."
                )
                raise _unpackable(source, reason, times=str(EXPANSION))
            target.write(chunk)
    return size
