"""A stand-in endpoint behind a real socket, and judges that ask it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from annotation.models import Study
from judges.models import Judge, JudgeRun
from judges.services import keeping, runs
from judges.services.planning import Plan
from judges.services.sending import Patience
from judges.stand_in import Behaviour, StandIn
from tests.builders import NOW, build_study

QUICK = Patience(attempts=6, first=0.01, longest=0.05, jitter=0.01)


class Running:
    """A stand-in at work in a thread of its own."""

    def __init__(self, server: StandIn, port: int) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{port}/v1"

    @property
    def ledger(self) -> dict[str, Any]:
        return self.server.ledger.as_json()


@contextmanager
def running(behaviour: Behaviour) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = StandIn(behaviour)
    port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    try:
        yield Running(server, port)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture
def stand_in() -> Iterator[Callable[..., Running]]:
    """Starts a stand-in that behaves as told; it answers within a millisecond unless told otherwise."""
    with ExitStack() as stack:
        yield lambda **behaviour: stack.enter_context(running(Behaviour(**{"latency": 0.001, **behaviour})))


@pytest.fixture
def study(db: None) -> Study:
    """Twelve pairs: three models, four prompts."""
    return build_study()


def make_judge(url: str, name: str = "stand-in", *, budget: int | None = None, **settings: Any) -> Judge:
    reader = settings.pop("reader", "bracketed")
    template = settings.pop("template", None) or keeping.built_in(
        {"rating": "grades", "levels": "pairs-levels", "json": "pairs-json", "bracketed": "pairs"}.get(
            reader, "pairs-letter"
        )
    )
    return keeping.add_judge(
        name,
        {"endpoint": url, "model": "stand-in", "reader": reader, "template": template, "parallel": 4, **settings},
        budget=budget,
    )


def run_judge(study: Study, judge: Judge, plan: Plan = Plan(), **options: Any) -> JudgeRun:  # noqa: B008  frozen
    """A run of `judge`, to its end or to what stops it, in this process."""
    run = runs.start(study, judge.current, plan, NOW, detach=False, **options)
    runs.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    return run
