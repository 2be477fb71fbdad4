"""What a file seems to be, for a person to confirm or change before it is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from annotation.interchange.faults import Fault
from annotation.interchange.format import Format, Named
from annotation.interchange.reading import Change, Head, Reading, Row, Source, look
from annotation.interchange.registry import FORMATS

CLAIMED: Final = 10_000
"""What a fault counts as: a format that knows why a file cannot be loaded knows it better than any that fits."""

SAMPLE: Final = 3
"""Rows of a file that a proposal shows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person said of a file. What is empty is found out.

    Attributes:
        format: the name of a format.
        kind: one of the format's kinds of files.
        reading: how the file is read, with the columns by the names that the format knows.
        model: whose answers it has, or which model the others were compared with, where the file does not say.
        rater: whose comparisons it has, where the file does not say.
    """

    format: str = ""
    kind: str = ""
    reading: Reading = field(default_factory=Reading)
    model: str = ""
    rater: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "kind": self.kind,
            "reading": self.reading.as_json(),
            "model": self.model,
            "rater": self.rater,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "reading": Reading.from_json(stored.get("reading", {}))})


@dataclass(frozen=True, slots=True)
class Looked:
    """A file whose first rows have been looked at, or why they cannot be read.

    `outright` is whether somebody named the file; the others are in a folder or an archive.
    """

    source: Source
    outright: bool
    head: Head | Fault
    choice: Choice = field(default_factory=Choice)

    def named_by(self, known: Format) -> Named | Fault | None:
        """Returns what a format says that the file is, after what a person chose."""
        if isinstance(self.head, Fault):
            return None
        named = known.recognised(self.head)
        if isinstance(named, Fault):
            return named
        if self.choice.kind in known.kinds and (named is None or named.kind != self.choice.kind):
            named = Named(self.choice.kind, matched=0)
        if named is None:
            return None
        model = self.choice.model
        said = {"kind": self.choice.kind, "model": model, "baseline": model, "rater": self.choice.rater}
        return replace(named, asks=tuple(each for each in named.asks if not said.get(each)))


def looked_at(source: Source, outright: bool = True, choice: Choice | None = None) -> Looked:
    """Looks at the first rows of a file, read as a person chose.

    A certain encoding is kept, so that it is not found out again; one that is only a proposal has to be chosen.
    """
    choice = choice or Choice()
    source = replace(source, reading=choice.reading, model=choice.model)
    head = look(source)
    if isinstance(head, Head) and not head.changed:
        source = replace(source, reading=replace(source.reading, encoding=head.encoding))
    return Looked(source, outright, head, choice)


@dataclass(frozen=True, slots=True)
class Fit:
    """A format that fits a file, and what it makes of it.

    Attributes:
        mapping: by a column in the file, the field of the format that it seems to be.
        asks: what has to be said: model, baseline, kind, rater or columns.
    """

    format: str
    kind: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    judge: str = ""
    matched: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a file seems to be: the formats that fit, best first, or why it cannot be read.

    Attributes:
        reading: how the file was read, with nothing left to be found out.
        changed: three lines that read differently in UTF-8, where the encoding is only proposed.
        rows: its first rows.
    """

    file: str
    fault: Fault | None = None
    layout: str = ""
    reading: Reading = field(default_factory=Reading)
    sheets: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    changed: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    fits: tuple[Fit, ...] = ()

    @property
    def best(self) -> Fit | None:
        return self.fits[0] if self.fits else None

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "fault": self.fault.as_json() if self.fault else None,
            "layout": self.layout,
            "reading": self.reading.as_json(),
            "sheets": list(self.sheets),
            "columns": list(self.columns),
            "changed": [{"line": each.line, "raw": each.raw, "decoded": each.decoded} for each in self.changed],
            "rows": [{"line": row.line, "values": dict(row.values)} for row in self.rows],
            "fits": [
                {
                    "format": fit.format,
                    "kind": fit.kind,
                    "mapping": dict(fit.mapping),
                    "asks": list(fit.asks),
                    "judge": fit.judge,
                }
                for fit in self.fits
            ],
        }


def propose(source: Source, choice: Choice | None = None) -> Proposal:
    """Returns what `source` seems to be, after what a person chose already."""
    return proposal(looked_at(source, choice=choice))


def proposal(looked: Looked) -> Proposal:
    """Returns what a file that has been looked at seems to be."""
    head, name = looked.head, looked.source.name
    if isinstance(head, Fault):
        return Proposal(name, head)
    fits, faults = [], []
    chosen = looked.choice.format
    for known in [FORMATS[chosen]] if chosen in FORMATS else FORMATS.values():
        named = looked.named_by(known)
        if isinstance(named, Fault):
            faults.append(named)
        elif named is not None:
            fits.append(_fit(looked, known, named))
    fits.sort(key=lambda fit: -fit.matched)
    sheet = looked.source.reading.sheet or (head.sheets[0] if head.sheets else "")
    return Proposal(
        name,
        # A format that knows why a file cannot be loaded knows it better than one that only fits its columns.
        faults[0] if faults else None,
        head.layout,
        replace(looked.source.reading, encoding=head.encoding, separator=head.separator, sheet=sheet),
        head.sheets,
        head.keys,
        head.changed,
        head.rows[:SAMPLE],
        tuple(fits),
    )


def _fit(looked: Looked, known: Format, named: Named) -> Fit:
    mapping = looked.choice.reading.columns or named.columns
    nobody = named.of_one_judge and not (looked.choice.rater or named.judge)
    asks = (*named.asks, *(("rater",) if nobody and "rater" not in named.asks else ()))
    if "baseline" in asks:
        # It is a model's name, and entered where that is.
        asks = (*asks, "model")
    return Fit(known.name, named.kind, mapping, asks, named.judge or "", named.matched)


def best_format(files: Sequence[Looked]) -> Format:
    """Returns the format that recognises most of the files, by their content rather than by their names.

    On a tie it is the one that knows more of their columns, and then the exchange format.
    """

    def score(known: Format) -> tuple[int, int, int]:
        named = [found for looked in files if (found := looked.named_by(known)) is not None]
        matched = [found.matched if isinstance(found, Named) else CLAIMED for found in named]
        return sum(map(bool, matched)), sum(matched), len(named)

    return max(FORMATS.values(), key=score)
