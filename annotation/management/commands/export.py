"""`manage.py export`: writes a study's data to standard output or to a file."""

import gzip
import io
import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from annotation.exporting import export, layouts, payments, study_formats
from annotation.exporting.comparisons import PEOPLE
from annotation.exporting.file_formats import FILE_FORMATS
from annotation.exporting.layouts import LAYOUTS
from annotation.exporting.selection import READINGS, Selection
from annotation.management.arguments import study_called
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible

PAYMENTS: Final = "payments"


class Command(BaseCommand):
    """Exports one kind of a study's data, or the whole study in another format."""

    help = (
        "Exports one kind of a study's data in the exchange format, to standard output or a file. "
        "With --layout, exports rows in the layout of another tool. "
        "With --format, exports the whole study in another format, into a folder."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", nargs="?", choices=(*export.WHAT, PAYMENTS), help="data to export")
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        parser.add_argument(
            "-o", "--output", type=Path, metavar="FILE", help="file to write; compressed if its name ends in .gz"
        )
        parser.add_argument(
            "--format",
            choices=sorted(study_formats.WRITERS),
            help="export the whole study in this format into -o FOLDER",
        )
        parser.add_argument("--layout", choices=sorted(LAYOUTS), help="export rows in this layout")
        parser.add_argument(
            "--as",
            dest="file_format",
            default="",
            choices=sorted(FILE_FORMATS),
            help="with --layout: the file format (default: the layout's usual one)",
        )
        parser.add_argument(
            "--category", default="", help="with --layout: export only comparisons on prompts of this category"
        )
        parser.add_argument(
            "--reading",
            default="forced",
            choices=READINGS,
            help="with --layout: how 4 and 5 on the scale from 1 to 8 are read (default: forced)",
        )
        parser.add_argument(
            "--raters",
            default=PEOPLE,
            metavar="people|NAME|all",
            help="whose comparisons to export (default: people)",
        )
        parser.add_argument("--training", action="store_true", help="with pairs: export the training pairs")
        parser.add_argument("--check", action="store_true", help="with pairs: export the check pairs")
        parser.add_argument(
            "--full", action="store_true", help="with comparisons: export every stored row with all its details"
        )
        parser.add_argument(
            "--simulated", action="store_true", help="with comparisons: include simulated ones, marked in a column"
        )

        parser.add_argument(
            "--excel", action="store_true", help="with CSV: begin with a byte-order mark, so that Excel reads UTF-8"
        )

    def handle(self, *, what: str | None, study: str, output: Path | None, **options: Any) -> None:
        found = study_called(study)
        if options["format"]:
            self._write_all(found, what, output, options)
            return
        if options["layout"]:
            self._write_layout(found, what, output, options)
            return
        if options["file_format"] or options["category"] or options["reading"] != "forced":
            raise CommandError(_("The options --as, --category and --reading work only with --layout."))
        if what is None:
            raise CommandError(_("Specify what to export: %(what)s.") % {"what": ", ".join((*export.WHAT, PAYMENTS))})
        choices = {name: options[name] for name in ("raters", "training", "check", "full", "simulated")}
        try:
            chunks = payments.payments(found) if what == PAYMENTS else export.export(found, what, **choices)
        except NotPossible as error:
            raise CommandError(str(error)) from error
        if options["excel"]:
            if what not in {PAYMENTS, "comparisons"}:
                raise CommandError(_("--excel applies only to comparisons and payments, which are CSV."))
            chunks = chain(["\ufeff"], chunks)
        if output is None:
            self._print(chunks)
        else:
            try:
                write_whole(output, chunks)
            except OSError as error:
                raise CommandError(f"{output}: {error.strerror}") from error

    def _write_layout(self, study: Study, what: str | None, output: Path | None, options: dict[str, Any]) -> None:
        """Writes one file of the layout, to standard output or to `output`."""
        if what or any(options[name] for name in ("excel", "training", "check", "full")):
            raise CommandError(_("With --layout, specify only a study, the file format and the rows."))
        chosen = {name: options[name] for name in ("raters", "category", "reading", "simulated")}
        try:
            asked = layouts.request(options["layout"], options["file_format"], Selection(**chosen))
            chunks = asked.chunks(study)
            if output is None:
                self._print_bytes(chunks)
            else:
                write_whole(output, chunks)
        except NotPossible as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error

    def _print_bytes(self, chunks: Iterable[bytes]) -> None:
        """Writes to standard output; to a terminal's or a test's stream as text, which Parquet is not."""
        raw = getattr(self.stdout._out, "buffer", None)
        try:
            for chunk in chunks:
                if raw is None:
                    self.stdout.write(chunk.decode(), ending="")
                else:
                    raw.write(chunk)
            (raw or self.stdout).flush()
        except UnicodeDecodeError as error:
            raise CommandError(_("Parquet is not text. Specify a file with -o.")) from error
        except BrokenPipeError:
            # The reader closed the pipe, as `head` does. Python would report that when it closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _write_all(self, study: Study, what: str | None, output: Path | None, options: dict[str, Any]) -> None:
        """Writes every file of the format into the folder `output`, creating it if needed."""
        others = (
            what
            or options["excel"]
            or options["training"]
            or options["check"]
            or options["full"]
            or options["simulated"]
        )
        if output is None or others or options["raters"] != PEOPLE:
            raise CommandError(_("With --format, specify only a study and -o FOLDER."))
        writer = study_formats.WRITERS[options["format"]]
        try:
            for name, chunks in writer.files(study):
                path = output / name
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, chunks)
                self.stdout.write(name)
        except NotPossible as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output}: {error.strerror}") from error
        if notice := writer.notice(study):
            self.stderr.write(notice)

    def _print(self, chunks: Iterable[str]) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # The data is UTF-8 with \n line ends, whatever the terminal's locale.
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        try:
            for chunk in chunks:
                self.stdout.write(chunk, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # The reader closed the pipe, as `head` does. Python would report that when it closes the stream.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_whole(path: Path, chunks: Iterable[str | bytes]) -> None:
    """Writes `chunks` to `path` atomically: an export that fails leaves an existing file unchanged."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as raw:
            # No timestamp, so that the same data gives the same bytes.
            packed = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if path.name.endswith(".gz") else None
            with packed or raw as target:
                for chunk in chunks:
                    target.write(chunk.encode() if isinstance(chunk, str) else chunk)
        umask = os.umask(0)
        os.umask(umask)
        Path(draft).chmod(0o666 & ~umask)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
