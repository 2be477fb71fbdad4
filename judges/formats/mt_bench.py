"""Reads and writes MT-bench files in FastChat's layout, in any language. Pure.

    question.jsonl                    prompts: category, turns, and the authors' reference answers
    model_answer/<model>.jsonl        a model's answers; each choice is a sample
    reference_answer/<model>.jsonl    reference answers shown to judges
    model_judgment/<judge>_single.jsonl   grades from 1 to 10
    model_judgment/<judge>_pair.jsonl     verdicts on two answers, in both orders

A reader splits a row into the values that the corpus and judgments have columns for, and the rest. A writer rebuilds
the row from the columns and the rest, so that the output equals the input byte for byte. If a row was formatted
differently from FastChat's output (escaped letters, another order of keys), the rest records that.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.llmfao import Wrong, excerpt, name, number, text, whole
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

QUESTIONS: Final = "question.jsonl"
ANSWERS: Final = "model_answer"
REFERENCES: Final = "reference_answer"
JUDGMENTS: Final = "model_judgment"
GRADES: Final = "_single.jsonl"
GAMES: Final = "_pair.jsonl"
"""How the names of files of judgments end, behind the judge's name."""

API_ERROR: Final = "$ERROR$"
"""What FastChat writes instead of a text that the endpoint did not return."""

NO_SCORE: Final = -1
ERROR: Final = "error"
WINNERS: Final = ("model_1", "model_2", "tie", ERROR)

KANA: Final = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
WHOLE: Final = re.compile("0|-?[1-9][0-9]{0,18}")
LETTER: Final = re.compile(r"[^\W\d_]")

ORDER: Final[Mapping[str, Sequence[str]]] = {
    "questions": ("question_id", "category", "turns", "reference"),
    "answers": ("question_id", "answer_id", "model_id", "choices", "tstamp"),
    "grades": ("question_id", "model", "judge", "user_prompt", "judgment", "score", "turn", "tstamp"),
    "games": (
        *("question_id", "model_1", "model_2", "g1_winner", "g2_winner", "judge"),
        *("g1_user_prompt", "g1_judgment", "g2_user_prompt", "g2_judgment", "turn", "tstamp"),
    ),
}
"""Keys of a row in FastChat's order; other keys follow."""


@dataclass(frozen=True, slots=True)
class Game:
    """A judge's verdict on two answers in one order: `winner` is model_1, model_2 or tie; empty without a verdict."""

    state: str
    winner: str
    asked: str
    words: str


# Building rows from columns.


def question_row(prompt: int, category: str | None, turns: Sequence[str]) -> dict[str, Any]:
    """Builds a question row; `turns` are the user's messages."""
    return {"question_id": prompt, "category": category, "turns": list(turns)}


def answer_row(prompt: int, model: str, samples: Sequence[tuple[int, Sequence[str]]]) -> dict[str, Any]:
    """Builds an answer row; `samples` are pairs of a sample number, from 0, and the answer's turns."""
    choices = [{"index": sample, "turns": list(turns)} for sample, turns in samples]
    return {"question_id": prompt, "model_id": model, "choices": choices}


def grade_row(
    prompt: int,
    model: str,
    judge: Sequence[str],
    game: Game,
    score: float | None,
    turn: int,
    stamp: float | None,
    choice: int = 0,
    sample: int = 0,
) -> dict[str, Any]:
    """Builds a grade row. `choice` is the sample of the answer and `sample` that of the grade; FastChat has neither,
    because it grades only the first answer."""
    return {
        "question_id": prompt,
        "model": model,
        "judge": list(judge),
        "user_prompt": game.asked,
        "judgment": game.words,
        "score": NO_SCORE if score is None else _plain(score),
        "turn": turn,
        **({} if stamp is None else {"tstamp": _plain(stamp)}),
        **({"choice": choice} if choice else {}),
        **({"sample": sample} if sample else {}),
    }


