"""`manage.py panel STUDY NAME`: several judges of a study as one rater."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges.models import Panel, PanelDecision
from judges.panels import panels
from judges.panels.panels import Charter

RULES: Final = ("judges", "rule", "splits", "senior", "contradictions", "least", "margin", "spare_own", "maker")
"""Options that say what a new panel is."""


def _maker(word: str) -> tuple[str, str]:
    judge, equals, maker = word.rpartition("=")
    if not equals or not judge:
        raise ValueError(word)
    return judge, maker


class Command(BaseCommand):
    help = (
        "Makes a panel: several judges of a study as one rater. Without --judges it makes anew what a panel says, "
        "which the background does by itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("name", metavar="NAME", help="What leaderboards and files call the panel.")
        parser.add_argument(
            "--judges", nargs="+", metavar="JUDGE", help="Its members, as leaderboards call them; two or more."
        )
        parser.add_argument(
            "--rule",
            choices=Panel.Rule.values,
            help="What more than half say (majority), or the mean of probabilities.",
        )
        parser.add_argument("--splits", choices=Panel.Splits.values, help="What a split is: a tie by default.")
        parser.add_argument("--senior", metavar="JUDGE", help="The member who decides splits.")
        parser.add_argument(
            "--contradictions",
            choices=Panel.Contradictions.values,
            help="What a member does whose two orders contradict each other: it abstains by default.",
        )
        parser.add_argument("--least", type=int, help="So many members must have answered; all by default.")
        parser.add_argument("--margin", type=float, help="How far the mean must be from one half to be no split.")
        parser.add_argument(
            "--spare-own",
            action="store_true",
            default=None,
            help="Leaves members out of pairs with models of their own maker.",
        )
        parser.add_argument(
            "--maker",
            nargs="+",
            type=_maker,
            metavar="JUDGE=MAKER",
            help="Who made a member's model; else the study's models are asked by its name.",
        )
        parser.add_argument("--end", action="store_true", help="Ends a panel: its comparisons are withdrawn.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            panel = Panel.objects.filter(study=study, rater__name=options["name"]).select_related("rater").first()
            if options["end"]:
                self._end(panel, options["name"])
                return
            if panel is not None and any(options[word] is not None for word in RULES):
                raise CommandError("There is a panel of this name. Its rules never change: take another name.")
            if options["judges"]:
                panel = panels.create(study, options["name"], self._charter(options), timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        if panel is None:
            raise CommandError(f"There is no panel {options['name']}: name its members with --judges.")
        self._make(panel, study)

    def _charter(self, options: dict[str, Any]) -> Charter:
        given = {
            key: options[key] for key in ("rule", "splits", "contradictions", "margin") if options[key] is not None
        }
        if options["senior"]:
            given.setdefault("splits", Panel.Splits.SENIOR)
        return Charter(
            options["judges"],
            senior=options["senior"] or "",
            least=options["least"],
            spares_own=bool(options["spare_own"]),
            makers=dict(options["maker"] or ()),
            **given,
        )

    def _end(self, panel: Panel | None, name: str) -> None:
        if panel is None or not panels.end(panel, timezone.now()):
            raise CommandError(f"There is no panel {name} that has not ended.")
        self.stdout.write(f"{name} was ended, and its comparisons withdrawn.")

    def _make(self, panel: Panel, study: Study) -> None:
        if panel.ended_at is not None:
            raise CommandError(f"{panel} has ended.")
        made = panels.make(panel.pk)
        if made is None:
            raise CommandError("The background is at work on this panel, or it was ended just now.")
        for member in panels.members_of(panel):
            words = [
                str(member),
                *(["senior"] if member.senior else []),
                member.organisation and f"of {member.organisation}",
            ]
            self.stdout.write(f"Member: {', '.join(filter(None, words))}")
        for state in PanelDecision.State:
            if made.states[state]:
                self.stdout.write(f"{made.states[state]:,} {state.label}")
        self.stdout.write(f"{made.changed:,} decisions were made or made anew.")
