# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-requests STUDY --judge NAME`: the requests of a judge as a file."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.services.studies import NotPossible
from judges.management.numbers import count
from judges.services import naming, offline
from judges.services.planning import Plan


class Command(BaseCommand):
    help = "Writes the requests of a judge for a study as JSONL, to be answered elsewhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--judge", required=True, metavar="NAME", help="The name of a judge: see judge-add.")
        parser.add_argument("-o", "--output", type=Path, help="The file; standard output by default.")
        parser.add_argument("--layout", choices=("llmfao", "batch"), default="llmfao")
        parser.add_argument("--limit", type=count)
        parser.add_argument("--both-orders", action="store_true")
        parser.add_argument("--baseline", default="", metavar="MODEL")
        parser.add_argument("--all-pairs", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        plan = Plan(
            options["limit"], "both" if options["both_orders"] else "", options["baseline"], options["all_pairs"]
        )
        try:
            study = naming.study_named(options["study"])
            run = offline.prepare(study, naming.judge_named(options["judge"]).current, plan, timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        lines = offline.requests(run, options["layout"])
        written = 0
        try:
            with (
                options["output"].open("w", encoding="utf-8") if options["output"] else nullcontext(self.stdout) as file
            ):
                for line in lines:
                    file.write(line)
                    written += 1
        except BrokenPipeError:
            raise  # What reads standard output has seen enough: that is no fault of a file.
        except OSError as problem:
            raise CommandError(f"{options['output']} cannot be written: {problem.strerror}") from None
        self.stderr.write(f"{written:,} requests; judge-responses reads what comes of them.")
