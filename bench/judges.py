"""How many calls a second a judge makes: `make bench-judges`.

Against the mock server, in a process of its own, at 30 ms and 16 and 64 requests in flight, in turns: a bare asyncio
httpx loop that sends the same requests and keeps nothing, and a judge's run that reserves, reads and stores. The loop
has pools of eight connections, as the run has: with one pool of all connections httpcore takes longer for each request
than anything else. Loopback and SQLite only. A long run's memory is measured after a quarter of its calls and at its
end. Then two processes share a limit of requests a minute for some minutes: the mock server says how many came, and how
many in its busiest minute.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARALLEL = 64
WANTED = {16: 0.70, 64: 0.45}
"""Share of the bare loop that a run must reach, by requests in flight."""

POOL = 8


def stand_in(latency: float) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "manage.py", "mock-llm", "--port", "0", "--latency", str(latency)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    return server, server.stdout.readline().strip()


async def bare(url: str, bodies: list[bytes], parallel: int) -> float:
    """Calls a second of a loop that only sends, `parallel` at a time over pools of eight."""
    import httpx

    waiting = iter(bodies)
    limits = httpx.Limits(max_connections=POOL, max_keepalive_connections=POOL)
    tls = httpx.create_ssl_context()
    async with contextlib.AsyncExitStack() as stack:
        pools = [
            await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=60, verify=tls))
            for _pool in range(-(-parallel // POOL))
        ]

        async def send(client: httpx.AsyncClient) -> None:
            for body in waiting:
                response = await client.post(
                    f"{url}/chat/completions", content=body, headers={"Content-Type": "application/json"}
                )
                response.raise_for_status()
                response.json()

        started = time.perf_counter()
        await asyncio.gather(*(send(pools[place // POOL]) for place in range(parallel)))
        return len(bodies) / (time.perf_counter() - started)


def resident() -> float:
    """MiB of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def judge(url: str, calls: int, name: str, parallel: int = PARALLEL) -> tuple[float, float, float]:
    """Calls a second of a judge's run over `calls` calls, and its memory after a quarter of them and at the end."""
    from django.utils import timezone

    from annotation.models import Study
    from judges.judging import judges, runs
    from judges.judging.planning import Plan
    from judges.judging.runs import judge_life
    from judges.models import JudgeCall, JudgeRun, Sender

    study = Study.objects.get()
    settings = {"endpoint": url, "model": "m", "reader": "bracketed", "parallel": parallel, "price_in": 1}
    made = judges.add_judge(name, {**settings, "template": judges.built_in("pairs")})
    run = runs.start(study, made.current, Plan(limit=calls // 2), timezone.now(), detach=False)
    JudgeRun.objects.filter(pk=run.pk).update(state="running")
    run.refresh_from_db()
    # Planning is paid once and apart: it renders every request to know what it can cost.
    judge_life.plan(run)
    memory: list[float] = []

    def watch() -> None:
        from django.db import connection

        while JudgeCall.objects.filter(run=run, state="ok").count() < calls // 4:
            time.sleep(0.2)
        memory.append(resident())
        connection.close()

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    why = judge_life.work(run.pk, seconds=float("inf"))
    seconds = time.perf_counter() - started
    watcher.join()
    done = JudgeCall.objects.filter(run=run, state="ok").count()
    assert (why, done) == ("", calls), f"{why}: {done} of {calls}"
    assert Sender.objects.get(run=run).lost == 0
    return calls / seconds, memory[0], resident()


WORK = (
    "import django, sys; django.setup(); from judges.judging.runs import judge_life; judge_life.work(int(sys.argv[1]))"
)


def limited(url: str, limit: int, minutes: int) -> tuple[int, int]:
    """How many requests of two processes that share `limit` come in `minutes`, and in the busiest one."""
    import httpx
    from django.utils import timezone

    from annotation.models import Study
    from judges.judging import judges, runs
    from judges.judging.planning import Plan
    from judges.judging.runs import judge_life
    from judges.models import JudgeRun

    settings = {"endpoint": url, "model": "m", "reader": "bracketed", "parallel": 40, "requests_per_minute": limit}
    made = judges.add_judge("limited", {**settings, "template": judges.built_in("pairs")})
    plan = Plan(limit=limit * (minutes + 1) // 2)
    run = runs.start(Study.objects.get(), made.current, plan, timezone.now(), detach=False, senders=2)
    JudgeRun.objects.filter(pk=run.pk).update(state="running")
    run.refresh_from_db()
    judge_life.plan(run)
    workers = [subprocess.Popen([sys.executable, "-c", WORK, str(run.pk)], cwd=ROOT) for _worker in range(2)]
    stats = url.removesuffix("/v1") + "/stats"
    try:
        while not (seen := httpx.get(stats).json())["requests"]:
            time.sleep(0.05)
        time.sleep(60 * minutes)
        seen = httpx.get(stats).json()
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return seen["requests"], seen["busiest_minute"]


def bodies_of(count: int) -> list[bytes]:
    from annotation.models import Pair
    from judges.judging import questions
    from judges.models import Judge

    version = Judge.objects.all()[0].current
    pairs = Pair.objects.select_related("prompt", "result_x", "result_y", "study").order_by("key")[: count // 2]
    return [
        questions.question(version, questions.subject_of_pair(pair, left, 0)).body
        for pair in pairs
        for left in ("x", "y")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000, help="of the long run; each short one makes a tenth")
    parser.add_argument("--short", action="store_true", help="only the comparison with the bare loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", type=float, default=30, help="milliseconds")
    parser.add_argument("--limit", type=int, default=600, help="requests a minute that two processes share")
    parser.add_argument("--minutes", type=int, default=3, help="for which they do; 0 leaves it out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LLMFAO_DATA"] = folder
        os.environ["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
        os.environ["LLMFAO_LOG_LEVEL"] = "ERROR"
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        import django

        django.setup()
        from django.core.management import call_command

        from tests.builders import build_study

        call_command("migrate", verbosity=0)
        build_study(models=20, prompts=-(-options.calls // 380))
        server, url = stand_in(options.latency)
        try:
            short = options.calls // 10
            judge(url, 200, "warm-up")
            bodies = bodies_of(short)
            for parallel, wanted in WANTED.items():
                ratios = []
                for number in range(options.rounds):
                    floor = asyncio.run(bare(url, bodies, parallel))
                    ours, _quarter, _end = judge(url, short, f"round-{parallel}-{number}", parallel)
                    ratios.append(ours / floor)
                    print(
                        f"{parallel} in flight: bare {floor:7.1f}/s   judge {ours:7.1f}/s   {ours / floor:.2f}",
                        flush=True,
                    )
                median = statistics.median(ratios)
                print(f"median of {options.rounds}: {median:.2f} of the bare loop (wanted: {wanted:.2f})")
            if options.short:
                return
            rate, quarter, end = judge(url, options.calls, "long")
            print(
                f"{options.calls:,} calls: {rate:.1f}/s; memory {quarter:.0f} MiB after a quarter, {end:.0f} at the end"
            )
        finally:
            server.terminate()
            server.wait(10)
        if options.minutes:
            server, url = stand_in(options.latency)
            try:
                made, busiest = limited(url, options.limit, options.minutes)
            finally:
                server.terminate()
                server.wait(10)
            wanted = options.limit * options.minutes
            print(
                f"{options.limit} a minute over two processes: {made} in {options.minutes} minutes, "
                f"{made / wanted:.3f} of {wanted} (wanted: 0.95); {busiest} in the busiest"
            )


if __name__ == "__main__":
    main()
