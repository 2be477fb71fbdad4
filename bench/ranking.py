"""How fast boards are: `make bench-ranking`.

100 models, 20 % ties, integer-coded arrays, medians of five runs, ratios within the run: against the
floor (the codes of pair and outcome and one numpy.bincount over them), against evalica, choix and
arena-rank from the package index in an environment of their own, and against FastChat's way of
bootstrapping, written out below. `--largest 1000000` leaves the largest out.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ranking.board_data import sheet
from ranking.methods.board import on_these_prompts, rate
from ranking.methods.settings import Settings
from ranking.methods.tally import Votes
from ranking.statistics.separation import verdict

MODELS = 100
PEERS = ("arena-rank", "evalica", "choix")


def made(rows: int, *, models: int = MODELS, clusters: int = 1000, style: bool = False) -> Votes:
    """Votes of a Bradley-Terry model with a fifth of ties, clusters drawn at random."""
    rng = np.random.default_rng(rows)
    strength = rng.normal(0, 0.6, models)
    x = rng.integers(models, size=rows, dtype=np.int32)
    y = ((x + rng.integers(1, models, size=rows, dtype=np.int32)) % models).astype(np.int32)
    won = rng.random(rows) < expit(strength[x] - strength[y])
    return Votes(
        tuple(f"model {code}" for code in range(models)),
        x,
        y,
        np.where(rng.random(rows) < 0.2, 1, 2 * won).astype(np.int8),
        prompt=rng.integers(clusters, size=rows, dtype=np.int32),
        rater=rng.integers(clusters, size=rows, dtype=np.int32),
        style=rng.normal(size=(rows, 4)) if style else None,
    )


def seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """The median of some runs, after one that is not counted."""
    run()
    times = []
    for _repeat in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def floor(votes: Votes) -> np.ndarray:
    """What nobody can do without: the codes, and one count over them."""
    return np.bincount((votes.x.astype(np.intp) * MODELS + votes.y) * 3 + votes.outcome, minlength=3 * MODELS**2)


def fastchat_round(arguments: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]) -> np.ndarray:
    """One replicate as FastChat fits it: L-BFGS from zero over the distinct pairs and outcomes."""
    i, j, share, weights, _seed = arguments

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        odds = theta[i] - theta[j]
        chance = expit(odds)
        value = -(weights * (share * -np.logaddexp(0, -odds) + (1 - share) * -np.logaddexp(0, odds))).sum()
        slope = weights * (chance - share)
        return value, np.bincount(i, slope, MODELS) - np.bincount(j, slope, MODELS)

    return minimize(loss, np.zeros(MODELS), jac=True, method="L-BFGS-B").x


def fastchat(votes: Votes, rounds: int) -> None:
    """Multinomial over cells, one fit each, in two processes."""
    cells = floor(votes)
    found = np.flatnonzero(cells)
    i, j, share = found // 3 // MODELS, found // 3 % MODELS, found % 3 / 2
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(cells.sum(), cells[found] / cells.sum(), rounds)
    with multiprocessing.Pool(2) as pool:
        pool.map(fastchat_round, [(i, j, share, row.astype(float), 0) for row in drawn], chunksize=32)


@dataclass
class Table:
    """Lines with their limits; a limit that is missed is marked."""

    missed: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, what: str, value: float, limit: float | None = None, unit: str = "s") -> None:
        mark = "" if limit is None else (f"at most {limit:g}" if value <= limit else f"MISSED, at most {limit:g}")
        self.missed += limit is not None and value > limit
        line = f"{what:<78} {value:>10.4g} {unit:<2} {mark}"
        self.lines.append(line)
        print(line, flush=True)


@dataclass
class Peers:
    """Other libraries, installed once into a folder of their own."""

    python: Path | None
    folder: Path

    @classmethod
    def install(cls, folder: Path) -> "Peers":
        python = folder / "peers" / "bin" / "python"
        if not python.exists():
            print(f"Installing {', '.join(PEERS)} into {folder / 'peers'} ...", flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(folder / "peers")], check=True)
            done = subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS], check=False)
            if done.returncode:
                print("They could not be installed: the lines about them are left out.")
                return cls(None, folder)
        return cls(python, folder)

    def seconds(self, what: str, votes: Votes, repeats: int = 5) -> float | None:
        if self.python is None:
            return None
        path = self.folder / "arrays.npz"
        np.savez(path, x=votes.x, y=votes.y, outcome=votes.outcome, models=MODELS)
        script = Path(__file__).with_name("ranking_peers.py")
        done = subprocess.run(
            [str(self.python), str(script), what, str(path), str(repeats)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{what} failed: {done.stderr.strip().splitlines()[-1:]}")
            return None
        return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def fits(table: Table, peers: Peers, largest: int) -> None:
    none = Settings(clusters="none")
    for rows in (size for size in (10**4, 10**5, 10**6, 10**7) if size <= largest):
        votes = made(rows)
        base, ours = seconds(partial(floor, votes)), seconds(partial(rate, votes, none, "people"))
        table.add(f"{rows:>10,} comparisons: the floor", base)
        table.add(f"{rows:>10,} comparisons: fit with sandwich intervals", ours, 0.005 if rows == 10**4 else None)
        if rows == 10**7:
            table.add("            of the floor", ours / base, 1.5, "x")
        repeats = 5 if rows < 10**6 else 1
        for what, limit in (("evalica_bradley_terry", 1 / 10), ("arena_rank", 1 / 150), ("choix_bradley_terry", None)):
            if rows == 10**7 and what == "choix_bradley_terry":
                continue
            theirs = peers.seconds(what, votes, repeats)
            if theirs is not None:
                table.add(f"            {what} takes", theirs)
                table.add("            ours of it", ours / theirs, limit if rows == 10**7 else None, "x")


def clusters(table: Table) -> None:
    votes = made(10**6, style=True)
    both = Settings(clusters="both")
    table.add("clustered by prompt and rater, CR3, 10^6", seconds(lambda: rate(votes, both, "people"), 3), 3)
    styled = Settings(method="style-controlled", clusters="both")
    table.add("style-controlled, clustered by both, 10^6", seconds(lambda: rate(votes, styled, "people"), 1), 10)


def many_models(table: Table, models: int = 1000, rows: int = 100_000) -> None:
    """A board of many models, with ranges and the sentence on top, in a process of its own to see its memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        took, gigabytes = pool.apply(_many_models, (models, rows))
    table.add(f"{models:,} models, {rows:,} comparisons, by both, with sentence and ranges", took, 15)
    table.add("            its memory", gigabytes, 2, "GB")


