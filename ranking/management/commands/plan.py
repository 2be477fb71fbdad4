"""manage.py plan: what a study can tell, and how many votes it needs."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.management.arguments import study_called
from annotation.management.text_tables import text_table
from annotation.stored_problems import told
from ranking.boards import compute
from ranking.design.planner.assumptions import MOST_MODELS, MOST_VOTES, VOTES_PER_WORKER, Unplannable
from ranking.methods.logistic import NotConverged
from ranking.methods.ratings import ELO
from ranking.pages import plan as words
from ranking.pages.statements import written
from ranking.plans import pilots
from ranking.plans.pilots import NoPilot, Pilot
from ranking.plans.sheet import DEFAULTS, Request, Sheet, hours, make
from ranking.votes.reader import PEOPLE


class Command(BaseCommand):
    """Simulates studies under stated assumptions and prints what they find as text or JSON."""

    help = (
        "Says what a study can tell before it runs, what it costs, and how many votes a goal needs, by simulation. "
        "Nothing is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--models", type=int, help=f"number of models, up to {MOST_MODELS}")
        parser.add_argument("--prompts", type=int, help="number of prompts")
        votes = parser.add_mutually_exclusive_group()
        votes.add_argument("--votes", type=int, help=f"number of votes, up to {MOST_VOTES:,}")
        votes.add_argument("--overlap", type=int, help="votes per pair of answers, instead of the number of votes")
        parser.add_argument(
            "--study", metavar="STUDY", help="take the models, prompts and votes per pair that are not given from it"
        )
        parser.add_argument(
            "--workers", type=int, help=f"number of workers (default: one for every {VOTES_PER_WORKER} votes)"
        )
        parser.add_argument("--pairs-per-prompt", type=int, help="pairs of models on each prompt (default: all)")
        parser.add_argument("--pilot", metavar="STUDY", help="a study whose leaderboard and votes replace the defaults")
        parser.add_argument(
            "--pilot-raters", metavar="people|NAME", default=PEOPLE, help="whose leaderboard it is (default: people)"
        )
        parser.add_argument("--same-models", action="store_true", help="the study compares the pilot's models")
        for name, what in (
            ("spread", "standard deviation of the ratings on a leaderboard that counts ties as half a win"),
            ("prompt-effect", "standard deviation of a model's rating from prompt to prompt"),
            ("worker-effect", "standard deviation of a model's rating from worker to worker"),
        ):
            default = ELO * DEFAULTS[name.replace("-", "_")]
            parser.add_argument(
                f"--{name}", type=float, metavar="POINTS", help=f"{what} (default: the pilot's, or {default:.0f})"
            )
        parser.add_argument("--ties", type=float, metavar="SHARE", help=_default("share of ties", "ties"))
        parser.add_argument("--seconds", type=float, help=_default("seconds per vote", "seconds"))
        parser.add_argument("--pay", type=float, help="pay per hour of work, to plan money too")
        parser.add_argument(
            "--goal",
            action="append",
            default=[],
            help="votes needed for tau=0.9, first=0.8, found:5=0.8 or separated:3=0.8; can be repeated",
        )
        parser.add_argument("--seed", type=int, default=0, help="seed of the simulation (default: 0)")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, **options: Any) -> None:
        request = self._request(options)
        pilot = self._pilot(options)
        try:
            sheet = make(request, pilot, None if options["json"] else self._tell)
        except Unplannable as error:
            raise CommandError(str(error)) from error
        except NotConverged as error:
            raise CommandError(told(error.problem)) from error
        if options["json"]:
            self.stdout.write(json.dumps(sheet, allow_nan=False))
        else:
            self.stdout.write(table(sheet))

    def _request(self, options: dict[str, Any]) -> Request:
        numbers = {name: options[name] for name in ("models", "prompts", "votes", "overlap")}
        if options["study"] is not None:
            study = study_called(options["study"])
            numbers["models"] = numbers["models"] or study.models_compared().count()
            numbers["prompts"] = numbers["prompts"] or study.prompts().count()
            if numbers["votes"] is None and numbers["overlap"] is None:
                numbers["overlap"] = study.overlap
        if numbers["models"] is None or numbers["prompts"] is None:
            raise CommandError(_("Give --models and --prompts, or a study to take them from with --study."))
        if options["seed"] < 0:
            raise CommandError(_("The seed must be 0 or more."))
        if options["same_models"] and options["pilot"] is None:
            raise CommandError(_("--same-models requires --pilot."))
        names = ("workers", "pairs_per_prompt", "spread", "prompt_effect", "worker_effect", "ties", "same_models")
        given = {name: options[name] for name in (*names, "seconds", "pay", "seed")}
        return Request(**numbers, **given, goals=tuple(options["goal"]))

    def _pilot(self, options: dict[str, Any]) -> Pilot | None:
        if options["pilot"] is None:
            return None
        study = study_called(options["pilot"])
        try:
            return pilots.read(study, *pilots.board_of(study, options["pilot_raters"]))
        except compute.PROBLEMS as error:
            raise CommandError(told(error.problem)) from error
        except NoPilot as error:
            raise CommandError(str(error)) from error

    def _tell(self, done: int, size: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == size else ""
            doing = _("Simulating")
            self.stderr.write(f"\r{doing}: {100 * done // size}%", ending=end)


def _default(what: str, name: str) -> str:
    return f"{what} (default: the pilot's, or {DEFAULTS[name]:g})"


def table(sheet: Sheet) -> str:
    """Formats a plan as text: findings, the curve, the places, the goals and the assumptions."""
    blocks = ["\n".join(words.findings(sheet)), words.cost(sheet, sheet["votes"])]
    lines = [(_("votes"), _("tau"), _("range (80%)"), _("best found"), _("pairs told apart"), _("hours"))]
    for point in sheet["points"]:
        kept = point["tau"]
        lines.append(
            (
                written(point["votes"]),
                written(kept["mean"], 2),
                f"{written(kept['low'], 2)}-{written(kept['high'], 2)}",
                words.percent(point["first"]),
                written(point["apart"]["mean"]),
                written(hours(sheet, point["votes"]), 1),
            )
        )
    blocks.append(text_table(lines, {0, 1, 2, 3, 4, 5}))
    places = [(_("rank"), _("rank range shown"), _("true rank (80%)"))]
    for place in sheet["places"]:
        kept = place["truth"]
        places.append(
            (
                written(place["place"]),
                f"{written(place['low'])}-{written(place['high'])}",
                f"{written(kept['low'])}-{written(kept['high'])}",
            )
        )
    blocks.append(text_table(places, {0, 1, 2}))
    if sheet["needs"]:
        blocks.append("\n".join(f"{words.goal(need['goal'])}: {words.need(sheet, need)}" for need in sheet["needs"]))
    blocks.append("\n".join([_("Assumed:"), *(f"- {line}" for line in words.assumptions(sheet))]))
    return "\n\n".join(blocks)
