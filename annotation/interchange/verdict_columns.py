"""The verdicts of a large file as columns, for formats whose cells can be read one by one.

What they say is what `verdicts` reads from records, a row at a time. A file in which any row needs a closer look, such
as one with an error, is left to that.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from annotation.interchange import llmfao
from annotation.interchange.llmfao import Wrong
from annotation.interchange.reading import Head, Progress, Source, look
from annotation.interchange.reading.coded import Coded, coded
from annotation.interchange.verdicts import Rater, rater_of, refuse_odd_share
from annotation.scales import Answer


@dataclass(frozen=True, slots=True, eq=False)
class VerdictColumns:
    """The verdicts of n rows; each attribute as that of `Verdict`. None: the same as the default there, in every row.

    `names` are those of numbered models; `passed` counts rows without a verdict, by the code of the remark.
    """

    left: Coded[str | int]
    right: Coded[str | int]
    winner: Coded[Answer]
    rater: Coded[Rater]
    prompt: Coded[Hashable] | None = None
    pair: Coded[Hashable] | None = None
    turn: Coded[int] | None = None
    repetition: Coded[int] | None = None
    weight: Coded[float | None] | None = None
    share: Coded[float | None] | None = None
    simulated: Coded[bool] | None = None
    names: Mapping[int, str] | None = None
    passed: Mapping[str, int] = field(default_factory=dict)


type Read = Callable[[Source, Head, Progress | None], VerdictColumns | None]

READ: Final[dict[tuple[str, str], Read]] = {}
"""By format and kind of file, the function that reads verdicts as columns; it returns None where it cannot."""


def register(format_name: str, kind: str, read: Read) -> None:
    """Lets verdicts in files of a format and kind be read as columns.

    Raises:
        ValueError: another function reads them.
    """
    if READ.setdefault((format_name, kind), read) is not read:
        raise ValueError(f"Verdicts of {format_name!r} are read already.")


def of_file(format_name: str, kind: str, source: Source, progress: Progress | None = None) -> VerdictColumns | None:
    """Returns the verdicts of a file; None if it has to be read row by row."""
    read = READ.get((format_name, kind))
    head = look(source) if read else None
    return read(source, head, progress) if read and isinstance(head, Head) else None


def _of_exchange(source: Source, head: Head, progress: Progress | None) -> VerdictColumns | None:
    """Reads comparisons of the exchange format."""
    kind = llmfao.KINDS["comparisons"]
    cells = coded(source, head, kind.known, progress)
    if cells is None or not all(column.name in cells for column in kind.columns if column.needed):
        return None
    try:
        found: dict[str, Coded[Any]] = {
            column.name: _read(cells[column.name], column.read) for column in kind.columns if column.name in cells
        }
        raters = _raters(found, len(found["winner"]))
        names = _names(found)
        if "share" in found:
            both(found["winner"], found["share"], lambda winner, share: refuse_odd_share(winner, share))
    except Wrong:
        return None
    if _is_same(found["model_x"], found["model_y"]):
        return None
    people = np.array([isinstance(rater, int) for rater in raters.values], dtype=bool)[raters.codes]
    for name in ("turn", "repetition"):
        if name in found and (people & (np.array(found[name].values)[found[name].codes] != 0)).any():
            return None
    return VerdictColumns(
        left=found["model_x"],
        right=found["model_y"],
        winner=found["winner"],
        rater=raters,
        prompt=found["prompt"],
        pair=found["id"],
        turn=found.get("turn"),
        repetition=found.get("repetition", Coded([0], np.zeros(len(raters), dtype=np.int8))),
        weight=found.get("weight"),
        share=found.get("share"),
        simulated=found.get("simulated"),
        names=names,
    )


def _read(column: Coded[str], read: Callable[[str], Any]) -> Coded[Any]:
    digits = "".join(column.values)
    plain = read is llmfao.whole_cell and digits.isascii() and digits.isdigit()
    if plain and all(0 < len(cell) <= MOST_DIGITS for cell in column.values):
        # What `whole_cell` returns, in a tenth of its time: ids are distinct in every row.
        return column.read(int)
    return column.read(read)


MOST_DIGITS: Final = 18
"""Digits of a whole number that a database can store, whatever they are."""


def both[A, B, C](one: Coded[A], other: Coded[B], read: Callable[[A, B], C]) -> Coded[C]:
    """Returns what `read` makes of two columns together, called once for each combination that a row has."""
    combined = one.codes.astype(np.int64) * len(other.values) + other.codes
    kinds, codes = np.unique(combined, return_inverse=True)
    size = len(other.values)
    return Coded([read(one.values[kind // size], other.values[kind % size]) for kind in kinds.tolist()], codes)


def joined_columns[Value: Hashable](columns: Sequence[Coded[Value]]) -> Coded[Value]:
    """Returns columns one below the other."""
    known: dict[Value, int] = {}
    codes = []
    for column in columns:
        place = np.array([known.setdefault(value, len(known)) for value in column.values], dtype=np.int64)
        codes.append(place[column.codes])
    return Coded(list(known), np.concatenate(codes))


def _raters(found: Mapping[str, Coded[Any]], rows: int) -> Coded[Rater]:
    nobody: Coded[None] = Coded([None], np.zeros(rows, dtype=np.int8))
    unnamed = Coded(["people" if "worker" in found else ""], np.zeros(rows, dtype=np.int8))
    return both(found.get("rater", unnamed), found.get("worker", nobody), rater_of)


def _names(found: Mapping[str, Coded[Any]]) -> dict[int, str]:
    """Returns the names of numbered models.

    Raises:
        Wrong: a model has two names.
    """
    names: dict[int, str] = {}

    def note(number: int, name: str) -> None:
        if names.setdefault(number, name) != name:
            raise Wrong("%(name)s", name=name)

    for number, name in (("model_x", "left"), ("model_y", "right")):
        if name in found:
            both(found[number], found[name], note)
    return names


def _is_same(left: Coded[Any], right: Coded[Any]) -> bool:
    """Returns whether some row compares a model with itself."""
    place = {value: code for code, value in enumerate(left.values)}
    same = np.array([place.get(value, -1) for value in right.values])
    return bool((left.codes == same[right.codes]).any())


register("llmfao", "comparisons", _of_exchange)
