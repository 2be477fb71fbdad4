"""The registry of layouts: the columns and rows that an export can have, in each of its file formats.

A layout is one file of rows. `study_formats` has the formats in which a whole study is written, as several files. An
app registers its layouts from its `AppConfig.ready`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

from django.utils.translation import gettext as _

from annotation.exporting.file_formats import FILE_FORMATS, Batch, Column, refuse_missing
from annotation.exporting.selection import Selection
from annotation.models import Study
from annotation.studies.lifecycle import NotPossible

COPIED_AT_ONCE: Final = 1000
"""Rows of a chunk of a file that the database writes by itself."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout of rows.

    `label` is what people call it, and `help` says what a row is; both are English, and translated where they are
    shown. `stem` is the name of its files, in which RATERS stands for whose votes they are. `formats` are its file
    formats, the usual one first. `columns` and `batches` raise `NotPossible` before the first row if the study cannot
    be written. `with_texts` says whether rows tell which model wrote an answer, so that they need access to the prompt
    set. `filters` are the fields of a selection that it follows. `cannot_carry` lists, in English, what is lost. `copy`
    returns the same CSV file, a row at a time, where the database can write it by itself, else None.
    """

    name: str
    label: str
    help: str
    stem: str
    formats: tuple[str, ...]
    columns: Callable[[Study, Selection], Sequence[Column]]
    batches: Callable[[Study, Selection], Iterator[Batch]]
    with_texts: bool = True
    filters: frozenset[str] = frozenset({"raters", "category", "reading"})
    cannot_carry: tuple[str, ...] = ()
    copy: Callable[[Study, Selection], Iterator[str] | None] = lambda _study, _asked: None


LAYOUTS: Final[dict[str, Layout]] = {}
"""The layouts by name, in the order in which pages offer them."""


def register(layout: Layout) -> None:
    """Lets comparisons be exported in `layout`.

    Raises:
        ValueError: another layout has its name, or it has a file format that does not exist.
    """
    if not set(layout.formats) <= FILE_FORMATS.keys():
        raise ValueError(f"The layout {layout.name!r} has an unknown file format.")
    if LAYOUTS.setdefault(layout.name, layout) is not layout:
        raise ValueError(f"A layout {layout.name!r} is registered already.")


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to export: a layout, a file format and the rows."""

    layout: Layout
    format: str
    selection: Selection

    @property
    def file_name(self) -> str:
        """The name of the file, by which `load` and other tools recognise it."""
        whose = self.selection.raters
        stem = self.layout.stem.replace("RATERS", "".join(_safe(letter) for letter in whose))
        return stem + FILE_FORMATS[self.format].suffix

    @property
    def media(self) -> str:
        return FILE_FORMATS[self.format].media

    def size(self, study: Study) -> int:
        """Returns how many comparisons the rows are made from.

        Raises:
            NotPossible: no judge has the name, or no prompt the category.
        """
        found = self.selection.stored(study)
        return found.count() if self.layout.name == "full" else found.counted().count()

    def chunks(self, study: Study, tell: Callable[[int], None] | None = None) -> Iterator[bytes]:
        """Yields the file in chunks of bytes; calls `tell` with the comparisons read so far, before each chunk.

        Raises:
            NotPossible: the study cannot be written like this. Nothing was yielded before.
        """
        if self.format == "csv" and (rows := self.layout.copy(study, self.selection)):
            return _encoded(rows, tell or (lambda _read: None))
        batches = self.layout.batches(study, self.selection)
        columns = self.layout.columns(study, self.selection)
        return FILE_FORMATS[self.format].chunks(columns, _told(batches, tell) if tell else batches)


def _safe(letter: str) -> str:
    return letter if letter.isalnum() or letter in "-._ " else "_"


def _encoded(rows: Iterator[str], tell: Callable[[int], None]) -> Iterator[bytes]:
    """Yields rows in chunks; the first is the header."""
    read = -1
    for some in batched(rows, COPIED_AT_ONCE):
        yield "".join(some).encode()
        read += len(some)
        tell(read)


def _told(batches: Iterator[Batch], tell: Callable[[int], None]) -> Iterator[Batch]:
    read = 0
    for batch in batches:
        yield batch
        read += batch.read
        tell(read)


def request(layout: str, file_format: str, selection: Selection) -> Request:
    """Returns the request for `layout` as `file_format`; empty stands for the layout's usual one.

    Raises:
        NotPossible: there is no such layout, it has no such format or not that filter, or a package is missing.
    """
    known = LAYOUTS.get(layout)
    if known is None:
        raise NotPossible(
            _("There is no layout “%(name)s”. Choose one of %(known)s.") % {"name": layout, "known": ", ".join(LAYOUTS)}
        )
    chosen = file_format or known.formats[0]
    if chosen not in known.formats:
        raise NotPossible(
            _("The layout “%(name)s” is not written as %(format)s. Choose one of %(known)s.")
            % {"name": layout, "format": file_format, "known": ", ".join(known.formats)}
        )
    if idle := selection.as_json().keys() - known.filters:
        raise NotPossible(
            _("The layout “%(name)s” cannot be filtered by %(filters)s.")
            % {"name": layout, "filters": ", ".join(sorted(idle))}
        )
    refuse_missing(chosen)
    return Request(known, chosen, selection)
