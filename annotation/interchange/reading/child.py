"""Reading .xlsx and Parquet files in a process of its own.

Their readers are large programs for formats with many corners. A file that makes one of them run wild ends a process
that has no database connection, no keys, no network and little memory, and its death is a fault of the file.

    python -m annotation.interchange.reading.child LAYOUT PATH SHEET MOST

writes messages to standard output, one JSON value a line: an object first,
`{"keys": [...], "sheets": [...], "line": 1}`; then lists of rows, each a list of the line and the values;
`{"fault": [...]}`; and `{"end": true}`.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.reading import source as bounds
from annotation.interchange.reading.source import Row, Source, renamed, unreadable, unstorable
from annotation.problems import gettext_noop

MEMORY: Final = 2 * 2**30
"""Address space in bytes."""

PROCESSOR_TIME: Final = 300
"""Seconds."""

MESSAGE_LIMIT: Final = 64 * 2**20
"""Maximum bytes of a message."""

BATCH: Final = 256
"""Maximum rows of a message."""

EVERYTHING: Final = -1

NEEDS: Final = {"xlsx": "python_calamine", "parquet": "pyarrow"}
MISSING: Final = {
    "xlsx": gettext_noop("Reading .xlsx files needs python-calamine. Install it with: pip install python-calamine"),
    "parquet": gettext_noop("Reading Parquet files needs pyarrow. Install it with: pip install 'llmfao[parquet]'"),
}

SPENT: Final = gettext_noop("Reading this file takes more than %(seconds)s seconds of processor time. Split it.")
TOO_LARGE: Final = gettext_noop("Reading this file takes more than %(memory)s GB of memory. Split it.")
DIED: Final = gettext_noop(
    "Reading this %(layout)s file failed: it is damaged, or takes more than %(memory)s GB of memory."
)
DAMAGED: Final = gettext_noop("The file is damaged, or it is not a valid %(layout)s file.")
TOO_MANY_ROWS: Final = gettext_noop("The file has more than %(most)s rows. Split it.")
TOO_MANY_COLUMNS: Final = gettext_noop("The table has more than 10,000 columns.")

LABELS: Final = {"xlsx": ".xlsx", "parquet": "Parquet"}

KEPT: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Settings of the environment that the process gets; keys and addresses of databases are in others."""

