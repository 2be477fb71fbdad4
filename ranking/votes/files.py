"""Comparisons from files instead of a database: gathers what records say, and selects what a board counts."""

import hashlib
import math
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from annotation.interchange.faults import Fault, shown
from annotation.interchange.llmfao import Wrong
from annotation.interchange.reading.coded import Coded
from annotation.interchange.verdict_columns import VerdictColumns
from annotation.interchange.verdicts import Rater, Verdict, is_crowd, is_one_person, is_person
from annotation.models import RaterKind
from annotation.problems import gettext_noop
from ranking import problems
from ranking.methods import style
from ranking.methods.tally import OUTCOMES, X_WON, Votes
from ranking.votes import reader
from ranking.votes.reader import PEOPLE, RESERVED, Filters, Read, Soft, UnknownCategory, UnknownRater

UNKNOWN: Final = -1
"""The code of a prompt or a category that no file names."""

DIGEST: Final = 16
"""Bytes of a digest that stands for the texts of a prompt or a pair, which are not kept."""

type Ints = NDArray[np.int64]


class Codes[Key: Hashable]:
    """Numbers things 0, 1, ... in the order in which they come."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self.things: list[Key] = []

    def __len__(self) -> int:
        return len(self.things)

    def find(self, key: Hashable) -> int | None:
        """Returns the number of what is known by `key`; None if nothing is."""
        return self._known.get(key)

    def __call__(self, thing: Key, key: Hashable = None) -> int:
        """Returns the number of `thing`, which is known by `key` if that is given."""
        known = thing if key is None else key
        found = self._known.get(known)
        if found is None:
            found = self._known[known] = len(self.things)
            self.things.append(thing)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Comparisons of one file as n rows of codes; the left model first, as the file has it.

    Attributes:
        left, right: (n,) the models.
        outcome: (n,) in half points of the left model.
        rater, prompt, pair, category: (n,) codes; `UNKNOWN` where the file does not say.
        turn, repetition: (n,) the turn judged, and the number of the answer; -1 if it has none.
        weight, share, at: (n,) weights, shares of the left model and Unix times; NaN where there are none.
        line: (n,) where the row is in the file.
        simulated: (n,) whether a program made it up.
        style: (n, 8) features of the left and the right answer; None if they were not asked for.
    """

    file: str
    left: Ints
    right: Ints
    outcome: Ints
    rater: Ints
    prompt: Ints
    pair: Ints
    category: Ints
    turn: Ints
    repetition: Ints
    line: Ints
    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    at: NDArray[np.float64]
    simulated: NDArray[np.bool_]
    style: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.left)


INTEGERS: Final = ("left", "right", "outcome", "rater", "prompt", "pair", "category", "turn", "repetition", "line")
DECIMALS: Final = ("weight", "share", "at")


@dataclass
class Gathered:
    """The comparisons of several files, and what their codes stand for.

    Models are known by name, or by the number that the files' models have.
    """

    models: Codes[str | int] = field(default_factory=Codes)
    raters: Codes[Rater] = field(default_factory=Codes)
    prompts: Codes[None] = field(default_factory=Codes)
    pairs: Codes[None] = field(default_factory=Codes)
    categories: Codes[str] = field(default_factory=Codes)
    names: dict[int, str] = field(default_factory=dict)
    """Names of models by number."""
    types: dict[Hashable, str] = field(default_factory=dict)
    """Categories by prompt, of prompts that have a row of their own."""
    blocks: list[Block] = field(default_factory=list)
    repeated: int = 0
    """Rows that equal an earlier row of the same rater, which were left out."""
    further: int = 0
    """Votes of a person on a prompt and two models on which the person has another vote."""

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    def name(self, number: int, name: str) -> None:
        """Notes the name of a numbered model.

        Raises:
            Wrong: it has another one.
        """
        if (known := self.names.setdefault(number, name)) != name:
            reason = gettext_noop("Model %(number)s is named %(stored)s, not %(found)s.")
            raise Wrong(reason, number=str(number), stored=shown(known), found=shown(name))

    def people(self) -> bool:
        """Returns whether people gave some of the comparisons."""
        return any(map(is_person, self.raters.things))

    def judges(self) -> list[str]:
        """Returns the names of the judges, those with most comparisons first."""
        number = sum(
            (np.bincount(block.rater, minlength=len(self.raters)) for block in self.blocks),
            start=np.zeros(len(self.raters), dtype=np.int64),
        )
        order = np.argsort(-number, kind="stable")
        return [str(self.raters.things[code]) for code in order if not is_person(self.raters.things[code])]


