"""Comparisons in a table of any columns: two models and one or several columns that say who won, each a rater's.

`model_a, model_b, winner` are known by other names too; `winner_RATER` is the winner by that rater, a judge or people.
There are no texts. A column may name the prompt; without one each row is its own prompt.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import PASSED, Field, Format, Named, Record
from annotation.interchange.formats import vote
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.battles import PERSON, rater_in
from annotation.interchange.formats.chatbot_arena import CONVERSATION, VERDICTS, Verdict, rater, when
from annotation.interchange.formats.vote import Person
from annotation.interchange.llmfao import RATER_LENGTH, Wrong, name, share_cell, text, weight_cell
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.interchange.reading.coded import Coded, coded
from annotation.interchange.verdict_columns import VerdictColumns, both, joined_columns, register
from annotation.interchange.verdicts import refuse_odd_share
from annotation.problems import gettext_noop
from annotation.problems import kind as remark

NAME: Final = "plain-comparisons"

MODELS: Final = (
    *(("model_a", "model_b"), ("model_1", "model_2"), ("model1", "model2"), ("modela", "modelb")),
    *(("model_x", "model_y"), ("model_left", "model_right"), ("left_model", "right_model")),
    *(("first_model", "second_model"), ("model_first", "model_second"), ("generator_1", "generator_2")),
    *(("player_a", "player_b"), ("player_1", "player_2"), ("system_a", "system_b"), ("system_1", "system_2")),
    *(("left", "right"), ("a", "b")),
)
"""Names of the columns with the two models, in lower case, the surest first."""

WINNER: Final = re.compile(
    r"(winner|preference|preferred|verdict|vote|outcome|judgment|judgement|label)s?([\W_]+(.+))?"
)
"""Names of columns that say who won; after a separator stands whose word it is."""

PROMPTS: Final = (
    "prompt",
    "prompt_id",
    "question_id",
    "question",
    "qid",
    "instruction",
    "instruction_id",
    "example_id",
)
RATERS: Final = (
    *("rater", "judge"),
    *("person", "annotator", "worker", "worker_id", "user", "user_id", "participant", "participant_id", "voter"),
)
PEOPLE: Final = frozenset(RATERS[2:])
TIMES: Final = ("tstamp", "timestamp", "time", "created_at", "date", "answered_at")
TEXTS: Final = re.compile(
    r"(conversation|response|answer|output|completion|text|result)s?[\W_]?(a|b|1|2|x|y|left|right)"
)
"""Columns with answers: such a file is of another format."""

LEFT: Final = frozenset({"model_a", "model a", "model_1", "model 1", "model_x", "a", "x", "left", "first", "1", "1.0"})
RIGHT: Final = frozenset(
    {"model_b", "model b", "model_2", "model 2", "model_y", "b", "y", "right", "second", "2", "2.0"}
)
TIES: Final = frozenset({"tie", "draw", "equal", "both", "neither", "none", "same", "0.5"})

UNDECIDED: Final = remark("rows-without-winner", gettext_noop("rows without a winner: %(count)s"))

BACKGROUND: Final = "background:"
"""What the names of columns with facts about a person begin with."""

SAYS_NOTHING: Final = frozenset({"", "nan", "null", "na", "n/a"})


def recognised(head: Head) -> Named | Fault | None:
    """Recognises a table by two columns of models and one that says who won, by their names and values."""
    keys = {key.strip().lower(): key for key in head.keys}
    if any(TEXTS.fullmatch(key) for key in keys):
        return None
    models = next((pair for pair in MODELS if keys.keys() >= set(pair)), None)
    if models is None:
        return None
    mapping = {keys[models[0]]: "model_a", keys[models[1]]: "model_b"}
    winners = {
        key: found for lower, key in keys.items() if (found := _winner_column(lower, key)) and key not in mapping
    }
    winners = {key: found for key, found in winners.items() if _speaks(head, key, keys[models[0]], keys[models[1]])}
    if not winners:
        return None
    mapping |= winners
    chosen = {field: (field,) for field in ("person", "weight", "share")}
    for field, names in (("prompt", PROMPTS), *chosen.items(), ("rater", RATERS), ("tstamp", TIMES)):
        key = next((keys[known] for known in names if known in keys and keys[known] not in mapping), None)
        if key is not None:
            mapping[key] = "person" if field == "rater" and key.strip().lower() in PEOPLE else field
    renamed = {key: field for key, field in mapping.items() if key != field}
    alone = list(winners.values()) == ["winner"] and not {"rater", "person"} & set(mapping.values())
    return Named(vote.KIND, of_one_judge=alone, of_a_crowd=True, columns=renamed, matched=len(mapping) - 1)


def _winner_column(lower: str, key: str) -> str:
    """Returns the field that a column with this name is: empty if none, and behind a colon whose word it is."""
    if key.startswith("winner:"):
        return key
    found = WINNER.fullmatch(lower)
    if found is None:
        return ""
    return f"winner:{key[len(key) - len(found[3]) :]}" if found[3] else "winner"


def _speaks(head: Head, key: str, first: str, second: str) -> bool:
    """Returns whether the values of a column in the first rows say who won."""
    said = [row for row in head.rows if str(row.values.get(key) or "").strip().lower() not in SAYS_NOTHING]
    return not head.rows or (bool(said) and all(_is_verdict(row, key, first, second) for row in said))


def _is_verdict(row: Row, key: str, first: str, second: str) -> bool:
    try:
        _verdict(row.values.get(key), (str(row.values.get(first)), str(row.values.get(second))))
    except Wrong:
        return False
    return True


def _verdict(value: Any, models: tuple[str, str]) -> Verdict | None:
    """Reads who won: a side or a model's name; None where the cell is empty."""
    said = "" if value is None else str(value).strip()
    lower = said.lower()
    if lower in SAYS_NOTHING:
        return None
    if said in models:
        return Verdict("left" if said == models[0] else "right")
    if lower in VERDICTS:
        return VERDICTS[lower]
    for words, answer in ((LEFT, Verdict("left")), (RIGHT, Verdict("right")), (TIES, Verdict("tie"))):
        if lower in words:
            return answer
    raise Wrong(
        gettext_noop("Expected who won, such as model_a, model_b, tie or a model’s name, not %(found)s."),
        found=shown(value),
    )


