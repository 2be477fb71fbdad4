"""`make bench-grades`: how fast the tables of what judges said are made, and how fast their pages are.

Two studies, in PostgreSQL and in SQLite: a benchmark of 80 questions of two turns and 60 models that five judges
graded once, and one with a million grades and every two models compared in both orders on ten questions. Medians
of five; the promise is that no page of tables takes 100 ms of a processor.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from bench.databases import DATABASES, run_in_each

if TYPE_CHECKING:
    from annotation.models import Result, Study
    from judges.models import Judgment

QUESTIONS, TURNS, MODELS, JUDGES, COMPARED = 80, 2, 60, 5, 10
ROUNDS = 5
PROMISED = 0.1


def make_study(slug: str) -> tuple["Study", list["Result"]]:
    """A public study of conversations, with every model's answers."""
    from annotation.models import LanguageModel, Prompt, PromptSet, Result
    from annotation.studies import lifecycle

    owner = PromptSet.objects.create(slug=slug, name=slug)
    models = LanguageModel.objects.bulk_create(
        LanguageModel(prompt_set=owner, number=index, name=f"model {index}") for index in range(MODELS)
    )
    kinds = [f"category {index}" for index in range(8)]
    prompts = Prompt.objects.bulk_create(
        Prompt(prompt_set=owner, number=index, text="Why?", turns=["And then?"], type=kinds[index % 8])
        for index in range(QUESTIONS)
    )
    results = Result.objects.bulk_create(
        Result(
            prompt_set=owner,
            number=index,
            prompt=prompts[index // MODELS],
            model=models[index % MODELS],
            text="So.",
            turns=["Thus."],
        )
        for index in range(QUESTIONS * MODELS)
    )
    study = lifecycle.create_study(slug, owner)
    study.public = True
    study.save()
    return study, results


def grade(study: "Study", results: list["Result"], number: int) -> None:
    """Stores about `number` grades, every judge's of every turn equally often."""
    from judges.models import CallState, Judgment

    rng = np.random.default_rng(0)
    samples = max(1, number // (JUDGES * TURNS * len(results)))

    def rows() -> "Iterator[Judgment]":
        for judge in range(JUDGES):
            for sample in range(samples):
                for index, result in enumerate(results):
                    for turn in range(1, TURNS + 1):
                        score = float(np.clip(round(rng.normal(4 + index % MODELS / 12, 2)), 1, 10))
                        yield Judgment(
                            study=study,
                            judge=f"judge {judge}",
                            result=result,
                            turn=turn,
                            sample=sample,
                            state=CallState.OK,
                            score=score,
                            file="a_single.jsonl",
                            digest="0",
                        )

    Judgment.objects.bulk_create(rows(), batch_size=5000)


def compare(study: "Study", results: list["Result"]) -> None:
    """Stores a judge's verdicts in both orders on every two models' answers to some of the questions."""
    from annotation.models import Comparison, Pair, Rater, RaterKind

    sides = [
        (results[q * MODELS + x], results[q * MODELS + y])
        for q in range(COMPARED)
        for x, y in combinations(range(MODELS), 2)
    ]
    pairs = Pair.objects.bulk_create(
        (
            Pair(
                study=study,
                number=number,
                key=0.5,
                wanted=1,
                prompt_id=x.prompt_id,
                model_x_id=x.model_id,
                model_y_id=y.model_id,
                result_x=x,
                result_y=y,
            )
            for number, (x, y) in enumerate(sides)
        ),
        batch_size=5000,
    )
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="judge 0")
    rng = np.random.default_rng(1)
    Comparison.objects.bulk_create(
        (
            Comparison(study=study, pair=pair, rater=rater, trial=trial, left=left, winner="xy"[int(rng.integers(2))])
            for pair in pairs
            for trial, left in enumerate("xy")
        ),
        batch_size=5000,
    )


def median(work: Callable[[], object]) -> float:
    """Seconds of a processor: other work on the machine costs a page none."""
    times = []
    for _round in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


PAGES = ("", "?judge=judge+3", "questions/", "questions/7/?a=3&b=9")


def measure(slug: str, number: int) -> bool:
    """Prints how long a study's tables and pages take; whether every page of tables keeps the promise."""
    from django.contrib.auth.models import User
    from django.test import Client
    from django.utils import timezone

    from judges.results import score_tables

    study, results = make_study(slug)
    grade(study, results, number)
    compare(study, results)
    owner = User.objects.create_superuser(slug, password=None)
    client = Client(SERVER_NAME="localhost")
    client.force_login(owner)
    began = time.perf_counter()
    score_tables.fill(study.pk, timezone.now())
    kept = time.perf_counter() - began
    looked = median(lambda: score_tables.recompute_changed(timezone.now()))
    said = study.judgments.count() + study.comparisons.count()
    print(
        f"  {slug}: {said:,} verdicts; tables kept in {kept:.1f} s, looked whether they are in {looked * 1000:.0f} ms"
    )
    slowest = 0.0
    for page in PAGES:
        address = f"/grades/{slug}/{page}"
        assert client.get(address).status_code == 200, address
        seconds = median(partial(client.get, address))
        if not page.startswith("questions"):
            slowest = max(slowest, seconds)
        print(f"    {address:<40} {seconds * 1000:6.0f} ms", flush=True)
    return slowest < PROMISED


def inside(options: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    print(f"{connection.vendor}:", flush=True)
    kept = [measure("once", JUDGES * QUESTIONS * TURNS * MODELS), measure("million", options.grades)]
    sys.exit(not all(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=DATABASES, action="append", dest="databases")
    parser.add_argument("--grades", type=int, default=1_000_000, help="of the larger study")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options)
    sys.exit(
        bool(run_in_each(options.databases or DATABASES, "bench.grades", ["--inside", "--grades", str(options.grades)]))
    )


if __name__ == "__main__":
    main()
