"""manage.py load: files in the exchange format into a study."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from tqdm import tqdm

from annotation.importing import load, undo
from annotation.interchange import llmfao
from annotation.interchange.registry import FORMATS
from annotation.studies.lifecycle import NotPossible


def _language(tag: str) -> str:
    try:
        return llmfao.language(tag)
    except llmfao.Wrong as wrong:
        raise CommandError(_(wrong.reason) % wrong.values) from None


class Command(BaseCommand):
    help = "Loads files, folders or ZIP archives into a study, all or nothing; or undoes an upload."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="a file or a folder")
        parser.add_argument("--study", metavar="SLUG", help="the study, made if it is missing")
        parser.add_argument("--prompt-set", metavar="SLUG", help="the prompt set of a new study; its slug by default")
        parser.add_argument("--rater", metavar="NAME", help="the judge of a comparisons file without a worker column")
        parser.add_argument("--format", choices=sorted(FORMATS), default="llmfao", help="the format of the files")
        parser.add_argument(
            "--language", metavar="TAG", default="", help="of the prompts, where no row says it: en, ja"
        )
        parser.add_argument("--undo", type=int, metavar="UPLOAD", help="removes everything this upload brought")

    def handle(self, *, paths: list[Path], study: str | None, undo: int | None, **options: Any) -> None:
        if undo is not None:
            if paths or study:
                raise CommandError(_("--undo takes the number of an upload and nothing else."))
            self._undo(undo)
            return
        if not paths or not study:
            raise CommandError(_("Name what to load, and with --study where to."))
        bar: tqdm[Any] = tqdm(unit="B", unit_scale=True, leave=False, disable=not sys.stderr.isatty())

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            with bar:
                report = load.load(
                    paths,
                    study_slug=study,
                    prompt_set_slug=options["prompt_set"],
                    rater=options["rater"],
                    format_name=options["format"],
                    language=_language(options["language"]),
                    tell=tell,
                )
        except load.FaultyFiles as error:
            for fault in error.faults.listed:
                self.stderr.write(load.worded(fault))
            count = error.faults.count
            told = ngettext("%(count)s fault; nothing was stored.", "%(count)s faults; nothing was stored.", count)
            raise CommandError(told % {"count": count}) from error
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self._tell(report)

    def _tell(self, report: load.Report) -> None:
        for kind, counts in report.counts.items():
            line = _("%(kind)s: %(new)s new, %(unchanged)s unchanged")
            self.stdout.write(line % {"kind": kind, "new": counts.new, "unchanged": counts.unchanged})
        if report.pairs_made:
            self.stdout.write(_("pairs made for comparisons on them: %(count)s") % {"count": report.pairs_made})
        if report.flagged:
            self.stdout.write(_("answers that name their own model: %(count)s") % {"count": report.flagged})
        for file, columns in report.unknown.items():
            line = _("not read in %(file)s: %(columns)s")
            self.stdout.write(line % {"file": file, "columns": ", ".join(columns)})
        for line in load.told_passed_over(report.passed_over):
            self.stdout.write(line)
        for name in report.skipped:
            self.stdout.write(_("skipped: %(file)s") % {"file": name})
        if report.upload is None:
            self.stdout.write(_("Nothing was new."))
        else:
            line = _("Stored as upload %(number)s; load --undo %(number)s takes it back.")
            self.stdout.write(line % {"number": report.upload.pk})

    def _undo(self, number: int) -> None:
        try:
            counts = undo.undo(undo.find(number))
        except NotPossible as error:
            raise CommandError(str(error)) from error
        for kind, count in counts.items():
            self.stdout.write(_("%(kind)s: %(count)s removed") % {"kind": kind, "count": count})
