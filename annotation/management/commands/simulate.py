"""`manage.py simulate STUDY --votes N --seed S`: adds votes drawn from a model, marked as simulated."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import indent
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from annotation.management.arguments import study_called
from annotation.management.text_tables import text_table
from annotation.models import Study
from annotation.simulation import Assumptions
from annotation.studies.lifecycle import NotPossible
from annotation.voting import simulated_votes
from annotation.voting.simulated_votes import Progress, Simulation

ELO_PER_LOGARITHM = 400 / math.log(10)


class Command(BaseCommand):
    """Adds simulated votes to a study, or removes all of them."""

    help = (
        "Adds votes drawn from a Bradley-Terry model with ties and worker noise, for trying things out. "
        "They are marked as simulated in every page and export. --remove deletes them all."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        usual = Assumptions()
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--votes", type=int, metavar="N", help="number of votes to add")
        what.add_argument("--remove", action="store_true", help="delete all simulated votes and workers of the study")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="random seed (default: 0)")
        parser.add_argument(
            "--workers", type=int, metavar="W", help="number of simulated workers (default: as few as possible)"
        )
        parser.add_argument(
            "--careless",
            type=float,
            default=usual.careless,
            metavar="SHARE",
            help=f"share of workers who answer at random (default: {usual.careless})",
        )
        parser.add_argument(
            "--ties",
            type=float,
            default=usual.ties,
            metavar="SHARE",
            help=f"share of ties between equally good answers (default: {usual.ties})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_called(options["study"])
        if options["remove"]:
            try:
                with _bar("workers") as show:
                    removed = simulated_votes.remove(study, show)
            except NotPossible as refusal:
                raise CommandError(str(refusal)) from refusal
            votes, workers = f"{removed.votes:,} simulated votes", f"{removed.workers:,} simulated workers"
            self.stdout.write(f"Deleted {votes} and {workers} from {study.slug}.")
            return
        assumptions = Assumptions(ties=options["ties"], careless=options["careless"])
        try:
            with _bar("votes") as show:
                made = simulated_votes.simulate(
                    study,
                    options["votes"],
                    options["seed"],
                    workers=options["workers"],
                    assumptions=assumptions,
                    progress=show,
                )
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(_summary(study, made, options["seed"]))


@contextmanager
def _bar(unit: str) -> Iterator[Progress]:
    """Shows a progress bar if standard error is a terminal."""
    with tqdm(desc=unit, unit="", disable=None, file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield show


def _summary(study: Study, made: Simulation, seed: int) -> str:
    assumed = made.assumptions
    ties = f"{assumed.ties:.0%} ties between equals" if study.scale.has_tie else "no ties (not on this scale)"
    drawn = (
        (name, f"{strength:+.3f}", f"{1000 + ELO_PER_LOGARITHM * strength:.0f}") for name, strength in made.strengths
    )
    workers = f"{made.workers:,} simulated workers, {made.careless:,} of them careless"
    people = f"sharpness e^N(0, {assumed.noise:g}), left preference N({assumed.left:g}, {assumed.left_spread:g})"
    lines = [
        f"{made.votes:,} simulated votes on {made.pairs:,} pairs of {study.slug} by {workers}; seed {seed}.",
        f"Bradley-Terry: strengths with standard deviation {assumed.spread:g}, {ties}; {people}.",
        "They are marked as simulated. To delete them, run `manage.py simulate --remove`.",
        "",
        indent(text_table([("drawn strength", "theta", "rating"), *drawn], {1, 2}), "  "),
    ]
    return "\n".join(lines)
