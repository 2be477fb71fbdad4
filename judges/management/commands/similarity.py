"""`manage.py similarity STUDY --measure MEASURE`: measures how alike every two models' answers are."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.interchange.tables import csv_line
from annotation.management.arguments import study_called
from annotation.studies.lifecycle import NotPossible
from judges.llm.api_keys import NoKey
from judges.management.similarity import add_terms, judge_of, run_to_end, terms_of, told, told_report
from judges.similarity import reports, runs


class Command(BaseCommand):
    """Compares the answers of every two models and prints a table, or every score as CSV."""

    help = (
        "Measures how alike the answers of every two models of a study are. Scores of an earlier run with the same "
        "answers are taken over, and replies that are stored are not paid for again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_terms(parser)
        parser.add_argument("--csv", action="store_true", help="Print every score as CSV.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            terms, judge = terms_of(options), judge_of(options)
            if options["dry_run"]:
                self.stdout.write(told(runs.estimate(study, terms, judge)))
                return
            run = run_to_end(study, terms, judge, self.stderr, detach=options["detach"])
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        if options["detach"]:
            self.stdout.write(f"Run {run.pk} continues in the background.")
        elif options["csv"]:
            self.stdout.write(csv_line(reports.columns_of(run)), ending="")
            for row in reports.csv_rows(run):
                self.stdout.write(csv_line(row), ending="")
        else:
            self.stdout.write(told_report(run))