def _many_models(models: int, rows: int) -> tuple[float, float]:
    votes = made(rows, models=models)
    began = time.perf_counter()
    board = rate(votes, Settings(clusters="both"), "people")
    sheet(board)
    (group,) = board.groups
    here = on_these_prompts(group.ratings)
    assert here is not None
    assert verdict(group.ratings, here)
    assert verdict(here)
    return time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def bootstraps(table: Table, peers: Peers) -> None:
    for rows, limit in ((10**4, 1 / 6), (10**6, 1 / 15)):
        votes = made(rows)
        for kind in ("none", "worker"):
            settings = Settings(clusters=kind, intervals="bootstrap")
            ours = seconds(partial(rate, votes, settings, "people"), 3)
            over = "cells" if kind == "none" else "1,000 raters"
            table.add(f"1,000 replicates over {over}, {rows:,} comparisons", ours, 3)
            if kind == "none":
                began = time.perf_counter()
                fastchat(votes, 100)
                theirs = 10 * (time.perf_counter() - began)
                table.add("            FastChat's way takes (ten times 100 rounds)", theirs)
                table.add("            ours of it", ours / theirs, limit, "x")
        if rows == 10**4 and (theirs := peers.seconds("evalica_bootstrap", votes, 1)) is not None:
            table.add("            evalica's percentile bootstrap takes (ten times 100 rounds)", 10 * theirs)


def elo(table: Table, peers: Peers) -> None:
    votes = made(7500)
    settings = Settings(method="elo-bootstrap", redraw="resample")
    ours = seconds(lambda: rate(votes, settings, "people"), 3)
    table.add("Elo over 1,000 rounds of 7,500 resampled comparisons", ours)
    kernel = peers.seconds("evalica_elo_kernel", votes)
    if kernel is not None:
        table.add("            of evalica's kernel alone, 1,000 times", ours / (1000 * kernel), 1.5, "x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=10**7)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "llmfao-bench")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    table, peers = Table(), Peers.install(options.folder)
    fits(table, peers, options.largest)
    clusters(table)
    many_models(table)
    bootstraps(table, peers)
    elo(table, peers)
    print(f"{table.missed} limits missed." if table.missed else "All limits are kept.")
    sys.exit(bool(table.missed))


if __name__ == "__main__":
    main()
