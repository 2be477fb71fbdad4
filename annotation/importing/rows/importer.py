"""Where records arrive: each goes to the desk of its kind, and what is refused there becomes a fault."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from annotation.importing.rows.batches import Sink
from annotation.importing.rows.comparisons import Comparisons, Judged
from annotation.importing.rows.context import Ground
from annotation.importing.rows.corpus import Corpus
from annotation.importing.rows.errors import Passed, Refused
from annotation.importing.rows.known_rows import KnownPair
from annotation.importing.rows.pairs import PURPOSES, Pairs
from annotation.importing.rows.takers import Taker
from annotation.interchange.faults import SHOWN, Fault, Faults, printable
from annotation.interchange.format import Record
from annotation.interchange.llmfao import excerpt
from annotation.models import PromptSet, Study

UNKNOWN_LISTED: Final = 50
MORE: Final = "…"


@dataclass
class Counts:
    """What became of the rows of one kind."""

    new: int = 0
    unchanged: int = 0

    def add(self, *, new: bool) -> None:
        if new:
            self.new += 1
        else:
            self.unchanged += 1


@dataclass
class Intake:
    """Takes records one by one, those a record refers to before it.

    `study` and `prompt_set` are None while they are still to be made, which they are by the time
    there is a `sink`. `kinds` are the kinds of files that will come: what they cannot refer to is not read.
    """

    study: Study | None
    prompt_set: PromptSet | None
    kinds: frozenset[str]
    faults: Faults
    sink: Sink | None = None
    flags: dict[int, str] = field(default_factory=dict)
    """By the number of a result, the words that give its model away: found when checking, stored when storing."""
    counts: dict[str, Counts] = field(default_factory=dict)
    unknown: dict[str, set[str]] = field(default_factory=dict)
    """By file, the columns that no kind of row has, as they can be printed; `MORE` where there are many."""
    language: str = ""
    """Of the prompts whose language their rows do not say."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What the files call columns of ours."""
    owned: Mapping[str, type[Taker]] = field(default_factory=dict)
    """By kind of row, the app's class that takes it; the kinds that are not here are annotation's own."""
    guess: Callable[[str], str] | None = None
    """Guesses the language of a prompt where nobody has said it."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Rows that are stored nowhere without being faults, by the code of what is said of them."""

    def __post_init__(self) -> None:
        self._ground = Ground(self.study, self.prompt_set, self.kinds, self.sink)
        self.corpus = Corpus(self._ground, self.flags, self.language, self.guess)
        self.pairs = Pairs(self._ground, self.corpus)
        self.comparisons = Comparisons(self._ground, self.pairs)
        self._takers: dict[type[Taker], Taker] = {}

    def take(self, file: str, record: Record, judge: str | None) -> None:
        """Checks `record` and, with a sink, stores it if it is new. What is wrong goes to the faults.

        `judge` is whose the comparisons of this file are where its rows do not say.
        """
        if record.faulty:
            self._taint(record)
            return
        if record.unknown:
            self._note_unknown(file, record.unknown)
        if record.kind in self.owned:
            self._hand_on(file, record)
            return
        counts = self.count(record.kind)
        try:
            counts.add(new=self._is_new(record, judge))
        except Passed:
            pass
        except Refused as refused:
            self._taint(record)
            self._refuse(file, record.line, refused, record.values)

    def _note_unknown(self, file: str, columns: tuple[str, ...]) -> None:
        # Keys may be anything, another one in each row: what is told of them stays small.
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

    def _hand_on(self, file: str, record: Record) -> None:
        """Gives a row to the app that owns its kind."""
        made = self.owned[record.kind]
        taker = self._takers.get(made)
        if taker is None:
            taker = self._takers[made] = made(self)
        try:
            taker.take(file, record)
        except Passed:
            pass
        except Refused as refused:
            # What an app has made of the row may be anything; what it quotes is plain.
            plain_values = {key: value for key, value in record.values.items() if isinstance(value, str | int | float)}
            self._refuse(file, record.line, refused, plain_values)

    def count(self, kind: str) -> Counts:
        return self.counts.setdefault(kind, Counts())

    def compare(self, where: str, judge: str, pair: KnownPair, answer: Judged) -> None:
        """Takes what a judge said of a pair in a row that is no comparison; it is counted as one.

        Raises:
            Refused: as `Comparisons.take_verdict`.
        """
        counts = self.count("comparisons")
        counts.add(new=self.comparisons.take_verdict(where, judge, pair, answer))

    def _refuse(self, file: str, line: int, refused: Refused, values: Mapping[str, Any]) -> None:
        where = self.columns.get(refused.where, refused.where)
        self.faults.add(Fault(file, line, where, refused.reason, refused.values, excerpt(values)))

    def _taint(self, record: Record) -> None:
        if record.kind != "comparisons":  # nothing refers to those
            self._ground.tainted.add("pairs" if record.kind in PURPOSES else record.kind, record)

    def settle(self, sink: Sink) -> bool:
        """Stores what still waits in `sink` and counts the votes it brought. Whether pairs must be offered anew."""
        sink.flush()
        for taker in self._takers.values():
            taker.settle()
        self.comparisons.settle(sink)
        return bool(sink.taken) or any(self.counts.get(kind, Counts()).new for kind in ("pairs", "comparisons"))