class Gatherer:
    """Collects the verdicts of one file, a row at a time."""

    def __init__(self, gathered: Gathered, file: str, rater: str, *, with_style: bool = False) -> None:
        self.gathered = gathered
        self.file = file
        self.rater = rater
        self.with_style = with_style
        self.integers = {name: array("q") for name in INTEGERS}
        self.decimals = {name: array("d") for name in DECIMALS}
        self.simulated = array("b")
        self.features = array("d")

    def add(self, line: int, verdict: Verdict) -> None:
        """Adds a verdict.

        Raises:
            Wrong: it compares a model with itself.
        """
        if verdict.models[0] == verdict.models[1]:
            raise Wrong(gettext_noop("The two models must be different."))
        found = self.gathered
        left, right = (found.models(model) for model in verdict.models)
        rater = self.rater if verdict.rater == "" else verdict.rater
        prompt = UNKNOWN if verdict.prompt is None else found.prompts(None, _digest(verdict.prompt))
        pair = UNKNOWN if verdict.pair is None else found.pairs(None, _digest(verdict.pair))
        numbers = (
            *(
                left,
                right,
                OUTCOMES[verdict.winner],
                found.raters(rater),
                prompt,
                pair,
            ),
            found.categories(verdict.category) if verdict.category else UNKNOWN,
            verdict.turn,
            UNKNOWN if verdict.repetition is None else verdict.repetition,
            line,
        )
        for name, value in zip(INTEGERS, numbers, strict=True):
            self.integers[name].append(value)
        at = None if verdict.at is None else verdict.at.timestamp()
        for name, number in zip(DECIMALS, (verdict.weight, verdict.share, at), strict=True):
            self.decimals[name].append(math.nan if number is None else number)
        self.simulated.append(verdict.simulated)
        if self.with_style:
            if verdict.texts is None:
                self.with_style = False
            else:
                for turns in verdict.texts:
                    self.features.extend(style.features("\n".join(turns)))

    def close(self) -> None:
        """Hands the rows over to what was gathered."""
        if not self.integers["left"]:
            return
        integers: dict[str, Any] = {name: np.array(values, dtype=np.int64) for name, values in self.integers.items()}
        decimals: dict[str, Any] = {name: np.array(values) for name, values in self.decimals.items()}
        simulated = np.array(self.simulated, dtype=bool)
        features = np.array(self.features).reshape(-1, 2 * len(style.FEATURES)) if self.with_style else None
        self.gathered.blocks.append(Block(self.file, **integers, **decimals, simulated=simulated, style=features))


def add_columns(gathered: Gathered, file: str, rater: str, found: VerdictColumns) -> None:
    """Adds verdicts that were read as columns; `rater` made those that do not name theirs.

    Raises:
        Wrong: a numbered model has another name in another file.
    """
    for number, name in (found.names or {}).items():
        gathered.name(number, name)
    rows = len(found.left)

    def coded(column: Coded[Any] | None, code: Callable[[Any], int]) -> Ints:
        if column is None:
            return np.full(rows, UNKNOWN, dtype=np.int64)
        table: Ints = np.array([code(value) for value in column.values], dtype=np.int64)
        return np.asarray(table[column.codes])

    def keyed(codes: Codes[None]) -> Callable[[Hashable], int]:
        return lambda key: UNKNOWN if key is None else codes(None, _digest(key))

    simulated = np.zeros(rows, dtype=bool)
    if found.simulated is not None:
        simulated = np.array(found.simulated.values, dtype=bool)[found.simulated.codes]
    block = Block(
        file,
        left=coded(found.left, gathered.models),
        right=coded(found.right, gathered.models),
        outcome=coded(found.winner, OUTCOMES.__getitem__),
        rater=coded(found.rater, lambda name: gathered.raters(rater if name == "" else name)),
        prompt=coded(found.prompt, keyed(gathered.prompts)),
        pair=coded(found.pair, keyed(gathered.pairs)),
        category=np.full(rows, UNKNOWN, dtype=np.int64),
        turn=np.zeros(rows, dtype=np.int64) if found.turn is None else coded(found.turn, int),
        repetition=coded(found.repetition, int),
        # Not known, and not needed: a file with an error is read row by row.
        line=np.zeros(rows, dtype=np.int64),
        weight=_decimals(found.weight, rows),
        share=_decimals(found.share, rows),
        at=np.full(rows, np.nan),
        simulated=simulated,
    )
    gathered.blocks.append(block)


