"""Child processes that end together with the process that started them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from llmfao_site.demo import watchdog


class Died(Exception):
    """A child process ended unexpectedly."""

    def __init__(self, name: str, code: int, log: Path) -> None:
        super().__init__(name, code, log)
        self.name = name
        self.code = code
        self.log = log


class Processes:
    """Children in process groups of their own, each with a log file.

    Leaving the context stops them. If this process is killed, a small watchdog process, which holds
    the other end of a pipe, stops them instead.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._watchdog = subprocess.Popen([sys.executable, "-I", watchdog.__file__], stdin=subprocess.PIPE)  # noqa: S603
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def _line(self) -> IO[bytes]:
        if self._watchdog is None or self._watchdog.stdin is None:
            raise RuntimeError("Children can only be started inside the context.")
        return self._watchdog.stdin

    def start(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], files: Sequence[int] = ()
    ) -> None:
        """Starts `command` with `environment` added to this process's and with the open `files` inherited."""
        with self.log(name).open("wb") as log:
            child = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                pass_fds=files,
                # Its own group: Ctrl-C in the terminal reaches only this process, which stops the others in order.
                start_new_session=True,
            )
        self.children[name] = child
        self._line.write(b"%d\n" % child.pid)
        self._line.flush()

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def check(self) -> None:
        """Checks that every child is alive.

        Raises:
            Died: a child has ended.
        """
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                raise Died(name, code, self.log(name))

    def stop(self, patience: float = watchdog.PATIENCE) -> None:
        """Terminates every child, waits up to `patience` seconds in all, then kills what is left of their groups."""
        for child in self.children.values():
            child.terminate()
        deadline = time.monotonic() + patience
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, deadline - time.monotonic()))
            # The group may outlive its leader.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()
        if self._watchdog is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.communicate(b"let go\n")
            self._watchdog = None
