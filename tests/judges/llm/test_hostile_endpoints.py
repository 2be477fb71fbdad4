"""What an endpoint that means harm can do to who asks it: nothing but fail."""

import asyncio
import gzip
import time
import tracemalloc

import pytest

from judges.llm import chat, transport
from judges.llm.endpoints import Endpoint, is_endpoint, is_metadata_address
from judges.llm.errors import Again, Permanent, Trouble
from judges.llm.transport import LONGEST_RAW

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
    assert sent < 8 * LONGEST_RAW
    assert time.monotonic() - began < 20


def test_a_small_reply_that_is_packed_many_times_over_is_not_unpacked() -> None:
    packed = gzip.compress(gzip.compress(b"x" * 10_000_000))
    trouble, _sent = answered("200 OK\r\nContent-Encoding: gzip, gzip", packed)
    assert isinstance(trouble, Permanent)
    assert "compressed more than once" in str(trouble)


def test_a_reply_that_is_not_packed_as_it_says_is_a_trouble_like_any_other() -> None:
    trouble, _sent = answered("200 OK\r\nContent-Encoding: gzip", b"no gzip")
    assert isinstance(trouble, Again)


def test_a_key_that_an_endpoint_repeats_in_its_status_is_struck_out() -> None:
    trouble, _sent = answered(f"401 {KEY}", b"")
    assert str(trouble) == "HTTP 401 ***"


def test_one_small_part_that_is_packed_a_thousand_times_over_is_cut_where_a_reply_ends() -> None:
    tracemalloc.start()
    try:
        trouble, _sent = answered("200 OK\r\nContent-Encoding: gzip", gzip.compress(b"x" * 60_000_000))
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(trouble, Permanent)
    assert "larger than" in str(trouble)
    # What the decoder unpacks of one part, twice at the most, and never that of several parts together.
    assert peak < 260_000_000


def test_a_reply_that_comes_drop_by_drop_is_given_up_in_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    async def ask() -> Trouble:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", KEY, timeout=0.5)
        try:
            async with endpoint.client(1) as client:
                with pytest.raises(Again) as trouble:
                    await chat.ask(client, endpoint, b"{}")
        finally:
            server.close()
        return trouble.value

    trouble = asyncio.run(asyncio.wait_for(ask(), 30))
    assert isinstance(trouble, Again)
    assert trouble.perhaps_paid
    assert "0.5 seconds" in str(trouble)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081/v1", "http://localhost/v1", "http://10.0.0.7/v1", "http://[::1]/v1"]
)
def test_models_of_this_machine_and_its_network_can_be_asked(url: str) -> None:
    assert is_endpoint(url)


@pytest.mark.parametrize("gap", ["\n", "\r\n", "\t", " ", "\u2028", "\0"])
@pytest.mark.parametrize(
    "place", ["http:{}//models.example/v1", "http://models{}.example/v1", "http://models.example/v1{}"]
)
def test_an_address_with_a_gap_is_no_endpoint(place: str, gap: str) -> None:
    assert not is_endpoint(place.format(gap))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_that_leads_to_a_clouds_own_address_is_sent_nothing(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read())
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            endpoint = Endpoint(f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/v1", KEY, timeout=30)
            async with endpoint.client(1) as client:
                with pytest.raises(Permanent, match=r"points to 127\.0\.0\.1"):
                    await chat.ask(client, endpoint, b"{}")

    # No test can have a link-local address of its own: this machine's stands in for it.
    monkeypatch.setattr(transport, "is_metadata_address", lambda host: host == "127.0.0.1")
    asyncio.run(ask())
    assert not received


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1%2", "::ffff:169.254.169.254", "fd00:ec2::254"])
def test_addresses_as_connections_spell_them_are_known(address: str) -> None:
    assert is_metadata_address(address)


@pytest.mark.parametrize("host", ["[fd00:ec2::254]", "100.100.100.200", "[fe80::1%25eth0]", "169.254.169.254"])
def test_such_an_address_is_no_endpoint(host: str) -> None:
    assert not is_endpoint(f"http://{host}/v1")
