"""manage.py leaderboard: computes and prints the leaderboard of a study."""

import json
from argparse import ArgumentParser
from collections.abc import Collection
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.stored_problems import told
from ranking import problems
from ranking.board_data import csv_lines
from ranking.boards import compute, recompute
from ranking.boards.compute import Computed
from ranking.boards.recompute import CannotRecompute
from ranking.management import board_options
from ranking.management.board_output import as_data, table, warnings
from ranking.methods import VERSION
from ranking.methods.registry import method
from ranking.methods.settings import Contradiction, Settings
from ranking.models import Leaderboard
from ranking.votes import reader
from ranking.votes.reader import Filters


class Command(BaseCommand):
    """Computes a leaderboard with the given options and prints it as text, CSV or JSON."""

    help = "Computes the leaderboard of a study from its comparisons and prints it. Nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="the study's address (slug)")
        parser.add_argument(
            "--raters", metavar="people|NAME|all", help="whose comparisons count; NAME is a judge (default: people)"
        )
        board_options.add_reading(parser)
        parser.add_argument(
            "--background", metavar="NAME=VALUE", help="only people with this background, if they are at least 10"
        )
        parser.add_argument(
            "--reading",
            choices=["forced", "tie-allowed"],
            help="how values 4 and 5 of the 1-8 scale are read (default: forced)",
        )
        board_options.add_settings(parser)
        parser.add_argument(
            "--recompute", type=int, metavar="ID", help="recompute a stored leaderboard with its own settings"
        )
        board_options.add_output(parser)

    def handle(self, **options: Any) -> None:
        study = study_called(options["study"])
        if options["covariance"] and not options["json"]:
            raise CommandError(_("--covariance requires --json."))
        try:
            filters, settings, computed = self._compute(study, options)
        except compute.PROBLEMS as error:
            raise CommandError(told(error.problem)) from error
        except CannotRecompute as error:
            raise CommandError(str(error)) from error
        if options["covariance"] and not any(computed.covariances):
            raise CommandError(_("This leaderboard has no covariance: its ratings have no sandwich intervals."))
        for warning in warnings(computed, filters, settings):
            self.stderr.write(warning)
        if options["csv"]:
            for line in csv_lines(computed.sheet):
                self.stdout.write(line, ending="")
        elif options["json"]:
            result = {"study": study.slug, **as_data(computed, filters, settings, covariance=options["covariance"])}
            self.stdout.write(json.dumps(result, allow_nan=False))
        else:
            self.stdout.write(table(computed))

    def _compute(self, study: Study, options: dict[str, Any]) -> tuple[Filters, Settings, Computed]:
        given = board_options.given(options)
        if options["recompute"] is not None:
            if given:
                told = ", ".join(f"--{name.replace('_', '-')}" for name in given)
                raise CommandError(
                    _("--recompute uses the stored leaderboard’s settings. Remove %(options)s.") % {"options": told}
                )
            snapshot = Leaderboard.objects.filter(pk=options["recompute"], study=study).first()
            if snapshot is None:
                raise CommandError(_("Leaderboard %(id)s was not found in this study.") % {"id": options["recompute"]})
            computed = recompute.recompute(snapshot)
            if snapshot.version not in {"", VERSION}:
                self.stderr.write(
                    _(
                        "This leaderboard was stored with version %(then)s of the ranking methods. These numbers "
                        "are from version %(now)s."
                    )
                    % {"then": snapshot.version, "now": VERSION}
                )
            return snapshot.asked_filters(), snapshot.asked_settings(), computed
        filters, settings = board_options.filters_and_settings(given)
        _refuse_idle(study, filters, settings, given)
        return filters, settings, compute.compute(study, filters, settings)


def _refuse_idle(study: Study, filters: Filters, settings: Settings, told: Collection[str]) -> None:
    """Refuses options that would have no effect.

    `told` names the options given on the command line. A setting must have an effect even if it equals the default. A
    filter that lets through every comparison is accepted.

    Raises:
        Contradiction: an option would change nothing.
    """
    reader.refuse_idle(filters)
    method(settings, reader.source_of(filters.raters), told=told)
    if filters.reading != "forced" and filters.reading not in reader.readings(study, filters, reader.cut(study)):
        raise Contradiction(problems.ONE_READING())