def _decimals(column: Coded[float | None] | None, rows: int) -> NDArray[np.float64]:
    if column is None:
        return np.full(rows, np.nan)
    table = np.array([math.nan if value is None else value for value in column.values], dtype=np.float64)
    return np.asarray(table[column.codes])


def _digest(key: Hashable) -> Hashable:
    """Returns what stands for `key` in memory: a number itself, and a digest of anything that may be long."""
    if isinstance(key, int):
        return key
    words = "\0".join(sorted(map(repr, key))) if isinstance(key, frozenset) else repr(key)
    return hashlib.blake2b(words.encode(errors="surrogatepass"), digest_size=DIGEST).digest()


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """The comparisons of all files in n rows, as a database would hold them: x is the model that came first.

    Attributes:
        names: the names of the models.
        raters: workers' numbers, and names of judges and crowds.
        categories: the categories of prompts.
        columns: (n,) each, by name: `x`, `y`, `half_points` of x, `side` of x (1 left, -1 right), `rater`, `prompt`,
            `category`, `pair` and `turn`.
        weight, share, at: (n,) as in `Block`, with x's share.
        simulated: (n,) whether a program made it up.
        style: (n, 8) features of x's and y's answer; None if some are unknown.
    """

    names: tuple[str, ...]
    raters: tuple[Rater, ...]
    categories: tuple[str, ...]
    columns: dict[str, Ints]
    weight: NDArray[np.float64]
    share: NDArray[np.float64]
    at: NDArray[np.float64]
    simulated: NDArray[np.bool_]
    style: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.simulated)

    @property
    def kinds(self) -> Counter[str]:
        """Returns how many raters of each kind gave the comparisons."""
        used = [self.raters[code] for code in np.unique(self.columns["rater"]).tolist()]
        return Counter(str(RaterKind.WORKER if is_person(rater) else RaterKind.JUDGE) for rater in used)

    @property
    def crowds(self) -> list[int]:
        """Returns the codes of the crowds whose members are not known."""
        return [code for code, rater in enumerate(self.raters) if is_crowd(rater)]

    def of(self, choose: Callable[[Rater], bool]) -> NDArray[np.bool_]:
        """(n,) whether the row's rater is one that `choose` returns true for."""
        return np.array([choose(rater) for rater in self.raters], dtype=bool)[self.columns["rater"]]

    def where(self, mask: NDArray[Any]) -> "Comparisons":
        """Returns the rows selected by a mask or index."""
        return Comparisons(
            self.names,
            self.raters,
            self.categories,
            {name: column[mask] for name, column in self.columns.items()},
            self.weight[mask],
            self.share[mask],
            self.at[mask],
            self.simulated[mask],
            None if self.style is None else self.style[mask],
        )


def settled(gathered: Gathered) -> tuple[Comparisons, list[Fault]]:
    """Returns the comparisons, each once, and an error for each row that contradicts an earlier one.

    As in a study, a person answers a pair once, and so does anybody whose answers are numbered. Rows that equal an
    earlier one are counted in `gathered.repeated`. `gathered` gives up its rows, which would else be held twice.
    """
    blocks, gathered.blocks = gathered.blocks, []
    starts = np.cumsum([0, *map(len, blocks)])
    rows = {name: np.concatenate([getattr(block, name) for block in blocks]) for name in (*INTEGERS, *DECIMALS)}
    simulated = np.concatenate([block.simulated for block in blocks])
    features = None
    if all(block.style is not None for block in blocks):
        features = np.concatenate([block.style for block in blocks if block.style is not None])
    files = [block.file for block in blocks]
    del blocks
    names, code = _named(gathered)
    left, right = code[rows.pop("left")], code[rows.pop("right")]
    swapped = left > right
    rows["x"], rows["y"] = np.where(swapped, right, left), np.where(swapped, left, right)
    rows["side"] = np.where(swapped, -1, 1)
    rows["half_points"] = np.where(swapped, X_WON - rows["outcome"], rows["outcome"])
    identified = rows["pair"] != UNKNOWN
    rows["pair"] = _pairs(rows, len(names))
    _add_types(gathered, rows)
    if features is not None:
        size = len(style.FEATURES)
        features = np.where(swapped[:, None], np.roll(features, size, axis=1), features)
    share = rows.pop("share")
    rows["share"] = np.where(swapped, 1 - share, share)
    kept, faults = _once(gathered, rows, identified, starts, files)
    found = Comparisons(
        names,
        tuple(gathered.raters.things),
        tuple(gathered.categories.things),
        {name: rows[name] for name in COLUMNS},
        rows["weight"],
        rows["share"],
        rows["at"],
        simulated,
        features,
    )
    return (found if kept is None else found.where(kept)), faults


