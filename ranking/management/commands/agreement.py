"""manage.py agreement: how far people and judges agree, and what moves their verdicts."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.interchange.tables import csv_line
from annotation.models import Study
from ranking import comparisons, reports
from ranking.sheet import text_table


class Command(BaseCommand):
    help = "Prints the agreement of a study's people and judges, and the biases of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="the study's address (slug)")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true")
        form.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        study = Study.objects.filter(slug=options["study"]).select_related("prompt_set").first()
        if study is None:
            raise CommandError(_("There is no study at “%(slug)s”.") % {"slug": options["study"]})
        found = reports.report(study, comparisons.cut(study))
        if not found["people"]["votes"] and not found["judges"]:
            raise CommandError(_("Nobody has compared anything in “%(study)s” yet.") % {"study": study.slug})
        if simulated := study.comparisons.counted().simulated().count():
            self.stderr.write(
                _("SIMULATED: %(number)s of the comparisons were made up by a program and say nothing of any model.")
                % {"number": simulated}
            )
        if options["json"]:
            self.stdout.write(json.dumps(found, allow_nan=False))
        elif options["csv"]:
            self.stdout.write(csv_line(reports.COLUMNS), ending="")
            for line in reports.lines(found):
                self.stdout.write(csv_line(line), ending="")
        else:
            self.stdout.write(
                text_table([reports.COLUMNS, *map(_written, reports.lines(found))], frozenset({3, 4, 5, 6}))
            )


def _written(line: reports.Line) -> tuple[str, ...]:
    rater, part, statistic, *numbers, number = line
    written = ("" if each is None else f"{each:.3f}" for each in numbers)
    return rater, part, statistic, *written, f"{number:,}"
