"""`manage.py evolve PROMPTSET --model NAME --scenario SCENARIO`: a model writes new prompts from those of a set."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from annotation.models import PromptSet
from annotation.studies.lifecycle import NotPossible
from judges.answers import sources
from judges.evolve import lineage, runs
from judges.evolve.planning import AGAIN, TEMPERATURE, EvolvePlan, Recipe
from judges.evolve.runs import evolve_life
from judges.evolve.scenarios import FORMS, OWN, SCENARIOS
from judges.judging import judges, lookup
from judges.llm.api_keys import NoKey
from judges.management.endpoints import add_endpoint
from judges.management.numbers import count, temperature, whole
from judges.management.sources import ENDS_OF_SOURCE, set_aside, source_settings, warn
from judges.management.watching import finished, held
from judges.models import AnswerSource, EvolvedPrompt, dollars


def _file(word: str) -> str:
    """Reads a template file."""
    try:
        return Path(word).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentTypeError(f"{word}: {error}") from None


def set_called(slug: str) -> PromptSet:
    """Returns the prompt set with the address `slug`.

    Raises:
        CommandError: no prompt set has it; the message lists some.
    """
    found = PromptSet.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(PromptSet.objects.order_by("slug").values_list("slug", flat=True)[:20])
        there = f"Available prompt sets: {known}." if known else "There are no prompt sets yet."
        raise CommandError(f"Prompt set “{slug}” was not found. {there}")
    return found


class Command(BaseCommand):
    """Has a model write new prompts, in the foreground or background, or prints what was written."""

    help = (
        "Has a language model write new prompts from those of a prompt set, iteration by iteration. They become "
        "prompts of the set when somebody accepts them on the set's page."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("prompt_set", metavar="PROMPTSET", help="The prompt set's address (slug).")
        parser.add_argument("--model", metavar="NAME", help="Name of the model that writes.")
        parser.add_argument("--scenario", choices=list(SCENARIOS), help="How it writes.")
        parser.add_argument(
            "--lineage",
            action="store_true",
            help="Print every evolved prompt with its parent, scenario and iteration as JSON lines; write nothing new.",
        )
        what = parser.add_argument_group("what to write")
        what.add_argument(
            "--iterations", type=int, default=1, help="Generations: each is written from the one before; default: 1."
        )
        what.add_argument("--children", type=int, default=1, help="New prompts per seed and iteration; default: 1.")
        what.add_argument("--limit", type=int, help="Maximum number of seed prompts, from the first one.")
        what.add_argument(
            "--category", nargs="+", default=[], metavar="TYPE", help="Only seed prompts of these categories."
        )
        what.add_argument("--include-evolved", action="store_true", help="Also start from evolved prompts.")
        what.add_argument(
            "--template",
            type=_file,
            metavar="FILE",
            help=f"With --scenario {OWN}: what the model is told, with $prompt and, if needed, $reference.",
        )
        what.add_argument("--form", choices=list(FORMS), default="", help=f"With --scenario {OWN}: what it replies.")
        what.add_argument(
            "--temperature",
            type=temperature,
            default=TEMPERATURE,
            metavar="T",
            help=f"Default: {TEMPERATURE:g}; none sends no temperature.",
        )
        what.add_argument(
            "--random-seed",
            type=whole,
            metavar="N",
            help="From which constraints are drawn; default: that of an earlier run, or a random one.",
        )
        what.add_argument(
            "--again", nargs="+", choices=AGAIN, default=["failed"], help="States to ask again; default: failed."
        )
        how = parser.add_argument_group("how to run")
        how.add_argument(
            "--dry-run", action="store_true", help="Print the estimated calls, tokens and cost; send nothing."
        )
        how.add_argument("--detach", action="store_true", help="Run in the background.")
        how.add_argument("--senders", type=count, default=1, help="Number of background processes that share the work.")
        add_endpoint(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        prompt_set = set_called(options["prompt_set"])
        if options["lineage"]:
            for row in lineage.rows(prompt_set):
                self.stdout.write(json.dumps(row, ensure_ascii=False, cls=DjangoJSONEncoder))
            return
        if not options["model"] or not options["scenario"]:
            raise CommandError("Name the model with --model and the scenario with --scenario.")
        try:
            plan, recipe = _plan(options), _recipe(options)
            plan.check()
            if options["dry_run"]:
                self._estimate(prompt_set, recipe, plan, options)
                return
            self._write(prompt_set, self._source(prompt_set, options), recipe, plan, options)
        except (NotPossible, NoKey) as refusal:
            raise CommandError(str(refusal)) from None
        except ValidationError as error:
            raise CommandError(lookup.faults(error)) from None

    def _source(self, prompt_set: PromptSet, options: dict[str, Any]) -> AnswerSource:
        given = source_settings(options)
        name = options["model"]
        if "endpoint" not in given:
            sources.source_in(prompt_set, name)
        budget = judges.in_nanos(options["budget"])
        source = sources.keep_source_in(prompt_set, name, given, org=options["org"], budget=budget)
        warn(source, given, self.stderr)
        return source

    def _estimate(self, prompt_set: PromptSet, recipe: Recipe, plan: EvolvePlan, options: dict[str, Any]) -> None:
        """Prints the estimate with the given settings, which are not stored."""
        given = source_settings(options)
        name = options["model"]
        if "endpoint" not in given:
            sources.source_in(prompt_set, name)
        found = runs.estimate_of(prompt_set, name, given, recipe, plan, timezone.now(), org=options["org"])
        left_out = f" ({found.left_out:,} without a reference answer left out)" if found.left_out else ""
        self.stdout.write(
            f"{found.seeds:,} seed prompts{left_out}: {found.calls:,} calls ({found.new:,} new, {found.again:,} asked "
            f"again; {found.there:,} already done), about {found.tokens_in:,} input tokens and {found.tokens_out:,} "
            f"output tokens: about {dollars(found.cost)}, maximum {dollars(found.bound)}."
        )

    def _write(
        self, prompt_set: PromptSet, source: AnswerSource, recipe: Recipe, plan: EvolvePlan, options: dict[str, Any]
    ) -> None:
        detach, name = options["detach"], source.model.name
        live = runs.live(source)
        if live is not None and not detach:
            held(evolve_life, live, self.stderr.write)
        run = runs.unfinished(source)
        if run is not None and run.recipe.sha256 != recipe.row(source, timezone.now()).sha256:
            if not set_aside(evolve_life, run, self.stderr):
                raise NotPossible(
                    f"{name} has an unfinished run with other settings (run {run.pk}, scenario {run.recipe.scenario}). "
                    "Continue or cancel it on its page."
                )
            run = None
        if run is not None:
            evolve_life.resume(run, detach=detach)
            self.stderr.write(f"{name}: continuing run {run.pk}.")
        else:
            senders = options["senders"] if detach else 1
            run = runs.start(prompt_set, source, recipe, plan, timezone.now(), detach=detach, senders=senders)
        if detach:
            self.stdout.write(f"{name}: run {run.pk} continues in the background.")
            return
        finished(evolve_life, run, name, self.stdout, self.stderr, ENDS_OF_SOURCE)
        waiting = EvolvedPrompt.objects.filter(prompt_set=prompt_set).waiting()
        self.stdout.write(
            f"Next: review {waiting.count():,} new prompts ({waiting.exact().count():,} exact duplicates) at "
            f"/prompt-sets/{prompt_set.slug}/evolve/review/"
        )


def _plan(options: dict[str, Any]) -> EvolvePlan:
    return EvolvePlan(
        iterations=options["iterations"],
        children=options["children"],
        limit=options["limit"],
        categories=tuple(options["category"]),
        evolved=options["include_evolved"],
        again=tuple(options["again"]),
    )


def _recipe(options: dict[str, Any]) -> Recipe:
    return Recipe(
        options["scenario"], options["template"] or "", options["form"], options["temperature"], options["random_seed"]
    )
