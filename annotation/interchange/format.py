"""What a file format is to the rest of the house: names it knows, and rows of known kinds out of its files."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Progress, Source

PASSED: Final = "passed"
"""The kind of record of a row that holds nothing to store. It has a `remark`, the code of a sentence that counts such
rows."""


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
    """A file recognised by its content: its kind, and what it leaves open.

    Attributes:
        of_one_judge: whether its rows do not name their rater.
        judge: the rater of such a file, where its name says so.
        unclear: columns with unknown names that may say whose the rows are.
        of_a_crowd: whether the rater may be a crowd, too.
        asks: what has to be said before the file can be loaded: model, or kind.
        columns: by a column's name in the file, the field of the format that it seems to be.
        matched: the number of keys in the file that speak for the format. 0 if only the file's name does.
    """

    kind: str
    of_one_judge: bool = False
    judge: str | None = None
    unclear: tuple[str, ...] = ()
    of_a_crowd: bool = False
    asks: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    matched: int = 1


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a row of a format has, whatever its column is called.

    `label` and `help` are English, and translated where they are shown. `name` is the key that `Format.read` expects.
    `several` columns may be the same field, such as the winners by several raters.
    """

    name: str
    label: str
    help: str = ""
    needed: bool = False
    several: bool = False


def _unknown(text: str) -> str:
    return ""


def _no_name(name: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a study into files.

    Attributes:
        label: what people call it. This and all other texts are English, and translated where they are shown.
        help: what can be loaded.
        kinds: its kinds of files, in order of reference.
        recognised: returns what a file is by its first rows, None if it is not of this format, or why a file of this
            format cannot be loaded. The file's name may only say what the content leaves open.
        read: yields the rows of a file of a kind. It calls `reading.rows`, which reads any layout.
        expected: what its files are, for people who bring others.
        called: whether a file of this name is expected to be of the format, so that its errors are not passed over.
        rows: by a kind of file, the kinds of rows in it, where they are not those of its own name.
        nested: whether the files are in folders, which belong to their names.
        columns: by our name of a column, what the files call it, for faults that name one.
        fields: what columns of any name can be mapped to. Formats whose keys have fixed names have none.
        language: guesses the language of a prompt that no file and no user has said.
        cannot_carry: what is lost when a study is written in the format and read again.
    """

    name: str
    label: str
    help: str
    kinds: tuple[str, ...]
    recognised: Callable[[Head], Named | Fault | None]
    read: Callable[[Source, str, Progress | None], Iterator[Record | Fault]]
    expected: str
    rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nested: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
    language: Callable[[str], str] = _unknown
    cannot_carry: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    called: Callable[[str], bool] = _no_name

    def rows_of(self, kind: str) -> tuple[str, ...]:
        """The kinds of rows that files of `kind` hold."""
        return self.rows.get(kind, (kind,))
