# ruff: noqa: N999  commands with a hyphen are found by their file's name
"""`manage.py judge-requests STUDY --judge NAME`: writes a judge's requests to a file."""

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
    """Writes a judge's open requests as JSONL, in the layout of this site or of batch endpoints."""

    help = (
        "Writes a judge's requests for a study as JSONL, to be sent elsewhere. The file has every request that the "
        "options cover and that has no reply yet or failed, including requests written before. Requests written "
        "with other options are not repeated."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--judge", required=True, metavar="NAME", help="Name of a judge (see judge-add).")
        parser.add_argument("-o", "--output", type=Path, help="Output file; default: standard output.")
        parser.add_argument(
            "--layout",
            choices=("llmfao", "batch"),
            default="llmfao",
            help="llmfao (default): model, messages, metadata; batch: with a custom_id, for batch endpoints.",
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
            raise  # The reader of standard output closed it: this is not an error of a file.
        except OSError as problem:
            raise CommandError(f"Cannot write {options['output']}: {problem.strerror}") from None
        others = batch_files.waiting(run).count() - written
        besides = f" Another {others:,} requests, written with other options, are still waiting." if others else ""
        self.stderr.write(f"{written:,} requests. Load the replies with judge-responses.{besides}")
