# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py mock-llm`: a mock endpoint for tests and demonstrations."""

import asyncio
import contextlib
import signal
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from judges.llm.mock import LASTING, PASSING, Behaviour, StandIn
from judges.management.numbers import port


def _share(word: str) -> float:
    try:
        share = float(word)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"{word}: expected a number from 0 to 1")
    return share


class Command(BaseCommand):
    """Serves the mock endpoint until interrupted."""

    help = "Runs a mock model endpoint: OpenAI-compatible, deterministic for a seed, with errors at the given rates."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=port, default=8081, help="Port; 0 chooses a free one.")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--latency", type=float, default=50, help="Delay before every reply, in milliseconds.")
        parser.add_argument("--jitter", type=float, default=0, help="Random variation of the delay, in milliseconds.")
        parser.add_argument(
            "--errors", type=_share, default=0, help="Share of requests that fail with a retryable error."
        )
        parser.add_argument("--error-kinds", nargs="+", choices=PASSING, default=list(PASSING))
        parser.add_argument(
            "--oddities", type=_share, default=0, help="Share of replies that are refused, cut off or unreadable."
        )
        parser.add_argument("--oddity-kinds", nargs="+", choices=LASTING, default=list(LASTING))
        parser.add_argument("--retry-after", type=float, default=1, help="Retry-After header of every 429, in seconds.")
        parser.add_argument("--position-bias", type=float, default=0, help="Bias towards the left answer.")
        parser.add_argument("--length-bias", type=float, default=0, help="Bias towards the longer answer.")
        parser.add_argument("--limit", type=int, help="Requests per minute before it replies 429.")
        parser.add_argument(
            "--drift-after", type=int, help="Number of replies after which it returns another model name."
        )
        parser.add_argument("--key", default="", help="Required API key; default: any key is accepted.")

    def handle(self, *args: Any, **options: Any) -> None:
        behaviour = Behaviour(
            seed=options["seed"],
            latency=options["latency"] / 1000,
            jitter=options["jitter"] / 1000,
            passing=options["errors"],
            lasting=options["oddities"],
            passing_kinds=tuple(options["error_kinds"]),
            lasting_kinds=tuple(options["oddity_kinds"]),
            retry_after=options["retry_after"],
            position_bias=options["position_bias"],
            length_bias=options["length_bias"],
            limit=options["limit"],
            key=options["key"],
            drift_after=options["drift_after"],
        )
        try:
            asyncio.run(self._serve(behaviour, options["host"], options["port"]))
        except OSError as problem:
            raise CommandError(
                _("Cannot listen on %(host)s:%(port)s: %(problem)s")
                % {"host": options["host"], "port": options["port"], "problem": problem.strerror}
            ) from None

    async def _serve(self, behaviour: Behaviour, host: str, port: int) -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for end in (signal.SIGINT, signal.SIGTERM):
            # Signal handlers need the main thread and a platform with signals. Without them, Ctrl-C kills the process.
            with contextlib.suppress(RuntimeError, NotImplementedError, ValueError):
                loop.add_signal_handler(end, ended.set)
        server = StandIn(behaviour)
        taken = await server.start(host, port)
        self.stdout.write(f"http://{host}:{taken}/v1")
        self.stdout.flush()
        await ended.wait()
        await server.stop()
