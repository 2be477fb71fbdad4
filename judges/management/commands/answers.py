"""`manage.py answers STUDY --model NAME...`: has models answer a study's prompts and stores their answers."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible
from judges.answers import runs, sources
from judges.answers.planning import AGAIN, AnswerPlan
from judges.answers.runs import answer_life
from judges.judging import judges, lookup
from judges.llm import temperatures
from judges.llm.api_keys import NoKey
from judges.management.endpoints import add_endpoint
from judges.management.numbers import count, temperature
from judges.management.sources import ENDS_OF_SOURCE, set_aside, source_settings, warn
from judges.management.watching import finished, held
from judges.models import AnswerSource, dollars


class Command(BaseCommand):
    """Asks models for answers to a study's prompts, in the foreground or background."""

    help = "Sends a study's prompts to language models, turn by turn, and stores their answers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--model", nargs="+", required=True, metavar="NAME", help="Model name, as on leaderboards.")
        what = parser.add_argument_group("what to ask")
        what.add_argument("--samples", type=int, default=1, help="Answers per prompt; default: 1.")
        what.add_argument(
            "--temperature",
            type=temperature,
            default=False,
            metavar="T",
            help="Temperature for every prompt; default: set by its category; none sends no temperature.",
        )
        what.add_argument(
            "--category-temperature",
            nargs="+",
            default=[],
            metavar="CATEGORY=T",
            help="Temperature for one category; overrides --temperature.",
        )
        what.add_argument("--limit", type=int, help="Maximum number of prompts, from the first one.")
        what.add_argument("--all-prompts", action="store_true", help="Include prompts outside the study's filters.")
        what.add_argument(
            "--again",
            nargs="+",
            choices=AGAIN,
            default=["failed"],
            help="States to ask again; default: failed. Answers in use are kept.",
        )
        what.add_argument(
            "--system", metavar="TEXT", help="System message sent before every prompt; stored with the prompt set."
        )
        how = parser.add_argument_group("how to run")
        how.add_argument(
            "--dry-run", action="store_true", help="Print the estimated calls, tokens and cost; send nothing."
        )
        how.add_argument("--detach", action="store_true", help="Run in the background.")
        how.add_argument("--senders", type=count, default=1, help="Number of background processes that share the work.")
        add_endpoint(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            plan = _plan(options)
            plan.check()
            names = list(dict.fromkeys(options["model"]))
            if options["api_id"] and len(names) > 1:
                raise CommandError("--api-id applies to one model. Use it with exactly one --model.")
            if options["dry_run"]:
                for name in names:
                    self._estimate(study, name, plan, options)
                return
            if options["system"] is not None:
                sources.set_system_message(study.prompt_set, options["system"])
            for source in [self._source(study, name, options) for name in names]:
                self._ask(study, source, plan, detach=options["detach"], senders=options["senders"])
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        except ValidationError as error:
            raise CommandError(lookup.faults(error)) from None
        if not options["detach"]:
            command = f"manage.py pairs {study.slug} --strategy neighbours"
            self.stdout.write(f"Next: make pairs of the new answers with {command}")

    def _source(self, study: Study, name: str, options: dict[str, Any]) -> AnswerSource:
        given = source_settings(options)
        if "endpoint" not in given:
            sources.source_of(study, name)
        budget = judges.in_nanos(options["budget"])
        source = sources.keep_source(study, name, given, org=options["org"], budget=budget)
        warn(source, given, self.stderr)
        return source

    def _estimate(self, study: Study, name: str, plan: AnswerPlan, options: dict[str, Any]) -> None:
        given = source_settings(options)
        if "endpoint" not in given:
            sources.source_of(study, name)
        found = sources.estimate_of(study, name, given, plan, org=options["org"])
        kept = f"; {found.kept:,} in use and kept" if found.kept else ""
        self.stdout.write(
            f"{name}: {found.calls:,} calls ({found.new:,} new, {found.again:,} asked again; "
            f"{found.there:,} already done{kept}), about {found.tokens_in:,} input tokens and {found.tokens_out:,} "
            f"output tokens: about {dollars(found.cost)}, maximum {dollars(found.bound)}."
        )

    def _ask(self, study: Study, source: AnswerSource, plan: AnswerPlan, *, detach: bool, senders: int) -> None:
        live = runs.live(source)
        if live is not None and live.study_id == study.pk and not detach:
            held(answer_life, live, self.stderr.write)
        run = runs.unfinished(source)
        if run is not None and run.study_id != study.pk:
            raise NotPossible(f"{source.model.name} already has an unfinished run in study “{run.study.slug}”.")
        if run is not None and plan.changes_temperature(run.options) and set_aside(answer_life, run, self.stderr):
            run = None
        if run is not None:
            answer_life.resume(run, detach=detach)
            self.stderr.write(f"{source.model.name}: continuing run {run.pk}.")
        else:
            run = runs.start(study, source, plan, timezone.now(), detach=detach, senders=senders if detach else 1)
        if detach:
            self.stdout.write(f"{source.model.name}: run {run.pk} continues in the background.")
            return
        finished(answer_life, run, source.model.name, self.stdout, self.stderr, ENDS_OF_SOURCE)


def _plan(options: dict[str, Any]) -> AnswerPlan:
    """Builds the plan from the options.

    Raises:
        CommandError: a category's temperature is not a number from 0 to 2.
    """
    try:
        by_category = temperatures.read(options["category_temperature"])
    except ValueError as word:
        raise CommandError(f"{word}: expected a category and a number from 0 to 2, such as coding=0.2.") from None
    said = options["temperature"]
    return AnswerPlan(
        samples=options["samples"],
        limit=options["limit"],
        everything=options["all_prompts"],
        temperature=said if isinstance(said, float) else None,
        temperatures=by_category,
        silent=said is None,
        again=tuple(options["again"]),
    )