COLUMNS: Final = ("x", "y", "half_points", "side", "rater", "prompt", "category", "pair", "turn")


def _named(gathered: Gathered) -> tuple[tuple[str, ...], Ints]:
    """Returns the names of the models, and (k,) the code of each thing in `gathered.models`.

    A model that files give a number and a name may be known by its name alone in another file.
    """
    names: Codes[str] = Codes()
    code = [
        names(thing if isinstance(thing, str) else gathered.names.get(thing, str(thing)))
        for thing in gathered.models.things
    ]
    return tuple(names.things), np.array(code, dtype=np.int64)


def _add_types(gathered: Gathered, rows: dict[str, Any]) -> None:
    """Gives rows the categories of prompts that the files describe in rows of their own."""
    known = {gathered.prompts.find(_digest(prompt)): kind for prompt, kind in gathered.types.items()}
    known.pop(None, None)
    if not known:
        return
    table = np.full(len(gathered.prompts) + 1, UNKNOWN, dtype=np.int64)
    for code, kind in known.items():
        table[code] = gathered.categories(kind)
    # The code of an unknown prompt is -1, whose place in the table is the last one.
    rows["category"] = np.where(rows["category"] == UNKNOWN, table[rows["prompt"]], rows["category"])


def _pairs(rows: dict[str, Any], models: int) -> Ints:
    """(n,) what was compared, by prompt and models; a row without a prompt is about nothing that another row is."""
    prompt, pair = rows["prompt"], rows["pair"]
    found: Ints = (prompt * models + rows["x"]) * models + rows["y"]
    if (pair != UNKNOWN).any():
        found = combined(found, pair)
    alone = (prompt == UNKNOWN) & (pair == UNKNOWN)
    return np.where(alone, UNKNOWN - np.arange(len(found)), found) if alone.any() else found


def combined(*codes: Ints) -> Ints:
    """(n,) one code for each combination of several codes, (n,) each."""
    label = codes[0]
    for code in codes[1:]:
        low = int(code.min(initial=0))
        span = int(code.max(initial=0)) - low + 1
        if span > 1:
            if int(np.abs(label).max(initial=0)) >= WIDE // span:
                label = np.unique(label, return_inverse=True)[1]
            label = label * span + (code - low)
    return label


WIDE: Final = 2**62
"""Codes from here on could overflow."""


def _once(
    gathered: Gathered, rows: dict[str, Any], identified: NDArray[np.bool_], starts: Ints, files: Sequence[str]
) -> tuple[NDArray[np.bool_] | None, list[Fault]]:
    """Returns (n,) which rows to keep, None for all, and the errors of rows that contradict an earlier one.

    Without texts or numbers of pairs, which answers somebody compared is not `identified`, (n,). Several votes of a
    person on one prompt and two models may then be about different answers, so all of them count.
    """
    workers = np.array([is_one_person(rater) for rater in gathered.raters.things], dtype=bool)[rows["rater"]]
    numbered = np.flatnonzero(workers & identified | (rows["repetition"] != UNKNOWN))
    unclear = np.flatnonzero(workers & ~identified & (rows["prompt"] != UNKNOWN))
    if len(unclear):
        label = combined(*(rows[name][unclear] for name in ("pair", "rater", "turn")))
        gathered.further = len(label) - len(np.unique(label))
    if not len(numbered):
        return None, []
    repetition = np.where(workers, np.maximum(rows["repetition"], 0), rows["repetition"])[numbered]
    label = combined(*(rows[name][numbered] for name in ("pair", "rater", "turn")), repetition)
    _values, first, group = np.unique(label, return_index=True, return_inverse=True)
    if len(first) == len(label):
        return None, []
    before = numbered[first[group]]
    again = np.flatnonzero(before != numbered)
    faults = []
    for row, earlier in zip(numbered[again].tolist(), before[again].tolist(), strict=True):
        same = all(rows[name][row] == rows[name][earlier] for name in ("half_points", "side"))
        alike = all(
            np.array_equal(rows[name][row], rows[name][earlier], equal_nan=True) for name in ("weight", "share")
        )
        if same and alike:
            gathered.repeated += 1
        else:
            faults.append(_contradiction(rows, row, earlier, starts, files))
    kept = np.ones(len(rows["rater"]), dtype=bool)
    kept[numbered[again]] = False
    return kept, faults


