"""Preferences as models are trained on them: `prompt, chosen, rejected`, or `prompt, completion, label`.

Texts may be lists of messages. Without a prompt it is what both conversations begin with. An unpaired completion has a
label, which says whether it is liked: an answer without a pair. No file says which model wrote an answer, unless it has
`chosen_model` and `rejected_model`; else all that are chosen are of one model and all that are rejected of another.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from annotation.interchange.faults import Fault, shown
from annotation.interchange.format import Format, Named, Record
from annotation.interchange.formats import answer, battle, remainder
from annotation.interchange.formats.battle import Fields
from annotation.interchange.formats.conversation import asked, conversation, parsed, storable
from annotation.interchange.formats.remainder import Order
from annotation.interchange.llmfao import Wrong, name
from annotation.interchange.reading import Head, Progress, Row, Source, rows
from annotation.problems import gettext_noop

NAME: Final = "preferences"
UNPAIRED: Final = "unpaired"
CHOSEN: Final = "chosen"
REJECTED: Final = "rejected"
LIKED: Final = "liked"
DISLIKED: Final = "disliked"

COLUMNS: Final = ("prompt", "chosen", "rejected", "chosen_model", "rejected_model")
ORDER: Final[Order] = {"": COLUMNS}

NO_ANSWER: Final[tuple[tuple[str, ...], str]] = ((), "")

TRUE: Final = frozenset({"true", "1", "1.0", "yes", "good", "liked", "desirable"})
FALSE: Final = frozenset({"false", "0", "0.0", "no", "bad", "disliked", "undesirable"})


def recognised(head: Head) -> Named | None:
    """Recognises pairs by `chosen` and `rejected`, and single answers by `prompt`, `completion` and `label`."""
    keys = frozenset(head.keys)
    if keys >= {CHOSEN, REJECTED}:
        return Named(battle.KIND, of_one_judge=True, of_a_crowd=True, matched=len(keys & set(COLUMNS)) + 1)
    if keys >= {"prompt", "completion", "label"}:
        return Named(UNPAIRED, matched=4)
    return None


def built(prompt: str, chosen: str, rejected: str, models: tuple[str, str]) -> dict[str, Any]:
    """Returns a row as it is written from what the database has; `models` are those of the two answers."""
    return {
        "prompt": prompt,
        "chosen": chosen,
        "rejected": rejected,
        "chosen_model": models[0],
        "rejected_model": models[1],
    }


def read(file: Source, kind: str, progress: Progress | None = None) -> Iterator[Record | Fault]:
    """Yields a comparison for each pair, an answer for each completion, or their errors."""
    taken = _completion if kind == UNPAIRED else _pair
    for row in rows(file, progress):
        if isinstance(row, Fault):
            yield row
        else:
            yield from taken(file, row)


def _prompt(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str | list):
        raise Wrong(gettext_noop("Expected text or a list of messages, not %(found)s."), found=shown(value))
    return asked(_messages(value))


def _messages(value: Any) -> Any:
    """Returns messages that a cell holds as text; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            return parsed(value)
        except Wrong:
            return value
    return value


def _answer(value: Any) -> tuple[tuple[str, ...], str]:
    """Returns the user's turns that a text or a list of messages begins with, and the answer at its end."""
    found = _messages(value)
    if isinstance(found, str):
        return (), storable(found)
    if isinstance(found, list) and found and all(_is_of_assistant(each) for each in found):
        # An answer to an explicit prompt: a message without the user's.
        found = [{"role": "user", "content": ""}, *found]
    said = conversation(found)
    if not said.answers[-1]:
        raise Wrong(gettext_noop("The conversation does not end with an answer."))
    before = [{"role": "user", "content": text} for text in said.user[:1]]
    for text, more in zip(said.answers[:-1], said.user[1:], strict=True):
        before += [{"role": "assistant", "content": text}, {"role": "user", "content": more}]
    return asked(before) if any(said.user) else (), said.answers[-1]


