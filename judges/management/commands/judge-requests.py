# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-requests STUDY --judge NAME`: the requests of a judge as a file."""

from argparse import ArgumentParser
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.studies.lifecycle import NotPossible
from judges.judging import batch_files, lookup
from judges.management.covering import add_plan, plan_of


class Command(BaseCommand):
    help = (
        "Writes the requests of a judge for a study as JSONL, to be answered elsewhere: all that these options cover "
        "and that have no answer yet, written before or not, and those that failed. What was written with other "
        "options still waits, and is in no file but theirs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--judge", required=True, metavar="NAME", help="The name of a judge: see judge-add.")
        parser.add_argument("-o", "--output", type=Path, help="The file; standard output by default.")
        parser.add_argument(
            "--layout",
            choices=("llmfao", "batch"),
            default="llmfao",
            help="llmfao, the default: model, messages, metadata; batch: with a custom_id, as batch endpoints take it.",
        )
        add_plan(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        plan = plan_of(options)
        try:
            study = study_called(options["study"])
            run = batch_files.prepare(study, lookup.judge_named(options["judge"]).current, plan, timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        lines = batch_files.requests(run, plan, options["layout"])
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
        others = batch_files.waiting(run).count() - written
        besides = f" {others:,} of other options wait too, and are not among them." if others else ""
        self.stderr.write(f"{written:,} requests; judge-responses reads what comes of them.{besides}")
