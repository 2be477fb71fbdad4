"""Rows of files against what a study and its prompt set hold: what is new, what is there, what is wrong.

An `Intake` is used twice over the same files. Without a `Sink` it only checks, outside of any
transaction; with one, inside the transaction of `services.loading`, it checks again against what is
stored by then and stores what is new. One reading of the rules, so that the two cannot differ.

Memory holds numbers and digests of what rows refer to, and never more texts than one batch of them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import blake2b
from itertools import batched
from typing import Any, Final, cast

import numpy as np
from django.db.models import F, Model
from django.db.models.functions import Coalesce, Greatest

from annotation.interchange.faults import Fault, Faults, gettext_noop, shown
from annotation.interchange.formats import Record
from annotation.interchange.llmfao import RATER_LENGTH, REPEATED_COLUMNS, RESERVED_RATERS, excerpt
from annotation.interchange.selfnaming import names_itself
from annotation.models import (
    Comparison,
    LanguageModel,
    Outcome,
    Pair,
    Prompt,
    PromptSet,
    Purpose,
    Rater,
    RaterKind,
    Result,
    ResultFlag,
    Study,
    Upload,
    Worker,
)
from annotation.models.work import Stage
from annotation.scales import Side, Winner, answer_of, winner_of
from annotation.services import kinds

BATCH_ROWS: Final = 1000
BATCH_CHARACTERS: Final = 2 * 2**20
"""A batch is stored when it holds so many rows, or so much text."""

SHORT: Final = 40
"""Texts longer than this are remembered as digests, but for those of models, which are few."""

PROMPT_REMEMBERED: Final = 4000
"""Characters of a prompt that are remembered while answers are looked through for the names of their models."""

MODEL_COLUMNS: Final = ("api_id", "name", "api", "type", "org", "licence", "price", "released")
PROMPT_COLUMNS: Final = ("text", "type", "slug", "stop", "note", "turns", "references", "lang")
RESULT_COLUMNS: Final = ("prompt", "model", "result", "duration", "rate", "turns")
PAIR_COLUMNS: Final = ("prompt", "model_x", "model_y", "result_x", "result_y", "golden", "text", "reason")

PURPOSES: Final = {"pairs": Purpose.VOTE, "training": Purpose.TRAINING, "check": Purpose.CHECK}


class Refused(Exception):
    """A row cannot be taken: the field, the reason and its values, as a `Fault` has them."""

    def __init__(self, where: str, reason: str, **values: object) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason
        self.values = {key: value if isinstance(value, str) else str(value) for key, value in values.items()}


class Passed(Exception):
    """A row refers to a faulty one: whether it is right itself cannot be said, and the fault is reported already."""


def plain(value: Any) -> Any:
    """`value` as it is remembered for comparing where it need not be condensed."""
    return value.isoformat() if isinstance(value, date) else value


def condensed(value: Any) -> Any:
    """`value` as it is remembered for comparing: long texts as 16 bytes."""
    match value:
        case str() if len(value) > SHORT:
            return blake2b(value.encode(), digest_size=16).digest()
        case list():
            return condensed(json.dumps(value)) if value else None
        case _:
            return value


class Known:
    """Something that rows can refer to: its primary key, 0 until it is stored, and its condensed values."""

    __slots__ = ("pk", "values")

    def __init__(self, pk: int, values: tuple[Any, ...]) -> None:
        self.pk = pk
        self.values = values


class KnownPair(Known):
    __slots__ = ("index", "purpose")

    def __init__(self, pk: int, values: tuple[Any, ...], purpose: str, index: int) -> None:
        super().__init__(pk, values)
        self.purpose = purpose
        self.index = index


class KnownRater(Known):
    """`votes` are those that this upload brought."""

    __slots__ = ("index", "joined", "simulated", "votes")

    def __init__(self, pk: int, *, index: int, joined: bool, simulated: bool) -> None:
        super().__init__(pk, ())
        self.index = index
        self.joined = joined
        self.simulated = simulated
        self.votes = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rater said of a pair: who stood on the left, who won, and where several answers are one's, which it is."""

    left: Side
    winner: Winner
    turn: int = 0
    repetition: int = 0
    simulated: bool = False
    at: datetime | None = None


@dataclass
class Counts:
    """What became of the rows of one kind."""

    new: int = 0
    unchanged: int = 0


