"""Dispatches records to the importer of their kind; a refused record becomes a `Fault`."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from annotation.importing.rows.batches import Sink
from annotation.importing.rows.comparisons import Comparisons, Judged
from annotation.importing.rows.context import ImportContext
from annotation.importing.rows.corpus import Corpus
from annotation.importing.rows.errors import Passed, Refused, Repeated
from annotation.importing.rows.known_rows import KnownPair
from annotation.importing.rows.pairs import PURPOSES, Pairs
from annotation.importing.rows.takers import Taker
from annotation.interchange.faults import SHOWN, Fault, Faults, printable
from annotation.interchange.format import PASSED, Record
from annotation.interchange.llmfao import excerpt
from annotation.models import PromptSet, Study

if TYPE_CHECKING:
    from annotation.importing.rows.texts import ByText

UNKNOWN_LISTED: Final = 50
MORE: Final = "…"
REPEATS_LISTED: Final = 5


@dataclass
class Counts:
    """The number of new and unchanged rows of a kind."""

    new: int = 0
    unchanged: int = 0

    def add(self, *, new: bool) -> None:
        if new:
            self.new += 1
        else:
            self.unchanged += 1


@dataclass
class Repeats:
    """The rows of a file that equal an earlier row of it: how many, and the lines of the first ones."""

    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        self.count += 1
        if len(self.lines) < REPEATS_LISTED:
            self.lines.append(line)


@dataclass
class Intake:
    """Imports records one by one, in order of reference.

    `study` and `prompt_set` are None until they are created; with a `sink` they exist. `kinds` are the kinds of
    the files to come: rows that they cannot refer to are not read from the database.
    """

    study: Study | None
    prompt_set: PromptSet | None
    kinds: frozenset[str]
    faults: Faults
    sink: Sink | None = None
    flags: dict[int, str] = field(default_factory=dict)
    """By the number of a result, the words that reveal its model; the check fills it, storing saves it."""
    counts: dict[str, Counts] = field(default_factory=dict)
    unknown: dict[str, set[str]] = field(default_factory=dict)
    """By file, the unknown columns in printable form; `MORE` if there are many."""
    language: str = ""
    """The language of prompts whose rows have none."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """The files' names of columns that differ from ours."""
    owned: Mapping[str, Callable[["Intake"], Taker]] = field(default_factory=dict)
    """By kind of row, the function that creates its `Taker`; other kinds are annotation's own."""
    guess: Callable[[str], str] | None = None
    """Guesses the language of a prompt that has none."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Numbers of rows with a remark that is not an error, by the code of the remark."""
    repeated: dict[str, Repeats] = field(default_factory=dict)
    """By file, the rows that equal an earlier row of the same file."""
    by_text: "ByText | None" = None
    """What `texts.by_text` has made for takers whose rows quote texts."""

    def __post_init__(self) -> None:
        self._context = ImportContext(self.study, self.prompt_set, self.kinds, self.sink)
        self.corpus = Corpus(self._context, self.flags, self.language, self.guess)
        self.pairs = Pairs(self._context, self.corpus)
        self.comparisons = Comparisons(self._context, self.pairs)
        self._takers: dict[Callable[[Intake], Taker], Taker] = {}

    @property
    def textless(self) -> bool:
        """Whether the prompt set has no texts."""
        return self._context.textless

    @textless.setter
    def textless(self, value: bool) -> None:
        self._context.textless = value

    def open_file(self) -> None:
        """Begins the next file: rows are compared with the earlier rows of their own file."""
        self._context.file += 1

    def repeat(self, file: str, line: int) -> None:
        """Notes a row that equals an earlier row of its file."""
        self.repeated.setdefault(file, Repeats()).add(line)

    def take(self, file: str, record: Record, judge: str | None) -> None:
        """Checks `record` and, with a sink, stores it if it is new. Errors are added to the faults.

        `judge` is the rater of this file's comparisons if its rows name none.
        """
        if record.faulty:
            self._taint(record)
            return
        if record.kind == PASSED:
            self.passed_over[record.values["remark"]] += 1
            return
        if record.unknown:
            self._note_unknown(file, record.unknown)
        if record.kind in self.owned:
            self._hand_on(file, record, judge)
            return
        counts = self.count(record.kind)
        try:
            counts.add(new=self._is_new(record, judge))
        except Passed:
            pass
        except Repeated:
            self.repeat(file, record.line)
        except Refused as refused:
            self._taint(record)
            self._refuse(file, record.line, refused, record.values)

    def _note_unknown(self, file: str, columns: tuple[str, ...]) -> None:
        # Keys may be anything and differ in every row, so only a few are kept.
        told = self.unknown.setdefault(file, set())
        for column in columns:
            name = printable(column[:SHOWN]) or '""'
            if name not in told and len(told) <= UNKNOWN_LISTED:
                told.add(name if len(told) < UNKNOWN_LISTED else MORE)

    def _is_new(self, record: Record, judge: str | None) -> bool:
        match record.kind:
            case "models":
                return self.corpus.take_model(record.values)
            case "prompts":
                return self.corpus.take_prompt(record.values)
            case "results":
                return self.corpus.take_result(record.values)
            case "pairs":
                return self.pairs.take_pair(record.values)
            case "training" | "check":
                return self.pairs.take_golden_pair(record.values, PURPOSES[record.kind])
            case _:
                return self.comparisons.take_row(record.values, judge)

    def _hand_on(self, file: str, record: Record, judge: str | None) -> None:
        """Passes a row to the taker of its kind. One that names no rater gets the `judge` of its file."""
        if judge is not None and record.values.get("rater") == "":
            record = replace(record, values={**record.values, "rater": judge})
        made = self.owned[record.kind]
        taker = self._takers.get(made)
        if taker is None:
            taker = self._takers[made] = made(self)
        try:
            taker.take(file, record)
        except Passed:
            pass
        except Repeated:
            self.repeat(file, record.line)
        except Refused as refused:
            # The values of another app's record may be anything; its quoted text is plain.
            plain_values = {key: value for key, value in record.values.items() if isinstance(value, str | int | float)}
            self._refuse(file, record.line, refused, plain_values)

    def count(self, kind: str) -> Counts:
        return self.counts.setdefault(kind, Counts())

    def compare(self, where: str, judge: str, pair: KnownPair, answer: Judged) -> None:
        """Imports a judge's verdict on a pair from a row of another kind; it counts as a comparison.

        Raises:
            Refused: as `Comparisons.take_verdict`.
        """
        counts = self.count("comparisons")
        counts.add(new=self.comparisons.take_verdict(where, judge, pair, answer))

    def _refuse(self, file: str, line: int, refused: Refused, values: Mapping[str, Any]) -> None:
        where = self.columns.get(refused.where, refused.where)
        self.faults.add(Fault(file, line, where, refused.reason, refused.values, excerpt(values)))

    def _taint(self, record: Record) -> None:
        if record.kind != "comparisons":  # nothing refers to these
            self._context.tainted.add("pairs" if record.kind in PURPOSES else record.kind, record)

    def settle(self, sink: Sink) -> bool:
        """Stores the rest of the batches and counts the new votes; returns whether pairs have to be offered again."""
        sink.flush()
        for taker in self._takers.values():
            taker.settle()
        self.comparisons.settle(sink)
        return bool(sink.taken) or any(self.counts.get(kind, Counts()).new for kind in ("pairs", "comparisons"))
