"""`manage.py study STUDY`: shows a study, changes its settings, starts, pauses and closes it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from annotation.management.arguments import study_called
from annotation.management.text_tables import text_table
from annotation.models import Comparison, Pair, Purpose, Study, Worker
from annotation.studies import lifecycle, settings
from annotation.studies.lifecycle import NotPossible
from annotation.voting.coverage import coverage

ACTIONS: Final = {"start": lifecycle.start, "pause": lifecycle.pause, "close": lifecycle.close}


class Command(BaseCommand):
    """Changes a study's settings and state, then prints what they are."""

    help = "Shows a study and its settings, changes them, and starts, pauses or closes the study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change a setting; can be repeated. Separate lists by commas; consent=@FILE reads a file",
        )
        action = parser.add_mutually_exclusive_group()
        for name, text in (
            ("start", "open the study to workers"),
            ("pause", "stop handing out pairs"),
            ("close", "end the study"),
        ):
            action.add_argument(f"--{name}", dest="action", action="store_const", const=name, help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_called(options["study"])
        try:
            if options["set"]:
                words = _words(options["set"])
                if warning := settings.warning_of(study, words):
                    self.stderr.write(warning)
                study = settings.apply(study, words)
            if options["action"]:
                study = ACTIONS[options["action"]](study)
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{study.name} ({study.slug})")
        self.stdout.write(_aligned(_facts(study)))
        self.stdout.write("\nSettings")
        self.stdout.write(_aligned(settings.shown(study)))


def _words(given: Iterable[str]) -> Mapping[str, str]:
    words = {}
    for item in given:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals:
            raise CommandError(f"--set {item}: expected KEY=VALUE.")
        if key in words:
            raise CommandError(f"--set {key} is given twice.")
        words[key] = _of_file(Path(value[1:])) if key in settings.TEXTS and value.startswith("@") else value.strip()
    return words


def _of_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"Cannot read {path}: {error}.") from error


def _facts(study: Study) -> list[tuple[str, str]]:
    prompt_set, found = study.prompt_set, coverage(study)
    pairs = Pair.objects.filter(study=study)
    golden = [pairs.filter(purpose=purpose).count() for purpose in (Purpose.TRAINING, Purpose.CHECK)]
    judges = Comparison.objects.counted().real().filter(study=study, rater__kind="judge", rater__derived=False).count()
    votes = f"{found.received:,} of {found.wanted:,} planned ({100 * found.share:.1f}%)"
    if found.beyond:
        votes += f", {found.beyond:,} beyond the plan"
    if found.outside:
        votes += f", and {found.outside:,} outside the filters"
    corpus = (
        f"{prompt_set.models.count():,} models, {prompt_set.prompts.count():,} prompts, "
        f"{prompt_set.results.count():,} answers"
    )
    facts = [
        ("state", study.status),
        ("prompt set", f"{prompt_set.slug}: {corpus}"),
        ("pairs", f"{found.pairs:,} within the filters of {pairs.votable().count():,}"),
        ("golden pairs", f"{golden[0]:,} for training, {golden[1]:,} for checks"),
        ("workers", f"{Worker.objects.filter(study=study, rater__simulated=False).count():,}"),
        ("votes", votes),
        ("judges", f"{judges:,} comparisons"),
    ]
    if found.simulated:
        facts.append(("simulated", f"{found.simulated:,} votes"))
    return [*facts, ("join link", reverse("join", args=[study.slug]))]


def _aligned(rows: Iterable[tuple[str, str]]) -> str:
    return indent(text_table(rows), "  ")
