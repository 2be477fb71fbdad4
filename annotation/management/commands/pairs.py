"""`manage.py pairs STUDY --strategy neighbours|random|all`: makes the pairs of a study."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from annotation.management.arguments import study_called
from annotation.pair_making.make import make_pairs
from annotation.pairing.registry import STRATEGIES
from annotation.studies.lifecycle import NotPossible


class Command(BaseCommand):
    help = "Makes the pairs of a study from the results of its models. Run again, it adds only what is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        parser.add_argument("--strategy", required=True, choices=STRATEGIES, help="which results to compare")
        parser.add_argument(
            "--neighbours",
            type=int,
            default=3,
            metavar="N",
            help="links a result: to its N most distant ones, or N drawn ones (default: 3)",
        )
        parser.add_argument(
            "--per-prompt", type=int, metavar="N", help="with random: pairs a prompt (default: N neighbours a result)"
        )
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="draws sides and pairs (default: 0)")

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
            f"{made.strategy}: {made.found:,} pairs of {made.results:,} results to {made.prompts:,} prompts; "
            f"{made.added:,} added, {made.known:,} known before."
        )
        self.stdout.write(f"{study.slug} has {made.total:,} pairs now.")