def _rater_of(column: str) -> int | str:
    """Returns the rater that a column of winners names: people, or a judge."""
    said = column.partition(":")[2].strip()
    return f"crowd:{said.lower()}" if PERSON.fullmatch(said) else rater_in(said)


def _model(value: Any) -> str:
    return name(value.strip() if isinstance(value, str) else value)


def _person(value: Any) -> int | str | Person:
    """Reads the id of a person; without one the vote is of a crowd."""
    said = "" if value is None else str(value).strip()
    if len(said) > RATER_LENGTH:
        raise Wrong(gettext_noop("Use at most 200 characters."))
    return Person(said) if said else "crowd:people"


def _key(value: Any) -> str | None:
    """Reads the prompt's key; None where the id is that of a conversation, which no two rows share."""
    said = "" if value is None else str(value) if isinstance(value, int) else text(value).strip()
    return None if not said or CONVERSATION.fullmatch(said) else said


def _number(value: Any) -> Any:
    return "" if value is None else str(value)


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields a vote for each winner of a row, or its errors."""
    columns: _Columns | None = None
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
            continue
        if columns is None or row.values.keys() != columns.keys:
            columns = _Columns.of(row)
        yield from _votes(file, row, columns)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a row: all of them, those that say who won with the rater of each, and a person's background."""

    keys: frozenset[str]
    winners: dict[str, int | str]
    backgrounds: dict[str, str]

    @classmethod
    def of(cls, row: Row) -> "_Columns":
        keys = frozenset(row.values)
        return cls(
            keys,
            {key: _rater_of(key) for key in row.values if key == "winner" or key.startswith("winner:")},
            {key: key.removeprefix(BACKGROUND) for key in row.values if key.startswith(BACKGROUND)},
        )


def _votes(file: Source, row: Row, columns: _Columns) -> Iterator[Record | Fault]:
    fields, keys = Fields(file, row), columns.keys
    models = fields("model_a", _model), fields("model_b", _model)
    by: int | str | Person = ""
    if "person" in keys:
        by = fields("person", _person)
    elif "rater" in keys:
        by = fields("rater", rater)
    known: dict[str, Any] = {
        "prompt": fields("prompt", _key) if "prompt" in keys else None,
        "at": when(row.values["tstamp"]) if "tstamp" in keys else None,
        "weight": fields("weight", lambda value: weight_cell(_number(value))) if "weight" in keys else None,
        "share": fields("share", lambda value: share_cell(_number(value))) if "share" in keys else None,
        "background": {name: said for key, name in columns.backgrounds.items() if (said := fields(key, _said))},
    }
    verdicts = {key: fields(key, lambda value: _verdict(value, models)) for key in columns.winners}
    if not verdicts:
        fields.fault("winner", gettext_noop("No column says who won. Choose it."))
    if fields.faults:
        yield from fields.faults
        return
    if not any(verdicts.values()):
        yield Record(PASSED, row.line, {"remark": UNDECIDED.code})
    again = False
    for key, found in verdicts.items():
        if found is not None:
            voter = by if key == "winner" else columns.winners[key]
            values = vote.values(
                models=models, winner=found.answer, tie_kind=found.tie_kind, rater=voter, again=again, **known
            )
            yield Record(vote.KIND, row.line, values)
            again = True


