"""manage.py agreement: how far people and judges agree, and what moves their verdicts."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.interchange.tables import csv_line
from annotation.management.arguments import study_called
from annotation.models import Study
from ranking.board_data import text_table
from ranking.boards import recompute
from ranking.boards.recompute import CannotRecompute
from ranking.models import Leaderboard
from ranking.pages import by_rater as by_rater_page
from ranking.reports import agreement, by_rater
from ranking.votes import reader


class Command(BaseCommand):
    help = "Prints the agreement of a study's people and judges, and the biases of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="the study's address (slug)")
        parser.add_argument(
            "--recompute", type=int, metavar="ID", help="a stored report again: this one, or the ratings side by side"
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true")
        form.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        study = study_called(options["study"])
        if options["recompute"] is not None:
            self._again(study, options["recompute"], options)
            return
        found = agreement.report(study, reader.cut(study))
        if not found["people"]["votes"] and not found["judges"]:
            raise CommandError(_("Nobody has compared anything in “%(study)s” yet.") % {"study": study.slug})
        self._tell_simulated(study.comparisons.counted().simulated().count())
        self._write(found, options)

    def _again(self, study: Study, pk: int, options: dict[str, Any]) -> None:
        """A stored report, from the comparisons that it was made of."""
        snapshot = Leaderboard.objects.filter(pk=pk, study=study).select_related("study__prompt_set").first()
        if snapshot is None:
            raise CommandError(_("This study has no report %(id)s.") % {"id": pk})
        try:
            found = recompute.recompute_report(snapshot)
        except CannotRecompute as error:
            raise CommandError(str(error)) from error
        self._tell_simulated(snapshot.simulated)
        if snapshot.method == by_rater.METHOD:
            self._write_columns(found, options)
        else:
            self._write(found, options)

    def _tell_simulated(self, number: int) -> None:
        if number:
            self.stderr.write(
                _("SIMULATED: %(number)s of the comparisons were made up by a program and say nothing of any model.")
                % {"number": number}
            )

    def _write(self, found: agreement.Report, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(found, allow_nan=False))
        elif options["csv"]:
            self.stdout.write(csv_line(agreement.COLUMNS), ending="")
            for line in agreement.lines(found):
                self.stdout.write(csv_line(line), ending="")
        else:
            self.stdout.write(
                text_table([agreement.COLUMNS, *map(_written, agreement.lines(found))], frozenset({3, 4, 5, 6}))
            )

    def _write_columns(self, found: by_rater.Report, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(found, allow_nan=False))
        elif options["csv"]:
            for line in by_rater_page.csv_lines(found):
                self.stdout.write(line, ending="")
        else:
            heads = (_("model"), *(column["key"] for column in found["columns"]))
            rows = (
                (row["model"], *("" if each is None else f"{each['rating']:.0f}" for each in row["ratings"]))
                for row in found["rows"]
            )
            self.stdout.write(text_table([heads, *rows], frozenset(range(1, len(heads)))))


def _written(line: agreement.Line) -> tuple[str, ...]:
    rater, part, statistic, *numbers, number = line
    written = ("" if each is None else f"{each:.3f}" for each in numbers)
    return rater, part, statistic, *written, f"{number:,}"
