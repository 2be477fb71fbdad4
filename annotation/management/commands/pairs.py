"""`manage.py pairs STUDY --strategy neighbours|random|all`: creates the pairs of a study."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from annotation.management.arguments import study_called
from annotation.pair_making.make import make_pairs
from annotation.pairing.registry import STRATEGIES
from annotation.studies.lifecycle import NotPossible


class Command(BaseCommand):
    """Makes the pairs of a study in the foreground; running it again adds only missing ones."""

    help = "Creates the pairs of a study from its models' answers. Running it again adds only missing pairs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        parser.add_argument(
            "--strategy", required=True, choices=STRATEGIES, help="how to choose the answers to compare"
        )
        parser.add_argument(
            "--neighbours",
            type=int,
            default=3,
            metavar="N",
            help="pairs per answer: with its N most distant answers, or with N random ones (default: 3)",
        )
        parser.add_argument(
            "--per-prompt",
            type=int,
            metavar="N",
            help="with random: pairs per prompt (default: N neighbours per answer)",
        )
        parser.add_argument(
            "--seed", type=int, default=0, metavar="S", help="random seed for sides and pairs (default: 0)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_called(options["study"])
        with tqdm(desc="prompts", unit="", disable=None, file=sys.stderr, leave=False) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            try:
                made = make_pairs(
                    study,
                    options["strategy"],
                    neighbours=options["neighbours"],
                    per_prompt=options["per_prompt"],
                    seed=options["seed"],
                    progress=show,
                )
            except NotPossible as refusal:
                raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"{made.strategy}: {made.found:,} pairs from {made.results:,} answers to {made.prompts:,} prompts; "
            f"{made.added:,} added, {made.known:,} already there."
        )
        self.stdout.write(f"{study.slug} now has {made.total:,} pairs.")
