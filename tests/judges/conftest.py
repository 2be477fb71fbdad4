"""A mock endpoint on a real socket, and judges that use it."""

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from annotation.models import Study
from judges.judging import judges, runs
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm.mock import Behaviour, StandIn
from judges.models import Judge, JudgeRun
from judges.runs.sender import Patience
from tests.builders import NOW, build_study
from tests.waiting import PATIENCE

QUICK = Patience(attempts=6, first=0.01, longest=0.05, jitter=0.01)


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


class Running:
    """A mock endpoint running in its own thread."""

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


@pytest.fixture
def stand_in() -> Iterator[Callable[..., Running]]:
    """Starts a mock endpoint with the given behaviour; by default it replies within a millisecond."""
    with ExitStack() as stack:
        yield lambda **behaviour: stack.enter_context(running(Behaviour(**{"latency": 0.001, **behaviour})))


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
