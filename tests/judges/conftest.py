"""A stand-in endpoint, in this process or behind a real socket, and judges that ask it."""

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any, Protocol, cast

import httpx
import pytest

from annotation.models import Study
from judges.judging import judges, runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm import chat, transport
from judges.llm.mock import Behaviour, StandIn, _Request
from judges.llm.transport import Received
from judges.models import Judge, JudgeRun
from judges.runs.sender import Patience
from tests.builders import NOW, build_study
from tests.waiting import PATIENCE

QUICK = Patience(attempts=6, first=0.01, longest=0.05, jitter=0.01)


def behind_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a gateway say of every reply that it comes from its cache."""
    post = transport.post

    async def posted(*args: Any) -> Received:
        return replace(await post(*args), from_cache=True)

    monkeypatch.setattr(chat, "post", posted)


class Gated(StandIn):
    """A mock endpoint that replies to an allowed number of requests and keeps further ones waiting."""

    def __init__(self, behaviour: Behaviour, let: float) -> None:
        super().__init__(behaviour)
        self.let = let
        self.passed = 0
        self.moved = asyncio.Condition()

    async def _chat(self, request: Any, writer: asyncio.StreamWriter) -> bool:
        async with self.moved:
            await self.moved.wait_for(lambda: self.passed < self.let)
            self.passed += 1
        return await super()._chat(request, writer)

    async def allow(self, let: float) -> None:
        async with self.moved:
            self.let = let
            self.moved.notify_all()


class Reachable(Protocol):
    """A stand-in that can be asked at `url`."""

    url: str
    server: StandIn

    @property
    def ledger(self) -> dict[str, Any]: ...


class Running:
    """A stand-in that listens at a real socket, in a thread of its own."""

    def __init__(self, server: Gated, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{port}/v1"
        self._loop = loop

    def let(self, requests: float) -> None:
        """Allows replies up to this total number of requests."""
        asyncio.run_coroutine_threadsafe(self.server.allow(requests), self._loop).result(PATIENCE)

    @property
    def ledger(self) -> dict[str, Any]:
        return self.server.ledger.as_json()


@contextmanager
def running(behaviour: Behaviour, let: float = math.inf) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = Gated(behaviour, let)
    port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(PATIENCE)
    try:
        yield Running(server, port, loop)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


class Paper:
    """What a stand-in writes its reply on where nobody is connected."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        pass


class InProcess:
    """A stand-in that is called instead of connected to, in the loop of whoever asks it."""

    def __init__(self, server: StandIn, port: int) -> None:
        self.server = server
        self.port = port
        self.url = f"http://127.0.0.1:{port}/v1"

    @property
    def ledger(self) -> dict[str, Any]:
        return self.server.ledger.as_json()

    async def handle(self, request: httpx.Request) -> httpx.Response:
        paper = Paper()
        body = await request.aread()
        asked = _Request(request.method, request.url.path, dict(request.headers), body)
        await self.server._serve(asked, cast(asyncio.StreamWriter, paper))
        head, _, content = bytes(paper.written).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        if len(content) < int(headers["content-length"]):
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
        return httpx.Response(int(first.split(" ")[1]), headers=headers, content=content, request=request)


PORTS = count(20_000)


@cache
def tls() -> Any:
    """The authorities that a client trusts, which take longer to read than a whole run takes without them."""
    return httpx.create_ssl_context()


@pytest.fixture
def stand_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Reachable]]:
    """Starts a stand-in that behaves as told; it answers within a millisecond unless told otherwise.

    It is in this process, at the end of the client's own pools, unless the test is marked `socket`.
    """

    def behaves(told: dict[str, Any]) -> Behaviour:
        return Behaviour(**{"latency": 0.001, **told})

    if request.node.get_closest_marker("socket"):
        with ExitStack() as stack:
            yield lambda **told: stack.enter_context(running(behaves(told)))
        return

    near: dict[int | None, InProcess] = {}
    connect = httpx.AsyncHTTPTransport.handle_async_request

    async def handle(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        found = near.get(request.url.port)
        return await (found.handle(request) if found else connect(transport, request))

    def start(**told: Any) -> InProcess:
        one = InProcess(StandIn(behaves(told)), next(PORTS))
        near[one.port] = one
        return one

    authorities = tls()
    monkeypatch.setattr(httpx, "create_ssl_context", lambda: authorities)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    yield start


@pytest.fixture
def study(db: None) -> Study:
    """Twelve pairs from three models and four prompts."""
    return build_study()


def make_judge(url: str, name: str = "stand-in", *, budget: int | None = None, **settings: Any) -> Judge:
    reader = settings.pop("reader", "bracketed")
    template = settings.pop("template", None) or judges.built_in(
        {"rating": "grades", "levels": "pairs-levels", "json": "pairs-json", "bracketed": "pairs"}.get(
            reader, "pairs-letter"
        )
    )
    return judges.add_judge(
        name,
        {"endpoint": url, "model": "stand-in", "reader": reader, "template": template, "parallel": 4, **settings},
        budget=budget,
    )


def run_judge(study: Study, judge: Judge, plan: Plan = Plan(), **options: Any) -> JudgeRun:  # noqa: B008  frozen
    """Runs `judge` in this process until the run ends or stops."""
    run = runs.start(study, judge.current, plan, NOW, detach=False, **options)
    judge_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run
