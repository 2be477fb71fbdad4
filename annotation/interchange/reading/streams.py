"""The content of a file as a stream of bytes: decompressed, within bounds, in UTF-8."""

import codecs
import gzip
import io
import lzma
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from annotation.interchange.faults import Fault
from annotation.interchange.hidden_files import is_hidden
from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.source import CHUNK, EXPANSION, Source, Unreadable, unreadable
from annotation.problems import gettext_noop

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP: Final = b"\x1f\x8b"
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
PARQUET: Final = b"PAR1"
OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"

DAMAGE: Final = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError),
    NotImplementedError,  # a compression method that zipfile does not know
)
"""Errors that reading a damaged or invalid ZIP archive raises."""

DAMAGED_ZIP: Final = gettext_noop("The archive is damaged, or it is not a ZIP file.")
NESTED: Final = gettext_noop("This archive is inside another archive. Unpack it and load its files.")


def most(source: Source) -> int:
    """Returns the maximum decompressed bytes of `source`, by its size on disk."""
    return max(bounds.EXPANDED_FREELY, EXPANSION * source.path.stat().st_size)


class _Counted(io.RawIOBase):
    """The bytes of `inner`, at most `left` of them; what goes wrong is told as the fault of `source`."""

    def __init__(self, source: Source, inner: IO[bytes], left: int) -> None:
        self._source, self._inner, self._left = source, inner, left

    def readable(self) -> bool:
        return True

    def readinto(self, target: "WriteableBuffer") -> int:
        view = memoryview(target)
        try:
            chunk = self._inner.read(len(view))
        except EOFError:
            reason = gettext_noop("The compressed file is incomplete. Use a complete copy.")
            raise unreadable(self._source, reason) from None
        except (gzip.BadGzipFile, zlib.error):
            reason = gettext_noop("The compressed file is damaged or not in gzip format.")
            raise unreadable(self._source, reason) from None
        except (zipfile.BadZipFile, lzma.LZMAError, NotImplementedError):
            raise unreadable(self._source, DAMAGED_ZIP) from None
        except OSError as error:
            raise _refused(self._source, error) from None
        self._left -= len(chunk)
        if self._left < 0:
            reason = gettext_noop(
                "The compressed file expands to more than %(times)s times its size. Decompress it and try again."
            )
            raise unreadable(self._source, reason, times=str(EXPANSION))
        view[: len(chunk)] = chunk
        return len(chunk)


class _Recoded(io.RawIOBase):
    """The text of `inner`, which is in `encoding`, as UTF-8."""

    def __init__(self, source: Source, inner: IO[bytes], encoding: str, label: str) -> None:
        self._source, self._inner, self._label = source, inner, label
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._waiting = b""
        self._done = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: "WriteableBuffer") -> int:
        view = memoryview(target)
        while not self._waiting and not self._done:
            chunk = self._inner.read(CHUNK)
            self._done = not chunk
            try:
                # Half a surrogate pair is found later, with its line.
                self._waiting = self._decoder.decode(chunk, final=self._done).encode("utf-8", "surrogatepass")
            except UnicodeError:
                reason = gettext_noop("The file is not valid %(encoding)s. Save it as UTF-8.")
                raise unreadable(self._source, reason, encoding=self._label) from None
        found, self._waiting = self._waiting[: len(view)], self._waiting[len(view) :]
        view[: len(found)] = found
        return len(found)


