"""The file broker: Celery's messages as files in a folder, for one machine without a broker server.

This is kombu's transport with atomic writes. Kombu writes a message in the folder that the reader polls;
a quick reader finds it empty, and the worker ends with an unrecoverable error. Also, every connection
binds its queues itself, so that no message is published without a queue.
"""

import fcntl
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem, virtual
from kombu.utils.json import dumps, loads


def _appear(file: Path, content: str) -> None:
    """Writes `content` to `file` atomically."""
    draft = file.with_name(f"{file.name}.{uuid.uuid4()}.draft")
    draft.write_text(content, encoding="utf-8")
    draft.replace(file)


class Channel(filesystem.Channel):
    """Writes, claims and binds atomically, so that no reader sees half a message and no two read the same."""

    def _put(self, queue: str, payload: Any, **_options: Any) -> None:  # type: ignore[override]  # kombu's two bases differ
        # Names sort by wall-clock time; the monotonic clock restarts with the machine.
        name = f"{time.time_ns() // 1_000_000:015d}_{uuid.uuid4()}.{queue}.msg"
        _appear(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder, mine = Path(self.data_folder_in), Path(self.processed_folder)
        for name in sorted(os.listdir(folder)):  # noqa: PTH208  names are all that is needed
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            try:
                # The rename is the claim; both folders are on one file system.
                claimed = (folder / name).rename(mine / name)
            except FileNotFoundError:
                continue
            content = claimed.read_text(encoding="utf-8")
            claimed.unlink()
            return loads(content)
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        file: Path = self._exchange_file(exchange)  # type: ignore[no-untyped-call]
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with (self.control_folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            bindings = self.get_table(exchange)  # type: ignore[no-untyped-call]
            if binding not in bindings:
                _appear(file, dumps([binding, *bindings]))


class Transport(filesystem.Transport):
    """The transport that Celery uses; each connection binds its queues itself."""

    Channel = Channel

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)  # type: ignore[no-untyped-call]
        # Kombu shares one state in the process, which marks a queue as bound before its file is written: a
        # message that another thread published in between was lost. With a state each, every publisher binds.
        self.state = virtual.BrokerState()
