# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-responses STUDY --judge NAME FILE`: loads replies from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.studies.lifecycle import NotPossible
from judges.judging import batch_files, lookup


class Command(BaseCommand):
    """Stores the replies of a JSONL file. Reports the lines that it cannot read and then fails."""

    help = "Loads replies to requests from judge-requests: rows of [request, response, metadata], or batch output."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--judge", required=True, metavar="NAME", help="Name of a judge (see judge-add).")
        parser.add_argument("file", metavar="FILE", type=Path, help="JSONL.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            version = lookup.judge_named(options["judge"]).current
            with options["file"].open("rb") as lines:
                report = batch_files.read_responses(study, version, lines, timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        except OSError as problem:
            raise CommandError(f"Cannot read {options['file']}: {problem.strerror}") from None
        states = ", ".join(f"{count:,} {state}" for state, count in sorted(report.stored.items())) or "none"
        self.stdout.write(f"Replies stored: {states}. {report.there:,} were already stored.")
        for line, reason in report.faults:
            self.stderr.write(f"{options['file']}, line {line}: {reason}")
        if report.fault_count:
            raise CommandError(f"{report.fault_count:,} rows could not be read.")
