# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-benchmark --judge NAME FILE...`: measures how often a judge chooses the better answer."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.interchange.tables import csv_line
from annotation.studies.lifecycle import NotPossible
from judges.benchmarks import planning, reports, runs, sets
from judges.benchmarks.planning import Terms
from judges.benchmarks.reports import COLUMNS, Report
from judges.benchmarks.runs import benchmark_life
from judges.benchmarks.sets import Faulty
from judges.judging import lookup
from judges.llm.api_keys import NoKey
from judges.management.numbers import count
from judges.management.watching import calls, ended, held, worked
from judges.models import BenchmarkRun, PreferenceSet, Protocol, RunState, dollars
from judges.statistics.accuracy import Accuracy, Result


class Command(BaseCommand):
    """Runs a benchmark of a judge on preference sets and prints its accuracy."""

    help = (
        "Measures how often a judge chooses the answer known to be better, per preference set and on average. "
        "Replies from earlier benchmarks are reused and not charged again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "files", nargs="+", type=Path, metavar="FILE", help="Preference set: JSONL with prompt, chosen, rejected."
        )
        parser.add_argument("--judge", required=True, metavar="NAME", help="Name of a judge (see judge-add).")
        parser.add_argument("--both-orders", action="store_true", help="Ask about each pair twice, once in each order.")
        parser.add_argument("--limit", type=count, help="Maximum rows per set; the same rows for the same seed.")
        parser.add_argument(
            "--seed", type=int, default=0, help="Random seed for sides, and for rows if --limit is given."
        )
        parser.add_argument(
            "--reward",
            choices=[Protocol.POOLING.value, Protocol.CLASSIFY.value],
            help="The judge is a reward model behind this kind of endpoint.",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Print the estimated calls, tokens and cost; send nothing."
        )
        output = parser.add_mutually_exclusive_group()
        output.add_argument("--csv", action="store_true", help="Print the results as CSV.")
        output.add_argument("--json", action="store_true", help="Print the results as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        terms = Terms(options["reward"] or Protocol.CHAT, options["both_orders"], options["seed"], options["limit"])
        try:
            version = lookup.judge_named(options["judge"]).current
            sets = [self._kept(path) for path in options["files"]]
            if options["dry_run"]:
                found = planning.estimate(version, sets, terms)
                self.stdout.write(
                    f"{found.calls:,} calls ({found.there:,} already done), about {found.tokens_in:,} input tokens: "
                    f"maximum cost {dollars(found.bound)}."
                )
                return
            if (live := runs.live(version, terms.protocol)) is not None:
                held(benchmark_life, live, self.stderr.write)
            run = runs.start(version, sets, terms, timezone.now(), detach=False)
            why = worked(benchmark_life, run, self.stderr)
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        self._report(run, options)
        if why or run.state == RunState.STOPPED:
            words = run.problem or f"The benchmark is {run.state}."
            raise CommandError(f"{words} Run the command again to continue.")
        ended(benchmark_life, run, why, {}, benchmark_life.progress(run, timezone.now()))

    def _kept(self, path: Path) -> PreferenceSet:
        if not path.is_file():
            raise CommandError(f"File not found: {path}")
        try:
            return sets.keep(path)
        except Faulty as faulty:
            for fault in faulty.faults[:20]:
                where = f"{fault.file}:{fault.line}" if fault.line else fault.file
                reason = fault.reason % fault.values
                self.stderr.write(f"{where}: {fault.field + ': ' if fault.field else ''}{reason} {fault.row}")
            raise CommandError(f"{faulty.count:,} rows are not valid preferences, so nothing was sent.") from None

    def _report(self, run: BenchmarkRun, options: dict[str, Any]) -> None:
        found = reports.report(run)
        if options["json"]:
            self.stdout.write(json.dumps(reports.as_json(run, found), ensure_ascii=False, indent=2))
            return
        if options["csv"]:
            self.stdout.write("".join([csv_line(COLUMNS), *map(csv_line, reports.lines(found))]), ending="")
            return
        self._table(found)
        states = ", ".join(f"{count:,} {state}" for state, count in found.states.items())
        self.stdout.write(f"Calls: {states}. Total cost {dollars(found.cost)}.")
        if run.lost:
            self.stdout.write(f"Interrupted by a crash and sent again: {calls(run.lost)}.")
        if len(found.models) > 1:
            self.stdout.write(f"The endpoint returned more than one model name: {', '.join(found.models)}.")

    def _table(self, found: Report) -> None:
        width = max(len(name) for name in (reports.MACRO, *(each.name for each in found.sets)))
        self.stdout.write(f"{'':{width}}   rows  right  wrong   ties  incon.  unread  ties half            ties wrong")
        for each in found.sets:
            self._line(width, each.name, each, each.half, each.wrong)
        if len(found.sets) > 1:
            self._line(width, reports.MACRO, found.all, found.macro_half, found.macro_wrong)
            self._line(width, reports.MICRO, found.all, found.all.half, found.all.wrong)

    def _line(self, width: int, name: str, result: Result, half: Accuracy, wrong: Accuracy) -> None:
        counts = result.outcomes
        self.stdout.write(
            f"{name:{width}} {result.rows:6,} {counts['right']:6,} {counts['wrong']:6,} {counts['tie']:6,} "
            f"{counts['inconsistent']:7,} {counts['unread']:7,}  {_told(half):19}  {_told(wrong)}"
        )


def _told(accuracy: Accuracy) -> str:
    if accuracy.value is None:
        return "–"
    return f"{accuracy.value:.3f} ({accuracy.low:.3f}–{accuracy.high:.3f})"