SET: Final = {
    "PYTHONPATH": "",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "1",
    # A thread's stack and arena each count against the address space.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""Settings of the environment that the process has of its own."""


@contextmanager
def _process(layout: str, path: Path, sheet: str, most: int) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment = kept | SET | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    process = subprocess.Popen(  # noqa: S603  our own module, in our own interpreter
        [sys.executable, "-m", __name__, layout, str(path.absolute()), sheet, str(most)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        yield process
    finally:
        # Who only wanted the first rows leaves before the end.
        process.kill()
        if process.stdout:
            process.stdout.close()
        process.wait()


class Table:
    """A spreadsheet or Parquet file that a child process reads. `keys` and `sheets` are known once rows are read."""

    def __init__(self, source: Source, layout: str, path: Path) -> None:
        self.source, self.layout, self.path = source, layout, path
        self.keys: list[str] = []
        self.sheets: tuple[str, ...] = ()
        self.line = 1

    def rows(self, most: int = EVERYTHING) -> Generator[Row | Fault]:
        """Yields the rows, at most `most` of them.

        Raises:
            Unreadable: the process ended before the file did, or its reader is not installed.
        """
        if importlib.util.find_spec(NEEDS[self.layout]) is None:
            raise unreadable(self.source, MISSING[self.layout])
        with _process(self.layout, self.path, self.source.reading.sheet, most) as process:
            assert process.stdout is not None  # noqa: S101  it is a pipe
            ended = False
            for message, suspicious in self._messages(process.stdout):
                match message:
                    case list() if self.keys and all(len(row) == len(self.keys) + 1 for row in message):
                        yield from self._rows(message, suspicious)
                    case {"fault": [line, reason, dict() as values]}:
                        yield Fault(self.source.name, line, "", str(reason), {k: str(v) for k, v in values.items()})
                    case {"keys": [*keys], "sheets": [*sheets], "line": int() as number}:
                        self.keys = renamed(self.source.reading.columns, [str(key) for key in keys])
                        self.sheets, self.line = tuple(map(str, sheets)), number
                    case {"end": True}:
                        ended = True
                    case _:
                        break
            if not ended:
                # It may be waiting for someone to read what it writes.
                process.stdout.close()
                raise self._death(process.wait())

    def _messages(self, stream: IO[bytes]) -> Iterator[tuple[Any, bool]]:
        """Yields each message, and whether a text in it may not be one that can be stored."""
        while line := stream.readline(MESSAGE_LIMIT):
            try:
                yield json.loads(line), b"\\u0000" in line or b"\\ud" in line
            except ValueError:
                # It died while it was writing, or it is no longer our program that writes.
                return

    def _rows(self, message: list[list[Any]], suspicious: bool) -> Iterator[Row | Fault]:
        keys = self.keys
        unnamed = any(map(nameless, keys))
        for line, *values in message:
            row = dict(zip(keys, values, strict=True))
            if suspicious and (problem := unstorable(row)):
                yield Fault(self.source.name, line, "", problem)
            elif unnamed:
                # What a column without a name does not hold is not there.
                yield Row(line, {key: each for key, each in row.items() if each is not None or not nameless(key)}, None)
            else:
                yield Row(line, row, None)

    def _death(self, code: int) -> Exception:
        if -code == getattr(signal, "SIGXCPU", None):
            return unreadable(self.source, SPENT, seconds=str(PROCESSOR_TIME))
        return unreadable(self.source, DIED, layout=LABELS[self.layout], memory=str(MEMORY // 2**30))


def nameless(key: str) -> bool:
    """Returns whether a key stands for a column without a name."""
    return key.startswith("(column ")


# What follows runs in the child.


class Refused(Exception):
    """The file cannot be read; has the reason, its values, and the line if there is one."""

    def __init__(self, reason: str, line: int | None = None, **values: str) -> None:
        super().__init__(reason)
        self.reason, self.line, self.values = reason, line, values


class Writer:
    """Sends rows to the parent, many at a time, and counts them."""

    def __init__(self, stream: IO[str], most_bytes: int) -> None:
        self._stream = stream
        self._left = most_bytes
        self._rows = 0

    def send(self, message: Any) -> None:
        self._stream.write(_json(message) + "\n")

    def rows(self, some: Sequence[Sequence[Any]]) -> None:
        """Sends rows, each a line and its values; at most `BATCH` of them.

        Raises:
            Refused: it is one row too many, or too long, or too many bytes have been decoded.
        """
        self._rows += len(some)
        if self._rows > bounds.MOST_ROWS:
            raise Refused(TOO_MANY_ROWS, most=f"{bounds.MOST_ROWS:,}")
        try:
            text = _json(some)
        except RecursionError:
            raise Refused(gettext_noop("This row is nested too deeply."), some[0][0]) from None
        self.count(len(text))
        if len(text) <= bounds.LINE_LIMIT:
            self._stream.write(text + "\n")
            return
        for row in some:
            text = _json([row])
            if len(text) > bounds.LINE_LIMIT:
                reason = gettext_noop("This row is longer than %(limit)s MiB.")
                raise Refused(reason, row[0], limit=str(bounds.LINE_LIMIT // 2**20))
            self._stream.write(text + "\n")

    def count(self, size: int) -> None:
        """Counts decoded bytes.

        Raises:
            Refused: there are too many.
        """
        self._left -= size
        if self._left < 0:
            reason = gettext_noop(
                "The compressed file expands to more than %(times)s times its size. Decompress it and try again."
            )
            raise Refused(reason, times=str(bounds.EXPANSION))

    def fault(self, line: int | None, reason: str, values: dict[str, str]) -> None:
        self.send({"fault": [line, reason, values]})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _limit() -> None:
    """Gives up memory, processor time, the network, other processes and writing, for good."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_TIME, PROCESSOR_TIME + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(refuse)


FORBIDDEN: Final = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.")


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuses the network, other processes and writing: an audit hook.

    Raises:
        PermissionError: the event is one of them.
    """
    if event.startswith(FORBIDDEN):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        raise PermissionError(event)


def main(layout: str, path: str, sheet: str, most: str) -> None:
    """Reads one file and writes its rows to standard output."""
    _limit()
    size = Path(path).stat().st_size
    writer = Writer(sys.stdout, max(bounds.EXPANDED_FREELY, bounds.EXPANSION * size))
    try:
        if layout == "xlsx":
            from annotation.interchange.reading import spreadsheets

            spreadsheets.write(Path(path), sheet, int(most), writer)
        else:
            from annotation.interchange.reading import parquet

            parquet.write(Path(path), int(most), writer)
    except Refused as refused:
        writer.fault(refused.line, refused.reason, refused.values)
    except MemoryError:
        writer.fault(None, TOO_LARGE, {"memory": str(MEMORY // 2**30)})
    writer.send({"end": True})
    sys.stdout.flush()


if __name__ == "__main__":
    # The module is imported a second time by what it imports; both have to mean the same `Refused`.
    from annotation.interchange.reading.child import main as run

    run(*sys.argv[1:])
