"""What a file format is to the rest of the house: names it knows, and rows of known kinds out of its files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from annotation.interchange.faults import Fault
from annotation.interchange.tables import Progress, Source


@dataclass(frozen=True, slots=True)
class Record:
    """A row to store: `kind` is one of models, prompts, results, pairs, training, check, comparisons, or one
    that another app stores.

    `values` are those of the columns that the row has, by the exchange format's names, of the right
    types. A model without an `id` goes by its name; a result without one by its prompt, its model, whose
    name may stand in the place of the id, and its `sample`. `unknown` are the keys that no column has. A
    `faulty` record has been reported already and stands only for its id, so that rows that refer to it are
    not reported as well.
    """

    kind: str
    line: int
    values: Mapping[str, Any]
    unknown: tuple[str, ...] = ()
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A file recognised by its name: `judge` is who made its comparisons where the file itself does not say.

    `unclear` are columns with unknown names that may say whose the rows are. `broken` means that the header cannot be
    read; reading the file reports why. With `of_a_crowd` its rater may be a crowd, too.
    """

    kind: str
    of_one_judge: bool = False
    judge: str | None = None
    unclear: tuple[str, ...] = ()
    broken: bool = False
    of_a_crowd: bool = False


def _unknown(text: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a study into files.

    `label` is what people call it, and `help` says what can be loaded; both are English, and translated where they are
    shown. `kinds` are its kinds of files in order of reference; `named` recognises a file, `read` gives its rows.
    `expected` says what its files are called to who has brought others. `rows` are the kinds of
    rows in a kind of file, where they are not those of its own name. Files of a `nested` format lie in
    folders, which belong to their names. `columns` says what its files call columns of ours, for faults that
    name them. `language` guesses that of a prompt that no file and no user has said. `cannot_carry` lists, in
    English, what is lost when a study is written in the format and read again.
    """

    name: str
    label: str
    help: str
    kinds: tuple[str, ...]
    named: Callable[[Source], Named | Fault | None]
    read: Callable[[Source, str, Progress | None], Iterator[Record | Fault]]
    expected: str
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nested: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    language: Callable[[str], str] = _unknown
    cannot_carry: tuple[str, ...] = ()

    def rows_of(self, kind: str) -> tuple[str, ...]:
        """The kinds of rows that files of `kind` hold."""
        return self.rows.get(kind, (kind,))
