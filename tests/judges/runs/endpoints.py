"""An endpoint that replies as a test says, and a run that asks it."""

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

type Reply = tuple[int, Any]


def said(text: str = "[[A]]", number: int = 0) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return 200, {"id": f"r-{number}", "model": "m", "choices": [choice], "usage": usage}


def no(status: int, words: str, **more: Any) -> Reply:
    return status, {"error": {"message": words, **more}}


@dataclass
class Told:
    """What the endpoint was asked, in order: bodies and headers."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def endpoint(
    reply: Callable[[dict[str, Any], int], Reply], slow: float = 0.0, tls: ssl.SSLContext | None = None
) -> Iterator[Told]:
    """Answers each request with `reply(body, number of requests before it)`, in a thread of its own."""
    loop = asyncio.new_event_loop()
    told = Told("")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode("latin-1").split("\r\n")[1:-2]
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                number = len(told.bodies)
                told.bodies.append(body)
                told.headers.append(headers)
                if slow:
                    await asyncio.sleep(slow)
                status, found = reply(body, number)
                content = json.dumps(found).encode()
                writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def start() -> int:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        return int(server.sockets[0].getsockname()[1])

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    told.url = f"http{'s' if tls else ''}://127.0.0.1:{asyncio.run_coroutine_threadsafe(start(), loop).result(10)}/v1"
    try:
        yield told
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
