"""`manage.py panel STUDY NAME`: combines several judges of a study into one rater."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges.models import Panel, PanelDecision
from judges.panels import panels
from judges.panels.panels import PanelSpec

RULES: Final = ("judges", "rule", "splits", "senior", "contradictions", "least", "margin", "spare_own", "maker")
"""Options that define a new panel."""


def _maker(word: str) -> tuple[str, str]:
    judge, equals, maker = word.rpartition("=")
    if not equals or not judge:
        raise ValueError(word)
    return judge, maker


class Command(BaseCommand):
    """Creates a panel or recomputes its decisions."""

    help = (
        "Creates a panel, which combines several judges of a study into one rater. Without --judges, recomputes the "
        "panel's verdicts; a background task also does this."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("name", metavar="NAME", help="Name of the panel on leaderboards and in files.")
        parser.add_argument(
            "--judges", nargs="+", metavar="JUDGE", help="Members by their names on leaderboards; two or more."
        )
        parser.add_argument(
            "--rule",
            choices=Panel.Rule.values,
            help="Decision rule: the verdict of more than half (majority), or the mean probability.",
        )
        parser.add_argument("--splits", choices=Panel.Splits.values, help="Result of a split decision; default: tie.")
        parser.add_argument("--senior", metavar="JUDGE", help="Member who decides splits.")
        parser.add_argument(
            "--contradictions",
            choices=Panel.Contradictions.values,
            help="What a member with contradictory verdicts counts as; default: abstains.",
        )
        parser.add_argument("--least", type=int, help="Minimum members who must reply; default: all.")
        parser.add_argument(
            "--margin", type=float, help="Minimum distance of the mean from 0.5; a smaller distance is a split."
        )
        parser.add_argument(
            "--spare-own",
            action="store_true",
            default=None,
            help="Exclude members from pairs with models of their own organisation.",
        )
        parser.add_argument(
            "--maker",
            nargs="+",
            type=_maker,
            metavar="JUDGE=MAKER",
            help="Organisation of a member's model; default: looked up among the study's models by name.",
        )
        parser.add_argument("--end", action="store_true", help="End the panel and withdraw its comparisons.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            panel = Panel.objects.filter(study=study, rater__name=options["name"]).select_related("rater").first()
            if options["end"]:
                self._end(panel, options["name"])
                return
            if panel is not None and any(options[word] is not None for word in RULES):
                raise CommandError(
                    "A panel with this name exists, and its rules cannot be changed. Choose another name."
                )
            if options["judges"]:
                panel = panels.create(study, options["name"], self._spec(options), timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        if panel is None:
            raise CommandError(f"No panel is named “{options['name']}”. To create it, name its members with --judges.")
        self._make(panel, study)

    def _spec(self, options: dict[str, Any]) -> PanelSpec:
        given = {
            key: options[key] for key in ("rule", "splits", "contradictions", "margin") if options[key] is not None
        }
        if options["senior"]:
            given.setdefault("splits", Panel.Splits.SENIOR)
        return PanelSpec(
            options["judges"],
            senior=options["senior"] or "",
            least=options["least"],
            spares_own=bool(options["spare_own"]),
            makers=dict(options["maker"] or ()),
            **given,
        )

    def _end(self, panel: Panel | None, name: str) -> None:
        try:
            ended = panel is not None and panels.end(panel, timezone.now())
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        if not ended:
            raise CommandError(f"No active panel is named “{name}”.")
        self.stdout.write(f"{name} ended and its comparisons are withdrawn.")

    def _make(self, panel: Panel, study: Study) -> None:
        if panel.ended_at is not None:
            raise CommandError(f"{panel} has ended.")
        made = panels.make(panel.pk)
        if made is None:
            raise CommandError("A background task is computing this panel, or it has just ended.")
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
        self.stdout.write(f"{made.changed:,} decisions added or changed.")
