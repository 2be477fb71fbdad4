"""`manage.py load`: imports files into a study, or undoes an upload."""

import sys
import tempfile
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from tqdm import tqdm

from annotation.importing import answer_flags, load, undo
from annotation.importing.proposals import Choice, Proposal, proposal
from annotation.interchange import llmfao
from annotation.interchange.faults import Faults, printable
from annotation.interchange.reading import MOST_WEIGHT, STRONG_WEIGHT, Reading, encodings
from annotation.interchange.registry import FORMATS
from annotation.problems import gettext_noop
from annotation.studies.lifecycle import NotPossible

TO_REVIEW: Final = {
    "reasoning": gettext_noop("answers that contain the model’s reasoning: %(count)s"),
    "empty": gettext_noop("empty answers: %(count)s"),
    "identical": gettext_noop("answers identical to another model’s: %(count)s"),
}
"""What is printed of answers to review, by the kind of their flag."""


def _language(tag: str) -> str:
    try:
        return llmfao.language(tag)
    except llmfao.Wrong as wrong:
        raise CommandError(_(wrong.reason) % wrong.values) from None


def _choice(options: dict[str, Any]) -> Choice:
    """Returns what the options say of every file.

    Raises:
        CommandError: a column is not given as THEIRS=OURS, or the weight is not valid.
    """
    columns = {}
    for each in options["column"]:
        theirs, equals, ours = each.rpartition("=")
        if not equals or not theirs or not ours:
            raise CommandError(_("Give a column as THEIRS=OURS, not %(found)s.") % {"found": each})
        columns[theirs] = ours
    separator, weight = _separator(options["separator"]), options["strong_weight"]
    if not 0 < weight <= MOST_WEIGHT:
        raise CommandError(_("Give a weight above 0 and of at most %(most)s.") % {"most": MOST_WEIGHT})
    reading = Reading(options["encoding"], separator, options["sheet"], columns, weight)
    return Choice(options["format"], options["kind"], reading, options["model"])


def _separator(said: str) -> str:
    """Returns the character that a separator is; a tab is hard to type."""
    return "\t" if said in {"tab", "\\t"} else said


