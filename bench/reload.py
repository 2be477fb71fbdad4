"""Whether voters notice a reload: `make bench-reload`.

Sixteen workers vote, a vote a second each, against gunicorn as the product runs it. In the middle it gets SIGHUP.
Beside it stands the same without. Loopback only.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.load import ROOT, Crowd, free_port, prepare, serve

P95: Final = 1.5
"""Seconds."""
VOTERS: Final = 16


def children(process: int) -> set[int]:
    found = Path(f"/proc/{process}/task/{process}/children").read_text()
    return {int(child) for child in found.split()}


def inside(options: argparse.Namespace) -> int:
    """Runs in the prepared environment; returns 1 where voters waited."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from bench import population

    call_command("migrate", verbosity=0)
    crowd = Crowd(population.make_study("reload", 20_000, overlap=5, most_votes=100_000), VOTERS)
    connections.close_all()
    port = free_port()
    server = serve(port)
    try:
        crowd.vote(port, VOTERS, 3.0, 100_000)
        waited = []
        for name, sent in (("undisturbed", None), ("SIGHUP", signal.SIGHUP)):
            before = children(server.pid)
            if sent is not None:
                threading.Timer(options.seconds / 4, server.send_signal, [sent]).start()
            votes = crowd.vote(port, VOTERS, options.seconds, 1_000_000, pause=1.0)["times"]
            waited.append(statistics.quantiles(votes, n=20)[-1])
            new = len(children(server.pid) - before)
            print(
                f"{name:>12}: {len(votes)} votes of {VOTERS} workers in {options.seconds:g} s, "
                f"p95 {waited[-1] * 1000:.0f} ms, longest {max(votes) * 1000:.0f} ms; {new} new processes",
                flush=True,
            )
        until = time.monotonic() + 60
        while children(server.pid) & before and time.monotonic() < until:
            time.sleep(0.5)
        old = children(server.pid) & before
        print(f"{len(old)} old processes left a minute later; {crowd.audit()}; load {os.getloadavg()[0]:.0f}")
    finally:
        server.terminate()
        server.wait(timeout=60)
    return int(waited[-1] > P95 or bool(old))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each half")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        sys.exit(inside(argparse.Namespace(**json.loads(options.inside))))
    with tempfile.TemporaryDirectory(prefix="llmfao-bench-") as name:
        keeping = prepare(options.database, Path(name))
        os.environ["DJANGO_SETTINGS_MODULE"] = "llmfao_site.settings"
        run = [sys.executable, "-m", "bench.reload", "--inside", json.dumps(vars(options))]
        code = subprocess.run(run, cwd=ROOT, check=False).returncode
        del keeping
    sys.exit(code)


if __name__ == "__main__":
    main()