def _contradiction(rows: dict[str, Any], row: int, earlier: int, starts: Ints, files: Sequence[str]) -> Fault:
    def at(place: int) -> tuple[str, int]:
        return files[int(np.searchsorted(starts, place, side="right")) - 1], int(rows["line"][place])

    (file, line), (before, its_line) = at(row), at(earlier)
    reason = gettext_noop("This rater already answered this pair differently, in line %(line)s of %(file)s.")
    return Fault(file, line, "", reason, {"line": str(its_line), "file": before})


def usual_raters(gathered: Gathered) -> str:
    """Returns the raters that a board counts unless others are asked for: people, or else the busiest judge."""
    return PEOPLE if gathered.people() or not (judges := gathered.judges()) else judges[0]


def select(found: Comparisons, filters: Filters, *, in_order: bool = False, sides: bool = False) -> Read:
    """Returns the comparisons that `filters` select, as `reader.read` returns those of a study, without a digest.

    `in_order` sorts them by time, if all have one. `sides`: whether to check that every pair was shown in one order
    only.

    Raises:
        UnknownRater, UnknownCategory: the files have no such judge or category.
    """
    source = reader.source_of(filters.raters)
    mask = np.ones(len(found), dtype=bool)
    if source == "people":
        mask = found.of(is_person)
    elif source == "judge":
        judges = [str(rater) for rater in found.raters if not is_person(rater)]
        if filters.raters not in judges:
            known = ", ".join([*RESERVED, *judges])
            raise UnknownRater(problems.NO_SUCH_JUDGE_IN_FILES(name=filters.raters, known=known))
        mask = found.of(lambda rater: rater == filters.raters)
    if filters.category is not None:
        if filters.category not in found.categories:
            known = ", ".join(found.categories) or "-"
            raise UnknownCategory(problems.NO_SUCH_TYPE_IN_FILES(name=filters.category, known=known))
        mask &= found.columns["category"] == found.categories.index(filters.category)
    chosen = found if mask.all() else found.where(mask)
    in_time = in_order and not np.isnan(chosen.at).any()
    if in_time:
        chosen = chosen.where(np.argsort(chosen.at, kind="stable"))
    return _read(chosen, filters, in_time=in_time, sides=sides or source == "judge")


def _read(chosen: Comparisons, filters: Filters, *, in_time: bool, sides: bool) -> Read:
    source = reader.source_of(filters.raters)
    columns = {**chosen.columns, "row": np.arange(len(chosen))}
    soft = _soft(chosen)
    weighted = soft is not None
    crowds = [] if source == "judge" else [code for code in chosen.crowds if (columns["rater"] == code).any()]
    inconsistent = 0
    if source != "people":
        columns, inconsistent, soft = reader.merged_with_shares(columns, filters.inconsistent, soft, crowds)
    votes = _votes(chosen, columns, soft, clustered=not crowds)
    return Read(
        votes=votes,
        source=source,
        simulated=int(chosen.simulated.sum()),
        inconsistent=inconsistent,
        in_time=in_time,
        one_order=sides and bool(len(votes)) and reader.is_one_order(columns),
        digest="",
        weighted=weighted,
    )


def _soft(chosen: Comparisons) -> Soft | None:
    """Returns the weights and shares of comparisons; None if there are none."""
    weight, share = (None if np.isnan(column).all() else column for column in (chosen.weight, chosen.share))
    if weight is None and share is None:
        return None
    return Soft(
        None if weight is None else np.where(np.isnan(weight), 1.0, weight),
        None if share is None else np.where(np.isnan(share), chosen.columns["half_points"] / 2, share),
    )


def _votes(chosen: Comparisons, columns: dict[str, Ints], soft: Soft | None, *, clustered: bool) -> Votes:
    """Returns comparisons as the input of methods; `clustered` by raters, if each of them is known."""
    models = np.unique(np.concatenate([columns["x"], columns["y"]]))
    differences = None
    if chosen.style is not None:
        features = chosen.style[columns["row"]]
        differences = style.differences(*np.hsplit(features, 2))
    return Votes(
        names=tuple(chosen.names[model] for model in models.tolist()),
        x=np.searchsorted(models, columns["x"]),
        y=np.searchsorted(models, columns["y"]),
        outcome=columns["half_points"].astype(np.int8),
        left=columns["side"].astype(np.int8),
        # Rows that are their own prompts cannot say how prompts differ.
        prompt=None if (columns["prompt"] == UNKNOWN).any() else columns["prompt"],
        rater=columns["rater"] if clustered else None,
        importance=None if soft is None else soft.weight,
        soft=None if soft is None else soft.share,
        style=differences,
    )