def game_row(
    prompt: int,
    models: tuple[str, str],
    judge: Sequence[str],
    games: Sequence[Game],
    turn: int,
    stamp: float | None,
    sample: int = 0,
) -> dict[str, Any]:
    """Builds a pair row; `games` are the first order, with model_1 as assistant A, and the second if it was asked."""
    row: dict[str, Any] = {"question_id": prompt, "model_1": models[0], "model_2": models[1]}
    row |= {f"g{place}_winner": game.winner or ERROR for place, game in enumerate(games, 1)}
    row |= {"judge": list(judge), "turn": turn}
    for place, game in enumerate(games, 1):
        row |= {f"g{place}_user_prompt": game.asked, f"g{place}_judgment": game.words}
    return row | ({} if stamp is None else {"tstamp": _plain(stamp)}) | ({"sample": sample} if sample else {})


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def rest(kind: str, row: Row, built: Mapping[str, Any]) -> dict[str, Any]:
    """Returns how `row` differs from `built`, which was built from its columns; empty if it does not.

    `set` has different values and `unset` missing keys. `unescaped` marks a row with unescaped non-ASCII letters.
    `line` is the original line if the row would still be written differently.
    """
    missing = object()
    if not row.text:
        row = replace(row, written=json.dumps(dict(row.values)))
    other = {key: value for key, value in row.values.items() if built.get(key, missing) != value}
    lacking = [key for key in built if key not in row.values]
    extra = {**({"set": _as_stored(other)} if other else {}), **({"unset": lacking} if lacking else {})}
    if line(kind, built, extra) == row.text + "\n":
        return extra
    unescaped = {**extra, "unescaped": True}
    return unescaped if line(kind, built, unescaped) == row.text + "\n" else {**extra, "line": row.text}


def _as_stored(value: Any) -> Any:
    """Sorts the keys of `value` as PostgreSQL stores them, on any database."""
    match value:
        case dict():
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return {key: _as_stored(value[key]) for key in keys}
        case list():
            return [_as_stored(each) for each in value]
    return value


def says(extra: Any) -> Any:
    """Returns the content of a result of `rest`, without its formatting."""
    return {key: extra[key] for key in ("set", "unset") if key in extra} if isinstance(extra, dict) else extra


def line(kind: str, built: Mapping[str, Any], extra: Mapping[str, Any]) -> str:
    """Rebuilds the line that `rest` was computed from; in FastChat's format by default."""
    row = {**built, **extra.get("set", {})}
    for key in extra.get("unset", ()):
        row.pop(key, None)
    if "line" in extra and json.loads(extra["line"]) == row:
        return f"{extra['line']}\n"
    order = {key: place for place, key in enumerate(ORDER[kind])}
    ordered = {key: row[key] for key in sorted(row, key=lambda key: order.get(key, len(order)))}
    return json.dumps(ordered, allow_nan=False, ensure_ascii="unescaped" not in extra) + "\n"


def file_stem(called: str) -> str:
    """Returns the file name of a model's or judge's files: its name, made safe for a disk."""
    return re.sub(r'[\x00-\x1f/\\:*?"<>|]|^\.', "_", called)


NAMESAKE: Final = re.compile(r"~[2-9]$|~[1-9][0-9]+$")
"""What `distinct_stems` puts behind a name."""


def distinct_stems(called: Sequence[str], taken: Iterable[str] = ()) -> list[str]:
    """Returns a file name for each model or judge, so that no disk takes two of them, or one and a `taken`, for one.

    macOS and Windows ignore case, macOS composes accents, and Windows drops full stops and blanks at the end. The first
    of such names has its usual file name; the others get `~2`, `~3` and so on behind it.
    """
    used = {_on_disk(stem) for stem in taken}
    stems = []
    for each in called:
        stem, number = file_stem(each), 1
        while _on_disk(stem) in used:
            number += 1
            stem = f"{file_stem(each)}~{number}"
        used.add(_on_disk(stem))
        stems.append(stem)
    return stems


