"""`make bench-exporting`: how fast a million comparisons are exported, beside COPY of the same columns in PostgreSQL.

COPY is told to do the same work: it joins the same tables, turns winners to the sides as shown, and computes the same
digests. It leaves out what only we do: cells that a spreadsheet could run are made harmless. Each export runs in a
process of its own; its memory is what it needs beyond its first rows. SQLite has no COPY, so its lines have no limit.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bench.databases import DATABASES, run_in_each
from bench.ranking import Table

if TYPE_CHECKING:
    from annotation.models import Study

ROWS = 1_000_000
SLUG = "export"
PLAIN, FULL = 3.0, 6.0
"""How many times as long as COPY an export may take."""
MEMORY = 50.0
"""Megabytes by which memory may grow."""

SHOWN = """
    pair.number AS id, prompt.number AS prompt,
    CASE WHEN row."left" = 'x' THEN x.number ELSE y.number END AS model_x,
    CASE WHEN row."left" = 'x' THEN y.number ELSE x.number END AS model_y,
    worker.number AS worker,
    CASE WHEN row.winner = 'tie' THEN 'tie' WHEN row.winner = row."left" THEN 'left' ELSE 'right' END AS winner,
    CASE WHEN row."left" = 'x' THEN x.name ELSE y.name END AS "left",
    CASE WHEN row."left" = 'x' THEN y.name ELSE x.name END AS "right"
"""
DETAILS = """
    COALESCE(rater.name, 'people') AS rater, 'c' || row.id AS row, rater.kind AS rater_kind, rater.simulated,
    pair.purpose, NULLIF(pair.golden, '') AS golden, NULL AS as_golden, NULL AS attempt, row."left" AS shown_left,
    CASE WHEN row."left" = 'x' THEN one.number ELSE other.number END AS result_left,
    CASE WHEN row."left" = 'x' THEN other.number ELSE one.number END AS result_right,
    encode(sha256(convert_to(prompt.text, 'UTF8')), 'hex') AS sha256_prompt,
    encode(sha256(convert_to(CASE WHEN row."left" = 'x' THEN one.text ELSE other.text END, 'UTF8')), 'hex') AS a,
    encode(sha256(convert_to(CASE WHEN row."left" = 'x' THEN other.text ELSE one.text END, 'UTF8')), 'hex') AS b,
    row.scale_name AS scale, row.value, row.turn, row.trial AS repetition, row.weight, row.share,
    row.trial_number AS trial, place.offer_probability, NULL AS draw_probability, NULL AS draw_strategy,
    row.shown_at, row.answered_at, EXTRACT(EPOCH FROM row.answered_at - row.shown_at) AS seconds,
    row.visible_seconds, row.device, row.input_method, row.instruction_version, row.question_version,
    question.text AS question, row.scale_version, row.reasoning_version, NULL AS reasoning, row.reasons,
    row.withdrawn, 'c' || before.id AS supersedes, 'c' || row.superseded_by_id AS superseded_by, rater.excluded_at,
    rater.exclusion_reason
"""
TABLES = """
    FROM annotation_comparison row JOIN annotation_pair pair ON pair.id = row.pair_id
    JOIN annotation_prompt prompt ON prompt.id = pair.prompt_id
    JOIN annotation_languagemodel x ON x.id = pair.model_x_id
    JOIN annotation_languagemodel y ON y.id = pair.model_y_id
    JOIN annotation_rater rater ON rater.id = row.rater_id
    LEFT JOIN annotation_worker worker ON worker.rater_id = rater.id
"""
MORE_TABLES = """
    LEFT JOIN annotation_result one ON one.id = pair.result_x_id
    LEFT JOIN annotation_result other ON other.id = pair.result_y_id
    LEFT JOIN annotation_assignment place ON place.id = row.assignment_id
    LEFT JOIN annotation_comparison before ON before.superseded_by_id = row.id
    LEFT JOIN annotation_studytext question ON question.study_id = row.study_id AND question.kind = 'question'
        AND question.version = row.question_version