def _said(value: Any) -> str:
    """Reads what is known of a person; empty where nothing is."""
    return "" if value is None else text(str(value)).strip()


def read_columns(file: Source, head: Head, progress: Progress | None = None) -> VerdictColumns | None:
    """Returns what `read` yields for a large file, read as columns; None if any row needs a closer look.

    Times are not read, because nearly every row has another.
    """
    winners = [key for key in head.keys if key == "winner" or key.startswith("winner:")]
    cells = coded(
        file, head, {"model_a", "model_b", "person", "rater", "prompt", "weight", "share", *winners}, progress
    )
    if not winners or cells is None or not {"model_a", "model_b", *winners} <= cells.keys():
        return None
    try:
        left, right = cells["model_a"].read(_model), cells["model_b"].read(_model)
        models = both(left, right, lambda one, other: (one, other))
        if any(one == other for one, other in models.values):
            return None
        optional: dict[str, Coded[Any]] = {
            name: cells[name].read(read)
            for name, read in (("prompt", _key), ("weight", weight_cell), ("share", share_cell))
            if name in cells
        }
        named: Coded[Any] = Coded([""], np.zeros(len(left), dtype=np.int8))
        if "person" in cells:
            named = cells["person"].read(_person)
        elif "rater" in cells:
            named = cells["rater"].read(rater)
        parts = []
        decided = np.zeros(len(left), dtype=bool)
        for key in winners:
            found = both(models, cells[key], lambda two, value: _verdict(value, two))
            given = np.flatnonzero(np.array([verdict is not None for verdict in found.values], dtype=bool)[found.codes])
            decided[given] = True
            voted: Coded[Any] = found.read(lambda verdict: None if verdict is None else verdict.answer)
            voter = named if key == "winner" else Coded([_rater_of(key)], np.zeros(len(left), dtype=np.int8))
            if "share" in optional:
                both(voted.rows(given), optional["share"].rows(given), refuse_odd_share)
            parts.append((given, voted, voter))
    except Wrong:
        return None

    def of_all(columns: Sequence[Coded[Any]]) -> Coded[Any]:
        """Returns the rows with a verdict of one column for each winner, one below the other."""
        return joined_columns([column.rows(given) for column, (given, *_rest) in zip(columns, parts, strict=True)])

    return VerdictColumns(
        left=of_all([left] * len(parts)),
        right=of_all([right] * len(parts)),
        winner=of_all([answers for _given, answers, _voter in parts]),
        rater=of_all([voter for _given, _answers, voter in parts]),
        prompt=_keyed(of_all([optional["prompt"]] * len(parts))) if "prompt" in optional else None,
        weight=of_all([optional["weight"]] * len(parts)) if "weight" in optional else None,
        share=of_all([optional["share"]] * len(parts)) if "share" in optional else None,
        passed={UNDECIDED.code: int((~decided).sum())},
    )


def _keyed(prompts: Coded[str | None]) -> Coded[Any]:
    return prompts.read(lambda key: None if key is None else vote.prompt_of(key))


register(NAME, vote.KIND, read_columns)

FORMAT: Final = Format(
    NAME,
    gettext_noop("Comparisons without texts"),
    gettext_noop("a table with two models and who won; several columns of winners, one per rater, are possible."),
    (vote.KIND,),
    recognised,
    read,
    gettext_noop("This is not a table of comparisons: it needs two columns with models and one that says who won."),
    rows={vote.KIND: vote.ROWS},
    columns={"name": "model_a", "text": "prompt"},
    cannot_carry=(
        gettext_noop("prompts and answers (a study with such comparisons has no texts)"),
        gettext_noop("training and check pairs"),
    ),
    fields=(
        Field("model_a", gettext_noop("First model"), needed=True),
        Field("model_b", gettext_noop("Second model"), needed=True),
        Field(
            "winner",
            gettext_noop("Winner"),
            gettext_noop("One column per rater. Name the rater: winner:NAME."),
            needed=True,
            several=True,
        ),
        Field("prompt", gettext_noop("Prompt"), gettext_noop("Without it, each row is a prompt of its own.")),
        Field("person", gettext_noop("Person"), gettext_noop("The ID of the person who voted.")),
        Field("rater", gettext_noop("Judge"), gettext_noop("The name of the judge, or of a group of people.")),
        Field("weight", gettext_noop("Weight"), gettext_noop("How many times as much a comparison counts.")),
        Field("share", gettext_noop("Share"), gettext_noop("The first model’s share of a soft verdict, from 0 to 1.")),
        Field("tstamp", gettext_noop("Time"), gettext_noop("When the vote was given.")),
        Field(
            "background",
            gettext_noop("Background"),
            gettext_noop("Facts about the person, such as an age group. Private. Write background:NAME."),
            several=True,
        ),
    ),
)
