"""Loading and exporting need memory for references between rows, not for their texts."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from annotation.exporting import export
from annotation.importing import load
from annotation.importing.rows import Intake
from annotation.interchange.faults import Faults
from annotation.interchange.llmfao import read
from annotation.interchange.reading import Source
from annotation.models import Result, Study
from tests.annotation import exchange

pytestmark = pytest.mark.django_db

MEGABYTE = 2**20


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * MEGABYTE, f"{peak / MEGABYTE:.0f} MiB"


def test_sixteen_megabytes_of_answers_pass_through_less_memory_than_they_take(tmp_path: Path) -> None:
    exchange.write(tmp_path / "in")
    with (tmp_path / "in" / "results.jsonl").open("w") as file:
        for number in range(800):
            row = exchange.result(number, exchange.MODELS[0], exchange.PROMPTS[0], f"{number} " + "words " * 3500)
            file.write(json.dumps(row) + "\n")
    size = (tmp_path / "in" / "results.jsonl").stat().st_size
    assert size > 16 * MEGABYTE
    # While it is stored, a batch of texts is in memory twice: in its rows and in the query.
    with at_most(14):
        load.load([tmp_path / "in" / name for name in exchange.CORPUS], study_slug="long")
    assert Result.objects.count() == 800
    study = Study.objects.get()
    with at_most(14):
        assert sum(map(len, export.export(study, "results"))) > 16 * MEGABYTE


def test_twenty_thousand_comparisons_are_checked_in_a_few_hundred_bytes_each(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    load.load([tmp_path / name for name in (*exchange.CORPUS, "pairs.jsonl")], study_slug="many")
    study = Study.objects.get()
    path = tmp_path / "crowd-comparisons.csv"
    with path.open("w") as file:
        file.write("id,prompt,model_x,model_y,worker,winner,left,right\n")
        for number in range(20_000):
            file.write(f"0,5,7,3,{number},tie,Alder 7B,'=Birch\n")
    faults = Faults()
    intake = Intake(study, study.prompt_set, frozenset({"comparisons"}), faults)
    with at_most(12):
        for record in read(Source(path.name, path), "comparisons"):
            intake.take(path.name, record, None)  # type: ignore[arg-type]
    assert intake.counts["comparisons"].new == 20_000
    assert not faults
