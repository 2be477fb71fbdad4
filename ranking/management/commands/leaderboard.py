"""manage.py leaderboard: computes and prints the leaderboard of a study."""

import json
import math
from argparse import ArgumentParser
from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.management.arguments import study_called
from annotation.management.text_tables import text_table
from annotation.models import Study
from annotation.stored_problems import told
from ranking import problems
from ranking.board_data import csv_lines
from ranking.boards import compute, recompute
from ranking.boards.compute import Computed
from ranking.boards.recompute import CannotRecompute
from ranking.methods import VERSION
from ranking.methods.intervals import CLUSTERS, CORRECTIONS
from ranking.methods.registry import METHODS, method
from ranking.methods.settings import INTERVALS, REDRAWS, TIES, Contradiction, Settings
from ranking.models import Leaderboard
from ranking.pages.statements import About, one, said
from ranking.pages.text import coefficient, coefficient_name, converged, left_out, notice
from ranking.votes import reader
from ranking.votes.reader import Filters

FILTERS = tuple(field.name for field in fields(Filters))
SETTINGS = tuple(field.name for field in fields(Settings))


class Command(BaseCommand):
    """Computes a leaderboard with the given options and prints it as text, CSV or JSON."""

    help = "Computes the leaderboard of a study from its comparisons and prints it. Nothing is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="the study's address (slug)")
        parser.add_argument(
            "--method", choices=METHODS, help="ranking method (default: bradley-terry, or davidson with --ties model)"
        )
        parser.add_argument(
            "--raters", metavar="people|NAME|all", help="whose comparisons count; NAME is a judge (default: people)"
        )
        parser.add_argument("--category", metavar="TYPE", help="only prompts in this category")
        parser.add_argument(
            "--background", metavar="NAME=VALUE", help="only people with this background, if they are at least 10"
        )
        parser.add_argument(
            "--ties", choices=TIES, help="how ties count: half a win each, left out, or modelled (davidson)"
        )
        parser.add_argument(
            "--reading",
            choices=["forced", "tie-allowed"],
            help="how values 4 and 5 of the 1-8 scale are read (default: forced)",
        )
        parser.add_argument(
            "--inconsistent",
            choices=["drop", "tie"],
            help="how contradictory verdicts of a judge count (default: drop)",
        )
        parser.add_argument("--intervals", choices=INTERVALS, help="kind of intervals (default: sandwich)")
        parser.add_argument(
            "--clusters", choices=CLUSTERS, help="what clusters the votes: prompt, rater (worker), both or neither"
        )
        parser.add_argument("--correction", choices=CORRECTIONS, help="correction of sandwich intervals (default: CR3)")
        parser.add_argument("--simultaneous", action="store_true", help="rank ranges for all models at once")
        parser.add_argument("--anchor", type=anchor, metavar="MODEL=VALUE", help="fix the rating of one model")
        parser.add_argument("--first-place", action="store_true", help="estimate position bias")
        parser.add_argument("--rounds", type=int, help="number of bootstrap rounds (default: 1000)")
        parser.add_argument("--redraw", choices=REDRAWS, help="whether elo-bootstrap reorders or resamples the votes")
        parser.add_argument("--baseline", metavar="MODEL", help="the model that baseline-win-rate compares with")
        parser.add_argument("--k", type=float, help="Elo: points per unit of surprise (default: 4)")
        parser.add_argument("--start", type=float, help="Elo: rating that every model starts from (default: 1000)")
        parser.add_argument("--scale", type=float, help="Elo: lead that means odds of 10 to 1 (default: 400)")
        parser.add_argument("--seed", type=int, help="seed of the random draws (default: 0)")
        parser.add_argument(
            "--recompute", type=int, metavar="ID", help="recompute a stored leaderboard with its own settings"
        )
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="print CSV")
        form.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument(
            "--covariance", action="store_true", help="add the covariance of the ratings (requires --json)"
        )

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
        self._tell(computed, filters, settings)
        if options["csv"]:
            for line in csv_lines(computed.sheet):
                self.stdout.write(line, ending="")
        elif options["json"]:
            result = as_json(study, filters, settings, computed, covariance=options["covariance"])
            self.stdout.write(json.dumps(result, allow_nan=False))
        else:
            self.stdout.write(table(computed))

    def _compute(self, study: Study, options: dict[str, Any]) -> tuple[Filters, Settings, Computed]:
        # Options are compared with None and False rather than tested for truth, because --seed 0 counts as given.
        asked = {name: options[name] for name in (*FILTERS, *SETTINGS)}
        given = {name: value for name, value in asked.items() if value is not None and value is not False}
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
        filters = Filters(**{name: value for name, value in given.items() if name in FILTERS})
        wanted = {name: value for name, value in given.items() if name in SETTINGS}
        if options["ties"] == "model":
            wanted.setdefault("method", "davidson")
        settings = Settings(**wanted)
        _refuse_idle(study, filters, settings, given)
        return filters, settings, compute.compute(study, filters, settings)

    def _tell(self, computed: Computed, filters: Filters, settings: Settings) -> None:
        """Writes what a reader must know besides the numbers to standard error."""
        sheet, read = computed.sheet, computed.read
        if read.simulated:
            self.stderr.write(
                _(
                    "SIMULATED: %(number)s of the comparisons were generated by a program and say nothing about "
                    "any model."
                )
                % {"number": read.simulated}
            )
        # Models that are not ranked are named below.
        it = About(read=sheet["read"], filters=asdict(filters), settings=asdict(settings), raters=filters.raters)
        for found in said("board", it):
            self.stderr.write(found.text)
        baseline = computed.board.settings.baseline
        for word in dict.fromkeys([*sheet["notices"], *(word for g in sheet["groups"] for word in g["notices"])]):
            self.stderr.write(notice(word))
        if any(group["prior"] for group in sheet["groups"]):
            self.stderr.write(notice("prior"))
        if sheet["unmet"]:
            self.stderr.write(left_out(sheet["unmet"], baseline))
        if any(group["order_range"] for group in sheet["groups"]):
            self.stderr.write(notice("order-range"))


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


