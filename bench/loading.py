"""How fast comparisons load, and with how much memory: `make bench-loading`.

1,000 models answered 20 prompts. 100,000 comparisons make their own pairs; 1,000,000 comparisons by 1,000 workers are
on stored pairs; 1,000,000 comparisons without texts are between 20 models, each row a prompt of its own. Each load runs
in a process of its own, so that its memory is its own; the memory per row is what a load of all rows needs beyond one
of a tenth of them.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.databases import DATABASES, run_in_each

MODELS, PROMPTS, WORKERS = 1000, 20, 1000
OWN, STORED, TEXTLESS = 100_000, 1_000_000, 1_000_000
LIMITS = {"own": 30.0, "stored": 180.0, "textless": 240.0}
BYTES = 200
FLAT = 20
"""Bytes that a comparison without texts may add: what is known of stored rows takes 16."""

HEADER = "id,prompt,model_x,model_y,worker,winner\n"


def corpus(folder: Path) -> None:
    """Writes models, prompts and an answer of every model to every prompt."""
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, Iterator[dict[str, object]]] = {
        "models": ({"id": model, "name": f"model {model}"} for model in range(MODELS)),
        "prompts": ({"id": prompt, "text": f"Which is the better answer to {prompt}?"} for prompt in range(PROMPTS)),
        "results": (
            {"id": prompt * MODELS + model, "model": model, "prompt": prompt, "result": f"Answer {model} to {prompt}."}
            for prompt in range(PROMPTS)
            for model in range(MODELS)
        ),
    }
    for name, rows in tables.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def places(number: int) -> tuple[int, int, int]:
    """Returns the prompt and the two models of the pair `number`."""
    rng = random.Random(number)  # noqa: S311  no secret
    first = rng.randrange(MODELS)
    return rng.randrange(PROMPTS), first, (first + rng.randrange(1, MODELS)) % MODELS


def comparisons(path: Path, rows: int, *, pairs: int) -> None:
    """Writes `rows` comparisons by 1,000 workers, in turn on `pairs` pairs."""
    rng = random.Random(1)  # noqa: S311  no secret
    found = [places(number) for number in range(pairs)]
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for row in range(rows):
            # Nobody votes on a pair twice: each round over the pairs is by other workers.
            pair, worker = row % pairs, (row // pairs * 101 + row) % WORKERS
            prompt, x, y = found[pair]
            file.write(f"{pair},{prompt},{x},{y},{worker},{rng.choice(('left', 'right', 'tie'))}\n")


def without_texts(path: Path, rows: int, *, seed: int) -> None:
    """Writes `rows` comparisons of 20 models that name neither a prompt nor a person."""
    rng = random.Random(seed)  # noqa: S311  no secret
    with path.open("w", encoding="utf-8") as file:
        file.write("model_a,model_b,winner_people\n")
        for _row in range(rows):
            first = rng.randrange(20)
            second = (first + rng.randrange(1, 20)) % 20
            file.write(f"model-{first},model-{second},{rng.choice(('model_a', 'model_b', 'tie'))}\n")


def load_here(paths: list[str], slug: str) -> None:
    """Loads files in this process and prints seconds and the highest memory in bytes."""
    import django

    django.setup()
    from annotation.importing import load

    began = time.perf_counter()
    load.load([Path(path) for path in paths], study_slug=slug)
    took = time.perf_counter() - began
    print(json.dumps([took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024]))


def load(slug: str, *paths: Path) -> tuple[float, float]:
    """Loads files in a process of its own; returns seconds and the highest memory in bytes."""
    command = [sys.executable, "-m", "bench.loading", "--slug", slug, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, memory = json.loads(done.stdout.splitlines()[-1])
    return float(took), float(memory)


def report(what: str, value: float, limit: float, unit: str) -> bool:
    """Prints a line, and returns whether its limit is missed."""
    missed = value > limit
    print(f"{what:<66}{value:>10.1f} {unit:<8}{'MISSED, ' if missed else ''}at most {limit:g}", flush=True)
    return missed


def measure(folder: Path, share: float, only: Sequence[str]) -> int:
    """Loads into the database of the environment what was asked for, and returns how many limits were missed."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    missed = measure_with_texts(folder, share, only)
    return missed + (measure_without_texts(folder, share) if "textless" in only else 0)


def measure_with_texts(folder: Path, share: float, only: Sequence[str]) -> int:
    """Loads comparisons that make their pairs, and comparisons on stored pairs."""
    corpus(folder / "in")
    own, stored = round(OWN * share), round(STORED * share)
    missed = 0
    for slug, rows, pairs in (("own", own, own), ("stored", stored, max(1, stored // 10))):
        if slug not in only:
            continue
        load(slug, *(folder / "in" / f"{kind}.jsonl" for kind in ("models", "prompts", "results")))
        first, few, many = (folder / f"{slug}-{part}" / "comparisons.csv" for part in ("first", "few", "many"))
        for path, number in ((first, pairs), (few, rows // 10), (many, rows)):
            path.parent.mkdir()
            comparisons(path, number, pairs=pairs)
        if slug == "stored":
            # The first vote on each pair makes it.
            load(slug, first)
        _took, less = load(slug, few)
        took, more = load(slug, many)
        kind = "that make their pairs" if slug == "own" else f"on stored pairs by {WORKERS:,} workers"
        missed += report(f"{rows:,} comparisons {kind}", took, LIMITS[slug] * share, "s")
        missed += report("            memory per row", (more - less) / (rows - rows // 10), BYTES, "bytes")
    return missed


def measure_without_texts(folder: Path, share: float) -> int:
    """Loads comparisons without texts, and the same file again."""
    rows = round(TEXTLESS * share)
    few, many = folder / "few.csv", folder / "many.csv"
    without_texts(few, rows // 10, seed=1)
    without_texts(many, rows, seed=2)
    _took, less = load("textless-few", few)
    took, more = load("textless", many)
    missed = 0
    missed += report(f"{rows:,} comparisons without texts", took, LIMITS["textless"] * share, "s")
    missed += report("            memory per row", (more - less) / (rows - rows // 10), FLAT, "bytes")
    again, _same = load("textless", many)
    missed += report("            the same file again", again, LIMITS["textless"] * share, "s")
    return missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--share", type=float, default=1.0, help="load only this share of the rows")
    parser.add_argument("--only", choices=tuple(LIMITS), nargs="+", default=tuple(LIMITS), help="what to load")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--slug", help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.slug:
        load_here(options.paths, options.slug)
    elif options.here:
        with tempfile.TemporaryDirectory() as name:
            missed = measure(Path(name), options.share, options.only)
        print(f"{missed} limits missed." if missed else "All limits are kept.")
        sys.exit(bool(missed))
    else:
        arguments = ["--here", "--share", str(options.share), "--only", *options.only]
        sys.exit(bool(run_in_each(options.databases, "bench.loading", arguments)))


if __name__ == "__main__":
    main()