def _is_of_assistant(message: Any) -> bool:
    return isinstance(message, Mapping) and message.get("role", message.get("from")) in {"assistant", "gpt", "model"}


def _pair(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt = fields("prompt", _prompt) if row.values.get("prompt") is not None else ()
    (before, chosen), (also, rejected) = fields(CHOSEN, _answer, NO_ANSWER), fields(REJECTED, _answer, NO_ANSWER)
    if not fields.faults and not prompt:
        if before != also:
            fields.fault(REJECTED, gettext_noop("The two conversations do not begin with the same prompt."))
        elif not before:
            before, chosen, rejected = _split(chosen, rejected)
            if not before:
                fields.fault("prompt", gettext_noop("The row has no prompt."))
        prompt = before
    models = (
        fields("chosen_model", name) if "chosen_model" in row.values else CHOSEN,
        fields("rejected_model", name) if "rejected_model" in row.values else REJECTED,
    )
    if fields.faults:
        yield from fields.faults
        return
    plain = built(prompt[0], chosen, rejected, models)
    # Which answer stands first says who won, so the sides are those of the models' names.
    swapped = models[0] > models[1]
    sides = ((rejected,), (chosen,)) if swapped else ((chosen,), (rejected,))
    yield Record(
        battle.KIND,
        row.line,
        battle.values(
            models=models[::-1] if swapped else models,
            prompt=prompt,
            answers=sides,
            winner="right" if swapped else "left",
            rater="",
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
            extra=remainder.of_row(row, plain, ORDER),
        ),
    )


def _split(chosen: str, rejected: str) -> tuple[tuple[str, ...], str, str]:
    """Returns the prompt that two transcripts share and the answers after it: text that ends with `Assistant:`."""
    mark = "Assistant:"
    shared = 0
    at = chosen.find(mark)
    while at >= 0 and chosen[: at + len(mark)] == rejected[: at + len(mark)]:
        shared = at + len(mark)
        at = chosen.find(mark, shared)
    if not shared:
        return (), chosen, rejected
    asked_text = chosen[: shared - len(mark)].strip()
    if asked_text.startswith("Human:") and asked_text.count("Human:") == 1:
        asked_text = asked_text.removeprefix("Human:").strip()
    return (asked_text,), chosen[shared:].strip(), rejected[shared:].strip()


def _label(value: Any) -> bool:
    said = str(value).strip().lower()
    if said in TRUE or said in FALSE:
        return said in TRUE
    raise Wrong(gettext_noop("Expected true or false, not %(found)s."), found=shown(value))


def _completion(file: Source, row: Row) -> Iterator[Record | Fault]:
    fields = Fields(file, row)
    prompt, liked = fields("prompt", _prompt), fields("label", _label, False)
    _before, said = fields("completion", _answer, NO_ANSWER)
    if fields.faults:
        yield from fields.faults
        return
    yield Record(
        answer.KIND,
        row.line,
        answer.values(
            prompt=prompt,
            model=LIKED if liked else DISLIKED,
            answer=(said,),
            format_name=NAME,
            file=file.plain_name.rpartition("/")[2],
        ),
    )


FORMAT: Final = Format(
    NAME,
    gettext_noop("Preferences (chosen, rejected)"),
    gettext_noop("prompt, chosen and rejected; or prompt, completion and label, which are answers without a pair."),
    (battle.KIND, UNPAIRED),
    recognised,
    read,
    gettext_noop("These are not preferences: each row needs chosen and rejected, or prompt, completion and label."),
    rows={battle.KIND: battle.ROWS, UNPAIRED: answer.ROWS},
    columns={"prompt": "prompt", "result": "chosen", "name": "chosen_model"},
    cannot_carry=(
        gettext_noop("ties, and which answer was shown on the left"),
        gettext_noop("who voted, when, and how many agreed"),
        gettext_noop("several turns (answers given in between become part of the prompt)"),
        gettext_noop("the categories, notes, references and languages of prompts"),
        gettext_noop("training and check pairs"),
    ),
)