def anchor(text: str) -> tuple[str, float]:
    """Parses `NAME=RATING` into a model name and a rating. Raises ValueError unless the rating is finite."""
    name, mark, value = text.rpartition("=")
    number = float(value)
    if not mark or not math.isfinite(number):
        raise ValueError(text)
    return name, number


def as_json(
    study: Study, filters: Filters, settings: Settings, computed: Computed, *, covariance: bool
) -> dict[str, Any]:
    """Returns the board with its filters and settings as JSON-compatible data."""
    result = {
        "study": study.slug,
        "filters": asdict(filters),
        "settings": asdict(settings),
        "digest": computed.read.digest,
        **computed.sheet,
    }
    if covariance:
        for group, values in zip(result["groups"], computed.covariances, strict=True):
            group["covariance"] = values
    return result


def table(computed: Computed) -> str:
    """Formats the leaderboard as text tables, one per group, with notes on how it was computed."""
    blocks = []
    for group in computed.sheet["groups"]:
        digits = 3 if group["unit"] == "share" else 0

        def number(value: float | None, digits: int = digits) -> str:
            return "" if value is None else f"{value:.{digits}f}"

        lines = [(_("rank"), _("model"), _("rating"), _("low"), _("high"), _("comparisons"))]
        for row in group["rows"]:
            low, high = row["rank_low"], row["rank_high"]
            places = f"{row['rank']}" if low is None else f"{row['rank']} ({low}-{high})"
            lines.append(
                (
                    places,
                    row["model"],
                    number(row["rating"]),
                    number(row["low"]),
                    number(row["high"]),
                    f"{row['comparisons']:,}",
                )
            )
        foot = [one("question", About(group=group)), converged(group)]
        foot.extend(f"{coefficient_name(found['name'])}: {coefficient(found)}" for found in group["coefficients"])
        blocks.append(text_table(lines, {2, 3, 4, 5}) + "\n\n" + "\n".join(filter(None, foot)))
    total = _("Comparisons: %(number)s") % {"number": f"{computed.sheet['comparisons']:,}"}
    return "\n\n".join([*blocks, total])