class _LineFeeds(io.RawIOBase):
    """The bytes of `inner` with line feeds for carriage returns, for files that have no line feeds."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, target: "WriteableBuffer") -> int:
        view = memoryview(target)
        found = self._inner.read(len(view)).replace(b"\r", b"\n")
        view[: len(found)] = found
        return len(found)


def _refused(source: Source, error: OSError) -> Unreadable:
    return unreadable(source, gettext_noop("The file cannot be read: %(problem)s"), problem=error.strerror or "")


class Content:
    """The open content of a file: `stream` gives its bytes, decompressed; `at` is how far the disk has been read."""

    def __init__(self, raw: IO[bytes], stream: IO[bytes]) -> None:
        self.raw, self.stream = raw, stream

    @property
    def at(self) -> int:
        return self.raw.tell()


@contextmanager
def opened(source: Source) -> Iterator[Content]:
    """Opens `source`, decompressed if it is a gzip file or a ZIP archive of one file.

    Raises:
        Unreadable: it does not exist, is not a file, or cannot be read; also later, when the stream is read.
    """
    with ExitStack() as stack:
        try:
            if source.path.exists() and not source.path.is_file():
                raise unreadable(source, gettext_noop("This is a folder or a device. Choose a file."))
            raw = stack.enter_context(source.path.open("rb", buffering=0))
            start = raw.read(4)
            raw.seek(0)
        except OSError as error:
            raise _refused(source, error) from None
        inner: IO[bytes] = raw
        limit = sys.maxsize
        if start.startswith(GZIP) or (source.compressed and start):
            # Buffered, because GzipFile alone is slow for short reads.
            inner, limit = _gunzipped(raw, stack), most(source)
        elif start in ZIP and not is_package(source):
            inner, limit = stack.enter_context(_only_member(source, stack)), most(source)
            member = io.BufferedReader(_Counted(source, inner, limit), CHUNK)
            inner = _gunzipped(member, stack) if member.peek(2).startswith(GZIP) else member
        yield Content(raw, io.BufferedReader(_Counted(source, inner, limit), CHUNK))


def _gunzipped(file: IO[bytes], stack: ExitStack) -> IO[bytes]:
    return cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=file)))


def _only_member(source: Source, stack: ExitStack) -> IO[bytes]:
    if source.inner:
        raise unreadable(source, NESTED)
    try:
        archive = stack.enter_context(zipfile.ZipFile(source.path))
        members = [each for each in archive.infolist() if not each.is_dir() and not is_hidden(each.filename)]
        if len(members) != 1:
            reason = gettext_noop("The archive contains %(count)s files. Unpack it and load its files.")
            raise unreadable(source, reason, count=str(len(members)))
        return archive.open(members[0])
    except RuntimeError:
        reason = gettext_noop("The archive is password-protected. Remove the password and try again.")
        raise unreadable(source, reason) from None
    except DAMAGE:
        raise unreadable(source, DAMAGED_ZIP) from None


def package_of(path: Path) -> str:
    """Returns what a ZIP archive is by its content; empty if it is no archive.

    xlsx, eval, document for those of other office programs, or zip for any other.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) not in ZIP:
                return ""
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return ""
    if "[Content_Types].xml" in names:
        return "xlsx" if any(name.startswith("xl/") for name in names) else "document"
    if {"mimetype", "content.xml"} <= names or "Index/Document.iwa" in names:
        return "document"
    return "eval" if "_journal/start.json" in names or "header.json" in names else "zip"


def is_package(source: Source) -> bool:
    """Returns whether the file is one document in several parts, which is not unpacked, such as .xlsx or .eval."""
    return package_of(source.path) in {"xlsx", "eval", "document"}


@contextmanager
def plain_file(source: Source) -> Iterator[Path]:
    """Returns the path of the decompressed content of `source`, for readers that go back and forth in a file.

    Raises:
        Unreadable: as `opened`.
    """
    with opened(source) as content:
        if isinstance(content.stream, io.BufferedReader) and not _packed(source):
            yield source.path
            return
        with tempfile.NamedTemporaryFile(prefix="llmfao-", suffix=Path(source.plain_name).suffix[:10]) as copy:
            shutil.copyfileobj(content.stream, copy, CHUNK)
            copy.flush()
            yield Path(copy.name)


def _packed(source: Source) -> bool:
    with source.path.open("rb") as file:
        start = file.read(4)
    return start.startswith(GZIP) or (start in ZIP and not is_package(source))


def utf8(source: Source, content: Content, encoding: str, *, carriage_returns: bool = False) -> IO[bytes]:
    """Returns the text of `content` as UTF-8, with line feeds where it has `carriage_returns` alone.

    Bytes that are not UTF-8 stay, for the row that has them to be named.
    """
    stream = content.stream
    if encoding != "utf-8":
        from annotation.interchange.reading.encodings import NAMES

        stream = io.BufferedReader(_Recoded(source, stream, NAMES[encoding], encoding), CHUNK)
    if carriage_returns:
        stream = io.BufferedReader(_LineFeeds(stream), CHUNK)
    return stream


class Lines:
    """Iterates over the lines of a stream, within `LINE_LIMIT`."""

    def __init__(self, source: Source, stream: IO[bytes]) -> None:
        self.source = source
        self.number = 0
        self._stream = stream

    def __iter__(self) -> Iterator[bytes | Fault]:
        """Yields each line with its line end, or a fault for a line that is too long."""
        limit = bounds.LINE_LIMIT
        while line := self._stream.readline(limit + 1):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if len(line) > limit and not line.endswith(b"\n"):
                while (rest := self._stream.readline(CHUNK)) and not rest.endswith(b"\n"):
                    pass
                reason = gettext_noop("This line is longer than %(limit)s MiB.")
                yield Fault(self.source.name, self.number, "", reason, {"limit": str(limit // 2**20)})
            else:
                yield line
