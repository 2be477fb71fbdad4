"""`manage.py judge STUDY --judge NAME`: has a judge judge a study, in the foreground or background."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges import verdicts
from judges.judging import consistency_probes, lookup, planning, runs, schedules
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.llm.api_keys import NoKey
from judges.management.covering import add_plan, plan_of
from judges.management.numbers import count
from judges.management.watching import ENDS, ended, held, summary, worked
from judges.models import (
    Judge,
    JudgeRun,
    JudgeVersion,
    RunKind,
    ScheduleKind,
    SentinelSet,
    dollars,
)
from judges.models.schedules import MOST_HOURS
from judges.prompting.readers import READERS

SENTINELS: Final = 30

NO_BUDGET: Final = "The budget is used up. Raise it with judge-add NAME --budget, then run the command again."


class Command(BaseCommand):
    """Starts a judge run in a study, tests the judge's stability, or sets its schedule."""

    help = "Has a judge judge the study's pairs (or grade its answers) that it has not judged yet."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--judge", required=True, metavar="NAME", help="Name of a judge (see judge-add).")
        add_plan(parser)
        parser.add_argument("--detach", action="store_true", help="Run in the background.")
        parser.add_argument(
            "--senders", type=count, default=1, help="Number of background processes that share the work."
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="Print the estimated calls, tokens and cost; send nothing."
        )
        parser.add_argument(
            "--reread",
            nargs="?",
            const="",
            choices=["", *sorted(READERS)],
            metavar="READER",
            help="Read the stored replies again, with another reader or a newer version of it; costs nothing.",
        )

        parser.add_argument(
            "--every",
            metavar="HOURS",
            help="Judge new items (or with --sentinels run a round) every HOURS hours in the background, or off.",
        )
        parser.add_argument(
            "--sentinels",
            nargs="?",
            type=int,
            const=0,
            metavar="N",
            help="Run a round of the sentinel set, a fixed sample that is asked repeatedly. Without a set, one of N "
            "items is created (default: 30).",
        )
        parser.add_argument(
            "--retest", type=int, metavar="N", help="Ask again about N judged pairs and print how many verdicts flip."
        )
        parser.add_argument(
            "--seed", type=int, default=0, help="Random seed for the samples of --sentinels and --retest."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            version = lookup.judge_named(options["judge"]).current
            plan = plan_of(options)
            if options["reread"] is not None:
                self._reread(study, version, options["reread"])
            elif options["every"] is not None:
                self._schedule(study, version.judge, plan, options["every"], options["sentinels"], options["seed"])
            elif options["sentinels"] is not None:
                sentinels = self._sentinels(study, version.judge, options["sentinels"], options["seed"])
                self._probe(
                    self._unfinished(study, version, RunKind.SENTINEL, options["detach"]),
                    lambda: consistency_probes.begin_round(sentinels, timezone.now(), detach=options["detach"]),
                    options["detach"],
                )
            elif options["retest"] is not None:
                self._retest(study, version, options)
            elif options["dry_run"]:
                self._estimate(study, version, plan)
            else:
                self._judge(study, version, plan, detach=options["detach"], senders=options["senders"])
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from None
        except NoKey as missing:
            raise CommandError(str(missing)) from None

    def _reread(self, study: Study, version: JudgeVersion, name: str) -> None:
        done = verdicts.reread(study, version, READERS[name or version.reader], timezone.now())
        self.stdout.write(f"{done.read:,} replies read again, {done.changed:,} changed.")

    def _estimate(self, study: Study, version: JudgeVersion, plan: Plan) -> None:
        found = planning.estimate(study, version, plan)
        self.stdout.write(
            f"{found.calls:,} calls ({found.new:,} new, {found.again:,} asked again; {found.there:,} already done), "
            f"about {found.tokens_in:,} input tokens and {found.tokens_out:,} output tokens: "
            f"about {dollars(found.cost)}, maximum {dollars(found.bound)}."
        )

    def _judge(self, study: Study, version: JudgeVersion, plan: Plan, *, detach: bool, senders: int) -> None:
        run = self._unfinished(study, version, RunKind.JUDGING, detach)
        if run is not None:
            judge_life.resume(run, detach=detach)
            self.stderr.write(f"Continuing run {run.pk}.")
        else:
            # Only background processes share the work of a run.
            count = senders if detach else 1
            run = runs.start(study, version, plan, timezone.now(), detach=detach, senders=count)
        self._finish(run, detach)

    def _unfinished(self, study: Study, version: JudgeVersion, kind: RunKind, detach: bool) -> JudgeRun | None:
        """Returns the run to continue, once a process that was killed no longer holds it; None if there is none."""
        live = runs.live(study, version, kind)
        if live is not None and not detach:
            held(judge_life, live, self.stderr.write)
        return runs.unfinished(study, version, kind)

    def _schedule(self, study: Study, judge: Judge, plan: Plan, hours: str, sentinels: int | None, seed: int) -> None:
        kind = ScheduleKind.NEW if sentinels is None else ScheduleKind.SENTINELS
        what = "runs a sentinel round" if kind == ScheduleKind.SENTINELS else "judges new items"
        if hours == "off":
            done = schedules.turn_off(study, judge, kind)
            self.stdout.write("Schedule turned off." if done else "Schedule not found.")
            return
        if not hours.isdecimal() or not 0 < int(hours) <= MOST_HOURS:
            raise CommandError(f"--every {hours}: expected a number of hours from 1 to {MOST_HOURS}, or off.")
        if sentinels is not None:
            self._sentinels(study, judge, sentinels, seed)
        found = schedules.set_every(study, judge, kind, int(hours), timezone.now(), plan=plan)
        self.stdout.write(f"{judge} {what} every {hours} hours, next at {found.next_at:%Y-%m-%d %H:%M %Z}.")

    def _sentinels(self, study: Study, judge: Judge, count: int, seed: int) -> SentinelSet:
        """Returns the sentinel set, or creates one of `count` items."""
        known = consistency_probes.sentinels_of(study, judge)
        if known is not None and count:
            raise CommandError("A sentinel set already exists. Use --sentinels without a number.")
        return known or consistency_probes.choose(study, judge, count or SENTINELS, seed, timezone.now())

    def _probe(self, unfinished: JudgeRun | None, begin: Callable[[], JudgeRun], detach: bool) -> None:
        run = unfinished or begin()
        if unfinished is not None:
            judge_life.resume(run, detach=detach)
            self.stderr.write(f"Continuing run {run.pk}.")
        self._finish(run, detach)

    def _retest(self, study: Study, version: JudgeVersion, options: dict[str, Any]) -> None:
        judge, detach = version.judge, options["detach"]
        self._probe(
            self._unfinished(study, version, RunKind.RETEST, detach),
            lambda: consistency_probes.retest(
                study, judge, options["retest"], options["seed"], timezone.now(), detach=detach
            ),
            detach,
        )
        if detach:
            return
        found = consistency_probes.retests(study, judge, 1)[0]
        if found.same is None or found.flip_rate is None:
            raise CommandError("No verdict was received.")
        flipped, by_order = (
            found.flip_rate,
            ", ".join(f"{agreed.value:.1%} with {left} on the left" for left, agreed in found.orders),
        )
        self.stdout.write(
            f"{found.flips:,} of {found.same.of:,} verdicts flipped: {flipped.value:.1%} "
            f"({flipped.low:.1%} to {flipped.high:.1%})."
            + (f" Unchanged: {by_order}." if by_order else "")
            + (f" Kappa {found.kappa:.2f}." if found.kappa is not None else "")
            + (f" {found.gone:,} calls ended without a verdict." if found.gone else "")
        )

    def _finish(self, run: JudgeRun, detach: bool) -> None:
        """Works on `run` to its end, unless it runs in the background."""
        if detach:
            self.stdout.write(f"Run {run.pk} continues in the background.")
            return
        why = worked(judge_life, run, self.stderr)
        progress = judge_life.progress(run, timezone.now())
        self.stdout.write(summary(run, progress))
        ended(judge_life, run, why, {**ENDS, "budget": NO_BUDGET}, progress)
