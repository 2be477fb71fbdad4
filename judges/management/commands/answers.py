"""`manage.py answers STUDY --model NAME...`: the study's prompts put to models, and their answers kept as results."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

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
from judges.management.numbers import count, finite, money
from judges.management.watching import ENDS, summary, worked
from judges.models import AnswerSource, RunState, dollars

NO_BUDGET: Final = "The budget is used up. Raise it with --budget, then run this again."


def _temperature(word: str) -> float | None:
    """A number, or `none`: then none is sent."""
    if word == "none":
        return None
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= temperatures.MOST:
        raise ArgumentTypeError(f"{word}: a number from 0 to 2, or none, was expected")
    return value


class Command(BaseCommand):
    help = "Puts the prompts of a study to language models, turn by turn, and keeps their answers as results."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
        parser.add_argument("--model", nargs="+", required=True, metavar="NAME", help="As leaderboards call it.")
        what = parser.add_argument_group("what is asked")
        what.add_argument("--samples", type=int, default=1, help="Answers to each prompt; one by default.")
        what.add_argument(
            "--temperature",
            type=_temperature,
            default=False,
            metavar="T",
            help="Of every prompt; by its category by default; none sends none.",
        )
        what.add_argument(
            "--category-temperature",
            nargs="+",
            default=[],
            metavar="CATEGORY=T",
            help="Of the prompts of a category; goes before --temperature.",
        )
        what.add_argument("--limit", type=int, help="This many prompts at the most, the first ones.")
        what.add_argument("--all-prompts", action="store_true", help="Those outside the study's filters too.")
        what.add_argument(
            "--again",
            nargs="+",
            choices=AGAIN,
            default=["failed"],
            help="Asks anew what ended so; failed by default. An answer that is in use stays.",
        )
        what.add_argument(
            "--system", metavar="TEXT", help="What every model is told before any prompt; kept with the prompt set."
        )
        how = parser.add_argument_group("how it goes")
        how.add_argument("--dry-run", action="store_true", help="Says how many calls, tokens and how much money.")
        how.add_argument("--detach", action="store_true", help="Leaves the work to the background.")
        how.add_argument("--senders", type=count, default=1, help="Processes in the background that share the work.")
        where = parser.add_argument_group("where the model is asked; kept for the next time")
        where.add_argument("--endpoint", help="Such as https://api.example.com/v1, or what mock-llm prints.")
        where.add_argument("--api-id", help="As the endpoint calls the model.")
        where.add_argument("--key", dest="key_source", help="NAME_API_KEY in the environment, or file:NAME.")
        where.add_argument("--org", help="Who made the model, where this command adds it.")
        where.add_argument("--top-p", type=finite)
        where.add_argument("--max-tokens", type=int)
        where.add_argument("--reasoning-effort")
        where.add_argument("--seed", type=int)
        where.add_argument("--timeout", type=finite, help="Seconds.")
        where.add_argument("--parallel", type=int, help="Requests in flight.")
        where.add_argument("--requests-per-minute", type=int)
        where.add_argument("--tokens-per-minute", type=int)
        where.add_argument("--price-in", type=money, help="Dollars per million tokens in.")
        where.add_argument("--price-out", type=money, help="Dollars per million tokens out.")
        where.add_argument("--budget", type=money, help="Dollars that answers of each model may cost altogether.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study = study_called(options["study"])
            plan = _plan(options)
            plan.check()
            names = list(dict.fromkeys(options["model"]))
            if options["api_id"] and len(names) > 1:
                raise CommandError("--api-id is that of one model: name one --model with it.")
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
            self.stdout.write(f"Next: {command} makes pairs of the new answers.")

    def _source(self, study: Study, name: str, options: dict[str, Any]) -> AnswerSource:
        given = _settings(options)
        if "endpoint" not in given:
            sources.source_of(study, name)
        budget = judges.in_nanos(options["budget"])
        source = sources.keep_source(study, name, given, org=options["org"], budget=budget)
        if source.budget is not None and not source.priced:
            self.stderr.write(f"{name}: no price is set, so nothing counts towards the budget.")
        return source

    def _estimate(self, study: Study, name: str, plan: AnswerPlan, options: dict[str, Any]) -> None:
        given = _settings(options)
        if "endpoint" not in given:
            sources.source_of(study, name)
        found = sources.estimate_of(study, name, given, plan, org=options["org"])
        kept = f"; {found.kept:,} are in use and stay" if found.kept else ""
        self.stdout.write(
            f"{name}: {found.calls:,} calls ({found.new:,} new, {found.again:,} asked again; "
            f"{found.there:,} are there{kept}), about {found.tokens_in:,} tokens in and {found.tokens_out:,} out: "
            f"about {dollars(found.cost)}, at the most {dollars(found.bound)}."
        )

    def _ask(self, study: Study, source: AnswerSource, plan: AnswerPlan, *, detach: bool, senders: int) -> None:
        run = runs.unfinished(source)
        if run is not None and run.study_id != study.pk:
            raise NotPossible(f"{source.model.name} has a run on the study {run.study.slug} that is not over.")
        if run is not None:
            answer_life.resume(run, detach=detach)
            self.stderr.write(f"{source.model.name}: going on with run {run.pk}.")
        else:
            run = runs.start(study, source, plan, timezone.now(), detach=detach, senders=senders)
        if detach:
            self.stdout.write(f"{source.model.name}: run {run.pk} was left to the background.")
            return
        why = worked(answer_life, run, self.stderr, source.model.name)
        self.stdout.write(f"{source.model.name}: {summary(run, answer_life.progress(run, timezone.now()))}")
        words = {**ENDS, "budget": NO_BUDGET}
        if why or run.state == RunState.STOPPED:
            raise CommandError(words.get(why, run.problem or f"The run is {run.state}."))


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """What was said of where and how the model is asked."""
    return {key: options[key] for key in AnswerSource.SETTINGS if options.get(key) is not None}


def _plan(options: dict[str, Any]) -> AnswerPlan:
    """
    Raises:
        CommandError: a temperature of a category is none.
    """
    try:
        by_category = temperatures.read(options["category_temperature"])
    except ValueError as word:
        raise CommandError(f"{word}: a category and a number from 0 to 2, such as coding=0.2, were expected.") from None
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