class Command(BaseCommand):
    """Loads files, folders and archives into a study; with --undo, deletes what an upload added."""

    help = (
        "Imports files, folders or ZIP archives into a study. If any file has an error, nothing is saved. "
        "With --undo, deletes everything an upload added."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="file, folder or ZIP archive")
        parser.add_argument("--study", metavar="SLUG", help="the study's address (slug); created if it does not exist")
        parser.add_argument(
            "--prompt-set", metavar="SLUG", help="prompt set of a new study (default: the study's slug)"
        )
        parser.add_argument(
            "--rater", metavar="NAME", help="name of the judge in a comparisons file without a worker or rater column"
        )
        parser.add_argument(
            "--format",
            choices=sorted(FORMATS),
            default="",
            help="format of the files (default: the one that fits their content)",
        )
        parser.add_argument(
            "--kind", default="", help="kind of the files, such as training, if their content leaves it open"
        )
        parser.add_argument(
            "--model",
            metavar="NAME",
            default="",
            help="the model whose answers the files contain, or the baseline of judgments that do not name it",
        )
        parser.add_argument(
            "--strong-weight",
            type=float,
            metavar="NUMBER",
            default=STRONG_WEIGHT,
            help="the weight of a strong verdict, such as A>>B in files of Arena-Hard (default: 3)",
        )
        parser.add_argument(
            "--encoding",
            metavar="NAME",
            default="",
            help=f"encoding of the files: {', '.join(encodings.NAMES)} (default: found out)",
        )
        parser.add_argument(
            "--separator",
            metavar="CHARACTER",
            default="",
            help="what separates the cells of CSV files (default: found out)",
        )
        parser.add_argument(
            "--sheet", metavar="NAME", default="", help="the sheet of .xlsx files (default: the first one)"
        )
        parser.add_argument(
            "--column",
            metavar="THEIRS=OURS",
            action="append",
            default=[],
            help="the field that a column of the files is, such as Answer=response; can be repeated",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only show what the files seem to be, what would be added, and three pairs; saves nothing",
        )
        parser.add_argument(
            "--language", metavar="TAG", default="", help="language of prompts whose rows name none, such as en or ja"
        )
        parser.add_argument(
            "--undo", type=int, metavar="UPLOAD", help="number of the upload to undo: deletes everything it added"
        )

    def handle(self, *, paths: list[Path], study: str | None, undo: int | None, **options: Any) -> None:
        if undo is not None:
            if paths or study:
                raise CommandError(_("With --undo, specify only the number of an upload."))
            self._undo(undo)
            return
        if not paths or not study:
            raise CommandError(_("Specify the files to load, and their study with --study."))
        choice = _choice(options)
        bar: tqdm[Any] = tqdm(unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty())

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            if options["dry_run"]:
                with bar, tempfile.TemporaryDirectory() as place:
                    self._dry_run(paths, Path(place), study, choice, options, tell)
                return
            with bar:
                report = load.load(
                    paths,
                    study_slug=study,
                    prompt_set_slug=options["prompt_set"],
                    rater=options["rater"],
                    format_name=options["format"],
                    language=_language(options["language"]),
                    choice=choice,
                    tell=tell,
                )
        except load.FaultyFiles as error:
            raise CommandError(self._refused(error.faults)) from error
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self._tell(report)

    def _refused(self, faults: Faults, *, rows: bool = False) -> str:
        """Writes the faults, with their rows if asked for, and returns the sentence that ends the command."""
        for fault in faults.listed:
            self.stderr.write(load.worded(fault))
            if rows and fault.row:
                self.stderr.write(f"    {fault.row}")
        told = ngettext(
            "%(count)s error found. Nothing was saved.", "%(count)s errors found. Nothing was saved.", faults.count
        )
        return told % {"count": faults.count}

    def _dry_run(
        self, paths: list[Path], place: Path, study: str, choice: Choice, options: dict[str, Any], tell: load.Tell
    ) -> None:
        files = load.look_at(paths, place, options["format"], choice)
        for looked in files:
            if looked.head is not load.NOT_READ:
                self._propose(proposal(looked))
        work = replace(
            load.recognise(files, options["rater"], options["format"]), language=_language(options["language"])
        )
        found = load.dry_run(work, study, options["prompt_set"], tell)
        self._tell_counts(found.report)
        for number, pair in enumerate(found.pairs, 1):
            self.stdout.write(_("Pair %(number)s, as workers would see it:") % {"number": number})
            for label, turns in (("", pair.prompt), ("A", pair.left), ("B", pair.right)):
                self.stdout.write(indent("\n\n".join(turns), f"  {label or '>'} "))
        if found.faults:
            raise CommandError(self._refused(found.faults, rows=True))
        self.stdout.write(_("Nothing was saved, because of --dry-run."))

    def _propose(self, found: Proposal) -> None:
        """Writes what a file seems to be."""
        best = found.best
        if best is None:
            self.stdout.write(_("%(file)s: not recognised") % {"file": found.file})
            return
        reading = (found.layout, found.reading.encoding, found.reading.separator and repr(found.reading.separator))
        how = ", ".join(filter(None, (*reading, found.reading.sheet)))
        line = _("%(file)s: %(kind)s, as %(format)s (%(how)s)")
        self.stdout.write(line % {"file": found.file, "kind": best.kind, "format": best.format, "how": how})
        for other in found.fits[1:]:
            if other.matched:
                self.stdout.write("  " + _("or %(kind)s, as %(format)s") % {"kind": other.kind, "format": other.format})
        for column, known in best.mapping.items():
            self.stdout.write(f"  {printable(column)} -> {known}")
        for change in found.changed:
            line = _("line %(line)s is not UTF-8: %(raw)s may be %(decoded)s")
            told = {"line": change.line, "raw": change.raw, "decoded": change.decoded}
            self.stdout.write("  " + line % told)

    def _tell(self, report: load.Report) -> None:
        self._tell_counts(report)
        if report.upload is None:
            self.stdout.write(_("Nothing new to save."))
        else:
            line = _("Saved as upload %(number)s. To undo it, run load --undo %(number)s.")
            self.stdout.write(line % {"number": report.upload.pk})

    def _tell_counts(self, report: load.Report) -> None:
        for kind, counts in report.counts.items():
            line = _("%(kind)s: %(new)s new, %(unchanged)s unchanged")
            self.stdout.write(line % {"kind": kind, "new": counts.new, "unchanged": counts.unchanged})
        if report.pairs_made:
            self.stdout.write(_("pairs created for comparisons: %(count)s") % {"count": report.pairs_made})
        if report.flagged:
            self.stdout.write(
                _("answers that name their own model or organisation: %(count)s") % {"count": report.flagged}
            )
        for kind, number in answer_flags.counts(report.upload).items():
            self.stdout.write(_(TO_REVIEW[kind]) % {"count": number})
        for file, columns in report.unknown.items():
            line = _("ignored columns in %(file)s: %(columns)s")
            self.stdout.write(line % {"file": file, "columns": ", ".join(columns)})
        for line in load.told_passed_over(report.passed_over):
            self.stdout.write(line)
        for line in load.told_repeated(report.as_json()["repeated"]):
            self.stdout.write(line)
        for line in load.told_side_words(report.side_words):
            self.stdout.write(line)
        for name in report.skipped:
            self.stdout.write(_("skipped: %(file)s") % {"file": name})

    def _undo(self, number: int) -> None:
        try:
            counts = undo.undo(undo.find(number))
        except NotPossible as error:
            raise CommandError(str(error)) from error
        for kind, count in counts.items():
            self.stdout.write(_("%(kind)s: %(count)s deleted") % {"kind": kind, "count": count})
