"""What an endpoint that means harm can do to who asks it: nothing but fail."""

import asyncio
import gzip
import time

import pytest

from judges import chat
from judges.chat import Again, Endpoint, Permanent, Trouble

KEY = "sk-unmistakable-4242424242"


def answered(head: str, part: bytes, *, endless: bool = False) -> tuple[Trouble, int]:
    """What becomes of a request that is answered with `head` and `part`, and how many bytes were taken."""
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n".encode())
        try:
            while True:
                writer.write(part)
                await writer.drain()
                sent += len(part)
                if not endless:
                    break
        except ConnectionError:
            pass
        writer.close()

    async def ask() -> Trouble:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", KEY, timeout=30)
        try:
            async with endpoint.client(1) as client:
                with pytest.raises(Trouble) as trouble:
                    await chat.ask(client, endpoint, b"{}")
        finally:
            server.close()
        return trouble.value

    return asyncio.run(ask()), sent


@pytest.mark.parametrize(("status", "kind"), [("200 OK", Permanent), ("500 Oh", Again)])
def test_a_reply_without_end_is_left_after_the_bytes_that_a_reply_may_have(status: str, kind: type[Trouble]) -> None:
    began = time.monotonic()
    trouble, sent = answered(status, b"x" * 65_536, endless=True)
    assert isinstance(trouble, kind)
    assert sent < 8 * chat.LONGEST_RAW
    assert time.monotonic() - began < 20


def test_a_small_reply_that_is_packed_many_times_over_is_not_unpacked() -> None:
    packed = gzip.compress(gzip.compress(b"x" * 10_000_000))
    trouble, _sent = answered("200 OK\r\nContent-Encoding: gzip, gzip", packed)
    assert isinstance(trouble, Permanent)
    assert "several times" in trouble.words


def test_a_reply_that_is_not_packed_as_it_says_is_a_trouble_like_any_other() -> None:
    trouble, _sent = answered("200 OK\r\nContent-Encoding: gzip", b"no gzip")
    assert isinstance(trouble, Again)


def test_a_key_that_an_endpoint_repeats_in_its_status_is_struck_out() -> None:
    trouble, _sent = answered(f"401 {KEY}", b"")
    assert trouble.words == "HTTP 401 ***"
