# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-benchmark --judge NAME FILE...`: how often a judge chooses the answer known to be better."""

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
from judges.management.watching import worked
from judges.models import BenchmarkRun, PreferenceSet, Protocol, RunState, dollars
from judges.statistics.accuracy import Accuracy, Result


class Command(BaseCommand):
    help = (
        "Asks a judge about preferences whose better answer is known, and says how often it was right: per set, "
        "and on average. What was asked before is not asked, or paid for, again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSONL: prompt, chosen, rejected.")
        parser.add_argument("--judge", required=True, metavar="NAME", help="The name of a judge: see judge-add.")
        parser.add_argument("--both-orders", action="store_true", help="Each pair twice, with the sides swapped.")
        parser.add_argument("--limit", type=count, help="This many rows of each set, always the same for a seed.")
        parser.add_argument("--seed", type=int, default=0, help="Draws sides, and rows where there is a limit.")
        parser.add_argument(
            "--reward",
            choices=[Protocol.POOLING.value, Protocol.CLASSIFY.value],
            help="The judge is a reward model, asked by this address of its endpoint.",
        )
        parser.add_argument("--dry-run", action="store_true", help="Says how many calls, tokens and how much money.")
        output = parser.add_mutually_exclusive_group()
        output.add_argument("--csv", action="store_true", help="The results as CSV.")
        output.add_argument("--json", action="store_true", help="The results as JSON.")

    def handle(self, *args: Any, **options: Any) -> None:
        terms = Terms(options["reward"] or Protocol.CHAT, options["both_orders"], options["seed"], options["limit"])
        try:
            version = lookup.judge_named(options["judge"]).current
            sets = [self._kept(path) for path in options["files"]]
            if options["dry_run"]:
                found = planning.estimate(version, sets, terms)
                self.stdout.write(
                    f"{found.calls:,} calls ({found.there:,} more are there), about {found.tokens_in:,} tokens in: "
                    f"at the most {dollars(found.bound)}."
                )
                return
            run = runs.start(version, sets, terms, timezone.now(), detach=False)
            why = worked(benchmark_life, run, self.stderr)
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        self._report(run, options)
        if why or run.state == RunState.STOPPED:
            words = run.problem or f"The benchmark is {run.state}."
            raise CommandError(f"{words} Run this again to go on where it stopped.")

    def _kept(self, path: Path) -> PreferenceSet:
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        try:
            return sets.keep(path)
        except Faulty as faulty:
            for fault in faulty.faults[:20]:
                where = f"{fault.file}:{fault.line}" if fault.line else fault.file
                reason = fault.reason % fault.values
                self.stderr.write(f"{where}: {fault.field + ': ' if fault.field else ''}{reason} {fault.row}")
            raise CommandError(f"{faulty.count:,} rows are no preferences; nothing was asked.") from None

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
        self.stdout.write(f"Calls: {states}. {dollars(found.cost)} altogether.")
        if run.lost:
            self.stdout.write(f"{run.lost:,} calls were in flight when a process died, and were asked again.")
        if len(found.models) > 1:
            self.stdout.write(f"The endpoint answered as more than one model: {', '.join(found.models)}.")

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
