"""Command-line options for what a similarity run does, and how it is reported."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from annotation.management.text_tables import text_table
from annotation.models import Study
from judges.judging import lookup
from judges.management.numbers import count, finite
from judges.management.watching import ENDS, ended, held, summary, worked
from judges.models import Judge, SimilarityRun, dollars
from judges.similarity import reports, runs
from judges.similarity.filters import FILTERS
from judges.similarity.planning import Estimate
from judges.similarity.registry import MEASURES
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms

NO_BUDGET = "The budget is used up. Raise it with judge-add NAME --budget, then run the command again."


def add_terms(parser: ArgumentParser) -> None:
    """Adds the arguments that `terms_of` and `judge_of` read, but for the number of prompts and lambda."""
    parser.add_argument("study", metavar="STUDY", help="The study's address (slug).")
    parser.add_argument("--measure", choices=MEASURES, default="lexical", help="Measure; default: lexical.")
    parser.add_argument(
        "--judge", metavar="NAME", help="Judge whose endpoint and budget are used, for every measure but lexical."
    )
    parser.add_argument("--with-prompt", action="store_true", help="For the measure judge: show the prompt too.")
    parser.add_argument("--not-empty", action="store_true", help="Only if neither answer is empty.")
    for name, words in (
        ("length-ratio", "Only if the longer answer has less than N times the characters of the shorter one"),
        ("words", "Only if each answer has more than N words, counted by Unicode word boundaries"),
    ):
        limit = FILTERS[name].limit
        parser.add_argument(
            f"--{name}", type=finite, nargs="?", const=limit, metavar="N", help=f"{words}; N is {limit:g} if left out."
        )
    parser.add_argument("--detach", action="store_true", help="Run in the background.")
    parser.add_argument("--dry-run", action="store_true", help="Print the estimated calls and cost; send nothing.")


def add_choice(parser: ArgumentParser) -> None:
    """Adds the arguments for the prompts that are chosen."""
    parser.add_argument("--top", type=count, default=10, metavar="K", help="Prompts per pair of models; default: 10.")
    parser.add_argument(
        "--lambda",
        type=finite,
        default=0.0,
        dest="spread",
        metavar="L",
        help="Weight of the greatest cosine of a prompt to those already chosen; default: 0.",
    )


def terms_of(options: Mapping[str, Any]) -> Terms:
    """Returns the terms that the parsed options describe."""
    given = {"length-ratio": options["length_ratio"], "words": options["words"]}
    filters = {name: limit for name, limit in given.items() if limit is not None}
    filters |= {"not-empty": None} if options["not_empty"] else {}
    measure, shown = options["measure"], options["with_prompt"]
    return Terms(measure, filters, options.get("top", 10), options.get("spread", 0.0), shown)


def judge_of(options: Mapping[str, Any]) -> Judge | None:
    """Returns the judge that is named; None without a name."""
    return lookup.judge_named(options["judge"]) if options["judge"] else None


def told(found: Estimate) -> str:
    """Returns an estimate as text."""
    calls = f"{found.calls:,} calls ({found.there:,} already done), about {found.tokens_in:,} input tokens: "
    calls += f"about {dollars(found.cost)}, maximum {dollars(found.bound)}."
    return (
        f"{found.pairs:,} pairs of {found.models:,} models, {found.reused:,} already compared; "
        f"{found.compared:,} pairs of answers, {found.compared - found.kept:,} dropped by filters.\n{calls}"
    )


def run_to_end(study: Study, terms: Terms, judge: Judge | None, file: Any, *, detach: bool) -> SimilarityRun:
    """Starts a run, or continues the study's unfinished one if its terms are the same, and waits for its end.

    Raises:
        CommandError: it did not reach its end.
        NotPossible, NoKey: it cannot be started.
    """
    run = runs.live(study)
    if run is not None and not detach:
        held(similarity_life, run, file.write)
        run = runs.live(study)
    if run is not None and similarity_life.left_alone(run, timezone.now()):
        if (run.measure, run.judge, run.options) != (terms.measure, judge, terms.as_json()):
            raise CommandError(f"Run {run.pk} of this study has not ended and has other options. Cancel it first.")
        similarity_life.resume(run, detach=detach)
        file.write(f"Continuing run {run.pk}.")
    else:
        run = runs.start(study, terms, judge, timezone.now(), detach=detach)
    if detach:
        return run
    why = worked(similarity_life, run, file)
    if run.version is not None:
        progress = similarity_life.progress(run, timezone.now())
        file.write(summary(run, progress))
        ended(similarity_life, run, why, {**ENDS, "budget": NO_BUDGET}, progress)
    elif why or run.compared_at is None:
        raise CommandError(ENDS.get(why, run.problem or f"The run is {run.state}."))
    return run


def told_report(run: SimilarityRun) -> str:
    """Returns what a run found as text: totals, what each filter dropped, and a table of the pairs of models."""
    found = reports.report(run)
    lines = [f"{found.scored:,} pairs of answers scored, {found.dropped:,} dropped by filters."]
    for each in found.filters:
        limit = "" if each.limit is None else f" {each.limit:g}"
        lines.append(f"  {each.filter.name}{limit}: dropped {each.dropped:,}, {each.alone:,} of them alone.")
    lines += [f"{number:,} without a score: {state}." for state, number in found.without_score]
    table: list[tuple[str, ...]] = [("model", "model", "scored", "dropped", "other", "least", "median", "chosen")]
    tables = run.tables.select_related("model_x", "model_y").defer("scores", "states", "dropped", "prompts")
    for line in reports.lines(tables.iterator(500)):
        numbers = ("" if value is None else f"{value:.3f}" for value in (line.least, line.median))
        names = (line.table.model_x.name, line.table.model_y.name)
        counts = (f"{line.scored:,}", f"{line.dropped:,}", f"{line.other:,}")
        table.append((*names, *counts, *numbers, f"{line.chosen:,}"))
    return "\n".join([*lines, "", text_table(table, {2, 3, 4, 5, 6, 7})])
