"""`manage.py mad STUDY`: chooses the prompts on which models differ most, and makes their pairs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.studies.lifecycle import NotPossible
from judges.llm.api_keys import NoKey
from judges.management.similarity import add_choice, add_terms, judge_of, run_to_end, terms_of, told, told_report
from judges.similarity import runs, selection


class Command(BaseCommand):
    """Compares the answers of every two models, chooses the top prompts for each, and makes their pairs."""

    help = (
        "Chooses, for every two models of a study, the K prompts on which their answers are least alike (MAD "
        "competition), and makes these pairs. The choice is deterministic. Running it again adds only missing pairs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_terms(parser)
        add_choice(parser)
        parser.add_argument("--no-pairs", action="store_true", help="Choose only; make no pairs.")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="Random seed for sides; default: 0.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            terms, judge = terms_of(options), judge_of(options)
            if options["dry_run"]:
                self.stdout.write(told(runs.estimate(study, terms, judge)))
                return
            if options["detach"] and not options["no_pairs"]:
                raise CommandError("--detach only chooses. Add --no-pairs; run the command again to make the pairs.")
            run = run_to_end(study, terms, judge, self.stderr, detach=options["detach"])
            if options["detach"]:
                self.stdout.write(f"Run {run.pk} continues in the background.")
                return
            self.stdout.write(told_report(run))
            if options["no_pairs"]:
                return
            made = selection.make_pairs(run, timezone.now(), seed=options["seed"])
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"{made.found:,} pairs chosen; {made.added:,} added, {made.known:,} already there.")
        self.stdout.write(f"{study.slug} now has {made.total:,} pairs.")