def _on_disk(stem: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", stem).casefold()).rstrip(". ")


def language_of(prompt: str) -> str:
    """Guesses the language: Japanese if there are kana, English if nearly all letters are ASCII, otherwise unknown."""
    if KANA.search(prompt):
        return "ja"
    letters = LETTER.findall(prompt)
    return "en" if letters and sum(map(str.isascii, letters)) >= 0.95 * len(letters) else ""


# Reading.


def recognised(head: Head) -> Named | None:
    """Recognises the kind of a file by its keys. The folder tells reference answers from those of models."""
    keys = frozenset(head.keys)
    by_name = kind_of(head.source.plain_name)
    kind = next((kind for kind, needed in NEEDED.items() if needed <= keys), None)
    if kind == "answers" and by_name == "references":
        kind = by_name
    if kind is None:
        return Named(by_name, matched=0) if by_name else None
    if kind in ("questions", "answers", "references") and any(_has_objects(row.values) for row in head.rows):
        return None
    known = frozenset(ORDER.get(kind, ORDER["answers"]))
    unnamed = kind == "answers" and by_name != kind and "model_id" not in keys
    return Named(kind, matched=len(keys & known), asks=("model",) if unnamed else ())


def _has_objects(values: Mapping[str, Any]) -> bool:
    """Returns whether turns are objects, as in files of Arena-Hard, and not texts."""
    choices = values.get("choices")
    several = choices if isinstance(choices, list) else [values]
    turns = [each.get("turns") for each in several if isinstance(each, dict)]
    return any(isinstance(each, list) and any(isinstance(turn, dict) for turn in each) for each in turns)


NEEDED: Final[Mapping[str, frozenset[str]]] = {
    "games": frozenset({"question_id", "model_1", "model_2", "g1_winner"}),
    "grades": frozenset({"question_id", "model", "score", "judgment"}),
    "answers": frozenset({"question_id", "choices"}),
    "questions": frozenset({"question_id", "turns"}),
}
"""Keys by which each kind of file is recognised."""


def kind_of(file_name: str) -> str | None:
    """Returns the kind of a file with this name, and that of its folder; None if unknown."""
    *folders, called = file_name.split("/")
    if called == QUESTIONS:
        return "questions"
    if not folders or not called.endswith(".jsonl"):
        return None
    match folders[-1]:
        case "model_answer":
            return "answers"
        case "reference_answer":
            return "references"
        case "model_judgment" if called.endswith(GRADES):
            return "grades"
        case "model_judgment" if called.endswith(GAMES):
            return "games"
    return None


def _stem(file: Source) -> str:
    return file.plain_name.rpartition("/")[2].removesuffix(".jsonl")


class _Taken:
    """A row being read: its values by name, and their errors."""

    def __init__(self, file: Source, row: Row) -> None:
        self.file = file
        self.row = row
        self.faults: list[Fault] = []

    def __call__[V](self, key: str, read: Callable[[Any], V], default: V | None = None) -> V | Any:
        """Returns the value of `key`, or `default` if it is invalid; an invalid row's values are never used."""
        try:
            if key in self.row.values:
                return read(self.row.values[key])
            if default is None:
                raise Wrong(gettext_noop("This required column is missing."))
            return default
        except Wrong as wrong:
            row = excerpt(self.row.values)
            self.faults.append(Fault(self.file.name, self.row.line, key, wrong.reason, wrong.values, row))
            return default


def question_id(value: Any) -> int:
    """Reads a question's number; some published files have it as text, such as "79"."""
    return whole(int(value) if isinstance(value, str) and WHOLE.fullmatch(value) else value)


def _turns(value: Any) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise Wrong(gettext_noop("Expected a list of texts, not %(found)s."), found=shown(value))
    return value


def _choices(value: Any) -> list[list[str]]:
    """Returns the turns of each choice."""
    if not isinstance(value, list) or not value or not all(isinstance(choice, dict) for choice in value):
        raise Wrong(gettext_noop("Expected a list of choices, not %(found)s."), found=shown(value))
    return [_turns(choice.get("turns")) for choice in value]


def _judge(value: Any) -> Sequence[str]:
    """Returns the names of the judge and of its template."""
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not 1 <= len(found) <= 2 or not all(isinstance(part, str) for part in found):
        reason = gettext_noop("Expected the name of a judge and of its template, not %(found)s.")
        raise Wrong(reason, found=shown(value))
    if len(found[-1]) > 200:
        raise Wrong(gettext_noop("Use at most 200 characters."))
    return (name(found[0]), *found[1:])


def _turn(value: Any) -> int:
    if not 1 <= whole(value) <= 2**15 - 1:
        raise Wrong(gettext_noop("Expected a turn number of at least 1, not %(found)s."), found=shown(value))
    return int(value)


def _place(value: Any) -> int:
    if not 0 <= whole(value) < 2**30:
        raise Wrong(gettext_noop("Expected a number of 0 or more, not %(found)s."), found=shown(value))
    return int(value)


def _score(value: Any) -> float:
    found = number(value)
    return NO_SCORE if found is None else found


def _winner(value: Any) -> str:
    if value not in WINNERS:
        raise Wrong(gettext_noop("Expected model_1, model_2, tie or error, not %(found)s."), found=shown(value))
    return str(value)


def _stamp(row: Row) -> float | None:
    value = row.values.get("tstamp")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _category(value: Any) -> str:
    return "" if value is None else text(value)


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields the records that each row of `file` is stored as, or the row's error.

    FastChat appends a row when something is asked again: of rows with the same key the last one counts, and the
    others are reported as `surplus`, or as `repeated` if they are the same.
    """
    latest: dict[bytes, tuple[int, bytes]] = {}
    """By key, the last row's line and the digest of its text."""
    for row in rows(file):
        if not isinstance(row, Fault):
            latest[_key(kind, row)] = row.line, _text_digest(row)
    models: set[str] = set()
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        elif (last := latest[_key(kind, row)])[0] != row.line:
            yield Record("repeated" if last[1] == _text_digest(row) else "surplus", row.line, {})
        else:
            yield from _taken(file, kind, row, models)


def _taken(file: Source, kind: str, row: Row, models: set[str]) -> Iterator[Record | Fault]:
    taken = _Taken(file, row)
    for record in READ[kind](taken):
        if record.kind != "models":
            yield record
        elif record.values["name"] not in models:
            # A file belongs to one model, which is reported once.
            models.add(record.values["name"])
            yield record
    yield from taken.faults
    if taken.faults and kind == "questions":
        with suppress(Wrong):
            yield Record("prompts", row.line, {"id": question_id(row.values.get("question_id"))}, (), faulty=True)


KEYS: Final[Mapping[str, Sequence[str]]] = {
    "questions": ("question_id",),
    "answers": ("question_id",),
    "references": ("question_id",),
    "grades": ("question_id", "model", "choice", "judge", "turn", "sample"),
    "games": ("question_id", "model_1", "model_2", "judge", "turn", "sample"),
}
"""Fields that identify a row."""


def _text_digest(row: Row) -> bytes:
    return blake2b((row.text or repr(row.values)).encode(), digest_size=16).digest()


def _key(kind: str, row: Row) -> bytes:
    found = [row.values.get(key) for key in KEYS[kind]]
    with suppress(Wrong):
        found[0] = question_id(found[0])
    if kind == "games":
        # The same two models, in either order.
        found[1:3] = sorted(found[1:3], key=repr)
    return blake2b(json.dumps(found).encode(), digest_size=16).digest()


def _question(taken: _Taken) -> list[Record]:
    row = taken.row
    prompt = taken("question_id", question_id)
    turns = taken("turns", _turns)
    category = taken("category", _category, "") or None
    if taken.faults:
        return []
    line_ = row.line
    records = [Record("prompts", line_, {"id": prompt, "text": turns[0], "type": category, "turns": turns[1:]})]
    notes = row.values.get("reference")
    if isinstance(notes, list) and all(isinstance(note, str) for note in notes) and any(notes):
        records.append(Record("references", line_, {"prompt": prompt, "source": "", "turns": notes, "extra": {}}))
    if extra := rest("questions", row, question_row(prompt, category, turns)):
        records.append(Record("remainders", line_, {"prompt": prompt, "model": None, "extra": extra}))
    return records


def _answers(taken: _Taken) -> list[Record]:
    row = taken.row
    prompt = taken("question_id", question_id)
    choices = taken("choices", _choices)
    model = _named_by_file(taken)
    if taken.faults:
        return []
    # An error is not an answer: it is stored unchanged and never compared.
    given = [(sample, turns) for sample, turns in enumerate(choices) if API_ERROR not in turns]
    records = [Record("models", row.line, {"name": model})]
    for sample, turns in given:
        values = {"prompt": prompt, "model": model, "sample": sample, "result": turns[0], "turns": turns[1:]}
        records.append(Record("results", row.line, values))
    extra = rest("answers", row, answer_row(prompt, model, given))
    failed = [sample for sample, turns in enumerate(choices) if API_ERROR in turns]
    if extra or failed:
        values = {"prompt": prompt, "model": model, "extra": extra, "failed": failed}
        records.append(Record("remainders", row.line, values))
    return records


def _named_by_file(taken: _Taken) -> str:
    """Returns the answers' model: the file name, unless the row has a name that a disk would not allow."""
    stem, said = taken.file.model or _stem(taken.file), taken.row.values.get("model_id")
    if kind_of(taken.file.plain_name) is None and not taken.file.model and isinstance(said, str) and said.strip():
        # Outside of its folder, the name of a file is anybody's.
        return said
    if isinstance(said, str) and said.strip() and file_stem(said) in {stem, NAMESAKE.sub("", stem)}:
        return said
    return stem


def _reference(taken: _Taken) -> list[Record]:
    row = taken.row
    prompt = taken("question_id", question_id)
    choices = taken("choices", _choices)
    if taken.faults:
        return []
    source = _named_by_file(taken)
    extra = rest("answers", row, answer_row(prompt, source, [(0, choices[0])]))
    return [Record("references", row.line, {"prompt": prompt, "source": source, "turns": choices[0], "extra": extra})]


def _state(found: bool, words: str) -> str:
    if found:
        return "ok"
    return "failed" if words.strip() == API_ERROR else "unreadable"


def _shared(taken: _Taken, ending: str) -> dict[str, Any]:
    row = taken.row
    by_file: Sequence[str] = (_stem(taken.file).removesuffix(ending),)
    judge = taken("judge", _judge, by_file)
    number = taken("question_id", question_id)
    return {
        "prompt": number,
        "judge": judge[0] if judge else "",
        "template": judge[1] if judge and len(judge) > 1 else "",
        "names": judge,
        "turn": taken("turn", _turn, 1),
        "sample": taken("sample", _place, 0),
        "stamp": _stamp(row),
        "file": _stem(taken.file) + ".jsonl",
        "digest": _digest({**row.values, "question_id": number}),
    }


def _grade(taken: _Taken) -> list[Record]:
    shared = _shared(taken, "_single")
    model = taken("model", name)
    choice = taken("choice", _place, 0)
    said = taken("score", _score)
    asked, words = taken("user_prompt", _words, ""), taken("judgment", _words, "")
    if taken.faults:
        return []
    score = said if 1 <= said <= 10 else None
    game = Game(_state(score is not None, words), "", asked, words)
    built = grade_row(
        shared["prompt"],
        model,
        shared["names"],
        game,
        score,
        shared["turn"],
        shared["stamp"],
        choice,
        shared["sample"],
    )
    values = {**shared, "model": model, "choice": choice, "score": score, "game": game}
    return [Record("grades", taken.row.line, {**values, "extra": rest("grades", taken.row, built)})]


def _words(value: Any) -> str:
    return "" if value is None else text(value)


def _games(taken: _Taken) -> list[Record]:
    shared = _shared(taken, "_pair")
    models = (taken("model_1", name), taken("model_2", name))
    places = (1, 2) if "g2_winner" in taken.row.values else (1,)
    games = []
    for place in places:
        winner = taken(f"g{place}_winner", _winner)
        asked, words = taken(f"g{place}_user_prompt", _words, ""), taken(f"g{place}_judgment", _words, "")
        games.append(Game(_state(winner != ERROR, words or ""), "" if winner == ERROR else winner, asked, words))
    if not taken.faults and models[0] == models[1]:
        reason = gettext_noop("The two models must be different.")
        taken.faults.append(Fault(taken.file.name, taken.row.line, "model_2", reason, {}, excerpt(taken.row.values)))
    if taken.faults:
        return []
    built = game_row(
        shared["prompt"], models, shared["names"], games, shared["turn"], shared["stamp"], shared["sample"]
    )
    values = {**shared, "models": models, "games": tuple(games), "extra": rest("games", taken.row, built)}
    return [Record("games", taken.row.line, values)]


def _digest(row: Mapping[str, Any]) -> str:
    return blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).hexdigest()


