"""`manage.py board FILE...`: a leaderboard of files, without a study or a database."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from tqdm import tqdm

from annotation.importing import load
from annotation.interchange.faults import printable
from annotation.management import reading_options
from annotation.stored_problems import told
from ranking.board_data import csv_lines
from ranking.boards import compute, files
from ranking.boards.compute import Computed
from ranking.boards.files import Found
from ranking.management import board_options
from ranking.management.board_output import as_data, table, warnings
from ranking.methods.registry import Method, method
from ranking.methods.settings import Settings
from ranking.pages import file_board, text
from ranking.votes import reader
from ranking.votes.reader import Filters


class Command(BaseCommand):
    """Computes a leaderboard from files and prints it as text, CSV or JSON, or writes it as a page."""

    help = (
        "Computes a leaderboard from files of votes or verdicts and prints it. It needs no study and no database, and "
        "stores nothing. Formats are recognised by content."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file, folder or ZIP archive")
        reading_options.add(parser)
        parser.add_argument(
            "--rater",
            metavar="NAME",
            help="name of the judge in a file of comparisons that does not say whose they are",
        )
        parser.add_argument(
            "--raters",
            metavar="people|NAME|all",
            help="whose comparisons count; NAME is a judge (default: people, or else the judge with most verdicts)",
        )
        board_options.add_reading(parser)
        board_options.add_settings(parser)
        board_options.add_output(parser)
        parser.add_argument("--html", type=Path, metavar="PAGE", help="also write the board as one self-contained page")

    def handle(self, **options: Any) -> None:
        if options["covariance"] and not options["json"]:
            raise CommandError(_("--covariance requires --json."))
        given = board_options.given(options)
        try:
            filters, settings = board_options.filters_and_settings(given)
            chosen = method(settings)
        except compute.PROBLEMS as error:
            raise CommandError(told(error.problem)) from error
        found = self._read(options, chosen)
        if options["raters"] is None:
            filters = replace(filters, raters=found.usual)
        try:
            reader.refuse_idle(filters)
            method(settings, reader.source_of(filters.raters), told=given)
            computed = files.compute_board(found.comparisons, filters, settings)
        except compute.PROBLEMS as error:
            raise CommandError(told(error.problem)) from error
        if options["covariance"] and not any(computed.covariances):
            raise CommandError(_("This leaderboard has no covariance: its ratings have no sandwich intervals."))
        if options["html"] is not None:
            self._write(options["html"], file_board.html(computed, filters, settings, found.files, datetime.now(UTC)))
        self._tell(found, computed, filters, settings)
        self._print(found, computed, filters, settings, options)

    def _read(self, options: dict[str, Any], chosen: Method) -> Found:
        bar: tqdm[Any] = tqdm(unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty())

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            with bar:
                return files.read(
                    options["files"],
                    choice=reading_options.choice(options),
                    rater=options["rater"],
                    with_style=chosen.style,
                    in_order=chosen.in_order,
                    tell=tell,
                )
        except load.FaultyFiles as error:
            for fault in error.faults.listed:
                self.stderr.write(load.worded(fault))
            count = error.faults.count
            sentence = ngettext("%(count)s error found.", "%(count)s errors found.", count)
            raise CommandError(sentence % {"count": count}) from error
        except compute.NothingCompared as error:
            raise CommandError(told(error.problem)) from error

    def _tell(self, found: Found, computed: Computed, filters: Filters, settings: Settings) -> None:
        """Writes what a reader must know besides the numbers to standard error."""
        for warning in warnings(computed, filters, settings):
            self.stderr.write(warning)
        for name in found.skipped:
            self.stderr.write(_("skipped: %(file)s") % {"file": printable(name)})
        for line in load.told_passed_over(found.passed):
            self.stderr.write(line)
        if found.repeated:
            sentence = ngettext(
                "%(number)s row repeats an earlier row and was not counted again.",
                "%(number)s rows repeat earlier rows and were not counted again.",
                found.repeated,
            )
            self.stderr.write(sentence % {"number": found.repeated})
        if found.further:
            sentence = ngettext(
                "%(number)s vote is on a prompt and two models on which the same person has another vote. Both count, "
                "because the file does not say which answers were compared.",
                "%(number)s votes are on prompts and models on which the same person has another vote. All count, "
                "because the files do not say which answers were compared.",
                found.further,
            )
            self.stderr.write(sentence % {"number": found.further})
        others = [name for name in found.judges if name != filters.raters]
        if others and filters.raters != reader.ALL:
            sentence = _("Not counted: the verdicts of %(judges)s. To count those of one judge, use --raters NAME.")
            self.stderr.write(sentence % {"judges": ", ".join(map(printable, others))})

    def _print(
        self, found: Found, computed: Computed, filters: Filters, settings: Settings, how: dict[str, Any]
    ) -> None:
        if how["csv"]:
            for line in csv_lines(computed.sheet):
                self.stdout.write(line, ending="")
        elif how["json"]:
            result = {
                "files": [asdict(file) for file in found.files],
                **as_data(computed, filters, settings, covariance=how["covariance"]),
            }
            # What was read is known by its files.
            del result["digest"]
            self.stdout.write(json.dumps(result, allow_nan=False))
        else:
            self.stdout.write(f"{text.method(settings.method)} · {printable(text.raters(filters.raters))}\n\n")
            self.stdout.write(table(computed))

    def _write(self, path: Path, page: str) -> None:
        try:
            path.write_text(page, encoding="utf-8")
        except OSError as error:
            problem = {"file": printable(str(path)), "problem": error.strerror or ""}
            raise CommandError(_("%(file)s cannot be written: %(problem)s") % problem) from error