class Batch:
    """Rows waiting to be stored together, after those of the batches `before` it that they refer to."""

    def __init__(self, model: type[Model], *before: "Batch") -> None:
        self.model = model
        self.before = before
        self._waiting: list[tuple[Known | None, Callable[[], Model]]] = []
        self._characters = 0

    def add(self, known: Known | None, make: Callable[[], Model], characters: int = 0) -> None:
        """`make` is called when what it refers to has its primary key; `known` is told the new row's."""
        self._waiting.append((known, make))
        self._characters += characters
        if len(self._waiting) >= BATCH_ROWS or self._characters >= BATCH_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        for batch in self.before:
            batch.flush()
        if not self._waiting:
            return
        waiting, self._waiting, self._characters = self._waiting, [], 0
        rows = self.model._default_manager.bulk_create([make() for _known, make in waiting])
        for (known, _make), row in zip(waiting, rows, strict=True):
            if known is not None:
                known.pk = row.pk


@dataclass
class Sink:
    """Where new rows go: everything stored belongs to `upload`. Used inside a transaction."""

    upload: Upload
    rng: np.random.Generator
    taken: Counter[int] = field(default_factory=Counter)
    """New votes of people by the primary key of the pair."""

    def __post_init__(self) -> None:
        self.models = Batch(LanguageModel)
        self.prompts = Batch(Prompt)
        self.results = Batch(Result, self.models, self.prompts)
        self.flags = Batch(ResultFlag, self.results)
        self.pairs = Batch(Pair, self.results)
        self.raters = Batch(Rater)
        self.workers = Batch(Worker, self.raters)
        self.comparisons = Batch(Comparison, self.pairs, self.workers, self.raters)

    def flush(self) -> None:
        for batch in (self.flags, self.comparisons, self.results, self.pairs, self.prompts, self.models):
            batch.flush()


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
    """By file, the columns that no kind of row has."""
    pairs_made: int = 0
    language: str = ""
    """Of the prompts whose language their rows do not say."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What the files call columns of ours."""
    guess: Callable[[str], str] | None = None
    """Guesses the language of a prompt where nobody has said it."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Rows that are stored nowhere without being faults, by a sentence with a place for their %(count)s."""

    def __post_init__(self) -> None:
        self._tainted: set[tuple[str, int]] = set()
        self._results_tainted = False
        self._prompt_texts: dict[int, str] = {}
        self._next: dict[str, int] = {}
        self.takers: dict[type[kinds.Taker], kinds.Taker] = {}

    # What is stored, and what the files have added to it so far.

    @cached_property
    def models(self) -> dict[int, Known]:
        rows = self._stored(LanguageModel, "number", *MODEL_COLUMNS)
        return {number: Known(pk, tuple(map(plain, values))) for pk, number, *values in rows}

    @cached_property
    def model_names(self) -> dict[str, int]:
        return {model.values[MODEL_COLUMNS.index("name")]: number for number, model in self.models.items()}

    @cached_property
    def prompts(self) -> dict[int, Known]:
        found: dict[int, Known] = {}
        for pk, number, *values in self._stored(Prompt, "number", *PROMPT_COLUMNS):
            found[number] = Known(pk, tuple(map(condensed, values)))
            self._remember(number, values[0])
        return found

    def _remember(self, prompt: int, text: str) -> None:
        if self.sink is None and "results" in self.kinds:
            self._prompt_texts[prompt] = text[:PROMPT_REMEMBERED]

    @cached_property
    def results(self) -> dict[int, Known]:
        # Texts are read only where there is something to hold them against.
        texts = ("text", "duration", "rate", "turns") if self.kinds & {"results", "pairs"} else ()
        rows = self._stored(Result, "number", "prompt__number", "model__number", *texts)
        return {number: Known(pk, tuple(map(condensed, values))) for pk, number, *values in rows}

    @cached_property
    def answers(self) -> dict[tuple[int, int], list[int]]:
        """The results by prompt and model, in the order of their samples."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, result in self.results.items():
            found.setdefault((result.values[0], result.values[1]), []).append(number)
        return found

    @cached_property
    def sampled(self) -> dict[tuple[int, int, int], int]:
        """The results by prompt, model and sample."""
        rows = self._stored(Result, "number", "prompt__number", "model__number", "sample")
        return {(prompt, model, sample): number for _pk, number, prompt, model, sample in rows}

    @cached_property
    def samples(self) -> Counter[tuple[int, int]]:
        """The next sample's number, by prompt and model."""
        after: Counter[tuple[int, int]] = Counter()
        for _pk, prompt, model, sample in self._stored(Result, "prompt__number", "model__number", "sample"):
            after[prompt, model] = max(after[prompt, model], sample + 1)
        return after

    @cached_property
    def pairs(self) -> dict[int, KnownPair]:
        if self.study is None:
            return {}
        shown_text = Coalesce("own_text", "prompt__text")
        golden = ("golden", shown_text, "reason", "own_x", "own_y") if self.kinds & {"training", "check"} else ()
        rows = Pair.objects.filter(study=self.study).values_list(
            "pk",
            "purpose",
            "number",
            "prompt__number",
            "model_x__number",
            "model_y__number",
            "result_x__number",
            "result_y__number",
            *golden,
        )
        found: dict[int, KnownPair] = {}
        for pk, purpose, number, prompt, model_x, model_y, result_x, result_y, *own in rows.iterator():
            values: tuple[Any, ...]
            if purpose == Purpose.VOTE:
                values = (prompt, model_x, model_y, result_x, result_y)
            elif own:
                values = (prompt, model_x, model_y, own[3], own[4], *own[:3])
            else:
                values = (prompt, model_x, model_y)
            found[number] = KnownPair(pk, tuple(map(condensed, values)), purpose, len(found))
        return found

    @cached_property
    def paired(self) -> dict[frozenset[int], KnownPair]:
        """The pairs to vote on by their two results."""
        votable = [pair for pair in self.pairs.values() if pair.purpose == Purpose.VOTE]
        # The first of them, where a study has two pairs of the same results.
        return {frozenset(pair.values[3:5]): pair for pair in reversed(votable)}

    @cached_property
    def raters(self) -> dict[int | str, KnownRater]:
        """Workers by their number, judges by their name."""
        if self.study is None:
            return {}
        found: dict[int | str, KnownRater] = {}
        rows = Rater.objects.filter(study=self.study).values_list(
            "pk", "name", "simulated", "worker__number", "worker__joined_at"
        )
        for pk, name, simulated, number, joined_at in rows.iterator():
            key: int | str = number if name is None else name
            found[key] = KnownRater(pk, index=len(found), joined=joined_at is not None, simulated=simulated)
        return found

    @cached_property
    def votes(self) -> dict[int, str]:
        """Left side and winner by `_vote_key`, in force; an empty text where an answer was withdrawn."""
        if self.study is None:
            return {}
        pairs = {pair.pk: pair.index for pair in self.pairs.values()}
        raters = {rater.pk: rater.index for rater in self.raters.values()}
        found: dict[int, str] = {}
        rows = Comparison.objects.filter(study=self.study).values_list(
            "pair", "rater", "turn", "trial", "left", "winner", "withdrawn", "superseded_by"
        )
        for pair, rater, turn, repetition, left, winner, withdrawn, superseded_by in rows.iterator():
            if pair not in pairs or rater not in raters:
                continue  # come since those were read; no row of the files can mean it without a race being told
            key = _vote_key(pairs[pair], raters[rater], turn, repetition)
            if withdrawn or superseded_by:
                found.setdefault(key, "")
            else:
                found[key] = VOTE_CODES[left, winner]
        return found

    @cached_property
    def repeated(self) -> dict[int, list[str]]:
        """What raters said on a pair by other keys than that of the whole conversation's first time, by that key."""
        found: dict[int, list[str]] = {}
        for key, code in self.votes.items():
            if code and key != (first := key & FIRST_TIME):
                found.setdefault(first, []).append(code)
        return found

    def _stored(self, model: type[Model], *columns: str) -> Iterable[Sequence[Any]]:
        if self.prompt_set is None:
            return ()
        rows = model._default_manager.filter(prompt_set=self.prompt_set).order_by("pk")
        return rows.values_list("pk", *columns).iterator()

    # Taking records.

    def take(self, file: str, record: Record, judge: str | None) -> None:
        """Checks `record` and, with a sink, stores it if it is new. What is wrong goes to the faults.

        `judge` is whose the comparisons of this file are where its rows do not say.
        """
        if record.faulty:
            self._taint(record)
            return
        if record.unknown:
            self.unknown.setdefault(file, set()).update(record.unknown)
        if record.kind in kinds.OWNED:
            self._hand_on(file, record)
            return
        counts = self.counts.setdefault(record.kind, Counts())
        try:
            if self._is_new(record, judge):
                counts.new += 1
            else:
                counts.unchanged += 1
        except Passed:
            pass
        except Refused as refused:
            self._taint(record)
            self.refuse(file, record.line, refused, record.values)

    def _hand_on(self, file: str, record: Record) -> None:
        """Gives a row to the app that owns its kind."""
        made = kinds.OWNED[record.kind]
        taker = self.takers.get(made)
        if taker is None:
            taker = self.takers[made] = made(self)
        try:
            taker.take(file, record)
        except Passed:
            pass
        except Refused as refused:
            # What an app has made of the row may be anything; what it quotes is plain.
            plain_values = {key: value for key, value in record.values.items() if isinstance(value, str | int | float)}
            self.refuse(file, record.line, refused, plain_values)

    def refuse(self, file: str, line: int, refused: "Refused", values: Mapping[str, Any]) -> None:
        """Counts a row as faulty."""
        where = self.columns.get(refused.where, refused.where)
        self.faults.add(Fault(file, line, where, refused.reason, refused.values, excerpt(values)))

    def _taint(self, record: Record) -> None:
        """Rows that refer to a faulty one are not reported as well."""
        if record.kind == "results":
            # Pairs refer to results by their text, which may be what is wrong.
            self._results_tainted = True
        elif "id" not in record.values:
            pass  # a model by its name alone, which cannot be wrong
        elif record.kind != "comparisons":
            self._tainted.add(("pairs" if record.kind in PURPOSES else record.kind, record.values["id"]))

    def _is_new(self, record: Record, judge: str | None) -> bool:
        match record.kind:
            case "models":
                return self._model(record.values)
            case "prompts":
                return self._prompt(record.values)
            case "results":
                return self._result(record.values)
            case "pairs":
                return self._pair(record.values)
            case "training" | "check":
                return self._golden_pair(record.values, PURPOSES[record.kind])
            case _:
                return self._comparison(record.values, judge)

    def _number(self, kind: str, known: Mapping[int, Any]) -> int:
        """A number for a row of a file that has none: behind the highest there is."""
        number = self._next.get(kind) or max(1, max(known, default=0) + 1)
        while number in known:
            number += 1
        self._next[kind] = number + 1
        return number

    def prompt(self, where: str, number: int) -> Known:
        """The prompt with this number.

        Raises:
            Refused: there is none.
        """
        return self._find(where, "prompts", self.prompts, number)

    def model_called(self, where: str, name: str) -> int:
        """The number of the model called `name`.

        Raises:
            Refused: none is.
        """
        number = self.model_names.get(name)
        if number is None:
            raise Refused(where, gettext_noop("No model is called %(name)s, here or in the study."), name=shown(name))
        return number

    def sample(self, where: str, prompt: int, model: int, sample: int) -> int:
        """The number of a sample of the model's results to the prompt.

        Raises:
            Refused: there is none.
        """
        number = self.sampled.get((prompt, model, sample))
        if number is None:
            if self._results_tainted:
                raise Passed
            reason = gettext_noop("Model %(model)s has no result %(sample)s to prompt %(prompt)s.")
            raise Refused(where, reason, model=model, prompt=prompt, sample=sample + 1)
        return number

    def has_follow_ups(self, prompt: Known) -> bool:
        return prompt.values[PROMPT_COLUMNS.index("turns")] is not None

    def pair_of(self, prompt: int, first: int, second: int) -> KnownPair:
        """The pair of these two results to the prompt, made with the first as x where it is not there."""
        if pair := self.paired.get(frozenset((first, second))):
            return pair
        models = [self.results[result].values[1] for result in (first, second)]
        self.pairs_made += 1
        number = self._number("pairs", self.pairs)
        return self._add_pair(
            number,
            (prompt, models[0], models[1], first, second),
            self.prompts[prompt],
            self.models[models[0]],
            self.models[models[1]],
        )

    def compare(self, where: str, judge: str, pair: KnownPair, answer: "Judged") -> None:
        """Takes what the judge `judge` said of `pair`; counted as the comparisons are.

        Raises:
            Refused: it said something else before, or that rater can say nothing here.
        """
        counts = self.counts.setdefault("comparisons", Counts())
        if judge in RESERVED_RATERS or len(judge) > RATER_LENGTH:
            raise Refused(where, gettext_noop("The name of a judge was expected."))
        if self._said(judge, pair, answer):
            counts.new += 1
        else:
            counts.unchanged += 1

    def _find(self, where: str, kind: str, known: Mapping[int, Known], number: int) -> Known:
        if found := known.get(number):
            return found
        if (kind, number) in self._tainted:
            raise Passed
        raise Refused(where, MISSING[kind], number=number)

    def _model(self, row: Mapping[str, Any]) -> bool:
        if "id" not in row:
            number = self.model_names.get(row["name"])
            row = {**row, "id": self._number("models", self.models) if number is None else number}
        if stored := self.models.get(row["id"]):
            _same(stored, MODEL_COLUMNS, row, plain)
            return False
        if (namesake := self.model_names.get(row["name"])) is not None:
            raise Refused(
                "name",
                gettext_noop("Model %(other)s has this name too; a name of its own was expected."),
                other=namesake,
            )
        values = tuple(row.get(column) for column in MODEL_COLUMNS)
        known = self.models[row["id"]] = Known(0, tuple(map(plain, values)))
        self.model_names[row["name"]] = row["id"]
        if sink := self.sink:
            sink.models.add(
                known,
                lambda: LanguageModel(
                    prompt_set=self.prompt_set,
                    number=row["id"],
                    upload=sink.upload,
                    **dict(zip(MODEL_COLUMNS, values, strict=True)),
                ),
            )
        return True

    def _prompt(self, row: Mapping[str, Any]) -> bool:
        if stored := self.prompts.get(row["id"]):
            _same(stored, PROMPT_COLUMNS, row)
            return False
        values = {column: row.get(column) for column in PROMPT_COLUMNS}
        language = self.language or (self.guess(row["text"]) if self.guess else "")
        values |= {
            "turns": row.get("turns", []),
            "references": row.get("references", []),
            "lang": row.get("lang", language),
        }
        self._remember(row["id"], row["text"])
        known = self.prompts[row["id"]] = Known(0, tuple(condensed(values[column]) for column in PROMPT_COLUMNS))
        if sink := self.sink:
            sink.prompts.add(
                known,
                lambda: Prompt(prompt_set=self.prompt_set, number=row["id"], upload=sink.upload, **values),
                _size(values),
            )
        return True

    def _result(self, row: Mapping[str, Any]) -> bool:
        if "id" not in row:
            row = self._numbered(row)
        model = self._find("model", "models", self.models, row["model"])
        prompt = self._find("prompt", "prompts", self.prompts, row["prompt"])
        for column in ("api_id", "name", "api", "type", "org"):
            _agree(row, column, model.values[MODEL_COLUMNS.index(column)], plain)
        _agree(row, "slug", prompt.values[PROMPT_COLUMNS.index("slug")])
        if stored := self.results.get(row["id"]):
            _same(stored, RESULT_COLUMNS, row)
            return False
        place = (row["prompt"], row["model"])
        sample = row.get("sample", self.samples[place])
        values = tuple(row.get(column) for column in RESULT_COLUMNS)
        known = Known(0, tuple(map(condensed, values)))
        self.answers.setdefault(place, []).append(row["id"])
        self.results[row["id"]] = known
        self.samples[place] = max(self.samples[place], sample + 1)
        if self._knows_samples:
            self.sampled[*place, sample] = row["id"]
        if sink := self.sink:
            sink.results.add(
                known,
                lambda: Result(
                    prompt_set=self.prompt_set,
                    number=row["id"],
                    prompt_id=prompt.pk,
                    model_id=model.pk,
                    sample=sample,
                    text=row["result"],
                    turns=row.get("turns", []),
                    duration=row.get("duration"),
                    rate=row.get("rate"),
                    upload=sink.upload,
                ),
                _size(row),
            )
        self._flag(row, known, model)
        return True

    @property
    def _knows_samples(self) -> bool:
        return "sampled" in self.__dict__

    def _numbered(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """`row` with the ids that it leaves out: its model's, and its own."""
        model = self.model_called("model", row["model"]) if isinstance(row["model"], str) else row["model"]
        number = self.sampled.get((row["prompt"], model, row["sample"]))
        return {**row, "model": model, "id": self._number("results", self.results) if number is None else number}

    def _flag(self, row: Mapping[str, Any], result: Known, model: Known) -> None:
        """Marks an answer that gives its model away."""
        if sink := self.sink:
            if found := self.flags.get(row["id"]):
                kind = ResultFlag.Kind.NAMES_ITSELF
                sink.flags.add(None, lambda: ResultFlag(result_id=result.pk, kind=kind, found=found))
            return
        named = dict(zip(MODEL_COLUMNS, model.values, strict=True))
        words = names_itself(
            "\n".join([row["result"], *row.get("turns", [])]),
            name=named["name"],
            org=named["org"],
            api_id=named["api_id"],
            prompt=self._prompt_texts.get(row["prompt"], ""),
        )
        if words:
            self.flags[row["id"]] = words

    def _pair(self, row: Mapping[str, Any]) -> bool:
        prompt, model_x, model_y = self._contestants(row)
        for column in ("text", "type", "slug", "note"):
            _agree(row, column, prompt.values[PROMPT_COLUMNS.index(column)])
        results = tuple(
            self._answer(f"result_{side}", row["prompt"], row[f"model_{side}"], row[f"result_{side}"]) for side in "xy"
        )
        values = (row["prompt"], row["model_x"], row["model_y"], *results)
        if stored := self.pairs.get(row["id"]):
            _same_pair(stored, Purpose.VOTE, values)
            return False
        self._add_pair(row["id"], values, prompt, model_x, model_y)
        return True

    def _golden_pair(self, row: Mapping[str, Any], purpose: Purpose) -> bool:
        prompt, model_x, model_y = self._contestants(row)
        golden = winner_of(row["golden"], "x")
        values = (
            *(row[column] for column in ("prompt", "model_x", "model_y", "result_x", "result_y")),
            *(golden, row["text"], row.get("reason")),
        )
        condensed_values = tuple(map(condensed, values))
        if stored := self.pairs.get(row["id"]):
            _same_pair(stored, purpose, condensed_values)
            return False
        known = KnownPair(0, condensed_values, purpose, len(self.pairs))
        self.pairs[row["id"]] = known
        if sink := self.sink:
            sink.pairs.add(
                known,
                lambda: Pair(
                    study=self.study,
                    number=row["id"],
                    purpose=purpose,
                    prompt_id=prompt.pk,
                    model_x_id=model_x.pk,
                    model_y_id=model_y.pk,
                    key=sink.rng.random(),
                    own_text=row["text"],
                    own_x=row["result_x"],
                    own_y=row["result_y"],
                    golden=golden,
                    reason=row.get("reason"),
                    upload=sink.upload,
                ),
                _size(row),
            )
        return True

    def _contestants(self, row: Mapping[str, Any]) -> tuple[Known, Known, Known]:
        prompt = self._find("prompt", "prompts", self.prompts, row["prompt"])
        model_x = self._find("model_x", "models", self.models, row["model_x"])
        model_y = self._find("model_y", "models", self.models, row["model_y"])
        if model_x is model_y:
            raise Refused("model_y", gettext_noop("Two different models were expected."))
        return prompt, model_x, model_y

    def _answer(self, where: str, prompt: int, model: int, text: str) -> int:
        """The number of the first result of `model` to `prompt` that says `text`."""
        digest = condensed(text)
        for number in self.answers.get((prompt, model), ()):
            if self.results[number].values[2] == digest:
                return number
        if self._results_tainted:
            raise Passed
        raise Refused(
            where,
            gettext_noop("Model %(model)s has no result to prompt %(prompt)s with this text: %(text)s"),
            model=model,
            prompt=prompt,
            text=shown(text),
        )

    def _add_pair(
        self, number: int, values: tuple[int, ...], prompt: Known, model_x: Known, model_y: Known
    ) -> KnownPair:
        known = KnownPair(0, values, Purpose.VOTE, len(self.pairs))
        self.pairs[number] = known
        if "paired" in self.__dict__:
            self.paired.setdefault(frozenset(values[3:5]), known)
        if sink := self.sink:
            result_x, result_y = (self.results[result] for result in values[3:5])
            sink.pairs.add(
                known,
                lambda: Pair(
                    study=self.study,
                    number=number,
                    prompt_id=prompt.pk,
                    model_x_id=model_x.pk,
                    model_y_id=model_y.pk,
                    result_x_id=result_x.pk,
                    result_y_id=result_y.pk,
                    key=sink.rng.random(),
                    upload=sink.upload,
                ),
            )
        return known

    def _comparison(self, row: Mapping[str, Any], judge: str | None) -> bool:
        prompt, left, right = self._contestants(row)
        for column, model, number in (("left", left, row["model_x"]), ("right", right, row["model_y"])):
            if column in row and row[column] != (name := model.values[MODEL_COLUMNS.index("name")]):
                raise Refused(
                    column,
                    gettext_noop("Model %(number)s is called %(stored)s, not %(found)s."),
                    number=number,
                    stored=_shown(name),
                    found=shown(row[column]),
                )
        pair = self._compared(row, prompt, left, right)
        rater_key = _rater_key(row, judge)
        side: Side = "x" if row["model_x"] == pair.values[1] else "y"
        turn, repetition = row.get("turn", 0), row.get("repetition", 0)
        if isinstance(rater_key, int) and (turn or repetition):
            where = "turn" if turn else "repetition"
            raise Refused(where, gettext_noop("A person answers a pair once, and as a whole: 0 was expected."))
        answer = Judged(side, winner_of(row["winner"], side), turn, repetition, row.get("simulated", False))
        return self._said(rater_key, pair, answer, any_time=not REPEATED.intersection(row))

    def _said(self, rater_key: int | str, pair: KnownPair, answer: "Judged", *, any_time: bool = False) -> bool:
        """Whether this is news. With `any_time` it may be any of several times that the rater answered the pair."""
        rater = self.raters.get(rater_key)
        code = VOTE_CODES[answer.left, answer.winner]
        if rater is not None:
            key = _vote_key(pair.index, rater.index, answer.turn, answer.repetition)
            before = self.votes.get(key)
            if before is None and any_time and (others := self.repeated.get(key)):
                before = code if code in others else others[0]
            if before == code:
                return False
            _refuse_second(before, code, answer.left)
            self._refuse_adding(rater, rater_key, answer.simulated)
        else:
            rater = self._add_rater(rater_key, answer.simulated)
        self.votes[_vote_key(pair.index, rater.index, answer.turn, answer.repetition)] = code
        rater.votes += 1
        if sink := self.sink:
            counts = isinstance(rater_key, int) and not rater.simulated
            sink.comparisons.add(None, self._comparison_maker(sink, pair, rater, answer, counts=counts))
        return True

    def _comparison_maker(
        self, sink: Sink, pair: KnownPair, rater: KnownRater, answer: "Judged", *, counts: bool
    ) -> Callable[[], Comparison]:
        def make() -> Comparison:
            if counts:
                sink.taken[pair.pk] += 1
            return Comparison(
                study=self.study,
                pair_id=pair.pk,
                rater_id=rater.pk,
                turn=answer.turn,
                trial=answer.repetition,
                left=answer.left,
                winner=answer.winner,
                answered_at=answer.at,
                upload=sink.upload,
            )

        return make

    def _compared(self, row: Mapping[str, Any], prompt: Known, left: Known, right: Known) -> KnownPair:
        """The pair that `row` is about; made where no file defines it and only one pair can be meant."""
        if pair := self.pairs.get(row["id"]):
            if pair.purpose != Purpose.VOTE:
                raise Refused(
                    "id",
                    gettext_noop("Pair %(number)s is a training or check pair; a pair to vote on was expected."),
                    number=row["id"],
                )
            if pair.values[0] != row["prompt"]:
                raise Refused(
                    "prompt",
                    gettext_noop("Pair %(number)s is on prompt %(stored)s, not %(found)s."),
                    number=row["id"],
                    stored=pair.values[0],
                    found=row["prompt"],
                )
            if {pair.values[1], pair.values[2]} != {row["model_x"], row["model_y"]}:
                raise Refused(
                    "model_x",
                    gettext_noop("Pair %(number)s is of the models %(x)s and %(y)s, not %(left)s and %(right)s."),
                    number=row["id"],
                    x=pair.values[1],
                    y=pair.values[2],
                    left=row["model_x"],
                    right=row["model_y"],
                )
            return pair
        if ("pairs", row["id"]) in self._tainted:
            raise Passed
        results = []
        for column in ("model_x", "model_y"):
            found = self.answers.get((row["prompt"], row[column]), [])
            if len(found) != 1:
                if self._results_tainted:
                    raise Passed
                raise Refused(
                    "id",
                    gettext_noop(
                        "No file defines pair %(number)s, and model %(model)s has %(count)s results to prompt "
                        "%(prompt)s, where exactly one was expected."
                    ),
                    number=row["id"],
                    model=row[column],
                    count=len(found),
                    prompt=row["prompt"],
                )
            results.extend(found)
        self.pairs_made += 1
        return self._add_pair(row["id"], (row["prompt"], row["model_x"], row["model_y"], *results), prompt, left, right)

    def _refuse_adding(self, rater: KnownRater, rater_key: int | str, simulated: bool) -> None:
        where = "worker" if isinstance(rater_key, int) else "rater"
        if rater.simulated and not simulated:
            raise Refused(where, gettext_noop("Rater %(rater)s of this study is simulated."), rater=rater_key)
        if simulated and not rater.simulated:
            raise Refused(where, gettext_noop("Rater %(rater)s of this study is not simulated."), rater=rater_key)
        if rater.joined:
            raise Refused(
                where,
                gettext_noop(
                    "Worker %(number)s came to this study by its link; a file cannot add votes in their name."
                ),
                number=rater_key,
            )

    def _add_rater(self, key: int | str, simulated: bool) -> KnownRater:
        rater = KnownRater(0, index=len(self.raters), joined=False, simulated=simulated)
        self.raters[key] = rater
        if sink := self.sink:
            is_worker = isinstance(key, int)
            sink.raters.add(
                rater,
                lambda: Rater(
                    study=self.study,
                    kind=RaterKind.WORKER if is_worker else RaterKind.JUDGE,
                    name=None if is_worker else key,
                    simulated=simulated,
                    upload=sink.upload,
                ),
            )
            if is_worker:
                # They did what they were asked to, somewhere else.
                sink.workers.add(
                    None,
                    lambda: Worker(
                        rater_id=rater.pk,
                        study=self.study,
                        number=key,
                        stage=Stage.DONE,
                        outcome=Outcome.COMPLETED,
                    ),
                )
        return rater

    # The end.

    def settle(self) -> bool:
        """With a sink: stores what still waits and counts the votes it brought. Whether pairs must be offered anew."""
        assert self.sink is not None  # noqa: S101  only the storing pass settles
        sink = self.sink
        sink.flush()
        for taker in self.takers.values():
            taker.settle()
        shift_taken(sink.taken, 1)
        changed: dict[int, list[int]] = {}
        for key, rater in self.raters.items():
            if rater.votes and isinstance(key, int):
                changed.setdefault(rater.votes, []).append(rater.pk)
        for votes, raters in changed.items():
            for some in batched(raters, BATCH_ROWS):
                Worker.objects.filter(pk__in=some).update(votes=F("votes") + votes)
        return bool(sink.taken) or any(self.counts.get(kind, Counts()).new for kind in ("pairs", "comparisons"))


MISSING: Final = {
    "models": gettext_noop("No model has the id %(number)s, here or in the study."),
    "prompts": gettext_noop("No prompt has the id %(number)s, here or in the study."),
}

VOTE_CODES: Final = {(side, winner): side + winner for side in ("x", "y") for winner in ("x", "y", "tie")}
"""One text for each left side and winner, shared by all the votes in memory."""


REPEATED: Final = frozenset(REPEATED_COLUMNS)
FIRST_TIME: Final = 2**64 - 1
"""The bits of a vote's key that say whose it is, on which pair."""


def _vote_key(pair: int, rater: int, turn: int = 0, repetition: int = 0) -> int:
    # Turn and repetition on top: those of people, nearly all there are, stay small numbers.
    return turn << 96 | repetition << 64 | pair << 32 | rater


def _rater_key(row: Mapping[str, Any], judge: str | None) -> int | str:
    """The worker's number or the judge's name."""
    rater = row.get("rater", "people" if "worker" in row else judge)
    if rater == "people":
        number = row.get("worker")
        if number is None:
            raise Refused("worker", gettext_noop("The number of a worker was expected."))
        return int(number)
    if row.get("worker") is not None:
        raise Refused("worker", gettext_noop("An empty cell was expected: the row is of a judge."))
    if rater is None or rater in RESERVED_RATERS:
        raise Refused("rater", gettext_noop("The name of a judge was expected."))
    return str(rater)


def _refuse_second(before: str | None, code: str, left: Side) -> None:
    """Refuses what a rater says of a pair they have answered; both answers are told as the row has its sides."""
    if before is None:
        return
    if before == "":
        raise Refused("winner", gettext_noop("This answer was given in the study and taken back there."))
    if before[1:] != code[1:]:
        raise Refused(
            "winner",
            gettext_noop("This rater has answered this pair before: %(before)s, not %(found)s."),
            before=answer_of(cast(Winner, before[1:]), left),
            found=answer_of(cast(Winner, code[1:]), left),
        )
    raise Refused("model_x", gettext_noop("This rater has answered this pair with its sides the other way round."))


def _same(
    stored: Known, columns: tuple[str, ...], row: Mapping[str, Any], remembered: Callable[[Any], Any] = condensed
) -> None:
    """Refuses `row` where a column it has says something else than what is stored under its id."""
    for column, before in zip(columns, stored.values, strict=True):
        if column in row and remembered(row[column]) != before:
            raise Refused(
                column,
                gettext_noop("Id %(number)s stands for something else already: %(stored)s, not %(found)s."),
                number=row["id"],
                stored=_shown(before),
                found=shown(row[column]),
            )


def _same_pair(stored: KnownPair, purpose: str, values: tuple[Any, ...]) -> None:
    if stored.purpose != purpose:
        raise Refused(
            "id",
            gettext_noop("A pair with this id has another purpose: %(stored)s, not %(found)s."),
            stored=stored.purpose,
            found=str(purpose),
        )
    for column, before, now in zip(PAIR_COLUMNS, stored.values, values, strict=False):
        if before != now:
            raise Refused(
                column,
                gettext_noop("The pair with this id has something else here: %(stored)s, not %(found)s."),
                stored=_shown(before),
                found=_shown(now),
            )


def _agree(row: Mapping[str, Any], column: str, stored: Any, remembered: Callable[[Any], Any] = condensed) -> None:
    """Refuses `row` where it repeats a column of what it refers to and says something else."""
    if column in row and remembered(row[column]) != stored:
        raise Refused(
            column,
            gettext_noop("What this row refers to has %(stored)s here, not %(found)s."),
            stored=_shown(stored),
            found=shown(row[column]),
        )


def _shown(value: Any) -> str:
    return "…" if isinstance(value, bytes) else shown(value)


def _size(row: Mapping[str, Any]) -> int:
    return sum(len(value) for value in row.values() if isinstance(value, str))


def shift_taken(votes: Mapping[int, int], sign: int) -> None:
    """Adds to each pair's places taken, or with a `sign` of -1 gives back, as many as people's votes say.

    `votes` is by the pair's primary key. Pairs want at least what is taken.
    """
    by_number: dict[int, list[int]] = {}
    for pair, number in votes.items():
        by_number.setdefault(number, []).append(pair)
    for number, pairs in by_number.items():
        taken = F("taken") + sign * number
        for some in batched(pairs, BATCH_ROWS):
            Pair.objects.filter(pk__in=some).update(taken=taken, wanted=Greatest(F("wanted"), taken))