READ: Final[Mapping[str, Callable[[_Taken], list[Record]]]] = {
    "questions": _question,
    "answers": _answers,
    "references": _reference,
    "grades": _grade,
    "games": _games,
}

FORMAT: Final = Format(
    "mt-bench",
    gettext_noop("MT-bench"),
    gettext_noop("a folder of questions, answers and judgments as .zip."),
    tuple(READ),
    recognised,
    read,
    gettext_noop(
        "This is not an MT-bench file name. Use question.jsonl, model_answer/MODEL.jsonl, "
        "reference_answer/MODEL.jsonl, model_judgment/JUDGE_single.jsonl or model_judgment/JUDGE_pair.jsonl."
    ),
    rows={
        "questions": ("prompts", "references", "remainders"),
        "answers": ("models", "results", "remainders"),
        "grades": ("grades",),
        "games": ("games", "comparisons"),
    },
    nested=True,
    columns={"prompt": "question_id", "type": "category", "text": "turns", "result": "choices"},
    language=language_of,
    called=lambda name: kind_of(name) is not None,
)

KINDS: Final = {
    "references": gettext_noop("Reference answers"),
    "remainders": gettext_noop("Other columns"),
    "grades": gettext_noop("Grades by judges"),
    "games": gettext_noop("Verdicts by judges"),
    # Passed over, and so never counted as rows that came.
    "surplus": "",
    "repeated": "",
}
"""The kinds of rows that the corpus has no place for, with their labels."""