"""
COUNTED = """
    row.superseded_by_id IS NULL AND NOT row.withdrawn AND pair.purpose = 'vote' AND rater.excluded_at IS NULL
    AND rater.kind <> 'judge'
"""
COPIES = {
    "plain": f"SELECT {SHOWN} {TABLES} WHERE row.study_id = %s AND {COUNTED} ORDER BY row.id",
    "full": f"SELECT {SHOWN}, {DETAILS} {TABLES} {MORE_TABLES} WHERE row.study_id = %s ORDER BY row.id",
}


def fill(rows: int) -> None:
    """Stores a study of 100 models with `rows` votes of 1,000 people, told as if they were given on a page."""
    from django.db import connection

    from bench.population import vacuum
    from bench.ranking_database import make_study, vote

    study = make_study(SLUG, models=100, prompts=40, raters=1000)
    vote(study, 0, rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE annotation_comparison SET shown_at = stored_at, answered_at = stored_at, visible_seconds = 12.25,"
            " device = 'phone', input_method = 'button', instruction_version = 1, question_version = 1,"
            " trial_number = 3, value = 1"
        )
    vacuum()


def chunks(study: "Study", what: str) -> Iterator[bytes]:
    """One of the exports."""
    from annotation.exporting import export, layouts
    from annotation.exporting.selection import Selection

    if what.endswith(".parquet"):
        return layouts.request("comparisons", "parquet", Selection()).chunks(study)
    return (chunk.encode() for chunk in export.export(study, "comparisons", full=what == "full"))


def export_here(what: str) -> None:
    """Exports in this process; prints seconds, megabytes of memory beyond those of the first rows, and bytes."""
    import django

    django.setup()
    from annotation.models import Study

    study = Study.objects.select_related("prompt_set").get(slug=SLUG)
    began, size, first = time.perf_counter(), 0, 0.0
    for chunk in chunks(study, what):
        size += len(chunk)
        first = first or memory()
    print(json.dumps([time.perf_counter() - began, memory() - first, size]))


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def export_apart(what: str) -> tuple[float, float, int]:
    command = [sys.executable, "-m", "bench.exporting", "--export", what]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took, grown, size = json.loads(done.stdout.splitlines()[-1])
    return took, grown, size


def copy(what: str) -> float:
    """Seconds that COPY takes for the same columns."""
    from django.db import connection

    from annotation.models import Study

    pk = Study.objects.get(slug=SLUG).pk
    with connection.cursor() as cursor:
        query: Any = COPIES[what].replace("%s", str(pk))
        began = time.perf_counter()
        with cursor.copy(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)") as rows:
            for _block in rows:
                pass
        return time.perf_counter() - began


def measure(rows: int) -> int:
    """Measures in the database of the environment, and returns how many limits were missed."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.db import connection

    fill(rows)
    table = Table()
    for what, limit in (("plain", PLAIN), ("full", FULL), ("plain.parquet", None)):
        took, grown, size = export_apart(what)
        table.add(f"{rows:,} comparisons, {what}, {size / 2**20:,.0f} MiB", took)
        table.add("            growth of memory", grown, MEMORY, "MB")
        if connection.vendor == "postgresql" and what in COPIES:
            floor = min(copy(what), copy(what))
            table.add("            COPY of the same columns", floor)
            table.add("            times as long", took / floor, limit, "x")
    return table.missed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=DATABASES)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--export", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export:
        export_here(options.export)
    elif options.here:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        missed = measure(options.rows)
        print(f"{missed} limits missed." if missed else "All limits are kept.")
        sys.exit(bool(missed))
    else:
        sys.exit(bool(run_in_each(options.databases, "bench.exporting", ["--here", "--rows", str(options.rows)])))


if __name__ == "__main__":
    main()
