"""A Redis of the tests' own, where redis-server is installed."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.waiting import eventually


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        # With CI=true a run that skips anything fails: see tests/conftest.py.
        pytest.skip("redis-server is not installed")
    log = tmp_path / "redis.log"
    # Between the moment in which a port is free and the one in which the server takes it, another may.
    for _attempt in range(5):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        address = f"redis://127.0.0.1:{port}/0"
        command = [program, *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))]
        with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
            try:
                assert eventually(partial(has_decided, server, address)), log.read_text()
                if server.poll() is None:
                    yield address
                    return
            finally:
                server.terminate()
    pytest.fail(log.read_text())


def has_decided(server: subprocess.Popen[bytes], address: str) -> bool:
    """Whether `server` is up at `address`, or has ended; another one may have that address."""
    if server.poll() is not None:
        return True
    try:
        with redis.Redis.from_url(address) as client:
            return bool(client.info("server")["process_id"] == server.pid)
    except redis.ConnectionError:
        return False
