"""How fast a stranger's file becomes a board: `make bench-board`.

1,000,000 comparisons of 100 models as CSV, with prompts and raters: `manage.py board FILE` in a process of its own,
with intervals for prompts and raters like these, within 10 s and 600 MB. Beside it the script that anybody would write
with pandas and numpy: `read_csv`, counts, L-BFGS, and 100 bootstrap rounds over raters.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MODELS = 100
PROMPTS = 2000
RATERS = 5000

SECONDS = 10.0
MEGABYTES = 600.0


def write(path: Path, rows: int) -> None:
    """Writes comparisons of a Bradley-Terry model with a fifth of ties, in the columns that people choose."""
    rng = np.random.default_rng(0)
    strength = rng.normal(0, 0.6, MODELS)
    a = rng.integers(MODELS, size=rows)
    b = (a + rng.integers(1, MODELS, size=rows)) % MODELS
    won = rng.random(rows) < 1 / (1 + np.exp(strength[b] - strength[a]))
    winner = np.where(rng.random(rows) < 0.2, 2, np.where(won, 0, 1))
    names = [f"model-{number}" for number in range(MODELS)]
    words = ("model_a", "model_b", "tie")
    prompt, rater = rng.integers(PROMPTS, size=rows), rng.integers(RATERS, size=rows)
    with path.open("w", encoding="ascii") as file:
        file.write("question_id,model_a,model_b,winner,annotator\n")
        for q, i, j, w, r in zip(*(x.tolist() for x in (prompt, a, b, winner, rater)), strict=True):
            file.write(f"q{q},{names[i]},{names[j]},{words[w]},p{r}\n")


def run(command: list[str]) -> tuple[float, float, float, str]:
    """Returns the seconds, the processor's seconds and the megabytes that a command takes, and what it prints."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, command
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000, printed


def rival(path: str) -> None:
    """What anybody would write, run in a process of its own; prints the ratings as JSON."""
    import pandas as pd
    from scipy.optimize import minimize
    from scipy.special import expit

    frame = pd.read_csv(path)
    names = sorted(set(frame.model_a) | set(frame.model_b))
    code = {name: number for number, name in enumerate(names)}
    a, b = frame.model_a.map(code).to_numpy(), frame.model_b.map(code).to_numpy()
    points = frame.winner.map({"model_a": 1.0, "model_b": 0.0, "tie": 0.5}).to_numpy()
    rater = pd.factorize(frame.annotator)[0]
    size = len(names)
    cell = a * size + b

    def fit(weight: np.ndarray) -> np.ndarray:
        games = np.bincount(cell, weight, size * size)
        wins = np.bincount(cell, weight * points, size * size)
        found = np.flatnonzero(games)
        i, j, games, wins = found // size, found % size, games[found], wins[found]

        def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
            odds = theta[i] - theta[j]
            slope = games * expit(odds) - wins
            gradient = np.bincount(i, slope, size) - np.bincount(j, slope, size)
            return float((games * np.logaddexp(0, odds) - wins * odds).sum()), gradient

        theta = minimize(loss, np.zeros(size), jac=True, method="L-BFGS-B").x
        return theta - theta.mean()

    theta = fit(np.ones(len(frame)))
    rng = np.random.default_rng(0)
    people = rater.max() + 1
    drawn = [fit(np.bincount(rng.integers(people, size=people), minlength=people)[rater]) for _round in range(100)]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    unit = 400 / np.log(10)
    table = {name: 1000 + unit * theta[number] for number, name in enumerate(names)}
    widths = unit * (high - low)
    json.dump({"ratings": table, "width": float(widths.mean())}, sys.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10**6)
    parser.add_argument("--rival", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rival:
        rival(options.rival)
        return
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "votes.csv"
        write(path, options.rows)
        print(f"{options.rows:,} comparisons, {path.stat().st_size / 1e6:.0f} MB of CSV")
        ours = run([sys.executable, "manage.py", "board", str(path), "--json"])
        theirs = run([sys.executable, "-m", "bench.board", "--rival", str(path)])
        for name, (seconds, processor, megabytes, _printed) in (
            ("manage.py board", ours),
            ("pandas and numpy", theirs),
        ):
            print(f"{name:<20} {seconds:>6.2f} s ({processor:.2f} s of processor) {megabytes:>6.0f} MB")
        board = json.loads(ours[3])
        (group,) = board["groups"]
        ratings = {row["model"]: row["rating"] for row in group["rows"]}
        other = json.loads(theirs[3])
        apart = max(abs(ratings[name] - rating) for name, rating in other["ratings"].items())
        width = np.mean([row["high"] - row["low"] for row in group["rows"]])
        print(f"ratings differ by {apart:.4f} points; mean width of intervals {width:.2f}, theirs {other['width']:.2f}")
        missed += ours[0] > SECONDS or ours[2] > MEGABYTES
        missed += apart > 0.1
    print("A limit was missed." if missed else "All limits are kept.")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
